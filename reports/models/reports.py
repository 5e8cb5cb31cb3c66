"""Reports that were asked for, and what became of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures
from licenses.models import LicensePool
from licenses.models.scoping import ScopedQuerySet

FOLDER = "reports"

NAMES = {"compliance": gettext_lazy("Compliance"), "audit": gettext_lazy("Audit evidence")}
"""What people call the kinds of reports."""


class ReportQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        """One's own reports, as long as all pools in them may still be seen."""
        pools = Report.pools.through._default_manager.exclude(
            licensepool_id__in=LicensePool.objects.visible_ids(user)
        )
        return Q(requested_by=user) & ~Q(pk__in=pools.values("report_id"))


class SignOffQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        return Q(report__in=Report.objects.for_user(user).order_by().values("pk"))


class Report(models.Model):
    """A report that was asked for. It is built in the background by whoever holds its lease."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waiting")
        RUNNING = "running", gettext_lazy("Running")
        DONE = "done", gettext_lazy("Done")
        FAILED = "failed", gettext_lazy("Failed")

    class Decision(models.TextChoices):
        OPEN = "", gettext_lazy("Open")
        SIGNED = "signed", gettext_lazy("Signed")
        REJECTED = "rejected", gettext_lazy("Rejected")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=40)
    pools = models.ManyToManyField(LicensePool, related_name="reports")
    params = models.JSONField(
        help_text=gettext_lazy(
            "start and end in epoch seconds, zone, and scope: whose pools these are."
        )
    )
    as_of = models.DateTimeField(
        help_text=gettext_lazy("Rights count as they were on record then.")
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    progress = models.PositiveSmallIntegerField(default=0, help_text=gettext_lazy("Percent."))
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    data = models.JSONField(
        null=True,
        encoder=DjangoJSONEncoder,
        help_text=gettext_lazy(
            "Id, verdict and positions; all numbers are in the file beside the PDF."
        ),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_role = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text=gettext_lazy("The groups of whoever asked, then."),
    )
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    files_dropped_at = models.DateTimeField(
        null=True, help_text=gettext_lazy("When its files were thrown away, as retention says.")
    )
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    scope_key = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        db_index=True,
        help_text=gettext_lazy(
            "The same for all periods and versions of one kind of report about these pools."
        ),
    )
    version = models.PositiveSmallIntegerField(default=1)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    decision = models.CharField(
        max_length=10,
        choices=Decision,
        default=Decision.OPEN,
        blank=True,
        help_text=gettext_lazy("Once signed or rejected, the database refuses to change this row."),
    )
    data_sha256 = models.CharField(max_length=64, blank=True)
    differs = models.JSONField(
        null=True,
        editable=False,
        help_text=gettext_lazy("What the evidence log gives otherwise. Unknown: not compared."),
    )

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions: ClassVar = [("sign_report", "Can review, sign and reject reports")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decision="signed") | Q(state="done") & ~Q(data_sha256=""),
                name="report_signed_is_done",
            ),
            models.CheckConstraint(
                condition=Q(version=1, supersedes=None)
                | Q(version__gt=1, supersedes__isnull=False),
                name="report_version_follows_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(sha256=""), name="report_done_has_hash"
            ),
        ]

    def __str__(self) -> str:
        scope = figures.scope(self.params.get("scope") or gettext("several pools"))
        return f"{NAMES.get(self.name, self.name)}: {scope}"

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

    @property
    def words(self) -> str:
        """Return how people call it, such as *report 12, version 2*."""
        return gettext("report %(self)s, version %(version)s") % {
            "self": self.pk,
            "version": self.version,
        }


def scope_key(name: str, pool_ids: Iterable[int]) -> str:
    """Return what all periods and versions of one kind of report about these pools share."""
    text = f"{name}:{','.join(str(pk) for pk in sorted(set(pool_ids)))}"
    return hashlib.sha256(text.encode()).hexdigest()


def role_of(user: Any) -> str:
    """Return the groups of a user in words; "" where nobody asks."""
    if user is None:
        return ""
    names = sorted(user.groups.values_list("name", flat=True))
    if user.is_superuser:
        names.insert(0, "administrator")
    return ", ".join(names)[:200]


class SignOff(models.Model):
    """A step that somebody took on a report: never changed and never deleted."""

    class Step(models.TextChoices):
        REVIEWED = "reviewed", gettext_lazy("Reviewed")
        APPROVED = "approved", gettext_lazy("Approved")
        REJECTED = "rejected", gettext_lazy("Rejected")

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="sign_offs")
    step = models.CharField(max_length=10, choices=Step)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200, help_text=gettext_lazy("As it was then."))
    role = models.CharField(
        max_length=200, blank=True, help_text=gettext_lazy("The user's groups then.")
    )
    comment = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    objects = SignOffQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["report", "step"], name="sign_off_once"),
            models.UniqueConstraint(
                fields=["report"],
                condition=Q(step__in=["approved", "rejected"]),
                name="report_decided_once",
            ),
            models.CheckConstraint(
                condition=~Q(step="rejected") | ~Q(comment=""), name="rejection_says_why"
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(step)s by %(self)s") % {"step": self.step, "self": self.name}
