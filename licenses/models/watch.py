"""What is done now and then, and how it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models

NEVER = datetime.fromtimestamp(0, UTC)


class ChoreQuerySet(models.QuerySet[Any]):
    def claim(self, name: str, every: timedelta, now: datetime) -> bool:
        """Tell whether it is this caller's turn. Of any number of callers within a period one is
        told so; where that one dies, it is done again a period later."""
        if not self.filter(name=name).exists():
            self.bulk_create([self.model(name=name)], ignore_conflicts=True)
        return self.filter(name=name, begun_at__lte=now - every).update(begun_at=now) == 1

    def ended(self, name: str, now: datetime, error: str = "") -> None:
        """Note how it went."""
        if error:
            self.filter(name=name).update(error=error[:500])
        else:
            self.filter(name=name).update(done_at=now, error="")


class Chore(models.Model):
    """Something that is done now and then. One row each."""

    name = models.CharField(max_length=50, unique=True)
    begun_at = models.DateTimeField(default=NEVER)
    done_at = models.DateTimeField(null=True, help_text="When it last went well.")
    error = models.CharField(max_length=500, blank=True, help_text="Empty: it went well.")

    objects = ChoreQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name}, last done {self.done_at}"
