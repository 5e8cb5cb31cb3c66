"""Usage: facts as servers told them, and holdings derived from those.

Facts (`EventBlock`, `Boundary`, `Contradiction`, `Sighting`, `Denial`) are what a text said.
`Checkout` is rebuilt from them, and the hours from it, so both can be thrown away and made again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.utils.translation import gettext, gettext_lazy

from itam import figures

from .feature_rows import FeatureRowQuerySet
from .fields import InstantField, WordField
from .guards import BARE
from .inventory import Host, Person
from .servers import Feature, LicenseServer


class EventBlock(models.Model):
    """OUTs and INs of a feature as its logs printed them, some at a time.

    `licenses.analysis.events` says how they are packed, `licenses.importing.events` stores each
    once.
    """

    class Kind(models.IntegerChoices):
        OUT = 1, gettext_lazy("OUT")
        IN = 2, gettext_lazy("IN")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", **BARE)
    starts = InstantField(gettext_lazy("first event"))
    ends = InstantField(gettext_lazy("last event"))
    count = models.PositiveIntegerField(gettext_lazy("events"))
    reasons = models.TextField(
        blank=True, help_text=gettext_lazy("Why seats came back, a line for each word printed.")
    )
    rows = models.BinaryField()

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("log events")
        verbose_name_plural = gettext_lazy("log events")
        indexes = [models.Index(fields=["feature", "ends"], name="eventblock_newest")]

    def __str__(self) -> str:
        return f"{self.count} × {self.feature.name}, {figures.moment(self.starts)}"


class Boundary(models.Model):
    """A daemon (or the whole server: "") came up or went down, as its log says, or the log's clock
    was set back, or a line cannot be read: more seats may be out from then on than the log tells,
    or something may have been returned then. Or a piece of the log is of that second alone, which
    is no time that it could vouch for. Or the zone's clock showed an hour twice, and the log tells
    how far it has gone without a fall of the clock, or that it has fallen: both from the first
    moment of the hour until the end of the last line before that."""

    class Kind(models.IntegerChoices):
        START = 1, gettext_lazy("start")
        STOP = 2, gettext_lazy("stop")
        SET_BACK = 3, gettext_lazy("clock set back")
        DOUBT = 4, gettext_lazy("line that may hide seats")
        LOSS = 5, gettext_lazy("line that may hide a return")
        SECOND = 6, gettext_lazy("piece of a log of one second")
        REPEATED = 7, gettext_lazy("hour that the clock showed twice")
        FELL = 8, gettext_lazy("fall of the clock in such an hour")

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
            "at": figures.moment(self.at),
        }


class Contradiction(models.Model):
    """Two texts of a log, each of which covers the second and lacks a line of the other, have one
    holder take different numbers of seats in it: one of the two may be what happened.

    None against some: the other text has as many taken one second earlier.
    """

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = InstantField()
    seats = models.PositiveIntegerField(help_text=gettext_lazy("The larger number."))
    fewer_seats = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                *("feature", "at", "person", "host", "seats", "fewer_seats"),
                name="contradiction_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.feature.name}, {figures.moment(self.at)}: {self.seats}, {self.fewer_seats}"


class SightingQuerySet(FeatureRowQuerySet):
    begins, ends = "first_seen", "gone_at"


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

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", **BARE)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", **BARE)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", **BARE)
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
    disputed_from = InstantField(
        null=True,
        help_text=gettext_lazy(
            "First complete answer without it, of those that are neither before the first that "
            "showed it nor after the last. Empty: there is none."
        ),
    )
    disputed_to = InstantField(null=True, help_text=gettext_lazy("The last of these answers."))

    objects = SightingQuerySet.as_manager()

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
        return f"{self.seats} × {self.feature.name}, {figures.moment(self.started_at)}"


LONG_SECONDS = 4 * 3600
"""Holdings that lasted longer have an index by their end: few do, so that it is small, and what a
time holds of all others was taken shortly before."""

_NUMBER = models.BigIntegerField()


class LastedLonger(models.Func):
    """Whether a holding that was given back lasted longer than so many seconds: as text without
    parameters, so that databases see that an index holds all that is asked for."""

    template = "(%(expressions)s > %(seconds)s)"
    arg_joiner = " - "
    output_field = models.BooleanField()

    def __init__(self, seconds: int) -> None:
        super().__init__("returned_at", "taken_at", seconds=seconds)


TAKEN_BY = ExpressionWrapper(F("taken_at") + F("taken_within"), output_field=_NUMBER)
"""When a holding was taken at the latest, in epoch seconds, in a query."""


class CheckoutQuerySet(FeatureRowQuerySet):
    begins, ends = "taken_at", "returned_at"

    def closed(self, features: Collection[int], start: int, end: int) -> Self:
        """Keep the holdings of the features that were given back at *start* or later and taken
        before *end*."""
        return self._begun().filter(_short(features, start, end) | _long(features, start, end))

    def reaching(self, features: Collection[int], start: int, end: int) -> Self:
        """Keep what `closed` does, and what is still out and was taken before *end*."""
        held = Q(feature__among=features, returned_at=None, begun__lt=end)
        return self._begun().filter(
            _short(features, start, end) | _long(features, start, end) | held
        )

    def _begun(self) -> Self:
        # A sum keeps a database from choosing the index of that column.
        begun = ExpressionWrapper(F("taken_at"), output_field=_NUMBER)
        return self.annotate(begun=begun + Value(0, output_field=_NUMBER))

    def taken(self) -> Self:
        """Keep what somebody is told to have taken, and not what a log tells the return of alone:
        nobody knows since when that was out."""
        return self.exclude(method=Checkout.Method.RETURNED)

    def open(self) -> Self:
        """Keep what is known to be out, and not what may have been returned unseen.

        A borrowed seat that outlived a restart is known only as far as answers show it: the newest
        does, as long as its row is not gone.
        """
        shown = Q(method=Checkout.Method.EVENT, end_reason=Checkout.EndReason.OPEN)
        shown &= Q(sighting__isnull=False, sighting__gone_at=None)
        return self.filter(Q(returned_after=None) | shown, returned_at=None)


def _short(features: Collection[int], start: int, end: int) -> Q:
    earliest = Value(start, output_field=_NUMBER) - Value(LONG_SECONDS, output_field=_NUMBER)
    mine = Q(feature__among=features, returned_at__gte=start)
    return mine & Q(taken_at__gte=earliest, taken_at__lt=end)


def _long(features: Collection[int], start: int, end: int) -> Q:
    mine = Q(feature__among=features, returned_at__gte=start)
    return mine & Q(LastedLonger(LONG_SECONDS), begun__lt=end)


class Checkout(models.Model):
    """One holding: someone held seats of a feature over a span.

    Known to be held in [taken_by, returned_after), possibly held in [taken_at, returned_at). From a
    log both are the same, to the second, but in an hour that the clock showed twice. From polls the
    start is known to the minute and the end lies between two polls. While it is open both ends are
    null; where the log of its return may be lost, only the later one is. Of what a log tells the
    return alone no second is known: it is possible since the log is heard of.
    """

    class Method(models.IntegerChoices):
        EVENT = 1, gettext_lazy("log")
        SAMPLED = 2, gettext_lazy("polls")
        CONTINUED = 3, gettext_lazy("polls, after others that contradict them")
        RETURNED = 4, gettext_lazy("log, of its return alone")

    class EndReason(models.TextChoices):
        OPEN = "", gettext_lazy("still held")
        RETURNED = "returned", gettext_lazy("returned")
        INACTIVE = "inactive", gettext_lazy("taken back after idling")
        SHUTDOWN = "shutdown", gettext_lazy("server stopped")
        REMOVED = "removed", gettext_lazy("removed by an administrator")
        RESTART = "restart", gettext_lazy("lost in a restart (last seen)")
        NOT_SEEN = "not_seen", gettext_lazy("no longer listed")
        LOST = "lost", gettext_lazy("not known (the log has a hole)")

    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="checkouts", **BARE)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="checkouts", **BARE)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+", **BARE)
    seats = models.PositiveIntegerField()
    taken_at = InstantField()
    taken_within = models.PositiveIntegerField(
        default=0, help_text=gettext_lazy("Seconds after that moment by which it was taken.")
    )
    returned_after = InstantField(null=True)
    returned_at = InstantField(null=True)
    ordinal = models.PositiveSmallIntegerField(default=0)
    method = models.PositiveSmallIntegerField(choices=Method)
    state = WordField(
        max_length=10,
        choices=Sighting.State,
        default=Sighting.State.HELD,
        words=("held", "borrowed", "lingering"),
    )
    end_reason = WordField(
        max_length=10,
        choices=EndReason,
        default=EndReason.OPEN,
        blank=True,
        words=(
            *("", "returned", "inactive", "shutdown", "removed", "restart", "not_seen"),
            *("lost",),
        ),
    )
    sighting = models.ForeignKey(
        Sighting, on_delete=models.PROTECT, null=True, related_name="+", **BARE
    )

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "feature", "taken_at", "person", "host", "seats", "ordinal", name="checkout_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["feature"], condition=Q(returned_at=None), name="checkout_still_out"
            ),
            models.Index(
                fields=["feature", "returned_at"],
                condition=Q(LastedLonger(LONG_SECONDS)),
                name="checkout_long",
            ),
            models.Index(fields=["feature", "person", "host"], name="checkout_by_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.seats} × {self.feature.name}, {figures.moment(self.taken_at)}"

    @property
    def taken_by(self) -> datetime:
        """When it was taken at the latest: most often at once, for which nothing is stored."""
        return self.taken_at + timedelta(seconds=self.taken_within)

    @property
    def began(self) -> datetime:
        """When somebody took it, as far as it is told: earlier than `taken_at` where it goes on
        after answers that contradict each other."""
        row = self.sighting if self.method == self.Method.CONTINUED else None
        if row is None:
            return self.taken_at
        return row.first_seen if row.started_at is None else min(row.started_at, row.first_seen)


class Disagreement(models.Model):
    """Log and status, two logs, or two statuses tell different things of one holder and moment,
    or the log contradicts itself.

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
        LOGS_DIFFER = (
            "logs_differ",
            gettext_lazy("two logs of that second have different seats taken"),
        )
        ANSWERS_DIFFER = (
            "answers_differ",
            gettext_lazy("statuses before and after show it, a complete one between does not"),
        )

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
        null=True,
        help_text=gettext_lazy("By the status, or by the other log. Empty: no status was asked."),
    )

    objects = FeatureRowQuerySet.as_manager()

    class Meta:
        ordering = ["-starts", "pk"]
        indexes = [
            models.Index(fields=["feature", "person", "host"], name="disagreement_by_holder"),
            models.Index(fields=["-starts"], name="disagreement_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.feature.name}, {figures.moment(self.starts)}: {self.get_kind_display()}"
