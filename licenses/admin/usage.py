"""Use as facts: checkouts, denials and their episodes. Looked at, filtered, never
edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from itam.asked import asked_id
from licenses.analysis.suspects import WORDS, suspects_among
from licenses.models import (
    Capture,
    Checkout,
    Denial,
    DenialEpisode,
    Disagreement,
    Feature,
    LicensePool,
    QueueEntry,
    sees_everything,
)

from . import pool_refusals, queues, words
from .base import FROM_SERVERS, FactAdmin, ShowsNames, person_words, with_names
from .list_address import DaysFilter


class PoolFilter(admin.SimpleListFilter):
    """By pool, given by the pages that link here; a list of a thousand names helps nobody."""

    title = gettext_lazy("pool")
    parameter_name = "pool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = asked_id(request.GET.get(self.parameter_name, ""))
        pools = LicensePool.objects.for_user(request.user)
        few = pools if chosen is None else pools.filter(pk=chosen)
        return [(str(pk), name) for pk, name in few.values_list("pk", "name")[:30]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = asked_id(self.value())
        if chosen is None:
            return queryset
        features = Feature.objects.ever_of(chosen).order_by()
        return queryset.filter(feature__in=features.values("pk"))


class UsageAdmin(ShowsNames, FactAdmin):
    """Rows of features.

    The newest first by the moment where few features are asked for, else by the order of arrival.
    """

    empty_words = FROM_SERVERS
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

    @display(description=gettext_lazy("Person"))
    def who(self, row: Any) -> str:
        return person_words(row.person.label, row.person_name)

    @display(description=gettext_lazy("Host"))
    def where(self, row: Any) -> str:
        return row.host_name or row.host.label


@admin.register(Checkout)
class CheckoutAdmin(UsageAdmin):
    moment = "taken_at"
    list_display = (
        "who",
        "feature",
        "seats",
        "taken",
        "returned",
        "lasted",
        "state_words",
        "marks",
        "where",
        "method",
    )
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("taken_at", DaysFilter),
        ("method", ChoicesDropdownFilter),
        ("end_reason", ChoicesDropdownFilter),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("sighting")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        changes.result_list = self.rows_of_page(list(changes.result_list))
        return changes

    def rows_of_page(self, rows: list[Any]) -> list[Any]:
        """Read what is odd about those holdings that are still out, at once for all."""
        odd = suspects_among(rows)
        for row in rows:
            row.odd = odd.get(row.pk, ())
        return rows

    @display(description=gettext_lazy("Marks"))
    def marks(self, row: Any) -> str:
        return ", ".join(str(WORDS[mark]) for mark in row.odd)

    @display(description=gettext_lazy("Taken at"), ordering="taken_at")
    def taken(self, row: Any) -> Any:
        return gettext("not known") if row.method == Checkout.Method.RETURNED else row.taken_at

    @display(description=gettext_lazy("Returned"))
    def returned(self, row: Any) -> Any:
        if row.end_reason == Checkout.EndReason.LOST:
            return gettext("not known")
        return row.returned_at or gettext("still held")

    @display(description=gettext_lazy("Held for"))
    def lasted(self, row: Any) -> str:
        if row.method == Checkout.Method.RETURNED:
            return gettext("not known")
        end = row.returned_at or row.returned_after or timezone.now()
        return words.lasting((end - row.taken_at).total_seconds())

    @display(
        description=gettext_lazy("State"),
        label={"held": "info", "borrowed": "warning", "lingering": "warning"},
    )
    def state_words(self, row: Any) -> str:
        return row.get_end_reason_display() if row.end_reason else row.get_state_display()


@admin.register(Denial)
class DenialAdmin(UsageAdmin):
    list_display = ("at", "who", "feature", "seats", "why", "reason", "code", "where")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("at", DaysFilter),
        "capacity",
        ("served_at", admin.EmptyFieldListFilter),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["why" if name == "reason_class" else name for name in super().get_fields(request)]

    @display(
        description=gettext_lazy("Why"),
        label={"seats": "danger", "other": "info", "served": "success"},
    )
    def why(self, row: Any) -> words.Labelled:
        words_ = pool_refusals.refusal_words(row.reason_class)
        if row.served_at is not None:
            said = gettext("%(words)s; served within seconds") % {"words": words_}
            return words.Labelled("served", said)
        return words.Labelled("seats" if row.capacity else "other", words_)


@admin.register(QueueEntry)
class QueueEntryAdmin(UsageAdmin):
    """Who waited in a server's queue, and how that ended."""

    moment = "queued_by"
    list_display = ("queued_by", "who", "feature", "seats", "lasted", "ended", "where", "method")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("queued_by", DaysFilter),
        ("outcome", ChoicesDropdownFilter),
        ("method", ChoicesDropdownFilter),
    )

    @display(description=gettext_lazy("Waited"))
    def lasted(self, row: Any) -> str:
        if row.outcome == QueueEntry.Outcome.WAITING:
            return gettext("still waits")
        return queues.waited_words(row, timezone.now())

    @display(
        description=gettext_lazy("Ended"),
        label={"seated": "success", "gave up": "danger", "restart": "warning", "waiting": "info"},
    )
    def ended(self, row: Any) -> tuple[str, str]:
        return row.outcome, row.get_outcome_display()


class OwnPoolFilter(PoolFilter):
    """By the pool that a row names itself."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = asked_id(self.value())
        return queryset if chosen is None else queryset.filter(pool=chosen)


@admin.register(DenialEpisode)
class DenialEpisodeAdmin(FactAdmin):
    """Who was kept from work, when and how long."""

    empty_words = FROM_SERVERS
    list_display = (
        "starts",
        "who",
        "pool",
        "refusals",
        "why",
        "explained",
        "ended",
        "lost",
        "then",
    )
    list_filter = (
        OwnPoolFilter,
        ("starts", DaysFilter),
        "capacity",
        ("outcome", ChoicesDropdownFilter),
        ("reason_class", ChoicesDropdownFilter),
    )
    ordering = ("-starts", "-pk")
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("pool", "person")
        return with_names(rows, request.user)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [field.name for field in self.opts.fields if field.name not in ("id", "person")]
        return ["who", *own, "explained"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    @display(description=gettext_lazy("Person"))
    def who(self, row: Any) -> str:
        return person_words(row.person.label, row.person_name)

    @display(
        description=gettext_lazy("Why"),
        label={"seats": "danger", "other": "info", "odd": "warning"},
    )
    def why(self, row: Any) -> tuple[str, str]:
        odd = row.reason_class == DenialEpisode.UNEXPLAINED
        return (
            "odd" if odd else "seats" if row.capacity else "other",
            row.get_reason_class_display(),
        )

    @display(
        description=gettext_lazy("Ended"),
        label={"waited": "success", "gave up": "danger", "open": "info"},
    )
    def ended(self, row: Any) -> tuple[str, str]:
        return row.outcome, row.get_outcome_display()

    @display(description=gettext_lazy("Lost at least"))
    def lost(self, row: Any) -> str:
        return words.lasting(row.lost_seconds)

    @display(description=gettext_lazy("In use then"))
    def then(self, row: Any) -> str:
        shown = ["?" if value is None else str(value) for value in (row.in_use, row.limit)]
        return " / ".join(shown)

    @display(description="")
    def explained(self, row: Any) -> str:
        url = reverse("portal:why", args=[row.pk])
        return format_html('<a class="lm-link lm-nowrap" href="{}">{}</a>', url, gettext("Explain"))


TEXTS = 20
"""Texts that a disagreement links."""


@admin.register(Disagreement)
class DisagreementAdmin(UsageAdmin):
    empty_words = gettext_lazy("None: what polls show is what logs tell, and no two logs differ.")
    moment = "starts"
    list_display = ("starts", "until", "kind", "who", "feature", "logged", "shown", "where")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("starts", DaysFilter),
        ("kind", ChoicesDropdownFilter),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_fields(request, obj), "texts"]

    @display(description=gettext_lazy("Texts of that moment"))
    def texts(self, row: Any) -> str:
        # By number: names of files may name people, and whose use they tell of.
        told = Capture.objects.filter(
            server=row.feature.server, starts__lte=row.starts, ends__gte=row.starts
        ).order_by("pk")
        return format_html_join(
            ", ",
            '<a class="lm-link" href="{}">{} {}</a>',
            (
                (reverse("admin:licenses_capture_change", args=[each.pk]), kind, each.pk)
                for each in told[:TEXTS]
                for kind in [each.get_kind_display()]
            ),
        )

    @display(description=gettext_lazy("Until"))
    def until(self, row: Any) -> Any:
        return row.ends or gettext("still")

    @display(description=gettext_lazy("Seats by the log, or another status"))
    def logged(self, row: Any) -> int:
        return int(row.seats_logged)

    @display(description=gettext_lazy("Seats by the status, or another log"))
    def shown(self, row: Any) -> Any:
        return gettext("not asked") if row.seats_shown is None else row.seats_shown
