"""Contracts, with their rights and papers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
)
from unfold.decorators import display

from itam import figures
from licenses.models import Contract, Document, Entitlement
from licenses.resources import ContractResource

from . import words
from .base import ReadOnlyTabular, ScopedAdmin, count_of
from .documents import DocumentInline, NewDocumentInline, store
from .importing import Importable
from .several import ChangesSeveral


class ContractEntitlementInline(ReadOnlyTabular):
    model = Entitlement
    verbose_name_plural = gettext_lazy("entitlements in force and to come")
    fields = ("pool", "quantity", "metric", "valid_from", "valid_to", "overdraft", "unit_price")
    show_change_link = True
    hide_title = False
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).as_of().select_related("pool")  # type: ignore[attr-defined]


class NoticeFilter(admin.SimpleListFilter):
    title = gettext_lazy("notice or end")
    parameter_name = "ending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("30", gettext("ends within 30 days")),
            ("90", gettext("ends within 90 days")),
            ("past", gettext("ended")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = timezone.localdate()
        if self.value() == "past":
            return queryset.filter(valid_to__lt=today)
        if self.value() in ("30", "90"):
            last = today + timedelta(days=int(self.value() or 0))
            return queryset.filter(valid_to__gte=today, valid_to__lte=last)
        return queryset


@admin.register(Contract)
class ContractAdmin(ChangesSeveral, Importable, ScopedAdmin):
    kind = "contracts"
    resource_classes = [ContractResource]
    list_display = ("number", "vendor", "title", "runs", "notice", "cost_words", "rights", "papers")
    list_select_related = ("vendor",)
    list_filter = (("vendor", AutocompleteSelectFilter), NoticeFilter, "renews")
    search_fields = ("number", "title", "vendor__name", "owner")
    autocomplete_fields = ("vendor",)
    inlines = [ContractEntitlementInline, DocumentInline, NewDocumentInline]
    fieldsets = (
        (None, {"fields": ("vendor", "number", "title", "owner")}),
        (gettext_lazy("Term"), {"fields": ("valid_from", "valid_to", "notice_days", "renews")}),
        (gettext_lazy("Cost"), {"fields": ("cost", "currency")}),
        (gettext_lazy("Notes"), {"fields": ("notes",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        current = Entitlement.objects.filter(replaced_by=None, withdrawn=False)
        rows = super().get_queryset(request).select_related("vendor")
        return rows.annotate(
            right_total=count_of(current, "contract"),
            paper_total=count_of(Document.objects.all(), "contract"),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        said = {id(each.instance): each for each in formset.forms}
        for row in formset.save(commit=False):
            if isinstance(row, Document):
                row.recorded_by = request.user  # type: ignore[assignment]
                store(row.save, row, said[id(row)], request)
            else:
                row.save()
        formset.save_m2m()

    @display(description=gettext_lazy("Runs"), ordering="valid_to")
    def runs(self, contract: Any) -> str:
        start, end = contract.valid_from, contract.valid_to
        first = date_format(start) if start else "…"
        return gettext("%(first)s to %(value)s") % {
            "first": first,
            "value": date_format(end) if end else gettext("no end"),
        }

    @display(
        description=gettext_lazy("Notice"),
        ordering="valid_to",
        label={"ended": "danger", "now": "danger", "soon": "warning", "later": "info"},
    )
    def notice(self, contract: Any) -> tuple[str, str] | str:
        if contract.valid_to is None:
            return ""
        today = timezone.localdate()
        if contract.valid_to < today:
            return "ended", gettext("ended %(date_format)s") % {
                "date_format": date_format(contract.valid_to)
            }
        left = (contract.notice_on - today).days
        if left < 0:
            return "now", gettext("notice day passed %(date_format)s") % {
                "date_format": date_format(contract.notice_on)
            }
        key = "soon" if left <= 90 else "later"
        return key, gettext("by %(date_format)s (%(left)s)") % {
            "date_format": date_format(contract.notice_on),
            "left": figures.days(left),
        }

    @display(description=gettext_lazy("Cost"), ordering="cost")
    def cost_words(self, contract: Any) -> str:
        return words.money(contract.cost, contract.currency)

    @display(description=gettext_lazy("Rights"), ordering="right_total")
    def rights(self, contract: Any) -> int:
        return contract.right_total

    @display(description=gettext_lazy("Documents"), ordering="paper_total")
    def papers(self, contract: Any) -> int:
        return contract.paper_total
