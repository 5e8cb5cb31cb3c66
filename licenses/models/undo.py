"""What somebody did a moment ago and may take back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from .scoping import ScopedQuerySet

KEPT = timedelta(minutes=10)
"""So long a step can be taken back."""


class UndoStepQuerySet(ScopedQuerySet):
    def for_user(self, user: Any) -> Self:
        """Keep the user's own: nobody takes back what somebody else did."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(owner=user)

    def open(self, now: Any) -> Self:
        """Keep what can still be taken back, as far as time goes."""
        return self.filter(used_at=None, recorded_at__gt=now - KEPT)


class UndoStep(models.Model):
    """Something that its owner did and can take back for some minutes, unless something else
    changed it since.

    kind:   a key of access.undo.KINDS.
    state:  what that kind needs to know what it left, and to bring back what was before.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30)
    state = models.JSONField()
    recorded_at = models.DateTimeField(default=timezone.now, db_index=True)
    used_at = models.DateTimeField(null=True)

    objects = UndoStepQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
