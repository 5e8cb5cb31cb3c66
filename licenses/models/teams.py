"""Rules that put use into teams, what they matched, and the hourly figures of teams."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .fields import InstantField
from .inventory import Host, Person, Team, user_teams
from .pools import LicensePool
from .scoping import OF_TEAMS, ManagersOnlyQuerySet, ScopedQuerySet, roles


class TeamRule(models.Model):
    """Use by people and from machines whose names fit counts for a team.

    Of the rules in force, the first in order that fits decides; memberships count besides it. What
    fits is kept in `RuleMatch`, as names may be erased.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rules")
    order = models.PositiveIntegerField(
        default=100,
        help_text=gettext_lazy("The lowest is asked first; the first rule that fits decides."),
    )
    user_pattern = models.CharField(
        max_length=255,
        blank=True,
        verbose_name="users",
        help_text=gettext_lazy(
            "The whole login as the licence server prints it, such as cae-*: * stands for"
            " any characters, ? for one; case does not matter. Empty: everybody."
        ),
    )
    host_pattern = models.CharField(
        max_length=255,
        blank=True,
        verbose_name="hosts",
        help_text=gettext_lazy(
            "The whole name of the machine, such as ws-cae-??. Empty: every machine."
        ),
    )
    valid_from = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("First day. Empty: since ever.")
    )
    valid_to = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day. Empty: until further notice.")
    )
    notes = models.TextField(blank=True)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="team_rule_ends_after_start",
                violation_error_message=gettext_lazy("The rule ends before it starts."),
            ),
            models.CheckConstraint(
                condition=~Q(user_pattern="", host_pattern=""),
                name="team_rule_says_something",
                violation_error_message=gettext_lazy(
                    "Give a pattern for users, for hosts, or both."
                ),
            ),
        ]

    def __str__(self) -> str:
        parts = [
            self.user_pattern or gettext("anybody"),
            self.host_pattern
            and gettext("on %(host_pattern)s") % {"host_pattern": self.host_pattern},
        ]
        return f"{' '.join(filter(None, parts))} → {self.team}"

    def clean(self) -> None:
        self.user_pattern, self.host_pattern = self.user_pattern.strip(), self.host_pattern.strip()
        if not self.user_pattern and not self.host_pattern:
            raise ValidationError(gettext("Give a pattern for users, for hosts, or both."))


class RuleMatch(models.Model):
    """The name of a person, or of a machine, fits the pattern of a rule. Outlives the name."""

    rule = models.ForeignKey(TeamRule, on_delete=models.CASCADE, related_name="matches")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    host = models.ForeignKey(Host, on_delete=models.CASCADE, null=True, related_name="+")

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "rule matches"
        constraints = [
            models.UniqueConstraint(
                "rule", "person", condition=Q(host=None), name="rule_match_person_once"
            ),
            models.UniqueConstraint(
                "rule", "host", condition=Q(person=None), name="rule_match_host_once"
            ),
            models.CheckConstraint(
                condition=Q(person=None, host__isnull=False) | Q(person__isnull=False, host=None),
                name="rule_match_one_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.person_id or self.host_id}"


class TeamHourQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        visible = super().scope_q(user)
        if roles(user) & OF_TEAMS and visible is not None:
            return visible & Q(team__in=Team.objects.below(user_teams(user)))
        return None


class TeamHour(models.Model):
    """What one team and the teams below it did in one pool in one hour (UTC). Derived, with
    `PoolHour`.

    team:  None is use by nobody's team. A row is missing where there was no use, and where no team
           used the pool in the hour: then all that `PoolHour` tells is nobody's.
    `licenses.analysis.team_sums` reads them.
    """

    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, related_name="team_hours", db_index=False
    )
    hour = InstantField()
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, related_name="hours", db_index=False
    )
    peak = models.PositiveIntegerField(default=0)
    seat_seconds = models.PositiveBigIntegerField(default=0)
    checkouts = models.PositiveIntegerField(default=0)
    denials = models.PositiveIntegerField(default=0)

    objects = TeamHourQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "pool", "hour", Coalesce("team", Value(0)), name="team_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pool_id} {self.team_id} at {self.hour}"
