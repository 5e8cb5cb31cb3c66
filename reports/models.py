"""Reports that were asked for, and what became of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licenses.models import LicensePool
from licenses.models.scoping import ScopedQuerySet

FOLDER = "reports"


class ReportQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        """One's own reports, as long as all pools in them may still be seen."""
        pools = Report.pools.through._default_manager.exclude(
            licensepool_id__in=LicensePool.objects.visible_ids(user)
        )
        return Q(requested_by=user) & ~Q(pk__in=pools.values("report_id"))


class Report(models.Model):
    """A report that was asked for. It is built in the background by whoever holds its lease."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=40)
    pools = models.ManyToManyField(LicensePool, related_name="reports")
    params = models.JSONField(
        help_text="start and end in epoch seconds, zone, and scope: whose pools these are."
    )
    as_of = models.DateTimeField(help_text="Rights count as they were on record then.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent.")
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    data = models.JSONField(
        null=True,
        encoder=DjangoJSONEncoder,
        help_text="Id, verdict and positions; all numbers are in the file beside the PDF.",
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    files_dropped_at = models.DateTimeField(
        null=True, help_text="When its files were thrown away, as retention says."
    )
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(sha256=""), name="report_done_has_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"

    @property
    def path(self) -> Path:
        """Return where the PDF is, or will be. No text of a user is in it."""
        return Path(settings.MEDIA_ROOT) / FOLDER / f"{self.uuid}.pdf"

    @property
    def data_path(self) -> Path:
        """Return where the numbers are as JSON."""
        return self.path.with_suffix(".json")

    @property
    def file_name(self) -> str:
        """Return how the file is called when it is downloaded."""
        return f"{self.name}-{self.pk}.pdf"
