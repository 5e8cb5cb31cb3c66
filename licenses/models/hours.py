"""Hourly and present figures of pools, derived from holdings, refusals and what was observed.

They can be thrown away and made again.
"""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Case, ExpressionWrapper, F, FloatField, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest, Least, NullIf
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures

from .fields import InstantField
from .pools import LicensePool
from .scoping import ScopedQuerySet

_HOUR = 3600
_DAY = 24 * _HOUR
_NUMBER = models.BigIntegerField()


def _epoch(name: str) -> ExpressionWrapper:
    return ExpressionWrapper(F(name), output_field=_NUMBER)


class PoolHourQuerySet(ScopedQuerySet):
    def within(self, start: int, end: int) -> Self:
        """Keep the rows that stand for any hour that begins in [start, end).

        start, end:  epoch seconds.
        """
        first, last = -(-start // _HOUR) * _HOUR, -(-end // _HOUR) * _HOUR
        return self.of_hours(first, last, first // _DAY * _DAY) if first < last else self.none()

    def of_hours(self, first: int, last: int, day: int) -> Self:
        """Do the same for bounds that are whole hours.

        day:  the start of the UTC day of the first. A row lies in one: from there on, the key finds
              the few that reach over.
        """
        return self.filter(
            GreaterThan(_epoch("hour"), first - F("hours") * _HOUR),
            hour__gte=day,
            hour__lt=last,
        )

    def inside(self, start: int, end: int) -> Self:
        """Keep what `within` does, with `inside`: how many of a row's hours begin in [start, end).

        What is summed over hours is a row's figure times this.
        """
        first, last = -(-start // _HOUR) * _HOUR, -(-end // _HOUR) * _HOUR
        until = Least(_epoch("hour") + F("hours") * _HOUR, Value(last), output_field=_NUMBER)
        since = Greatest(_epoch("hour"), Value(first), output_field=_NUMBER)
        # A row lies in one UTC day, so the rows of a whole day need no look at where each ends.
        whole = Q(hour__gte=-(-first // _DAY) * _DAY, hour__lt=last // _DAY * _DAY)
        return self.within(start, end).annotate(
            inside=Case(
                When(whole, then=F("hours")), default=(until - since) / _HOUR, output_field=_NUMBER
            )
        )


class PoolHour(models.Model):
    """What one pool did in one hour (UTC), or in each of several alike hours of one UTC day, which
    follow each other. Derived; made again for exactly the hours that something touched.

    hour, peak_at:  of the first of them.
    Null peaks: nothing is known of the hour. A row is missing where nothing was observed and
    nothing held. `licenses.analysis.rollup.hours` gives hours one by one.
    """

    pk = models.CompositePrimaryKey("pool_id", "hour")
    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, related_name="hours", db_index=False
    )
    hour = InstantField()
    hours = models.PositiveSmallIntegerField(default=1)
    peak = models.PositiveIntegerField(null=True)
    peak_high = models.PositiveIntegerField(null=True)
    peak_at = InstantField(null=True)
    seat_seconds = models.PositiveBigIntegerField(default=0)
    full_seconds = models.PositiveIntegerField(null=True)
    over_seconds = models.PositiveIntegerField(null=True)
    observed_seconds = models.PositiveIntegerField(default=0)
    checkouts = models.PositiveIntegerField(default=0)
    denials = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("At the end of the hour.")
    )

    objects = PoolHourQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(hours__gte=1, hours__lte=24), name="pool_hours_of_one_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pool}, {figures.moment(self.hour)}"


class KeptPart(models.Model):
    """What was held of a pool in one part of the time, so that a year of a large pool is read from
    a dozen rows. Derived; it goes when any of its hours is counted again.

    part:      its number; `licenses.analysis.kept` says which time that is, and how to read it.
    basis:     of what it was made: mappings and format. Of another basis it is not read.
    holdings:  as columns of numbers; empty where there were too few for keeping them to pay.
    teams:     what the stored hours of each team come to; null where there were few.
    """

    pk = models.CompositePrimaryKey("pool_id", "part")
    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    part = models.BigIntegerField()
    basis = models.CharField(max_length=64)
    holdings = models.BinaryField()
    teams = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.pool_id} {self.part}"


def servable(limit: int | None, issued: int | None) -> int | None:
    """Return how many seats can be in use at once: the fewer of what is allowed and served."""
    if limit is None or issued is None:
        return issued if limit is None else limit
    return min(limit, issued)


def free_seats(
    in_use: int | None, limit: int | None, issued: int | None, reserved_idle: int | None
) -> int | None:
    """Return how many seats somebody could take: that nobody holds and that are kept for nobody.
    None: not known."""
    seats = servable(limit, issued)
    if seats is None or in_use is None:
        return None
    return max(0, seats - in_use - (reserved_idle or 0))


def taken_share() -> Case:
    """Return, of pools, how much of what is servable is in use or kept, 0 to 1 and more: from 1 on
    nothing is free. Beyond all where seats of none are in use; null where it is not known."""
    limit, issued = F("now__limit"), F("now__issued")
    # Each stands for the other where it is not known: databases differ in the least of a null.
    seats = Least(Coalesce(limit, issued), Coalesce(issued, limit))
    taken = Cast(F("now__in_use") + F("now__reserved_idle"), FloatField())
    return Case(
        When(Q(now__limit=0) | Q(now__issued=0), now__in_use__gt=0, then=Value(1e6)),
        default=taken / NullIf(seats, Value(0)),
    )


class PoolNow(models.Model):
    """What is known of a pool at its newest moment. One row a pool, so that a page of pools is one
    query."""

    pool = models.OneToOneField(LicensePool, on_delete=models.CASCADE, related_name="now")
    at = InstantField(
        null=True,
        help_text=gettext_lazy(
            "As of when the figures hold: the oldest of its servers' newest answers."
        ),
    )
    in_use = models.PositiveIntegerField(null=True)
    limit = models.PositiveIntegerField(null=True)
    allowed = models.PositiveIntegerField(null=True)
    issued = models.PositiveIntegerField(null=True)
    reserved_idle = models.PositiveIntegerField(default=0)
    borrowed = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=10, blank=True, help_text=gettext_lazy("log or polls"))
    peak_12_months = models.PositiveIntegerField(null=True)

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return gettext("%(pool)s: %(in_use)s of %(limit)s") % {
            "pool": self.pool,
            "in_use": "?" if self.in_use is None else self.in_use,
            "limit": "?" if self.limit is None else self.limit,
        }

    @property
    def source_words(self) -> str:
        """Return where the figures come from, in the reader's language."""
        return {"log": gettext("log"), "polls": gettext("polls")}.get(self.source, self.source)

    @property
    def free(self) -> int | None:
        return free_seats(self.in_use, self.limit, self.issued, self.reserved_idle)


class DirtySpan(models.Model):
    """Hours of a pool that something touched and that are to be counted again. Written with the
    rows that touched them. marked_at: since when they wait."""

    pool = models.ForeignKey(LicensePool, on_delete=models.CASCADE, related_name="+")
    starts = InstantField()
    ends = InstantField()
    marked_at = InstantField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.pool_id} {self.starts}..{self.ends}"
