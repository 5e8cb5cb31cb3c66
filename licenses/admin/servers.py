"""Licence servers and what they serve."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Value
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from licenses.analysis.server_health import health
from licenses.importing import mapping
from licenses.models import (
    Feature,
    IssuedCount,
    LicenseServer,
    PoolFeature,
    SharingRule,
    sees_names,
)

from . import server_page
from .base import (
    FROM_SERVERS,
    ReadOnlyAdmin,
    ReadOnlyTabular,
    ScopedAdmin,
    ShowsNames,
    count_of,
)

HEALTH = {
    "well": "success",
    "failing": "danger",
    "silent": "danger",
    "off": "info",
    "new": "warning",
}


@admin.register(LicenseServer)
class LicenseServerAdmin(ScopedAdmin):
    list_display = ("title", "address", "state", "zone_words", "features", "unmapped", "edit")
    list_display_links = None
    list_filter = (("polling", ChoicesDropdownFilter), "enabled", "kind")
    search_fields = ("name", "address")
    readonly_fields = ("stream", "recorded_at")
    change_form_outer_before_template = "admin/licenses/server_tools.html"
    fieldsets = (
        (None, {"fields": ("name", "kind", "address", "zone", "enabled")}),
        (
            gettext_lazy("How its use is learned"),
            {"fields": ("polling", "poll_seconds", "status_path")},
        ),
        (gettext_lazy("Files on this machine"), {"fields": ("log_path", "options_path")}),
        (gettext_lazy("Machines"), {"fields": ("machines",)}),
        (gettext_lazy("Notes"), {"fields": ("notes",)}),
        (gettext_lazy("Record"), {"fields": ("stream", "recorded_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        current = PoolFeature.objects.filter(feature__server=OuterRef("pk"), mapped_until=None)
        mapped = PoolFeature.objects.filter(feature=OuterRef("pk"), mapped_until=None)
        settled = Feature.objects.filter(Exists(mapped) | Q(ignored=True))
        return (
            super()
            .get_queryset(request)
            .select_related("poll_state")
            .annotate(
                feature_total=count_of(Feature.objects.all(), "server"),
                settled_total=count_of(settled, "server"),
                any_mapping=Exists(current),
            )
        )

    def get_urls(self) -> list[Any]:
        def page(name: str) -> Any:
            def view(request: HttpRequest, pk: int) -> Any:
                return getattr(server_page, name)(self, request, pk)

            return path(
                f"<int:pk>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(view),
                name=f"licenses_licenseserver_{name}",
            )

        names = (
            *("overview", "test", "poll", "hand_in", "map_feature"),
            *("unreadable", "ignore", "confirm_machine"),
        )
        return [*(page(name) for name in names), *super().get_urls()]

    @display(description=gettext_lazy("Server"), ordering="name")
    def title(self, server: Any) -> str:
        url = reverse("admin:licenses_licenseserver_overview", args=[server.pk])
        return format_html('<a class="lm-link lm-strong" href="{}">{}</a>', url, server.name)

    @display(
        description=gettext_lazy("Health"), ordering="poll_state__last_parsed_at", label=HEALTH
    )
    def state(self, server: Any) -> tuple[str, str]:
        return health(server)

    @display(description=gettext_lazy("Zone"), ordering="zone", label={"todo": "warning"})
    def zone_words(self, server: Any) -> Any:
        return server.zone or ("todo", gettext("not set"))

    @display(description=gettext_lazy("Features"), ordering="feature_total")
    def features(self, server: Any) -> int:
        return server.feature_total

    @display(description=gettext_lazy("Unmapped"), label={"todo": "warning"})
    def unmapped(self, server: Any) -> Any:
        left = server.feature_total - server.settled_total
        return ("todo", str(left)) if left else "0"

    @display(description="")
    def edit(self, server: Any) -> str:
        url = reverse("admin:licenses_licenseserver_change", args=[server.pk])
        return format_html('<a class="lm-link lm-nowrap" href="{}">{}</a>', url, gettext("Edit"))


class MappedFilter(admin.SimpleListFilter):
    title = gettext_lazy("mapping")
    parameter_name = "mapped"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("no", gettext("unmapped")),
            ("yes", gettext("mapped")),
            ("ignored", gettext("ignored")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        current = PoolFeature.objects.filter(feature=OuterRef("pk"), mapped_until=None)
        return {
            "no": queryset.filter(~Exists(current), ignored=False),
            "yes": queryset.filter(Exists(current)),
            "ignored": queryset.filter(ignored=True),
        }.get(self.value() or "", queryset)


class FeatureMappingInline(ReadOnlyTabular):
    model = PoolFeature
    fields = ("pool", "weight", "mapped_from", "mapped_until", "recorded_by")
    verbose_name_plural = gettext_lazy("pools that it feeds")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related("pool", "feature__server", "recorded_by")


class IssuedInline(ReadOnlyTabular):
    model = IssuedCount
    fields = ("source", "count", "overdraft", "starts", "ends", "version", "expires_on")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("feature__server")


@admin.register(Feature)
class FeatureAdmin(ScopedAdmin):
    list_display = ("name", "daemon", "server", "pool", "ignored", "recorded_at")
    list_select_related = ("server",)
    list_filter = (MappedFilter, ("server", AutocompleteSelectFilter), "ignored")
    search_fields = ("name", "daemon", "server__name")
    fields = ("server", "daemon", "name", "ignored", "recorded_at")
    readonly_fields = ("server", "daemon", "name", "recorded_at")
    inlines = [FeatureMappingInline, IssuedInline]
    actions = ["ignore", "unignore"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("server")
        return rows.prefetch_related("mappings__pool")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Feeds"), label={"todo": "warning", "gone": "info"})
    def pool(self, feature: Any) -> Any:
        names = sorted(
            mapping.pool.name for mapping in feature.mappings.all() if mapping.mapped_until is None
        )
        if names:
            return ", ".join(names)
        return ("gone", gettext("ignored")) if feature.ignored else ("todo", gettext("unmapped"))

    @admin.action(description=gettext_lazy("Ignore: not worth a pool"), permissions=["change"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        rows = self.get_queryset(request).filter(pk__in=queryset.values("pk"))
        count = mapping.set_ignored(rows)
        self.message_user(
            request,
            gettext("%(count)s features are ignored and no longer listed as unmapped.")
            % {"count": count},
        )

    @admin.action(description=gettext_lazy("List as unmapped again"), permissions=["change"])
    def unignore(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        rows = self.get_queryset(request).filter(pk__in=queryset.values("pk"))
        count = mapping.set_ignored(rows, False)
        self.message_user(
            request, gettext("%(count)s features are listed as unmapped again.") % {"count": count}
        )


@admin.register(IssuedCount)
class IssuedCountAdmin(ReadOnlyAdmin):
    empty_words = FROM_SERVERS
    list_display = ("feature", "source", "shown", "overdraft", "starts", "ends", "expires_on")
    list_select_related = ("feature__server",)
    list_filter = (("feature", AutocompleteSelectFilter), ("source", ChoicesDropdownFilter))
    search_fields = ("feature__name", "feature__server__name")
    ordering = ("-pk",)

    @display(description=gettext_lazy("Seats"), ordering="count")
    def shown(self, row: Any) -> str:
        return gettext("uncounted") if row.count is None else str(row.count)


@admin.register(SharingRule)
class SharingRuleAdmin(ShowsNames, ReadOnlyAdmin):
    empty_words = FROM_SERVERS
    list_display = ("server", "keyword", "amount", "feature_name", "holder_type", "whom", "line")
    list_select_related = ("server",)
    list_filter = (("server", AutocompleteSelectFilter), "keyword")
    search_fields = ("feature_name",)
    fields = (
        "server",
        "keyword",
        "amount",
        "feature_name",
        "holder_type",
        "whom",
        "line",
        "capture",
    )
    readonly_fields = ("whom",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what is about vendors that the reader must not see, and names."""
        rows = super().get_queryset(request)
        may = Value(sees_names(request.user), output_field=BooleanField())
        return rows.annotate(may_see_names=may)

    @display(description=gettext_lazy("Whom"))
    def whom(self, rule: Any) -> str:
        return str(rule.holder) if rule.may_see_names else rule.shown_holder(None)
