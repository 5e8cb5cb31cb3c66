"""Who may see which rows. Every list, search, export and report starts from `for_user`, which shows
nothing by default."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

MANAGER, AUDITOR, VIEWER = "manager", "auditor", "viewer"
TEAM_LEAD, API_CLIENT = "team lead", "API client"
LICENSE_USER = "licence user"
"""Somebody who uses licences: meets the status page and nothing else."""
OF_VENDORS = frozenset([AUDITOR, API_CLIENT])
"""Roles to whom a scope's vendors are shown."""
OF_TEAMS = frozenset([VIEWER, TEAM_LEAD, API_CLIENT])
"""Roles to whom a scope's teams are shown."""


class ScopeQuerySet(models.QuerySet["Scope"]):
    def lacking_an_end(self) -> Self:
        """Keep those by which an auditor sees nothing until somebody says when they end: ones that
        were stored before an end was asked for, or whose user became an auditor since."""
        return self.filter(valid_until=None, user__groups__name=AUDITOR).distinct()

    def of_several_vendors(self) -> Self:
        """Keep those by which an auditor sees nothing until one vendor is left: ones that were
        stored past the form, or whose user became an auditor since."""
        counted = self.filter(user__groups__name=AUDITOR).annotate(
            vendor_total=models.Count("vendors", distinct=True)
        )
        return counted.filter(vendor_total__gt=1)


class Scope(models.Model):
    """What somebody who is no manager may see: vendors (auditors), teams and all teams below them
    (viewers, team leads), or both (API clients). Without one, and after its end, they see nothing;
    nor do auditors by one that has no end, or several vendors.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="scope"
    )
    vendors = models.ManyToManyField(
        "licenses.Vendor",
        blank=True,
        help_text=gettext_lazy("For auditors: whose licences they audit."),
    )
    teams = models.ManyToManyField(
        "licenses.Team",
        blank=True,
        help_text=gettext_lazy("For viewers and team leads: their teams; teams below count too."),
    )
    valid_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "From then on nothing is seen. Empty: until taken away. An auditor's needs an end."
        ),
    )

    chosen: Collection[Any] | None = None
    """Vendors that a form is about to give it: they are stored after the row, and judged before."""

    objects = ScopeQuerySet.as_manager()

    def __str__(self) -> str:
        return gettext("scope of %(user)s") % {"user": self.user}

    def clean(self) -> None:
        """An auditor comes for one vendor, and leaves."""
        if self.user_id is None or AUDITOR not in roles(self.user):
            return
        wrong = {}
        stored = self.vendors.all() if self.pk else ()
        if len(stored if self.chosen is None else self.chosen) > 1:
            wrong["vendors"] = gettext("An auditor sees one vendor only: keep one.")
        if self.valid_until is None:
            wrong["valid_until"] = gettext("What an auditor may see has an end: say when.")
        if wrong:
            raise ValidationError(wrong)


def in_scope_q(user: Any, path: str = "scope") -> Q:
    """Return the condition that a row lies in this user's scope, and that this has not ended.

    path:  lookup from the row to scopes.
    """
    going_on = Q(**{f"{path}__valid_until__gt": timezone.now()})
    if AUDITOR in roles(user):
        several = Scope.objects.filter(user=user).of_several_vendors()
        going_on &= ~Q(**{f"{path}__in": several.order_by().values("pk")})
    else:
        going_on |= Q(**{f"{path}__valid_until": None})
    return Q(**{f"{path}__user": user}) & going_on


def has_scope(user: Any) -> bool:
    """Tell whether a user has a scope that has not ended, whatever lies in it."""
    return Scope.objects.filter(in_scope_q(user, "user__scope")).exists()


def roles(user: Any) -> frozenset[str]:
    """Return the names of the user's groups, read once per user object."""
    cached: frozenset[str] | None = getattr(user, "_itam_roles", None)
    if cached is None:
        cached = (
            frozenset(user.groups.values_list("name", flat=True))
            if user.is_authenticated
            else frozenset()
        )
        user._itam_roles = cached
    return cached


def is_to_have(user: Any, groups: Collection[Any]) -> None:
    """Have `roles` tell of this object of a user what its groups will be once they are stored."""
    user._itam_roles = frozenset(group.name for group in groups)


def sees_everything(user: Any) -> bool:
    """Superusers and asset managers see every row."""
    if not (user.is_authenticated and user.is_active):
        return False
    return bool(user.is_superuser) or MANAGER in roles(user)


class ScopedQuerySet(models.QuerySet[Any]):
    """A queryset that knows how its rows hang on pools.

    pool_path: lookup from a row to its pools ("" for the pool itself). Subclasses that hang on
               something else
    override `scope_q`.
    """

    pool_path: ClassVar[str] = "pool"

    def for_user(self, user: Any) -> Self:
        """Keep the rows that this user may see. Unknown, inactive and scopeless users see none."""
        if sees_everything(user):
            return self
        if not (user.is_authenticated and user.is_active):
            return self.none()
        condition = self.scope_q(user)
        if condition is None:
            return self.none()
        return self.filter(condition).distinct()

    def scope_q(self, user: Any) -> Q | None:
        from .pools import LicensePool  # circular: pools are scoped by this class themselves

        return Q(**{f"{self.pool_path}__in": LicensePool.objects.visible_ids(user)})


class ManagersOnlyQuerySet(ScopedQuerySet):
    """Rows that only superusers and asset managers see."""

    def scope_q(self, user: Any) -> Q | None:
        return None
