"""Import and export of the inventory as CSV and XLSX: a preview first, errors by row and column,
formulas disarmed.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, Any

import tablib  # type: ignore[import-untyped]
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from itam.figures import number
from licenses.evidence.reads import note_read
from licenses.models import sees_names
from licenses.resources import Cells, PersonResource, disarm

FAMILIAR = (
    gettext_noop(
        "%(exc_name)s encountered while trying to read file. Ensure you have chosen the correct"
        " format for the file."
    ),
    gettext_noop(
        "No valid data to import. Ensure your file has the correct headers or data for import."
    ),
    gettext_noop(
        "Please correct these errors in your data where possible, then reupload it using the form"
        " above."
    ),
)
"""What the library says in German as to a friend; our catalogue has it for readers of ours."""
MOST_BYTES = 10_000_000
MOST_UNPACKED = 100_000_000
MOST_PARTS = 1000


class _Disarmed:
    def _escape_formulae(self, dataset: Any) -> None:
        """Disarm in place. The library's own rule drops the sign, and turns numbers into text."""
        for _ in range(len(dataset)):
            dataset.append([disarm(cell) for cell in dataset.lpop()])


class CsvFile(_Disarmed, CSV):
    pass


class ExcelFile(_Disarmed, XLSX):
    pass


def _unpacked(book: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    try:
        return book.read(part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        # Damaged, encrypted, or packed in a way that Excel does not use.
        raise ValidationError(gettext("The files could not be read.")) from error


def check_sheet(file: IO[bytes]) -> None:
    """Refuse an XLSX file that would unpack to far too much, or that defines words of its own:
    Excel writes neither, and either could take all memory. Other files are left alone.

    No more is unpacked of a part than the size that was looked at here. Each is looked at whole,
    and one that cannot be unpacked refuses the file: what reads it may want others alone.
    """
    try:
        with zipfile.ZipFile(file) as book:
            parts = book.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise ValidationError(
                    gettext("It unpacks to more than %(most_bytes)s bytes. Split it.")
                    % {"most_bytes": number(MOST_UNPACKED)}
                )
            for part in parts:
                text = _unpacked(book, part).replace(b"\0", b"")  # in UTF-16, too
                if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                    raise ValidationError(
                        gettext("%(part)s defines entities, which no spreadsheet needs.")
                        % {"part": part.filename}
                    )
    except zipfile.BadZipFile:
        return  # what is no XLSX file is told by whoever reads it
    finally:
        file.seek(0)


def read_sheet(file: Any) -> tablib.Dataset:
    """Return the lines of a CSV or XLSX file that was handed in, which its first bytes tell.

    Raises ValidationError for one that is too large, and for what is neither.
    """
    check_size(file)
    check_sheet(file)
    data = file.read()
    form = ExcelFile() if data.startswith(b"PK") else CsvFile(encoding="utf-8-sig")
    try:
        found = form.create_dataset(data)
    except Exception as error:  # readers of tables raise whatever a damaged part of a file leads to
        told = {"exc_name": repr(type(error).__name__)}
        raise ValidationError(gettext(FAMILIAR[0]) % told) from error
    if not found:
        raise ValidationError(gettext(FAMILIAR[1]))
    return found


def check_size(file: Any) -> None:
    if file.size > MOST_BYTES:
        told = {"file": file.name, "size": number(file.size), "most_bytes": number(MOST_BYTES)}
        raise ValidationError(
            gettext("%(file)s has %(size)s bytes: expected %(most_bytes)s at most. Split it.")
            % told
        )


class CheckedImportForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        check_size(file)
        check_sheet(file)
        return file


_SAMPLES = {
    **{name: f"{name}s" for name in ("vendor", "product", "team", "contract", "entitlement")},
    **{"licensepool": "pools", "person": "people"},
}
"""Of each model that is imported, the file to fill in."""


class Importable(ImportExportMixin):
    """Buttons for import and export. What a user may not add or see, the buttons do not offer."""

    import_form_class = CheckedImportForm
    export_form_class = ExportForm
    formats = [CsvFile, ExcelFile]
    import_error_display = ("message",)

    def has_import_permission(self, request: HttpRequest) -> bool:
        opts = self.opts
        verbs = ["add"] if opts.model_name == "entitlement" else ["add", "change"]
        return all(
            request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}") for verb in verbs
        )

    def has_export_permission(self, request: HttpRequest) -> bool:
        if not self.has_view_permission(request):
            return False
        named = PersonResource in self.resource_classes
        return sees_names(request.user) if named else True

    def import_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.has_import_permission(request):
            raise PermissionDenied
        return super().import_action(request, *args, **kwargs)

    def export_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Make a file of what the list shows; what the list refuses, it says itself."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            return redirect(f"{back}?{request.GET.urlencode()}")
        return super().export_action(request, *args, **kwargs)

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().get_import_resource_kwargs(request, **kwargs)
        if PersonResource in self.resource_classes:
            given["names"] = sees_names(request.user)
        return given

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().get_import_context_data(**kwargs)
        return given | {"sample": _SAMPLES[self.opts.model_name]}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """Have a sheet stored whole or not at all, also when its preview no longer holds."""
        given: dict[str, Any] = super().get_import_data_kwargs(**kwargs)
        return given | {"rollback_on_validation_errors": True}

    def import_sheet(self, request: HttpRequest, lines: tablib.Dataset, *, dry_run: bool) -> Any:
        """Store what the lines of a sheet say, or only tell what would become of them.

        What is told of each row is cells as values, where the pages show HTML.
        """
        resource = self.resource_classes[0](**self.get_import_resource_kwargs(request))
        resource.diff_class = Cells
        given = self.get_import_data_kwargs()
        return resource.import_data(lines, dry_run=dry_run, user=request.user, **given)

    def get_export_data(
        self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any
    ) -> Any:
        """Return the file, after writing who takes it."""
        content = super().get_export_data(file_format, request, queryset, **kwargs)
        what = str(self.opts.verbose_name_plural)
        note_read(request.user, "export", what, queryset.count(), where=request.path)
        return content

    def process_result(self, result: Any, request: HttpRequest) -> Any:
        """Say so when the confirmed import failed after all, since the inventory changed after
        the preview.
        """
        if result.has_errors() or result.has_validation_errors():
            messages.error(
                request,
                gettext(
                    "Nothing was imported: the file no longer fits what is on record. Try again."
                ),
            )
            return redirect("admin:{}_{}_import".format(*self.get_model_info()))
        return super().process_result(result, request)
