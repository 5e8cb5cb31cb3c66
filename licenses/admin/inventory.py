"""Vendors, products, teams and people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from licenses.models import (
    Contract,
    Identity,
    LicensePool,
    Membership,
    Person,
    Product,
    Team,
    Vendor,
    normalized_name,
    pseudonym,
    revealed_people,
    sees_names,
    tells_apart,
)
from licenses.resources import PersonResource, ProductResource, TeamResource, VendorResource

from .base import (
    ReadOnlyTabular,
    ScopedAdmin,
    ScopedStacked,
    ScopedTabular,
    ShowsNames,
    count_of,
    person_words,
    with_names,
)
from .importing import Importable
from .several import ChangesSeveral
from .teams import TeamsChange


class ProductInline(ReadOnlyTabular):
    model = Product
    fields = ("name", "category")
    show_change_link = True
    hide_title = False


@admin.register(Vendor)
class VendorAdmin(Importable, ScopedAdmin):
    resource_classes = [VendorResource]
    list_display = ("name", "products_count", "contracts_count", "website")
    search_fields = ("name", "products__name")
    inlines = [ProductInline]
    change_form_outer_before_template = "admin/licenses/vendor_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                product_total=count_of(Product.objects.all(), "vendor"),
                contract_total=count_of(Contract.objects.all(), "vendor"),
            )
        )

    @display(description=gettext_lazy("Products"), ordering="product_total")
    def products_count(self, vendor: Any) -> int:
        return vendor.product_total

    @display(description=gettext_lazy("Contracts"), ordering="contract_total")
    def contracts_count(self, vendor: Any) -> int:
        return vendor.contract_total


class PoolInline(ReadOnlyTabular):
    model = LicensePool
    fields = ("name", "zone")
    show_change_link = True
    hide_title = False


@admin.register(Product)
class ProductAdmin(ChangesSeveral, Importable, ScopedAdmin):
    kind = "products"
    resource_classes = [ProductResource]
    list_display = ("name", "vendor", "category", "pools_count")
    list_select_related = ("vendor",)
    list_filter = (("vendor", AutocompleteSelectFilter), "category")
    search_fields = ("name", "vendor__name", "category")
    autocomplete_fields = ("vendor",)
    inlines = [PoolInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("vendor")
        return rows.annotate(pool_total=count_of(LicensePool.objects.all(), "product"))

    @display(description=gettext_lazy("Pools"), ordering="pool_total")
    def pools_count(self, product: Any) -> int:
        return product.pool_total


class MemberInline(ReadOnlyTabular):
    """The members, to look at; a membership is ended on the person's page."""

    model = Membership
    fields = ("shown", "valid_from", "valid_to")
    per_page = 50
    verbose_name_plural = gettext_lazy("members")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_names(
            super().get_queryset(request).select_related("person", "team"), request.user
        )

    @display(description=gettext_lazy("Person"))
    def shown(self, membership: Any) -> str:
        url = reverse("admin:licenses_person_change", args=[membership.person_id])
        words = person_words(membership.person.label, membership.person_name)
        return format_html('<a class="lm-link" href="{}">{}</a>', url, words)


class NewMemberInline(ScopedTabular):
    """Adds members. A team of hundreds would need a query for each to be edited here."""

    model = Membership
    fields = ("person", "valid_from", "valid_to")
    autocomplete_fields = ("person",)
    verbose_name_plural = gettext_lazy("add members")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).none()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def tree_order(pairs: list[tuple[int, int | None, str]]) -> list[tuple[int, int]]:
    """Return (team, depth) with each team below its parent, and brothers by name.

    What stands in a circle comes last.

    pairs: (id, parent's id, name) in any order.
    """
    names = {pk: name for pk, _, name in pairs}
    children: dict[int | None, list[int]] = {}
    for pk, parent, _ in pairs:
        children.setdefault(parent if parent in names else None, []).append(pk)
    found: list[tuple[int, int]] = []
    seen: set[int] = set()

    def walk(parent: int | None, depth: int) -> None:
        for pk in sorted(children.get(parent, ()), key=lambda key: names[key].casefold()):
            if pk not in seen:
                seen.add(pk)
                found.append((pk, depth))
                walk(pk, depth + 1)

    walk(None, 0)
    return found + [(pk, 0) for pk in names if pk not in seen]


@admin.register(Team)
class TeamAdmin(ShowsNames, TeamsChange, Importable, ScopedAdmin):
    names_inline = MemberInline
    resource_classes = [TeamResource]
    list_display = ("tree_name", "cost_center", "contact_email", "members_count", "pools_count")
    list_display_links = ("tree_name",)
    list_per_page = 500
    search_fields = ("name", "cost_center")
    autocomplete_fields = ("parent",)
    inlines = [MemberInline, NewMemberInline]
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        today = timezone.localdate()
        return (
            super()
            .get_queryset(request)
            .annotate(
                member_total=count_of(
                    Membership.objects.filter(Membership.in_force_q(today)),
                    "team",
                    Count("person", distinct=True),
                ),
                pool_total=count_of(LicensePool.objects.all(), "owner_teams"),
            )
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        changes.result_list = self.rows_of_page(list(changes.result_list))
        return changes

    def rows_of_page(self, rows: list[Any]) -> list[Any]:
        """Put the rows of a page in the order of the tree.

        A team whose parent is not shown stands at the margin.
        """
        teams = {team.pk: team for team in rows}
        order = tree_order([(pk, team.parent_id, team.name) for pk, team in teams.items()])
        for pk, depth in order:
            teams[pk].depth = depth
        return [teams[pk] for pk, _ in order]

    @display(description=gettext_lazy("Team"))
    def tree_name(self, team: Any) -> str:
        depth = min(getattr(team, "depth", 0), 8)
        return format_html(
            '<span class="lm-indent lm-indent-{}">{}{}</span>',
            depth,
            "↳ " if depth else "",
            team.name,
        )

    @display(description=gettext_lazy("Members today"))
    def members_count(self, team: Any) -> int:
        return team.member_total

    @display(description=gettext_lazy("Pools owned"))
    def pools_count(self, team: Any) -> int:
        return team.pool_total


class PersonMembershipInline(ScopedTabular):
    model = Membership
    fields = ("team", "valid_from", "valid_to")
    autocomplete_fields = ("team",)
    tab = False


class IdentityInline(ScopedStacked):
    model = Identity
    fields = ("login", "name", "email")
    can_delete = False
    verbose_name_plural = gettext_lazy("identity (kept apart from use)")

    def _sees(self, request: HttpRequest, obj: Any) -> bool:
        """Where no row is given, the rows are those of a page that was asked for with its row."""
        if obj is None:
            return sees_names(request.user) or bool(revealed_people(request.user))
        return sees_names(request.user, person=obj.pk)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and self._sees(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._sees(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person that came from a log may have lost the identity to retention: it is not typed
        in again.
        """
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The login makes the pseudonym: another login is another person."""
        return ("login",)


@admin.register(Person)
class PersonAdmin(ShowsNames, TeamsChange, Importable, ScopedAdmin):
    resource_classes = [PersonResource]
    list_display = ("shown", "teams", "recorded_at")
    search_fields = ("pseudonym",)
    list_filter = (("memberships__team", AutocompleteSelectFilter),)
    readonly_fields = ("label", "recorded_at")
    inlines = [IdentityInline, PersonMembershipInline]
    change_form_outer_before_template = "admin/licenses/person_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = with_names(super().get_queryset(request), request.user, person="")
        return rows.prefetch_related("memberships__team")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        if not sees_names(request.user):
            return ("pseudonym__startswith",)
        return ("pseudonym__startswith", "identity__login", "identity__name", "identity__email")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a person by the pseudonym as it is shown (P-3f9a2c1b), by login exactly as licence
        servers print it, too.
        """
        term = search_term.strip()
        if term.upper().startswith("P-"):
            return queryset.filter(pseudonym__startswith=term[2:].lower()), False
        rows, duplicates = super().get_search_results(request, queryset, search_term)
        if term and sees_names(request.user):
            exact = Q(pseudonym=pseudonym("person", normalized_name(term)))
            rows = rows | queryset.filter(exact)
        return rows, duplicates

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tells_apart() and super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tells_apart() and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People come from logs and from the import, where a login makes the pseudonym."""
        return False

    @display(description=gettext_lazy("Person"), ordering="pseudonym")
    def shown(self, person: Any) -> str:
        return person_words(person.label, person.person_name)

    @display(description=gettext_lazy("Pseudonym"))
    def label(self, person: Any) -> str:
        return person.label

    @display(description=gettext_lazy("Teams today"))
    def teams(self, person: Any) -> str:
        today = timezone.localdate()
        return ", ".join(
            sorted(
                {
                    membership.team.name
                    for membership in person.memberships.all()
                    if (membership.valid_from is None or membership.valid_from <= today)
                    and (membership.valid_to is None or membership.valid_to >= today)
                }
            )
        )
