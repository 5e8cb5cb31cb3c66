"""Usage: facts as servers told them, holdings derived from them, and hourly figures derived from
those.

Facts (`Event`, `Boundary`, `Sighting`, `Denial`) are what a text said. `Checkout` is rebuilt from
them and `PoolHour` from it,
so both can be thrown away and made again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Greatest, Least
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext, gettext_lazy

from licenses.sources.flexnet.denials import WORDING

from .fields import InstantField
from .inventory import Host, Person
from .pools import LicensePool
from .scoping import ScopedQuerySet
from .servers import Feature, LicenseServer


class FeatureRowQuerySet(ScopedQuerySet):
    pool_path = "feature__mappings__pool"


class Event(models.Model):
    """An OUT or an IN as a log printed it.

    `ordinal` numbers equal lines of one second, so that the same log sent twice, or two overlapping
    pieces, give the
    same rows.
    """

    class Kind(models.IntegerChoices):
        OUT = 1, gettext_lazy("OUT")
        IN = 2, gettext_lazy("IN")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = InstantField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField()
    kind = models.PositiveSmallIntegerField(choices=Kind)
    ordinal = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=20, blank=True)

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "feature", "person", "host", "seats", "at", "kind", "ordinal", name="event_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.feature_id} {self.at}"


class Boundary(models.Model):
    """A daemon (or the whole server: "") came up or went down, as its log says, or the log's clock
    was set back."""

    class Kind(models.IntegerChoices):
        START = 1, gettext_lazy("start")
        STOP = 2, gettext_lazy("stop")
        SET_BACK = 3, gettext_lazy("clock set back")

    server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="boundaries")
    daemon = models.CharField(max_length=100, blank=True)
    at = InstantField()
    kind = models.PositiveSmallIntegerField(choices=Kind)
    last_seen = InstantField(
        null=True,
        help_text=gettext_lazy(
            "Last line before it in the same text; later than it if the clock was set back."
        ),
    )

    class Meta:
        verbose_name_plural = "boundaries"
        constraints = [
            models.UniqueConstraint("server", "daemon", "at", "kind", name="boundary_once")
        ]

    def __str__(self) -> str:
        return gettext("%(get_kind_display)s of %(daemon)s at %(at)s") % {
            "get_kind_display": self.get_kind_display(),
            "daemon": self.daemon or "server",
            "at": self.at,
        }


class Sighting(models.Model):
    """One row of a server's status, from the first poll that showed it to the first complete one
    after the last.

    A row that an answer left out and a later one shows again, with the same start, was there all
    the time.
    """

    class State(models.TextChoices):
        HELD = "held", gettext_lazy("held")
        BORROWED = "borrowed", gettext_lazy("borrowed")
        LINGERING = "lingering", gettext_lazy("lingering")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    row_key = models.CharField(
        max_length=32, help_text=gettext_lazy("Keyed hash of the row's identity as printed.")
    )
    seats = models.PositiveIntegerField()
    started_at = InstantField(
        null=True, help_text=gettext_lazy("As printed, to the minute. Empty: could not be read.")
    )
    start_guessed = models.BooleanField(default=False)
    first_seen = InstantField()
    last_seen = InstantField(
        help_text=gettext_lazy(
            "Latest poll known to show it; for open rows the last complete answer counts."
        )
    )
    gone_at = InstantField(
        null=True,
        help_text=gettext_lazy("First complete answer without it, after the last that showed it."),
    )
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    returns_by = InstantField(
        null=True, help_text=gettext_lazy("For borrowed seats: back at the latest.")
    )
    display = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=50, blank=True)
    ambiguous = models.BooleanField(default=False)

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("feature", "row_key", name="sighting_once"),
        ]
        indexes = [
            models.Index(
                fields=["feature", "person", "host", "started_at"], name="sighting_by_holder"
            ),
            models.Index(fields=["feature", "gone_at"], name="sighting_gone"),
        ]

    def __str__(self) -> str:
        return f"{self.seats} × {self.feature_id} since {self.started_at}"


class CheckoutQuerySet(FeatureRowQuerySet):
    def overlapping(self, start: datetime | int, end: datetime | int) -> Self:
        """Keep the holdings that may have held a seat at some moment in [start, end)."""
        return self.filter(Q(returned_at=None) | Q(returned_at__gt=start), taken_at__lt=end)

    def open(self) -> Self:
        """Keep what is known to be out, and not what may have been returned unseen."""
        return self.filter(returned_at=None, returned_after=None)


class Checkout(models.Model):
    """One holding: someone held seats of a feature over a span.

    Known to be held in [taken_by, returned_after), possibly held in [taken_at, returned_at). From a
    log both are the
    same, to the second. From polls the start is known to the minute and the end lies between two
    polls. While it is open both ends are null; where the log of its return may be lost, only the
    later one is.
    """

    class Method(models.IntegerChoices):
        EVENT = 1, gettext_lazy("log")
        SAMPLED = 2, gettext_lazy("polls")

    class EndReason(models.TextChoices):
        OPEN = "", gettext_lazy("still held")
        RETURNED = "returned", gettext_lazy("returned")
        INACTIVE = "inactive", gettext_lazy("taken back after idling")
        SHUTDOWN = "shutdown", gettext_lazy("server stopped")
        REMOVED = "removed", gettext_lazy("removed by an administrator")
        RESTART = "restart", gettext_lazy("lost in a restart (last seen)")
        NOT_SEEN = "not_seen", gettext_lazy("no longer listed")
        LOST = "lost", gettext_lazy("not known (the log has a hole)")

    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, related_name="checkouts", db_index=False
    )
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="checkouts", db_index=False
    )
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField()
    taken_at = InstantField()
    taken_by = InstantField()
    returned_after = InstantField(null=True)
    returned_at = InstantField(null=True)
    ordinal = models.PositiveSmallIntegerField(default=0)
    method = models.PositiveSmallIntegerField(choices=Method)
    state = models.CharField(max_length=10, choices=Sighting.State, default=Sighting.State.HELD)
    end_reason = models.CharField(
        max_length=10, choices=EndReason, default=EndReason.OPEN, blank=True
    )
    sighting = models.ForeignKey(
        Sighting, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "feature", "taken_at", "person", "host", "seats", "ordinal", name="checkout_once"
            )
        ]
        indexes = [
            models.Index(fields=["feature", "returned_at"], name="checkout_open"),
            models.Index(fields=["feature", "person", "host"], name="checkout_by_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.seats} × {self.feature_id} from {self.taken_at}"


class Disagreement(models.Model):
    """Log and status tell different things of one holder and moment, or the log contradicts itself.

    Derived with the holdings. Both values are kept; `docs/counting.md` says which one counts.
    """

    class Kind(models.TextChoices):
        NOT_IN_LOG = "not_in_log", gettext_lazy("a status shows it, the log never saw it taken")
        NOT_IN_STATUS = (
            "not_in_status",
            gettext_lazy("the log has it out, a complete status does not show it"),
        )
        STILL_SHOWN = "still_shown", gettext_lazy("a status shows it after the log saw it returned")
        RETURN_ALONE = "return_alone", gettext_lazy("the log saw it returned and never taken")

    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, related_name="disagreements", db_index=False
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField()
    kind = models.CharField(max_length=15, choices=Kind)
    starts = InstantField()
    ends = InstantField(
        null=True,
        help_text=gettext_lazy(
            "The last moment at which the two are known to differ. Empty: still."
        ),
    )
    seats_logged = models.PositiveIntegerField()
    seats_shown = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("Empty: no status was asked.")
    )

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        ordering = ["-starts", "pk"]
        indexes = [
            models.Index(fields=["feature", "person", "host"], name="disagreement_by_holder"),
            models.Index(fields=["-starts"], name="disagreement_newest"),
        ]

    def __str__(self) -> str:
        return gettext("%(get_kind_display)s: %(feature_id)s at %(starts)s") % {
            "get_kind_display": self.get_kind_display(),
            "feature_id": self.feature_id,
            "starts": self.starts,
        }


class Denial(models.Model):
    """A refusal as the log printed it, kept for ever; the server's own words only for a time.

    `reason_class`, `capacity` and `served_at` are derived, by the rules with the number `rules`,
    and may be derived again.
    """

    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, related_name="denials", db_index=False
    )
    at = InstantField()
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="denials", db_index=False
    )
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    seats = models.PositiveIntegerField(default=1)
    code = models.IntegerField(
        default=0, help_text=gettext_lazy("As printed, such as -4; 0 where none was.")
    )
    minor = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    version = models.CharField(max_length=50, blank=True)
    ordinal = models.PositiveSmallIntegerField(default=0)
    reason_class = models.CharField(max_length=30, db_index=True)
    capacity = models.BooleanField(
        default=False, help_text=gettext_lazy("The refusal was for want of seats.")
    )
    served_at = InstantField(
        null=True,
        help_text=gettext_lazy(
            "When this person got a seat of the pool after all, within seconds: nobody was"
            " kept from work."
        ),
    )
    rules = models.PositiveSmallIntegerField(
        default=0,
        db_index=True,
        help_text=gettext_lazy("Version of the rules that told the class."),
    )

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "feature",
                "at",
                "person",
                "host",
                "seats",
                "code",
                "ordinal",
                name="denial_once",
            )
        ]

    def __str__(self) -> str:
        return gettext("denial (%(code)s) of %(feature_id)s at %(at)s") % {
            "code": self.code,
            "feature_id": self.feature_id,
            "at": self.at,
        }


class DenialEpisode(models.Model):
    """One person's chain of refusals in a pool, from the first to the last, and how it ended.

    Derived; made again for exactly the people and times that something touched. Refusals for want
    of seats and all others are chained apart.
    """

    class Outcome(models.TextChoices):
        WAITED = "waited", gettext_lazy("waited and got a seat")
        GAVE_UP = "gave up", gettext_lazy("gave up")
        OPEN = "open", gettext_lazy("too early to tell")

    UNEXPLAINED = "unexplained"
    REASONS = [
        *((each.value, gettext_lazy(words)) for each, words in WORDING.items()),
        (UNEXPLAINED, gettext_lazy("Unexplained: seats were free as far as we saw")),
    ]

    pool = models.ForeignKey(
        LicensePool, on_delete=models.CASCADE, related_name="denial_episodes", db_index=False
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="denial_episodes")
    capacity = models.BooleanField(help_text=gettext_lazy("The refusals were for want of seats."))
    starts = InstantField(gettext_lazy("first refused"))
    last = InstantField(gettext_lazy("last refused"))
    refusals = models.PositiveIntegerField()
    reason_class = models.CharField("why", max_length=30, choices=REASONS)
    outcome = models.CharField(max_length=10, choices=Outcome)
    granted_at = InstantField(
        null=True, help_text=gettext_lazy("When the person got a seat after all.")
    )
    lost_seconds = models.PositiveIntegerField(
        help_text=gettext_lazy(
            "From the first refusal to the seat or, without one, to the last refusal."
        )
    )
    in_use = models.PositiveIntegerField(
        null=True,
        help_text=gettext_lazy(
            "Seats known to be in use at the first refusal; empty: not observed."
        ),
    )
    limit = models.PositiveIntegerField(
        null=True, help_text=gettext_lazy("At the first refusal; empty: not known.")
    )
    rules = models.PositiveSmallIntegerField(
        help_text=gettext_lazy("Version of the rules by which this was derived.")
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "starts", "person", "capacity"], name="denial_episode_once"
            )
        ]
        indexes = [
            models.Index(fields=["starts"], name="denial_episode_by_start"),
            models.Index(fields=["pool"], condition=Q(outcome="open"), name="denial_episode_open"),
        ]

    def __str__(self) -> str:
        return gettext("%(refusals)s refusals in %(pool_id)s from %(starts)s") % {
            "refusals": self.refusals,
            "pool_id": self.pool_id,
            "starts": self.starts,
        }


_HOUR = 3600
_NUMBER = models.BigIntegerField()


def _epoch(name: str) -> ExpressionWrapper:
    return ExpressionWrapper(F(name), output_field=_NUMBER)


class PoolHourQuerySet(ScopedQuerySet):
    def within(self, start: int, end: int) -> Self:
        """Keep the rows that stand for any hour that begins in [start, end).

        start, end:  epoch seconds.
        """
        first, last = -(-start // _HOUR) * _HOUR, -(-end // _HOUR) * _HOUR
        if first >= last:
            return self.none()
        # A row lies in one UTC day: from the day's start on, the key finds the few that reach over.
        return self.filter(
            GreaterThan(_epoch("hour"), first - F("hours") * _HOUR),
            hour__gte=first // (24 * _HOUR) * 24 * _HOUR,
            hour__lt=last,
        )

    def inside(self, start: int, end: int) -> Self:
        """Keep what `within` does, with `inside`: how many of a row's hours begin in [start, end).

        What is summed over hours is a row's figure times this.
        """
        first, last = -(-start // _HOUR) * _HOUR, -(-end // _HOUR) * _HOUR
        until = Least(_epoch("hour") + F("hours") * _HOUR, Value(last), output_field=_NUMBER)
        since = Greatest(_epoch("hour"), Value(first), output_field=_NUMBER)
        return self.within(start, end).annotate(inside=(until - since) / _HOUR)


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
        return gettext("%(pool_id)s at %(hour)s") % {"pool_id": self.pool_id, "hour": self.hour}


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
        return gettext("%(pool_id)s: %(in_use)s of %(limit)s") % {
            "pool_id": self.pool_id,
            "in_use": self.in_use,
            "limit": self.limit,
        }

    @property
    def source_words(self) -> str:
        """Return where the figures come from, in the reader's language."""
        return {"log": gettext("log"), "polls": gettext("polls")}.get(self.source, self.source)

    @property
    def free(self) -> int | None:
        if self.limit is None or self.in_use is None:
            return None
        return max(0, self.limit - self.in_use)

    @property
    def share(self) -> float | None:
        """In use / limit, 0 to 1 and more; None where either is unknown or the limit is 0."""
        return self.in_use / self.limit if self.limit and self.in_use is not None else None


class DirtySpan(models.Model):
    """Hours of a pool that something touched and that are to be counted again. Written with the
    rows that touched them."""

    pool = models.ForeignKey(LicensePool, on_delete=models.CASCADE, related_name="+")
    starts = InstantField()
    ends = InstantField()

    def __str__(self) -> str:
        return f"{self.pool_id} {self.starts}..{self.ends}"
