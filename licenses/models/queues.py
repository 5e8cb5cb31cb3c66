"""Requests that wait at a licence server for a seat, as texts told of them and as they went."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from itam import figures

from .feature_rows import FeatureRowQuerySet
from .fields import InstantField
from .inventory import Host, Person
from .pools import LicensePool
from .servers import Feature
from .usage import Checkout


class QueueEventQuerySet(FeatureRowQuerySet):
    begins = ends = "at"


class QueueEvent(models.Model):
    """A text said that a request waits: the log that it began to or ceased, a status that it did
    then. Kept for ever."""

    class Kind(models.IntegerChoices):
        QUEUED = 1, gettext_lazy("QUEUED")
        DEQUEUED = 2, gettext_lazy("DEQUEUED")
        SHOWN = 3, gettext_lazy("shown waiting")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = InstantField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField(default=1)
    kind = models.PositiveSmallIntegerField(choices=Kind)
    ordinal = models.PositiveSmallIntegerField(default=0)

    objects = QueueEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                *("feature", "at", "person", "host", "seats", "kind", "ordinal"),
                name="queueevent_once",
            )
        ]
        indexes = [
            models.Index(fields=["feature", "person", "host"], name="queueevent_by_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.feature.name}, {figures.moment(self.at)}"


class QueueEntryQuerySet(FeatureRowQuerySet):
    begins, ends = "queued_by", "ended_at"

    def of_pool(self, pool: LicensePool, start: datetime, end: datetime) -> Self:
        """Keep what may have waited for a pool in [start, end), the newest first."""
        fed = Q(pk__in=[])
        for mapping in pool.mappings.all():
            first = max(filter(None, (start, mapping.mapped_from)))
            last = min(filter(None, (end, mapping.mapped_until)))
            begun = Q(queued_at__lt=last) | Q(queued_by__lt=last)
            going = Q(ended_at=None) | Q(ended_at__gt=first) | Q(queued_by__gte=first)
            fed |= Q(feature=mapping.feature_id) & begun & going
        return self.filter(fed).order_by("-queued_by", "-pk")


class QueueEntry(models.Model):
    """One request's wait at a licence server. It holds no seat, and is in no figure of use.

    Known to wait in [queued_by, ended_after), possibly in [queued_at, ended_at). From a log both
    are the same, to the second; polls bound them. Derived from the events and the holdings.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waits")
        SEATED = "seated", gettext_lazy("was given a seat")
        GAVE_UP = "gave up", gettext_lazy("gave up")
        RESTART = "restart", gettext_lazy("lost in a restart")
        UNKNOWN = "unknown", gettext_lazy("not known")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField(help_text=gettext_lazy("That it asks for."))
    queued_at = InstantField(
        gettext_lazy("waits since, at the earliest"),
        null=True,
        help_text=gettext_lazy("Empty: nobody asked the server before, and no log tells."),
    )
    queued_by = InstantField(gettext_lazy("waits since, at the latest"))
    ended_after = InstantField(gettext_lazy("waited until, at least"), null=True)
    ended_at = InstantField(gettext_lazy("waited until, at most"), null=True)
    outcome = models.CharField(gettext_lazy("ended"), max_length=10, choices=Outcome)
    method = models.PositiveSmallIntegerField(choices=Checkout.Method.choices[:2])

    objects = QueueEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "queue entries"
        indexes = [
            models.Index(fields=["feature", "person", "host"], name="queueentry_by_holder"),
            models.Index(fields=["feature", "queued_by"], name="queueentry_by_start"),
            models.Index(
                fields=["feature"], condition=Q(ended_at=None), name="queueentry_not_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seats} × {self.feature.name}, {figures.moment(self.queued_by)}"

    def waited(self, now: datetime) -> tuple[int | None, int | None]:
        """Return for how many seconds it waited at least and at most; None: not known. Of one that
        waits both tell of the time until *now*."""
        last = now if self.outcome == self.Outcome.WAITING else None
        ended_after, ended_at = self.ended_after or last, self.ended_at or last
        least = most = None
        if ended_after is not None:
            least = max(0, int((ended_after - self.queued_by).total_seconds()))
        if ended_at is not None and self.queued_at is not None:
            most = int((ended_at - self.queued_at).total_seconds())
        return least, most
