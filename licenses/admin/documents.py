"""Papers that prove something: hashed when they come in, checked, and never swapped."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from itam import figures
from licenses.importing.papers import (
    checked_document,
    open_document,
    record_document,
    tidy_name,
)
from licenses.models import Document, Entitlement

from . import proofs, words
from .base import ReadOnlyTabular, ScopedAdmin, ScopedTabular


class DocumentForm(forms.ModelForm):
    """Take the hash while the file passes."""

    proves = forms.BooleanField(
        label=gettext_lazy("proves all lines"),
        required=False,
        help_text=gettext_lazy(
            "Product, quantity and metric of every line of the contract can be read in it."
            " Otherwise say afterwards which lines it proves."
        ),
    )

    class Meta:
        labels: ClassVar = {"proves": gettext_lazy("proves all lines")}  # of its column

    def clean(self) -> Any:
        """Refuse that it proves all lines where more seats would be read in it than there are."""
        given = super().clean() or self.cleaned_data
        contract, seats = given.get("contract") or self.instance.contract_id, given.get("quantity")
        if contract and seats is not None and given.get("proves"):
            lines = Entitlement.objects.as_of().filter(contract=contract)
            if (claimed := lines.seats_at_once()) > seats:
                said = gettext(
                    "The lines of the contract have up to %(claimed)s at one time, more than are in"
                    " the document. Record it without the tick, and say which lines it proves."
                )
                self.add_error("quantity", said % {"claimed": figures.seats(claimed)})
        return given

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and hasattr(file, "chunks") and "file" in self.changed_data:
            self.instance.sha256 = checked_document(file)
            self.instance.size = file.size
            self.instance.file_name = tidy_name(file.name)
        return file


def download_link(document: Document) -> str:
    if not document.pk:
        return words.UNKNOWN
    url = reverse("admin:licenses_document_download", args=[document.pk])
    return format_html('<a class="lm-link" href="{}">{}</a>', url, document.file_name)


def short_hash(document: Document) -> str:
    return format_html(
        '<code class="lm-hash" title="SHA-256 {}">{}…</code>', document.sha256, document.sha256[:12]
    )


def store(save: Any, document: Document, form: Any, request: HttpRequest) -> None:
    """Store a new document, and that it proves the lines of its contract where the form says so."""
    ticked = form.cleaned_data.get("proves") and request.user.has_perm(proofs.MAY)
    lines = proofs.lines_of(document, request) if ticked else []
    record_document(save, document, proves=lines, user=request.user)


class NewDocumentInline(ScopedTabular):
    """Adds documents. Those on record stand in the list beside it and never change."""

    model = Document
    form = DocumentForm
    fields = ("kind", "for_group", "quantity", "title", "file", "proves")
    verbose_name_plural = gettext_lazy("add documents")
    tab = False
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).none()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DocumentInline(ReadOnlyTabular):
    model = Document
    verbose_name_plural = gettext_lazy("documents on record")
    fields = (
        *("kind", "for_group", "quantity", "title", "link", "hash", "bytes", "proves"),
        *("recorded_at", "recorded_by"),
    )
    readonly_fields = ("link", "hash", "bytes", "proves")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        standing = Q(proofs__entitlement__replaced_by=None, proofs__entitlement__withdrawn=False)
        rows = super().get_queryset(request).select_related("recorded_by")
        return rows.annotate(line_total=Count("proofs", filter=standing)).order_by("-recorded_at")

    @display(description=gettext_lazy("Proves"))
    def proves(self, document: Any) -> str:
        """Say how many lines, and lead to the page that lists them."""
        if not document.pk:
            return words.UNKNOWN
        said = ngettext("one line", "%(count)s lines", document.line_total)
        return format_html(
            '<a class="lm-link" href="{}">{}</a>',
            reverse("admin:licenses_document_change", args=[document.pk]),
            said % {"count": document.line_total} if document.line_total else gettext("no line"),
        )

    @display(description=gettext_lazy("File"))
    def link(self, document: Any) -> str:
        return download_link(document)

    @display(description=gettext_lazy("SHA-256"))
    def hash(self, document: Any) -> str:
        return short_hash(document)

    @display(description=gettext_lazy("Size"))
    def bytes(self, document: Any) -> str:
        return words.size(document.size)


@admin.register(Document)
class DocumentAdmin(ScopedAdmin):
    form = DocumentForm
    list_display = ("title", "contract", "kind", "link", "hash", "bytes", "recorded_at")
    list_select_related = ("contract__vendor",)
    list_filter = (("kind", ChoicesDropdownFilter), ("contract__vendor", AutocompleteSelectFilter))
    search_fields = ("title", "file_name", "contract__number")
    autocomplete_fields = ("contract",)
    fields = ("contract", "kind", "for_group", "quantity", "title", "file", "proves")
    change_form_outer_before_template = "admin/licenses/document_tools.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return (
            "contract",
            "kind",
            "for_group",
            "quantity",
            "title",
            "link",
            "sha256",
            "bytes",
            "lines",
            "recorded_at",
            "recorded_by",
        )

    readonly_fields = ("link", "hash", "sha256", "bytes", "lines", "recorded_at", "recorded_by")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A paper that proves something is never swapped: a newer one is added."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.recorded_by = request.user
        save = partial(super().save_model, request, obj, form, change)
        store(save, obj, form, request)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask next which lines it proves, where that was not said."""
        if "_addanother" not in request.POST and proofs.unproven(obj, request):
            return redirect("admin:licenses_document_lines", obj.pk)
        return super().response_add(request, obj, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context["may_prove"] = request.user.has_perm(proofs.MAY)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download)
        return [
            path("<int:pk>/download/", view, name="licenses_document_download"),
            path(
                "<int:pk>/lines/",
                self.admin_site.admin_view(partial(proofs.of_document, self)),
                name="licenses_document_lines",
            ),
            path(
                "<int:pk>/seats/",
                self.admin_site.admin_view(partial(proofs.state_seats_of, self)),
                name="licenses_document_seats",
            ),
            *super().get_urls(),
        ]

    def download(self, request: HttpRequest, pk: int) -> FileResponse:
        """Send the file to who may see the contract and has the right to download; never shown in
        the page.
        """
        if not request.user.has_perm("licenses.download_document"):
            raise PermissionDenied
        document = get_object_or_404(self.get_queryset(request), pk=pk)
        try:
            stream = open_document(document, request.user)
        except FileNotFoundError as error:
            raise Http404(f"The file of {document} is missing from the data folder") from error
        return FileResponse(
            stream,
            as_attachment=True,
            filename=document.file_name,
            content_type="application/octet-stream",
        )

    @display(description=gettext_lazy("File"))
    def link(self, document: Any) -> str:
        return download_link(document)

    @display(description=gettext_lazy("Proves"))
    def lines(self, document: Any) -> str:
        return proofs.proves(document)

    @display(description=gettext_lazy("SHA-256"))
    def hash(self, document: Any) -> str:
        return short_hash(document)

    @display(description=gettext_lazy("Size"), ordering="size")
    def bytes(self, document: Any) -> str:
        return words.size(document.size)
