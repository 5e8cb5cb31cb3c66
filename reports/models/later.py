"""What later data say of a signed report."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licenses.models.scoping import ScopedQuerySet

from .reports import Report


class LaterDataQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        return Q(report__in=Report.objects.for_user(user).order_by().values("pk"))


class LaterData(models.Model):
    """How the figures of a signed report would be today, when last looked at.

    The report itself never changes: where `found_at` is set, a new version is due.
    """

    MOST_ROWS = 500

    report = models.OneToOneField(Report, on_delete=models.CASCADE, related_name="later")
    checked_at = models.DateTimeField(default=timezone.now, db_index=True)
    found_at = models.DateTimeField(
        null=True, help_text="Since when figures differ. Empty: none does."
    )
    count = models.PositiveIntegerField(default=0, help_text="Figures that differ.")
    rows = models.JSONField(
        default=list,
        encoder=DjangoJSONEncoder,
        help_text="The first of them: pool, month, what, before and after.",
    )
    told_at = models.DateTimeField(null=True, help_text="When people were mailed, once.")

    objects = LaterDataQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at", "-pk"]
        verbose_name = "later data"
        verbose_name_plural = "later data"
        constraints = [
            models.CheckConstraint(
                condition=Q(found_at=None, count=0) | Q(found_at__isnull=False, count__gt=0),
                name="later_data_found_or_not",
            )
        ]

    def __str__(self) -> str:
        return f"later data on {self.report}"
