"""Use as facts: checkouts, denials, log events. Looked at, filtered, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display

from licenses.models import Checkout, Denial, Event, Feature, LicensePool, sees_everything

from . import pool_page, words
from .base import FactAdmin, person_words, with_names


class PoolFilter(admin.SimpleListFilter):
    """By pool, given by the pages that link here; a list of a thousand names helps nobody."""

    title = "pool"
    parameter_name = "pool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        pools = LicensePool.objects.for_user(request.user)
        few = pools.filter(pk=chosen) if chosen.isdecimal() else pools
        return [(str(pk), name) for pk, name in few.values_list("pk", "name")[:30]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        if not chosen.isdecimal():
            return queryset
        features = Feature.objects.filter(mappings__pool=int(chosen)).order_by()
        return queryset.filter(feature__in=features.values("pk"))


class UsageAdmin(FactAdmin):
    """Rows of features.

    The newest first by the moment where few features are asked for, else by the order of arrival.
    """

    moment = "at"
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Choose rows by their feature: millions of rows are then neither joined nor made
        distinct.
        """
        rows = self.model._default_manager.get_queryset()
        if not sees_everything(request.user):
            seen = Feature.objects.for_user(request.user).order_by().values("pk")
            rows = rows.filter(feature__in=seen)
        rows = rows.select_related("feature__server", "person", "host")
        return with_names(rows, request.user, host="host")

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        narrow = "feature__id__exact" in request.GET or "pool" in request.GET
        return (f"-{self.moment}", "-pk") if narrow else ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"id", "person", "host", "sighting"}
        own = [field.name for field in self.opts.fields if field.name not in hidden]
        return ["who", "where", *own]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    @display(description="Person")
    def who(self, row: Any) -> str:
        return person_words(row.person.label, row.person_name)

    @display(description="Host")
    def where(self, row: Any) -> str:
        return row.host_name or f"H-{row.host.pseudonym[:8]}"


@admin.register(Checkout)
class CheckoutAdmin(UsageAdmin):
    moment = "taken_at"
    list_display = (
        "who",
        "feature",
        "seats",
        "taken_at",
        "returned",
        "lasted",
        "state_words",
        "where",
        "method",
    )
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("taken_at", RangeDateFilter),
        ("method", ChoicesDropdownFilter),
        ("end_reason", ChoicesDropdownFilter),
    )

    @display(description="Returned")
    def returned(self, row: Any) -> Any:
        return row.returned_at or "still held"

    @display(description="Held for")
    def lasted(self, row: Any) -> str:
        end = row.returned_at or timezone.now()
        return words.lasting((end - row.taken_at).total_seconds())

    @display(
        description="State", label={"held": "info", "borrowed": "warning", "lingering": "warning"}
    )
    def state_words(self, row: Any) -> str:
        return row.state if row.returned_at is None else row.get_end_reason_display()


@admin.register(Denial)
class DenialAdmin(UsageAdmin):
    list_display = ("at", "who", "feature", "seats", "why", "reason", "code", "where")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("at", RangeDateFilter),
        "capacity",
    )

    @display(description="Why", label={"seats": "danger", "other": "info"})
    def why(self, row: Any) -> tuple[str, str]:
        return "seats" if row.capacity else "other", pool_page.refusal_words(row.reason_class)


@admin.register(Event)
class EventAdmin(UsageAdmin):
    list_display = ("at", "kind", "who", "feature", "seats", "where", "reason")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("at", RangeDateFilter),
        ("kind", ChoicesDropdownFilter),
    )
