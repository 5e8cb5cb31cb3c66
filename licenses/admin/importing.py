"""Import and export of the inventory as CSV and XLSX: a preview first, errors by row and column,
formulas disarmed.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from import_export.admin import ImportExportMixin
from import_export.formats.base_formats import CSV, XLSX
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from itam.figures import number
from licenses.evidence.reads import note_read
from licenses.models import sees_names
from licenses.resources import PersonResource, disarm

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


class CheckedImportForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        check_sheet(file)
        if file.size > MOST_BYTES:
            self.add_error(
                "import_file",
                gettext("%(file)s has %(size)s bytes: expected %(most_bytes)s at most. Split it.")
                % {"file": file.name, "size": number(file.size), "most_bytes": number(MOST_BYTES)},
            )
        return file


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
