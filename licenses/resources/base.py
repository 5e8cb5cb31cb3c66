"""What all sheets keep to."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from import_export import fields, resources
from import_export.resources import Diff

from .cells import Text


def column(name: str, widget: Any = None, *, header: str = "", **options: Any) -> fields.Field:
    return fields.Field(
        attribute=name, column_name=header or name, widget=widget or Text(), **options
    )


class Cells(Diff):
    """What a line of a sheet changes: what a row's cells were, and what they become."""

    def as_html(self) -> list[tuple[Any, Any]]:  # what a row's result keeps
        return list(zip(self.left, self.right, strict=True))


class Sheet(resources.ModelResource):
    """A spreadsheet whose columns are those declared; cells are judged by the model's own rules,
    too.
    """

    needed: tuple[str, ...] = ()
    diff_class: type[Diff] = Diff
    """How what changes is told: as HTML, or as values."""

    class Meta:
        abstract = True

    def get_diff_class(self) -> type[Diff]:
        return self.diff_class

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Read what is missing as empty, and refuse columns that nobody would read."""
        known = {field.column_name for field in self.get_import_fields()}
        headers = [str(header or "").strip() for header in dataset.headers or []]
        strange = [header for header in headers if header not in known]
        missing = [header for header in self.needed if header not in headers]
        if strange or missing:
            found = []
            if strange:
                found.append(gettext("Unknown column %(name)s.") % {"name": repr(strange[0])})
            if missing:
                found.append(gettext("Missing column %(name)s.") % {"name": repr(missing[0])})
            told = {"names": ", ".join(sorted(known))}
            found.append(gettext("Expected columns: %(names)s.") % told)
            raise ValidationError(" ".join(found))
        dataset.headers = headers
        for header in sorted(known - set(headers)):
            dataset.append_col([""] * len(dataset), header=header)

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Tell what is wrong by the columns of the sheet: the model's rules name its fields."""
        try:
            super().validate_instance(instance, import_validation_errors, validate_unique)
        except ValidationError as error:
            columns = {field.column_name for field in self.get_import_fields()}
            names = {field.attribute: field.column_name for field in self.get_import_fields()}
            told: dict[str, list[Any]] = {}
            for name, found in error.error_dict.items():
                column = name if name in columns else names.get(name, name)
                told.setdefault(column, []).extend(found)
            raise ValidationError(told) from error

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """Return the row on record; none where its key cannot be read, as its cell then tells."""
        try:
            return super().get_instance(instance_loader, row)
        except ValueError:
            return None


class Rules:
    """What a sheet's Meta keeps to."""

    skip_unchanged = True
    report_skipped = True
    clean_model_instances = True
    use_transactions = True
