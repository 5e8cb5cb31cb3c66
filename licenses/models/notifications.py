"""The messages that went out, and those that an installation without mail keeps."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .alert_rules import Channel
from .alerts import Alert
from .scoping import ManagersOnlyQuerySet


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
            "transition": self.get_transition_display(),
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
