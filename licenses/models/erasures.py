"""Names that somebody asked to erase, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .imports import Work
from .inventory import Person
from .privacy import tells_apart
from .scoping import ManagersOnlyQuerySet


class NameErasureQuerySet(ManagersOnlyQuerySet):
    def free(self, now: datetime, lease: timedelta) -> Any:
        """Keep the erasures that nobody does: waiting, or begun by a worker that died since."""
        died = Q(state=Work.RUNNING, started_at__lte=now - lease)
        return self.filter(Q(state=Work.WAITING) | died)


class NameErasure(models.Model):
    """Somebody wants the names of a person erased. A worker does it; the row says what came of it.

    known_as:  the login by which the person was asked for; kept until it is done, and no longer.
    result:    what was done, in numbers, and the places that still hold a name; without a name.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="erasures")
    known_as = models.CharField(max_length=200, blank=True, editable=False)
    reason = models.CharField(
        max_length=500,
        verbose_name=gettext_lazy("reason"),
        help_text=gettext_lazy(
            "Who asked for it, and on what ground. A keyed digest of it stands in the evidence."
        ),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(max_length=10, choices=Work, default=Work.WAITING, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    result = models.JSONField(default=dict, editable=False)

    objects = NameErasureQuerySet.as_manager()

    class Meta:
        verbose_name = "erasure of a name"
        verbose_name_plural = "erasures of names"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(known_as="") | Q(state__in=[Work.WAITING, Work.RUNNING]),
                name="erasure_forgets_the_login",
            ),
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state__in=[Work.WAITING, Work.RUNNING]),
                name="erasure_of_a_person_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        if not tells_apart():
            return gettext("erasure of a name")
        return gettext("erasure of the name of %(person)s") % {"person": self.person.label}
