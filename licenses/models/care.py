"""What people do about servers and the set-up: lines set aside, connections tried, steps left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .imports import ServerRowQuerySet, Work
from .servers import LicenseServer


class IgnoredLines(models.Model):
    """Somebody said that unreadable lines of one shape mean nothing. They stay on record and are
    counted no more, until somebody says otherwise.

    The row is never deleted: who ignored what, when and why, and who took it back.
    """

    server = models.ForeignKey(
        LicenseServer, on_delete=models.PROTECT, related_name="ignored_lines"
    )
    digest = models.CharField(max_length=64, help_text=gettext_lazy("Of the shape and the reason."))
    pattern = models.CharField(max_length=300, help_text=gettext_lazy("The shape, without names."))
    unreadable_reason = models.CharField(gettext_lazy("why unreadable"), max_length=300)
    note = models.CharField(gettext_lazy("why ignored"), max_length=500, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_at = models.DateTimeField(
        null=True, help_text=gettext_lazy("When the lines were shown again.")
    )
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = ServerRowQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "ignored lines"
        verbose_name_plural = "ignored lines"
        constraints = [
            models.UniqueConstraint(
                fields=["server", "digest"],
                condition=Q(ended_at=None),
                name="ignored_lines_once",
                violation_error_message="Lines of this shape are ignored already.",
            )
        ]

    def __str__(self) -> str:
        return gettext("%(pattern)s of %(server)s") % {
            "pattern": self.pattern,
            "server": self.server,
        }


class ConnectionCheckQuerySet(ServerRowQuerySet):
    def free(self, now: datetime, lease: timedelta) -> Any:
        """Keep the checks that nobody does: waiting, or begun by a worker that died since."""
        died = Q(state=Work.RUNNING, started_at__lte=now - lease)
        return self.filter(Q(state=Work.WAITING) | died)


class ConnectionCheck(models.Model):
    """Somebody wants to know whether a server can be asked. A worker tries it, step by step."""

    server = models.ForeignKey(
        LicenseServer, on_delete=models.CASCADE, related_name="connection_checks"
    )
    state = models.CharField(max_length=10, choices=Work, default=Work.WAITING, db_index=True)
    ok = models.BooleanField(null=True)
    result = models.CharField(max_length=20, blank=True)
    steps = models.JSONField(
        default=list, help_text=gettext_lazy("Name, whether it went well, and a sentence.")
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ConnectionCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return gettext("check of %(server)s") % {"server": self.server}


class SkippedStep(models.Model):
    """A step of the set-up that somebody left for later. What is done is never read from here."""

    key = models.CharField(max_length=30, unique=True)
    skipped_at = models.DateTimeField(default=timezone.now)
    skipped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return self.key
