"""Pools and the features that feed them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import (
    F,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from licenses.analysis.availability import longest_interval, said_of_now, surely_since
from licenses.analysis.rollup import mark_dirty
from licenses.analysis.rows import now_epoch
from licenses.evidence.rights_history import of_mappings
from licenses.evidence.row_history import Change
from licenses.models import Entitlement, LicensePool, PoolFeature, taken_share
from licenses.resources import PoolResource

from . import bars, instant_page, mapping_corrections, over_use_page, peak_page, pool_page, words
from .base import ScopedAdmin, ScopedTabular, count_of
from .importing import Importable
from .mapping_corrections import MappingForm
from .moments import peak_address
from .several import ChangesSeveral


class MappingInline(ScopedTabular):
    model = PoolFeature
    form = MappingForm
    fields = ("feature", "weight", "mapped_from", "mapped_until", "recorded_by")
    readonly_fields = ("recorded_by",)
    autocomplete_fields = ("feature",)
    tab = False
    verbose_name_plural = gettext_lazy("features that feed this pool")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of mappings on record, ask why they were wrong."""
        asked = obj is not None and self.has_change_permission(request, obj)
        return (*self.fields[:-1], "code", "reason", self.fields[-1]) if asked else self.fields

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Have the rows tell what they were refused for, when the form is shown again."""
        refused = getattr(request, "refused_mappings", {})
        return super().get_formset(
            request, obj, form=type("MappingForm", (MappingForm,), {"refused": refused}), **kwargs
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A mapping is ended and not deleted: what was counted under it stays explained."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("feature__server", "recorded_by")


def with_news(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Add what is told of how fresh a pool's numbers are, without a query a row.

    interval: the longest interval at which news is expected of its servers; None: it has none.
    """
    return rows.select_related("product__vendor", "now").annotate(interval=longest_interval())


def with_now(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Add what a row of pools shows, without a query a row: `with_news`, and

    share: how much of it is taken, as of `taken_share`.
    """
    right = Entitlement.objects.as_of().filter(pool=OuterRef("pk"))
    current = PoolFeature.objects.filter(mapped_until=None)
    return with_news(rows).annotate(
        share=taken_share(),
        mapped_total=count_of(current, "pool"),
        any_right=Subquery(right.values("pk")[:1]),
    )


class UseFilter(admin.SimpleListFilter):
    title = gettext_lazy("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("full", gettext("full or over")),
            ("over", gettext("over what is allowed")),
            ("high", gettext("90 % and more")),
            ("idle", gettext("nothing in use")),
            ("old", gettext("no fresh news")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        moment = now_epoch()
        of_now = said_of_now(moment, surely_since(moment))
        return {
            "full": queryset.filter(of_now, share__gte=1),
            "over": queryset.filter(of_now, now__in_use__gt=F("now__allowed")),
            "high": queryset.filter(of_now, share__gte=words.NEARLY_FULL),
            "idle": queryset.filter(of_now, now__in_use=0),
            "old": queryset.exclude(of_now),
        }.get(self.value() or "", queryset)


class SetupFilter(admin.SimpleListFilter):
    title = gettext_lazy("set-up")
    parameter_name = "setup"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unmapped", gettext("no feature")),
            ("unentitled", gettext("no entitlement")),
            ("retired", gettext("retired")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return {
            "unmapped": queryset.filter(mapped_total=0),
            "unentitled": queryset.filter(any_right=None),
            "retired": queryset.exclude(retired_at=None),
        }.get(self.value() or "", queryset)


@admin.register(LicensePool)
class LicensePoolAdmin(ChangesSeveral, Importable, ScopedAdmin):
    kind = "pools"
    resource_classes = [PoolResource]
    list_before_template = "admin/licenses/pool_list_tools.html"
    list_display = ("title", "use", "free", "age", "peak", "product", "setup", "edit")
    also_in_files = ("limit", "state", "source")
    list_display_links = None
    list_filter = (
        UseFilter,
        SetupFilter,
        ("product__vendor", AutocompleteSelectFilter),
        ("owner_teams", AutocompleteSelectFilter),
    )
    search_fields = ("name", "product__name", "product__vendor__name")
    autocomplete_fields = ("product", "owner_teams")
    inlines = [MappingInline]
    change_form_outer_before_template = "admin/licenses/pool_tools.html"
    fieldsets = (
        (None, {"fields": ("product", "name", "zone", "owner_teams")}),
        (gettext_lazy("For users"), {"fields": ("on_status", "house_rules")}),
        (gettext_lazy("Counting"), {"fields": ("episode_gap_minutes", "retired_at")}),
        (gettext_lazy("Notes"), {"fields": ("notes",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_now(super().get_queryset(request))

    def get_ordering(self, request: HttpRequest) -> Any:
        """Put the fullest first."""
        return (F("share").desc(nulls_last=True), "name")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view

        def overview(request: HttpRequest, pk: int) -> Any:
            return pool_page.overview(self, request, pk)

        def at(request: HttpRequest, pk: int) -> Any:
            return instant_page.instant_page(self, request, pk)

        def peak(request: HttpRequest, pk: int) -> Any:
            return peak_page.peak_page(self, request, pk)

        def report(request: HttpRequest, pk: int) -> Any:
            return pool_page.compliance_report(self, request, pk)

        def over_use(request: HttpRequest, pk: int) -> Any:
            return over_use_page.over_use_page(self, request, pk)

        def explain(request: HttpRequest, pk: int) -> Any:
            return over_use_page.explain_page(self, request, pk)

        def approve(request: HttpRequest, pk: int) -> Any:
            return mapping_corrections.approve_page(self, request, pk)

        return [
            path("<int:pk>/approve/", wrap(approve), name="licenses_licensepool_approve"),
            path("<int:pk>/over-use/", wrap(over_use), name="licenses_licensepool_over_use"),
            path(
                "<int:pk>/over-use/explain/",
                wrap(explain),
                name="licenses_licensepool_over_use_explain",
            ),
            path("<int:pk>/overview/", wrap(overview), name="licenses_licensepool_overview"),
            path("<int:pk>/at/", wrap(at), name="licenses_licensepool_at"),
            path("<int:pk>/peak/", wrap(peak), name="licenses_licensepool_peak"),
            path("<int:pk>/report/", wrap(report), name="licenses_licensepool_report"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        waits = mapping_corrections.waits(request, self.get_object(request, object_id))
        extra = {**(extra_context or {}), "may_approve": waits}
        return super().change_view(request, object_id, form_url, extra)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Store all that was typed, or nothing: then it is shown again, with why beside it."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except mapping_corrections.Refused as refused:
            request.refused_mappings = {refused.prefix: refused.error}  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def changes_on_record(self, request: HttpRequest, row: Any) -> list[Change]:
        return [] if row is None else of_mappings(row, request.user)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
        if {"zone", "episode_gap_minutes"} & set(form.changed_data) and change:
            mark_dirty([form.instance.pk])  # its days begin, its episodes end, at other moments

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save mappings with evidence, and with their hours counted again."""
        count, step = mapping_corrections.save_all(formset, request)
        request.rows_step = step  # type: ignore[attr-defined]
        if count:
            messages.info(request, gettext("The figures of this pool are being counted again."))

    @display(description=gettext_lazy("Pool"), ordering="name")
    def title(self, pool: Any) -> str:
        url = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
        return format_html('<a class="lm-link lm-strong" href="{}">{}</a>', url, pool.name)

    @display(description=gettext_lazy("In use"), ordering="share")
    def use(self, pool: Any) -> words.Figure:
        now = getattr(pool, "now", None)
        return words.Figure.drawn(now.in_use if now else None, use_bar(pool))

    @display(description=gettext_lazy("Limit"))
    def limit(self, pool: Any) -> Any:
        now = getattr(pool, "now", None)
        return words.UNKNOWN if now is None or now.limit is None else now.limit

    @display(description=gettext_lazy("State"))
    def state(self, pool: Any) -> str:
        return words.level_of(*words.news_of(pool)).text

    @display(description=gettext_lazy("Known from"))
    def source(self, pool: Any) -> str:
        now = getattr(pool, "now", None)
        return now.source_words if now and now.source else words.UNKNOWN

    @display(description=gettext_lazy("Free"))
    def free(self, pool: Any) -> Any:
        return words.Figure.live(words.free_of(*words.news_of(pool)), "free")

    @display(description=gettext_lazy("As of"), ordering="now__at")
    def age(self, pool: Any) -> words.Figure:
        now = getattr(pool, "now", None)
        return words.Figure.drawn(now.at if now else None, age_chip(pool))

    @display(description=gettext_lazy("12-month peak"), ordering="now__peak_12_months")
    def peak(self, pool: Any) -> Any:
        now = getattr(pool, "now", None)
        known = None if now is None else now.peak_12_months
        if not known:
            return words.UNKNOWN if known is None else known
        return words.Figure.linked(known, peak_address(pool))

    @display(
        description=gettext_lazy("Set-up"),
        label={"todo": "warning", "ok": "success", "old": "info"},
    )
    def setup(self, pool: Any) -> tuple[str, str]:
        if pool.retired_at:
            return "old", gettext("retired")
        if not pool.mapped_total:
            return "todo", gettext("no feature mapped")
        if pool.any_right is None:
            return "todo", gettext("no entitlement")
        return "ok", gettext("complete")

    @display(description="")
    def edit(self, pool: Any) -> str:
        url = reverse("admin:licenses_licensepool_change", args=[pool.pk])
        return format_html('<a class="lm-link lm-nowrap" href="{}">{}</a>', url, gettext("Edit"))


def use_bar(pool: Any) -> SafeString:
    """Return the bar of a pool: seats in use of the limit, in colour and in words."""
    now, fresh = words.news_of(pool)
    in_use = now.in_use if now else None
    limit = now.limit if now else None
    state = words.level_of(now, fresh)
    return format_html(
        '<div class="lm-use lm-level-{}" data-live-pool="{}"><span class="lm-use-words">'
        '<b data-live="in_use">{}</b> {} <span data-live="limit">{}</span> '
        '<span class="lm-subtle" data-live="words">{}</span></span>'
        "{}</div>",
        state.key,
        pool.pk,
        words.figure(in_use),
        gettext("of"),
        words.figure(limit, "?"),
        state.text,
        bars.drawn(now, fresh),
    )


def age_chip(pool: Any) -> SafeString:
    """Return how old the pool's number is and where it comes from."""
    now, fresh = words.news_of(pool)
    source = f"{now.source_words}, " if now and now.source else ""
    return format_html(
        '<span class="lm-chip lm-age-{}" data-live-pool="{}" data-live="age">{}{}</span>',
        fresh.key,
        pool.pk,
        source,
        fresh.text,
    )
