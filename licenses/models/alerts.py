"""Alerts: what rules found, and what is to be silent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures, told
from itam.retold import retell

from .alert_rules import AlertRule
from .contracts import Contract
from .fields import InstantField
from .imports import serving_others
from .pools import LicensePool
from .scoping import ManagersOnlyQuerySet, ScopedQuerySet
from .servers import LicenseServer


class AlertState(models.Model):
    """Where a rule stands for one subject (a pool, server, contract, ...)."""

    class State(models.TextChoices):
        OK = "ok", gettext_lazy("ok")
        PENDING = "pending", gettext_lazy("pending")
        FIRING = "firing", gettext_lazy("firing")
        BLIND = "blind", gettext_lazy("blind")

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    subject = models.CharField(max_length=100, help_text="pool:7, server:3, contract:5, ...")
    state = models.CharField(max_length=10, choices=State, default=State.OK)
    before_blind = models.CharField(
        max_length=10,
        blank=True,
        help_text=gettext_lazy("What it goes back to when sight returns."),
    )
    since = InstantField()
    samples = models.PositiveIntegerField(default=0)
    clear_since = InstantField(null=True)
    value = models.IntegerField(null=True)
    evaluated_at = InstantField(help_text=gettext_lazy("Data time of the newest sample weighed."))

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint("rule", "subject", name="alert_state_once")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject} {self.state}"


class AlertQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        from .contracts import Contract as ContractModel

        pools = LicensePool.objects.visible_ids(user)
        servers = LicenseServer.objects.for_user(user).order_by().values("pk")
        contracts = ContractModel.objects.for_user(user).order_by().values("pk")
        # Others than that a server is silent name lines and features, which may be others'.
        own = Q(rule__kind=AlertRule.Kind.SERVER) | ~Q(server__in=serving_others(user))
        return Q(pool__in=pools) | Q(server__in=servers) & own | Q(contract__in=contracts)


class Alert(models.Model):
    """One episode of a rule on a subject: from firing to resolved."""

    class State(models.TextChoices):
        FIRING = "firing", gettext_lazy("firing")
        RESOLVED = "resolved", gettext_lazy("resolved")

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=100)
    band = models.IntegerField(
        null=True, help_text=gettext_lazy("Days left, for dates that come near.")
    )
    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, null=True, related_name="alerts"
    )
    server = models.ForeignKey(
        LicenseServer, on_delete=models.CASCADE, null=True, related_name="alerts"
    )
    contract = models.ForeignKey(
        Contract, on_delete=models.CASCADE, null=True, related_name="alerts"
    )
    state = models.CharField(max_length=10, choices=State, default=State.FIRING)
    title = models.CharField(max_length=300)
    message = models.TextField(blank=True)
    facts = models.JSONField(
        null=True,
        help_text=gettext_lazy(
            "What title and message say, to be said in any language; empty: they were written in"
            " one alone."
        ),
    )
    started_at = InstantField(help_text=gettext_lazy("Since when it has held (data time)."))
    fired_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    last_value = models.IntegerField(null=True)
    worst_value = models.IntegerField(null=True)
    limit = models.IntegerField(null=True)
    denials = models.PositiveIntegerField(
        null=True,
        help_text=gettext_lazy(
            "Refusals for want of seats meanwhile, counted when it ends; empty: no log tells of"
            " that time."
        ),
    )
    past = models.BooleanField(
        default=False, help_text=gettext_lazy("Found in late data: reported, nobody was called.")
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_notified_at = models.DateTimeField(null=True, blank=True)
    escalated_to = models.PositiveSmallIntegerField(
        default=0, help_text=gettext_lazy("The last step of the escalation that was taken.")
    )
    escalated_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("When it was first told, then when each step was taken."),
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-fired_at"]
        indexes = [models.Index(fields=["state", "fired_at"], name="alert_by_state")]
        constraints = [
            models.UniqueConstraint(
                "rule", "subject", condition=Q(state="firing", band=None), name="alert_open_once"
            ),
            models.UniqueConstraint(
                "rule", "subject", "band", condition=~Q(band=None), name="alert_once_per_band"
            ),
        ]

    def __str__(self) -> str:
        return told.draw(self.facts["title"]) if self.facts else retell(self.title)

    @property
    def text(self) -> str:
        """Return the message in the present language."""
        if self.facts and "message" in self.facts:
            return told.draw(self.facts["message"])
        return retell(self.message)


class Silence(models.Model):
    """A time in which matching alerts are recorded and nobody is told."""

    rule = models.ForeignKey(
        AlertRule, on_delete=models.CASCADE, null=True, blank=True, related_name="silences"
    )
    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, null=True, blank=True, related_name="silences"
    )
    server = models.ForeignKey(
        LicenseServer, on_delete=models.CASCADE, null=True, blank=True, related_name="silences"
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="silence_ends_after_start",
                violation_error_message=gettext_lazy("The silence ends before it starts."),
            )
        ]

    def __str__(self) -> str:
        return gettext("silence until %(ends_at)s") % {"ends_at": figures.moment(self.ends_at)}

    def clean(self) -> None:
        if self.ends_at and self.starts_at and self.ends_at - self.starts_at > timedelta(days=30):
            raise ValidationError({"ends_at": gettext("A silence lasts 30 days at most.")})
        if not (self.rule_id or self.pool_id or self.server_id):
            raise ValidationError(gettext("Say what is to be silent: a rule, a pool or a server."))
