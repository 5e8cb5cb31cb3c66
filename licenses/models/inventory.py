"""Vendors, products, teams and people: what the company has and who it is."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from datetime import date
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext, gettext_lazy

from .fixed import check_product
from .scoping import (
    OF_TEAMS,
    OF_VENDORS,
    ManagersOnlyQuerySet,
    ScopedQuerySet,
    in_scope_q,
    roles,
    sees_everything,
)


class VendorQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        from .pools import LicensePool

        visible = Q(products__pools__in=LicensePool.objects.visible_ids(user))
        return visible | in_scope_q(user) if roles(user) & OF_VENDORS else visible


class Vendor(models.Model):
    """Who sells licences."""

    name = models.CharField(max_length=200, unique=True)
    website = models.URLField(blank=True)
    notes = models.TextField(blank=True)

    objects = VendorQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(ScopedQuerySet):
    pool_path = "pools"


class Product(models.Model):
    """What people call the software."""

    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="products")
    name = models.CharField(max_length=200)
    category = models.CharField(
        max_length=100, blank=True, help_text=gettext_lazy("Such as CAD, simulation, finance.")
    )
    notes = models.TextField(blank=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["vendor__name", "name"]
        constraints = [
            models.UniqueConstraint(
                "vendor",
                "name",
                name="product_once_per_vendor",
                violation_error_message="This vendor already has a product of that name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        check_product(self)


class TeamQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        if roles(user) & OF_TEAMS:
            return Q(pk__in=self.model.objects.below(user_teams(user)))
        return None

    def below(self, teams: set[int]) -> set[int]:
        """Return the ids of these teams and of all teams below them: one query, whatever the
        depth."""
        children: dict[int | None, list[int]] = {}
        for pk, parent in self.model.objects.values_list("pk", "parent_id"):
            children.setdefault(parent, []).append(pk)
        found: set[int] = set()
        waiting = list(teams)
        while waiting:
            team = waiting.pop()
            if team not in found:
                found.add(team)
                waiting.extend(children.get(team, ()))
        return found


def user_teams(user: Any) -> set[int]:
    return set(Team.objects.filter(in_scope_q(user)).values_list("pk", flat=True))


def visible_teams(user: Any) -> set[int] | None:
    """Return the ids of the teams that this user may see; None: all of them."""
    if sees_everything(user):
        return None
    return set(Team.objects.for_user(user).values_list("pk", flat=True))


class Team(models.Model):
    """A group of people, in a tree."""

    name = models.CharField(max_length=200, unique=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    cost_center = models.CharField(max_length=100, blank=True)
    contact_email = models.EmailField(blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent=F("pk")),
                name="team_not_its_own_parent",
                violation_error_message=gettext_lazy("A team cannot be its own parent."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        seen = {self.pk}
        team = self.parent
        while team is not None:
            if team.pk in seen:
                raise ValidationError(
                    {
                        "parent": gettext(
                            "%(team)s is already below %(self)s: teams cannot go in a circle."
                        )
                        % {"team": team, "self": self.name}
                    }
                )
            seen.add(team.pk)
            team = team.parent


def normalized_name(name: str) -> str:
    """Return the form under which two spellings of a login or host are the same: licence servers
    print both cases, and one blank or several."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def pseudonym(kind: str, name: str) -> str:
    """Return the keyed pseudonym (32 hex digits) of a person ("person") or machine ("host").

    HMAC-SHA-256, so a list of names cannot be hashed to find someone out without the key. It never
    changes while the key
    stays, so distinct counts are right over any cut.
    """
    message = f"{kind}\0{normalized_name(name)}".encode()
    return hmac.new(settings.ITAM_PSEUDONYM_KEY.encode(), message, hashlib.sha256).hexdigest()[:32]


SOMEBODY, SOME_MACHINE = gettext_lazy("somebody"), gettext_lazy("a machine")


class PersonQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        if roles(user) & OF_TEAMS:
            return Q(memberships__team__in=Team.objects.below(user_teams(user)))
        return None

    def on(self, day: date, team_ids: set[int]) -> Self:
        """Keep the people who were in one of these teams on that day."""
        return self.filter(
            Membership.in_force_q(day, "memberships__"), memberships__team__in=team_ids
        ).distinct()


class Person(models.Model):
    """Someone who uses licences, known to usage rows by a pseudonym alone.

    erased_at:  when the name was erased on demand; it is not learned again.
    """

    pseudonym = models.CharField(max_length=32, unique=True, editable=False)
    recorded_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True, editable=False)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        ordering = ["pseudonym"]
        permissions = [("view_names", "Can see names behind pseudonyms")]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Pseudonym as people read it, such as P-3f9a2c1b; of an installation that keeps counts
        only, the same word for everybody."""
        return f"P-{self.pseudonym[:8]}" if settings.ITAM_NAMES != "off" else str(SOMEBODY)


class Identity(models.Model):
    """The name behind a pseudonym, kept apart so that it can be hidden, and erased without touching
    usage."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="identity")
    login = models.CharField(
        max_length=255, help_text=gettext_lazy("As the licence server prints it.")
    )
    name = models.CharField(max_length=255, blank=True)
    email = models.EmailField(blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "identities"
        ordering = ["login"]

    def __str__(self) -> str:
        return self.name or self.login


class Host(models.Model):
    """A machine from which licences are used. Its name is kept here alone, since host names often
    name a person."""

    pseudonym = models.CharField(max_length=32, unique=True, editable=False)
    name = models.CharField(max_length=255, blank=True)

    objects = ManagersOnlyQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name or self.label

    @property
    def label(self) -> str:
        """Pseudonym as people read it, such as H-3f9a2c1b; see `Person.label`."""
        return f"H-{self.pseudonym[:8]}" if settings.ITAM_NAMES != "off" else str(SOME_MACHINE)


class MembershipQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        if roles(user) & OF_TEAMS:
            return Q(team__in=Team.objects.below(user_teams(user)))
        return None


class Membership(models.Model):
    """Someone was in a team for a time; a person may be in several at once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="memberships")
    valid_from = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("First day. Empty: since ever.")
    )
    valid_to = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day. Empty: until further notice.")
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["team", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="membership_ends_after_start",
                violation_error_message=gettext_lazy("The membership ends before it starts."),
            ),
            models.UniqueConstraint(
                "person",
                "team",
                Coalesce("valid_from", Value(date.min)),
                name="membership_once",
                violation_error_message=(
                    "This person already has a membership in that team from that day."
                ),
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(person)s in %(team)s") % {"person": self.person, "team": self.team}

    @staticmethod
    def in_force_q(day: date, prefix: str = "") -> Q:
        started = Q(**{f"{prefix}valid_from": None}) | Q(**{f"{prefix}valid_from__lte": day})
        going_on = Q(**{f"{prefix}valid_to": None}) | Q(**{f"{prefix}valid_to__gte": day})
        return started & going_on
