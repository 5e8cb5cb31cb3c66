"""Alert rules, and the channels and steps by which people are told."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from .fields import EncryptedField
from .pools import LicensePool
from .scoping import ManagersOnlyQuerySet, ScopedQuerySet
from .servers import LicenseServer
from .stock_names import told_name


class Channel(models.Model):
    """Where messages go."""

    class Kind(models.TextChoices):
        MAIL = "mail", gettext_lazy("Mail")
        WEBHOOK = "webhook", gettext_lazy("Signed webhook")

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    target = models.CharField(
        max_length=500,
        help_text=gettext_lazy("Mail addresses, joined by commas, or an https address."),
    )
    secret = EncryptedField(
        blank=True, help_text=gettext_lazy("Signs webhooks. It is never shown again.")
    )
    language = models.CharField(
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("Of the messages. Empty: that of the installation."),
    )
    enabled = models.BooleanField(default=True)
    fallback = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "Gets the messages that another channel could not deliver for a day."
        ),
    )
    still_watching = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "Gets a message a day that says what is watched. If it stays away, look."
        ),
    )
    reports = models.BooleanField(
        default=False,
        help_text=gettext_lazy(
            "Gets word of reports: ready, signed, rejected, not delivered, later data."
        ),
    )

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return told_name(self.name)

    def clean(self) -> None:
        """Refuse a webhook that others could read on its way, or that its receiver cannot check;
        an address on record, and one that never was signed, may stay."""
        if self.kind != self.Kind.WEBHOOK:
            return
        stored = Channel.objects.filter(pk=self.pk, kind=self.Kind.WEBHOOK)
        secure = self.target.startswith("https://")
        if not secure and not stored.filter(target=self.target).exists():
            said = gettext("%(target)s: expected an address that begins with https://")
            raise ValidationError({"target": said % {"target": repr(self.target)}})
        if not self.secret and not stored.filter(secret="").exists():
            raise ValidationError({"secret": gettext("A webhook is signed: give a secret.")})


class AlertRule(models.Model):
    """When somebody is to be told, about one pool, one server, or all of them."""

    class Kind(models.TextChoices):
        USE_PERCENT = "use_percent", gettext_lazy("Use reaches a share of the limit (%)")
        SEATS_LEFT = "seats_left", gettext_lazy("Free seats fall to a number")
        OVER_USE = "over_use", gettext_lazy("Use passes what is allowed")
        DENIALS = "denials", gettext_lazy("Refusals for want of seats in an hour reach a number")
        SERVER = "server", gettext_lazy("A licence server gives no complete answer")
        CONTRACT = "contract", gettext_lazy("A contract's notice day or end comes near")
        LICENSE_EXPIRY = "license_expiry", gettext_lazy("A licence file's line is about to expire")
        SCHEDULER = "scheduler", gettext_lazy("The scheduler or the workers stand still")
        EVIDENCE = "evidence", gettext_lazy("The sealed evidence does not fit, or was not sealed")
        FLAT = "flat", gettext_lazy("A pool's use has not moved for a number of working days")
        UNREADABLE = "unreadable", gettext_lazy("Lines that could not be read reach a share (%)")
        DRIFT = "drift", gettext_lazy("Contract, licence file and server differ on a pool's seats")
        TIME_TO_FULL = "time_to_full", gettext_lazy("A pool is expected to be full within minutes")

    ALARMS = frozenset({Kind.OVER_USE, Kind.DENIALS, Kind.SERVER, Kind.SCHEDULER, Kind.EVIDENCE})

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    pool = models.ForeignKey(
        LicensePool,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="alert_rules",
        help_text=gettext_lazy("Empty: all pools."),
    )
    server = models.ForeignKey(
        LicenseServer,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="alert_rules",
        help_text=gettext_lazy("Empty: all servers."),
    )
    threshold = models.PositiveIntegerField(
        default=90,
        help_text=gettext_lazy("Percent, seats, refusals, working days or minutes, by the kind."),
    )
    for_seconds = models.PositiveIntegerField(
        default=300, help_text=gettext_lazy("How long it must hold before it fires.")
    )
    for_samples = models.PositiveIntegerField(
        default=2, help_text=gettext_lazy("In how many answers in a row it must hold.")
    )
    hysteresis_percent = models.PositiveIntegerField(
        default=10,
        help_text=gettext_lazy(
            "It clears this share of the limit below the threshold (at least 1 seat)."
        ),
    )
    keep_firing_seconds = models.PositiveIntegerField(
        default=600, help_text=gettext_lazy("How long it must be clear before it resolves.")
    )
    repeat_seconds = models.PositiveIntegerField(
        default=14400, help_text=gettext_lazy("Tell again while it lasts. 0: once.")
    )
    channels = models.ManyToManyField(Channel, blank=True, related_name="rules")
    enabled = models.BooleanField(default=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="use_percent") | Q(threshold__gte=1, threshold__lte=1000),
                name="rule_percent_sensible",
                violation_error_message=gettext_lazy(
                    "A share of the limit is between 1 and 1000 percent."
                ),
            )
        ]

    def __str__(self) -> str:
        return told_name(self.name)

    @property
    def severity(self) -> str:
        """Whether something is wrong (alarm) or may become so or is doubtful (warning)."""
        return "alarm" if self.kind in self.ALARMS else "warning"


class EscalationStep(models.Model):
    """Whom to tell next of an alert that nobody acknowledged. At most three a rule."""

    MOST = 3

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="escalation")
    step = models.PositiveSmallIntegerField(help_text=gettext_lazy("1, 2 or 3."))
    wait_minutes = models.PositiveIntegerField(
        default=60,
        help_text=gettext_lazy(
            "Minutes without acknowledgement since the last step; for the first step, since"
            " the alert was told."
        ),
    )
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="escalation_steps")

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["rule", "step"]
        constraints = [
            models.UniqueConstraint(
                "rule",
                "step",
                name="escalation_step_once",
                violation_error_message="The rule has this step already.",
            ),
            models.CheckConstraint(
                condition=Q(step__gte=1, step__lte=3),
                name="escalation_three_steps",
                violation_error_message=gettext_lazy(
                    "An alert is escalated in at most three steps: 1, 2, 3."
                ),
            ),
            models.CheckConstraint(
                condition=Q(wait_minutes__gte=1),
                name="escalation_waits",
                violation_error_message=gettext_lazy(
                    "Give people at least 1 minute to acknowledge."
                ),
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(rule)s: step %(step)s to %(channel)s") % {
            "rule": self.rule,
            "step": self.step,
            "channel": self.channel,
        }
