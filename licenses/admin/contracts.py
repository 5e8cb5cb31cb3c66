"""Contracts, their documents, and entitlements, which are corrected by new lines and never
edited.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.forms.models import modelform_factory
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from licenses.models import Contract, Document, Entitlement, correct_entitlement
from licenses.models.contracts import CORRECTABLE
from licenses.resources import ContractResource, EntitlementResource

from . import deeds, words
from . import forms as pages
from .base import ReadOnlyTabular, ScopedAdmin, ScopedTabular
from .importing import Importable

MOST_BYTES = 25_000_000
# What a file must begin with to be what its name says. Text
# formats have no such mark and must be text.
_MARKS = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "docx": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
}


def checked_document(file: Any) -> str:
    """Refuse a file that is too large or not what its name says; return its SHA-256."""
    if file.size > MOST_BYTES:
        raise ValidationError(
            f"{file.name} has {words.size(file.size)}: expected {words.size(MOST_BYTES)} at most."
        )
    ending = file.name.rsplit(".", 1)[-1].lower()
    digest = hashlib.sha256()
    head = b""
    for chunk in file.chunks():
        head = head or chunk[:4096]
        digest.update(chunk)
    file.seek(0)
    marks = _MARKS.get(ending)
    if marks and not head.startswith(marks):
        raise ValidationError(f"{file.name} does not begin as a {ending} file does.")
    if not marks and b"\0" in head:
        raise ValidationError(f"{file.name} is not a text file, as its name says.")
    return digest.hexdigest()


def tidy_name(name: str) -> str:
    """Return a file name as it may be stored and sent back: no path, no control or direction
    characters.
    """
    name = re.split(r"[/\\]", name)[-1]
    kept = "".join(char for char in name if char.isprintable() and char not in "\"'<>|:*?")
    return kept[-200:].strip(". ") or "file"


class DocumentForm(forms.ModelForm):
    """Take the hash while the file passes."""

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


class NewDocumentInline(ScopedTabular):
    """Adds documents. Those on record stand in the list beside it and never change."""

    model = Document
    form = DocumentForm
    fields = ("kind", "title", "file")
    verbose_name_plural = "add documents"
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
    verbose_name_plural = "documents on record"
    fields = ("kind", "title", "link", "hash", "bytes", "recorded_at", "recorded_by")
    readonly_fields = ("link", "hash", "bytes")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("recorded_by")

    @display(description="File")
    def link(self, document: Any) -> str:
        return download_link(document)

    @display(description="SHA-256")
    def hash(self, document: Any) -> str:
        return short_hash(document)

    @display(description="Size")
    def bytes(self, document: Any) -> str:
        return words.size(document.size)


class ContractEntitlementInline(ReadOnlyTabular):
    model = Entitlement
    verbose_name_plural = "entitlements in force and to come"
    fields = ("pool", "quantity", "metric", "valid_from", "valid_to", "overdraft", "unit_price")
    show_change_link = True
    hide_title = False
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).as_of().select_related("pool")  # type: ignore[attr-defined]


class NoticeFilter(admin.SimpleListFilter):
    title = "notice or end"
    parameter_name = "ending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("30", "ends within 30 days"), ("90", "ends within 90 days"), ("past", "ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = timezone.localdate()
        if self.value() == "past":
            return queryset.filter(valid_to__lt=today)
        if self.value() in ("30", "90"):
            last = today + timedelta(days=int(self.value() or 0))
            return queryset.filter(valid_to__gte=today, valid_to__lte=last)
        return queryset


@admin.register(Contract)
class ContractAdmin(Importable, ScopedAdmin):
    resource_classes = [ContractResource]
    list_display = ("number", "vendor", "title", "runs", "notice", "cost_words", "rights", "papers")
    list_select_related = ("vendor",)
    list_filter = (("vendor", AutocompleteSelectFilter), NoticeFilter, "renews")
    search_fields = ("number", "title", "vendor__name", "owner")
    autocomplete_fields = ("vendor",)
    inlines = [ContractEntitlementInline, DocumentInline, NewDocumentInline]
    fieldsets = (
        (None, {"fields": ("vendor", "number", "title", "owner")}),
        ("Term", {"fields": ("valid_from", "valid_to", "notice_days", "renews")}),
        ("Cost", {"fields": ("cost", "currency")}),
        ("Notes", {"fields": ("notes",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        current = Q(entitlements__replaced_by=None, entitlements__withdrawn=False)
        rows = super().get_queryset(request).select_related("vendor")
        return rows.annotate(
            right_total=Count("entitlements", filter=current, distinct=True),
            paper_total=Count("documents", distinct=True),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            if isinstance(row, Document):
                row.recorded_by = request.user  # type: ignore[assignment]
            row.save()
        formset.save_m2m()

    @display(description="Runs", ordering="valid_to")
    def runs(self, contract: Any) -> str:
        start, end = contract.valid_from, contract.valid_to
        first = date_format(start) if start else "…"
        return f"{first} to {date_format(end) if end else 'no end'}"

    @display(
        description="Notice",
        ordering="valid_to",
        label={"ended": "danger", "now": "danger", "soon": "warning", "later": "info"},
    )
    def notice(self, contract: Any) -> tuple[str, str] | str:
        if contract.valid_to is None:
            return ""
        today = timezone.localdate()
        if contract.valid_to < today:
            return "ended", f"ended {date_format(contract.valid_to)}"
        left = (contract.notice_on - today).days
        if left < 0:
            return "now", f"notice day passed {date_format(contract.notice_on)}"
        key = "soon" if left <= 90 else "later"
        return key, f"by {date_format(contract.notice_on)} ({left} days)"

    @display(description="Cost", ordering="cost")
    def cost_words(self, contract: Any) -> str:
        return words.money(contract.cost, contract.currency)

    @display(description="Rights", ordering="right_total")
    def rights(self, contract: Any) -> int:
        return contract.right_total

    @display(description="Documents", ordering="paper_total")
    def papers(self, contract: Any) -> int:
        return contract.paper_total


@admin.register(Document)
class DocumentAdmin(ScopedAdmin):
    form = DocumentForm
    list_display = ("title", "contract", "kind", "link", "hash", "bytes", "recorded_at")
    list_select_related = ("contract__vendor",)
    list_filter = (("kind", ChoicesDropdownFilter), ("contract__vendor", AutocompleteSelectFilter))
    search_fields = ("title", "file_name", "contract__number")
    autocomplete_fields = ("contract",)
    fields = ("contract", "kind", "title", "file")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fields
        return (
            "contract",
            "kind",
            "title",
            "link",
            "sha256",
            "bytes",
            "recorded_at",
            "recorded_by",
        )

    readonly_fields = ("link", "hash", "sha256", "bytes", "recorded_at", "recorded_by")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A paper that proves something is never swapped: a newer one is added."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.recorded_by = request.user
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download)
        return [
            path("<int:pk>/download/", view, name="licenses_document_download"),
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
            stream = document.file.open("rb")
        except FileNotFoundError as error:
            raise Http404(f"The file of {document} is missing from the data folder") from error
        return FileResponse(
            stream,
            as_attachment=True,
            filename=document.file_name,
            content_type="application/octet-stream",
        )

    @display(description="File")
    def link(self, document: Any) -> str:
        return download_link(document)

    @display(description="SHA-256")
    def hash(self, document: Any) -> str:
        return short_hash(document)

    @display(description="Size", ordering="size")
    def bytes(self, document: Any) -> str:
        return words.size(document.size)


class StandingFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("current", "counting now"), ("past", "replaced or withdrawn")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "current":
            return queryset.filter(replaced_by=None, withdrawn=False)
        if self.value() == "past":
            return queryset.exclude(replaced_by=None, withdrawn=False)
        return queryset


class WithdrawForm(pages.AdminForm):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea,
        help_text="Stays on record beside the line, and prints in reports.",
    )


@admin.register(Entitlement)
class EntitlementAdmin(Importable, ScopedAdmin):
    """Adds lines. Correct and Withdraw write a line that replaces another; both stay on record."""

    resource_classes = [EntitlementResource]
    list_display = (
        "shown",
        "pool",
        "metric",
        "valid_from",
        "until",
        "overdraft",
        "price",
        "contract",
        "standing",
    )
    list_select_related = ("pool", "contract__vendor", "replaced_by")
    list_filter = (
        StandingFilter,
        ("pool", AutocompleteSelectFilter),
        ("contract", AutocompleteSelectFilter),
        ("metric", ChoicesDropdownFilter),
        ("valid_to", RangeDateFilter),
    )
    search_fields = ("pool__name", "contract__number", "purchase_order", "pool__product__name")
    autocomplete_fields = ("pool", "contract")
    fieldsets = (
        (None, {"fields": ("pool", "contract", "quantity", "metric", "overdraft")}),
        ("Term", {"fields": ("valid_from", "valid_to")}),
        ("Cost", {"fields": ("unit_price", "currency", "purchase_order")}),
        ("Scope", {"fields": ("scope",)}),
    )
    record = ("strength", "replaces", "withdrawn", "reason", "recorded_at", "recorded_by")
    change_form_outer_before_template = "admin/licenses/entitlement_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("pool__product__vendor", "contract__vendor", "replaced_by")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = list(super().get_fieldsets(request, obj))
        return [*found, ("Record", {"fields": self.record})] if obj else found

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.recorded_by = request.user
        super().save_model(request, obj, form, change)
        deeds.rights_changed(obj)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/correct/", wrap(self.correct), name="licenses_entitlement_correct"),
            path("<int:pk>/withdraw/", wrap(self.withdraw), name="licenses_entitlement_withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = {"may_correct": request.user.has_perm("licenses.add_entitlement")}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def _standing_line(self, request: HttpRequest, pk: int) -> Entitlement | None:
        """Return the line if this user may replace it and it still counts."""
        if not request.user.has_perm("licenses.add_entitlement"):
            raise PermissionDenied
        line: Entitlement = get_object_or_404(self.get_queryset(request), pk=pk)
        if hasattr(line, "replaced_by"):
            messages.error(request, "This line was replaced already. Correct the newer line.")
            return None
        if line.withdrawn:
            messages.error(request, "This line is withdrawn. Add a new one instead.")
            return None
        return line

    def _to(self, line_id: int) -> HttpResponse:
        return redirect("admin:licenses_entitlement_change", line_id)

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replace a line by a corrected copy, with a reason that cannot be left out."""
        line = self._standing_line(request, pk)
        if line is None:
            return self._to(pk)
        form_class = modelform_factory(
            Entitlement,
            fields=[*CORRECTABLE, "reason"],
            formfield_callback=lambda field, **options: self.formfield_for_dbfield(
                field, request, **options
            ),
        )
        initial = {name: line.serializable_value(name) for name in CORRECTABLE}
        form = form_class(request.POST or None, initial=initial)
        form.fields["reason"].required = True
        if request.method == "POST" and form.is_valid():
            changes = {name: form.cleaned_data[name] for name in CORRECTABLE}
            if all(getattr(line, name) == value for name, value in changes.items()):
                form.add_error(None, "Nothing differs from the line on record.")
            else:
                reason = form.cleaned_data["reason"]
                if copy := self._replace(form, line, changes, reason, request):
                    messages.success(
                        request, f"Recorded: {copy}. The earlier line stays on record."
                    )
                    return self._to(copy.pk)
        return pages.page(
            request,
            self,
            form,
            title="Correct an entitlement",
            intro="A new line replaces this one from now on. Both stay on record, with your name "
            "and the reason; reports as of an earlier day go on showing the earlier line.",
            submit="Record the correction",
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
        )

    def withdraw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a line back, with a reason."""
        line = self._standing_line(request, pk)
        if line is None:
            return self._to(pk)
        form = WithdrawForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            if copy := self._replace(form, line, {}, reason, request, withdraw=True):
                messages.success(request, "The line is withdrawn. It stays on record.")
                return self._to(copy.pk)
        return pages.page(
            request,
            self,
            form,
            title="Withdraw an entitlement",
            intro=f"{line} no longer counts, for its whole term. It stays on record with your "
            "name and the reason.",
            submit="Withdraw",
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
            danger=True,
        )

    def _replace(
        self,
        form: Any,
        line: Entitlement,
        changes: dict[str, Any],
        reason: str,
        request: HttpRequest,
        withdraw: bool = False,
    ) -> Entitlement | None:
        try:
            with transaction.atomic():
                copy = correct_entitlement(
                    line, changes=changes, reason=reason, author=request.user, withdraw=withdraw
                )
                deeds.rights_changed(line, copy)
            return copy
        except ValidationError as error:
            form.add_error(None, error.messages)
            return None

    @display(description="Seats", ordering="quantity")
    def shown(self, line: Any) -> int:
        return line.quantity

    @display(description="Valid to", ordering="valid_to")
    def until(self, line: Any) -> Any:
        return line.valid_to or "perpetual"

    @display(description="Price", ordering="unit_price")
    def price(self, line: Any) -> str:
        return words.money(line.unit_price, line.currency)

    @display(
        description="Standing",
        label={"counts": "success", "to come": "info", "ended": "warning", "gone": "danger"},
    )
    def standing(self, line: Any) -> tuple[str, str]:
        if hasattr(line, "replaced_by"):
            return "gone", "withdrawn" if line.replaced_by.withdrawn else "replaced"
        if line.withdrawn:
            return "gone", "withdrawn"
        today = timezone.localdate()
        if line.valid_from > today:
            return "to come", "to come"
        if line.valid_to and line.valid_to < today:
            return "ended", "ended"
        return "counts", "counts"
