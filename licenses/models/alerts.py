"""Alerts: rules, what they found, and the messages that went out."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures, told
from itam.retold import retell

from .contracts import Contract
from .fields import EncryptedField, InstantField
from .pools import LicensePool
from .scoping import ManagersOnlyQuerySet, ScopedQuerySet
from .servers import LicenseServer


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
        return self.name

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
        return self.name

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
        return Q(pool__in=pools) | Q(server__in=servers) | Q(contract__in=contracts)


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


class NotificationQuerySet(ManagersOnlyQuerySet):
    def carried_by(self, ids: Collection[int]) -> Self:
        """Keep what went out with these messages. What one of them carries may carry others: a
        digest of messages that another channel could not deliver.

        Two queries, each by the index: one with a join and an OR reads all that was ever sent.
        """
        carried = Notification.objects.filter(carrier__in=ids)
        return self.filter(carrier__in=[*ids, *carried.values_list("pk", flat=True)])


class Notification(models.Model):
    """One message to one recipient, written with the change it tells of and sent afterwards: at
    least once."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        SENT = "sent", gettext_lazy("sent")
        FAILED = "failed", gettext_lazy("failed")
        HELD = "held", gettext_lazy("held back")

    class Transition(models.TextChoices):
        FIRING = "firing", gettext_lazy("firing")
        REPEAT = "repeat", gettext_lazy("still firing")
        ESCALATED = "escalated", gettext_lazy("not acknowledged")
        RESOLVED = "resolved", gettext_lazy("resolved")
        FALLBACK = "fallback", gettext_lazy("not delivered elsewhere")
        WATCHING = "watching", gettext_lazy("still watching")
        ANCHOR = "anchor", gettext_lazy("signed head of the evidence")
        PERSONAL = "personal", gettext_lazy("to one account")
        REPORT = "report", gettext_lazy("of a report")
        TEST = "test", gettext_lazy("test")

    alert = models.ForeignKey(
        Alert, on_delete=models.CASCADE, null=True, related_name="notifications"
    )
    transition = models.CharField(max_length=10, choices=Transition)
    sequence = models.PositiveIntegerField(
        default=0,
        help_text=gettext_lazy("Which repeat or step, which day, which message not delivered."),
    )
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notifications")
    recipient = models.CharField(max_length=500)
    key = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        help_text=gettext_lazy("Idempotency key: the same for every try."),
    )
    subject = models.CharField(max_length=300)
    body = models.TextField()
    data = models.JSONField(default=dict)
    group = models.CharField(
        max_length=100, blank=True, help_text=gettext_lazy("Messages of one group go out together.")
    )
    carrier = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="carried",
        help_text=gettext_lazy("The message that told of this one too."),
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        indexes = [
            models.Index(fields=["state", "due_at"], name="notification_due"),
            models.Index(fields=["channel", "recipient", "sent_at"], name="notification_sent"),
            models.Index(fields=["group", "sent_at"], name="notification_by_group"),
        ]
        constraints = [
            models.UniqueConstraint(
                "alert",
                "transition",
                "sequence",
                "channel",
                "recipient",
                condition=~Q(alert=None),
                name="notification_once",
            ),
            models.UniqueConstraint(
                "sequence",
                "channel",
                "recipient",
                condition=Q(transition="watching"),
                name="notification_once_a_day",
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(transition)s to %(recipient)s") % {
            "transition": self.transition,
            "recipient": self.recipient,
        }


class MailboxMessage(models.Model):
    """A mail kept here because no mail server is configured."""

    recorded_at = models.DateTimeField(default=timezone.now)
    sender = models.CharField(max_length=300)
    recipients = models.CharField(max_length=1000)
    subject = models.CharField(max_length=300)
    body = models.TextField()
    message_id = models.CharField(max_length=200, blank=True)

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        verbose_name = "mail in the mailbox"
        verbose_name_plural = "mailbox"

    def __str__(self) -> str:
        return self.subject
