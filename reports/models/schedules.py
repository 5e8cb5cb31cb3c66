"""Reports that are made and sent by themselves, and what became of each mail."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.alerts.channels import mail
from licenses.concurrency.periods import local_midnight
from licenses.models import Channel, LicensePool, Vendor, validate_zone
from licenses.models.scoping import ManagersOnlyQuerySet

from .reports import Report


class ReportSchedule(models.Model):
    """A report that is made after each month or quarter, and sent by mail."""

    class Rhythm(models.TextChoices):
        MONTH = "month", gettext_lazy("After each month")
        QUARTER = "quarter", gettext_lazy("After each quarter")

    class Attach(models.TextChoices):
        PDF = "pdf", gettext_lazy("The PDF")
        BOTH = "both", gettext_lazy("The PDF and its numbers")
        LINK = "link", gettext_lazy("Only a link")

    name = models.CharField(max_length=200, unique=True)
    report = models.CharField(max_length=40, default="compliance", editable=False)
    rhythm = models.CharField(max_length=10, choices=Rhythm, default=Rhythm.MONTH)
    months = models.PositiveSmallIntegerField(
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=gettext_lazy(
            "How many months each report looks back from the end of its period."
        ),
    )
    pools = models.ManyToManyField(
        LicensePool,
        blank=True,
        related_name="+",
        help_text=gettext_lazy("Or a vendor; without either, all."),
    )
    vendor = models.ForeignKey(
        Vendor, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text=gettext_lazy("Of days and of print."),
    )
    days_after = models.PositiveSmallIntegerField(
        default=7,
        validators=[MaxValueValidator(90)],
        help_text=gettext_lazy(
            "Days between the end of a period and its report, for data that come late."
        ),
    )
    recipients = models.CharField(
        max_length=1000, help_text=gettext_lazy("Mail addresses, joined by commas.")
    )
    attach = models.CharField(max_length=10, choices=Attach, default=Attach.PDF)
    enabled = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text=gettext_lazy("In whose name, and with whose scope, reports are made."),
    )
    next_end = models.DateField(
        editable=False, help_text=gettext_lazy("Where the next report's period ends.")
    )
    due_at = models.DateTimeField(editable=False, db_index=True)
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            mail.check(self.recipients)
        except ValueError as error:
            raise ValidationError({"recipients": str(error)}) from error

    @staticmethod
    def check_scope(pools: Any, vendor: Vendor | None) -> None:
        """Raise ValidationError for pools and a vendor at once: which of them would be meant?"""
        if pools and vendor:
            raise ValidationError({"vendor": gettext("Choose either pools or a vendor.")})

    def addresses(self) -> list[str]:
        """Return whom it is sent to, each once."""
        return mail.recipients(Channel(target=self.recipients))

    def plan(self, now: datetime) -> None:
        """Set the due time after a change; a period that was begun is not left out.

        A new schedule starts with the period that runs now.
        """
        if self._state.adding:
            today = now.astimezone(ZoneInfo(self.zone)).date()
            self.next_end = self.end_after(today)
        elif self.rhythm == self.Rhythm.QUARTER and self.next_end.month % 3 != 1:
            self.next_end = self.end_after(self.next_end)
        midnight = local_midnight(self.next_end, ZoneInfo(self.zone))
        self.due_at = datetime.fromtimestamp(midnight, UTC) + timedelta(days=self.days_after)

    def end_after(self, day: date) -> date:
        """Return the first day after the period that holds *day*."""
        step = 1 if self.rhythm == self.Rhythm.MONTH else 3
        return add_months(day, step - (day.month - 1) % step)

    def window(self) -> tuple[int, int]:
        """Return the next report's window in epoch seconds."""
        zone = ZoneInfo(self.zone)
        first = add_months(self.next_end, -self.months)
        return local_midnight(first, zone), local_midnight(self.next_end, zone)


def add_months(day: date, months: int) -> date:
    """Return the first of the month so many months after that of *day*."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, 1)


class ReportDelivery(models.Model):
    """One mail with a report to one recipient: the log of what went out."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waiting")
        SENT = "sent", gettext_lazy("Sent")
        FAILED = "failed", gettext_lazy("Failed")

    schedule = models.ForeignKey(
        ReportSchedule, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="deliveries")
    recipient = models.CharField(max_length=500)
    attach = models.CharField(max_length=10, choices=ReportSchedule.Attach)
    key = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        help_text=gettext_lazy("Message id: the same for every try."),
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    sha256 = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("Of the PDF as it was sent.")
    )
    last_error = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "report deliveries"
        indexes = [models.Index(fields=["state", "due_at"], name="report_delivery_due")]
        constraints = [
            models.UniqueConstraint(fields=["report", "recipient"], name="report_delivered_once")
        ]

    def __str__(self) -> str:
        return gettext("%(report)s to %(recipient)s") % {
            "report": self.report,
            "recipient": self.recipient,
        }

    @property
    def channel(self) -> Any:
        """Return what the mail goes through."""
        return Channel(kind=Channel.Kind.MAIL, target=self.recipient)
