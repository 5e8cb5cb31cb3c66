"""What the forms of the guided set-up share. Each is checked as a whole and saved as a whole: with
an error beside a field nothing is stored, and what was typed stays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from licenses.models import zone_names

from .beside import place
from .forms import AdminForm, dress


class Step(AdminForm):
    """A form of a step. `save` does it and returns a sentence that says what came of it; `goes_to`
    is where to go then, "" for the next step."""

    goes_to = ""

    def save(self, user: Any) -> str:
        raise NotImplementedError

    def _choose(self, name: str, rows: Any) -> None:
        """Let a field offer these rows."""
        field: Any = self.fields[name]
        field.queryset = rows
        dress(field)

    def _in_row(self, name: str, field: forms.Field) -> None:
        """Take a field of a table's row: the column's head is no label, so it carries its own."""
        dress(field)
        field.widget.attrs["aria-label"] = field.label
        self.fields[name] = field

    def check(self, row: Model) -> None:
        """Put what a row's own rules say beside the field that it is about."""
        try:
            row.full_clean()
        except ValidationError as error:
            self.refuse(error, type(row))

    def refuse(self, error: ValidationError, model: type[Model] | None = None) -> None:
        """Put each error beside the field of its name, or that its constraint is about."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, found in error.error_dict.items():
            for each in found:
                mended = place(each, model, self.fields) if model else ""
                self.add_error(name if name in self.fields else mended or None, each)


@lru_cache(maxsize=1)
def zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(zone_names())]
