"""Who wants to be told when a seat of a pool is free."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .notifications import Notification
from .pools import LicensePool
from .scoping import ScopedQuerySet


class WaitlistEntryQuerySet(ScopedQuerySet):
    def for_user(self, user: Any) -> Self:
        """Keep the user's own: on whose list somebody else waits is nobody's business."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(user=user)

    def open(self) -> Self:
        return self.filter(state__in=WaitlistEntry.OPEN)


class WaitlistEntry(models.Model):
    """Somebody waits for a seat of a pool. Those who came first are told first.

    A free seat is offered to one of them at a time; what is offered is to be told of it first, as
    the licence server knows nothing of the list.
    """

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        OFFERED = "offered", gettext_lazy("a seat is free")
        SERVED = "served", gettext_lazy("got a seat")
        MISSED = "missed", gettext_lazy("did not come in time")
        LEFT = "left", gettext_lazy("left the list")
        EXPIRED = "expired", gettext_lazy("no seat became free in time")

    OPEN = (State.WAITING, State.OFFERED)

    pool = models.ForeignKey(LicensePool, on_delete=models.CASCADE, related_name="waitlist")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="waitlist_entries"
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    language = models.CharField(
        max_length=10,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("In which it was asked for, and is answered."),
    )
    joined_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(
        help_text=gettext_lazy("Who was not told by then is not told any more.")
    )
    seat = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("Which of the free seats is offered, counted from 1.")
    )
    offered_at = models.DateTimeField(null=True)
    offer_until = models.DateTimeField(
        null=True, help_text=gettext_lazy("Then the next in line is told.")
    )
    closed_at = models.DateTimeField(null=True)
    notice = models.ForeignKey(
        Notification,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=gettext_lazy("The last message about this entry."),
    )

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = "place on a waitlist"
        verbose_name_plural = "places on waitlists"
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "user"],
                condition=Q(state__in=["waiting", "offered"]),
                name="waitlist_one_place_each",
            ),
            models.UniqueConstraint(
                fields=["pool", "seat"],
                condition=Q(state="offered"),
                name="waitlist_seat_offered_once",
            ),
            models.CheckConstraint(
                condition=Q(state="offered", seat__gte=1, offered_at__isnull=False)
                & Q(offer_until__gt=F("offered_at"))
                | ~Q(state="offered") & Q(seat=None, offer_until=None),
                name="waitlist_offer_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered"], closed_at=None)
                | ~Q(state__in=["waiting", "offered"]) & Q(closed_at__isnull=False),
                name="waitlist_closed_or_open",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("joined_at")), name="waitlist_expires_after_start"
            ),
        ]

    def __str__(self) -> str:
        return gettext("place %(self)s for %(pool_id)s: %(state)s") % {
            "self": self.pk,
            "pool_id": self.pool_id,
            "state": self.state,
        }
