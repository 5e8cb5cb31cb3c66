"""What new facts bear on beyond their own keys: holdings around a restart, a step of the clock, and
time that a log now vouches for are made again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, number
from licenses.analysis.told_twice import OUT_OF_ORDER_SECONDS, told_twice
from licenses.analysis.unseen_hours import UnseenHour
from licenses.concurrency.intervals import IntervalSet
from licenses.models import (
    Boundary,
    Capture,
    Checkout,
    Disagreement,
    Feature,
    LicenseServer,
    Sighting,
)
from licenses.models.usage import CheckoutQuerySet

from . import coverage, dirty, facts
from .context import Key
from .held import CLOCKS_AGREE, LATE_RETURN, NO_RETURNS, Hole, holes


def touch_lost(
    server: LicenseServer, stored: facts.Stored, added: dict[str, list[tuple[int, int]]]
) -> None:
    """Have the holdings made again that a start or a stop just learned of has lost, or whose end
    new coverage moves."""
    for daemon, restart in stored.boundaries:
        features = _features(server, daemon)
        # A start may be what began borrowed seats anew that statuses show from the next minute on.
        until = restart + CLOCKS_AGREE + 1
        _touch(stored, _HELD.each(features, restart, until), at=restart)
        # Those that a piece of the log which knew less had let end in this restart.
        before = _last_start(server, restart)
        _touch(stored, _LOST.each(features, before, restart + 1))
        for start, end in told_twice(_STEPS.rows(server.pk)):
            if start <= restart <= end:
                _touch(stored, _UNRETURNED.each(features, restart, end + 1))
        # Polls ended these; where the log was last heard before that, the restart did.
        _touch(stored, _UNSEEN.each(features, restart, before))
    polled = bool(added) and bool(_ASKED.rows(server.pk) or _SEEN.rows(server.pk))
    for daemon, spans in added.items():
        features = _features(server, daemon)
        for start, end in spans:
            if _NEXT_START.rows(server.pk, end):
                _touch(stored, _LOST.each(features, _last_start(server, end), end + 1))
            if not polled:
                continue
            # What only polls saw is what the log may now contradict.
            _touch(stored, _SAMPLED.each(features, start, end))
            # Polls ended these while the log was silent; where it now speaks the bounds change.
            _touch(stored, _UNSEEN_WITHIN.each(features, start - 1, end))


def touch_told_twice(server: LicenseServer, stored: facts.Stored) -> None:
    """Have the holdings made again that a step of the clock just learned of may explain, in the
    time that it told twice: INs that ended nothing, or that another step explains. And have that
    time counted again, as what stands there may have been held in all of it."""
    if stored.set_back:
        for start, end in told_twice(_STEPS.rows(server.pk)):
            if any(start <= at <= end for at, _until in stored.set_back):
                dirty.mark_server(server, start, end + 1)
                _touch(stored, _UNRETURNED.each(_features(server, ""), start, end + 1))
    alone = Disagreement.objects.filter(feature__server=server, kind=Disagreement.Kind.RETURN_ALONE)
    for at, until in stored.set_back:
        found = alone.filter(starts__gte=coverage.moment(at), starts__lt=coverage.moment(until))
        for key in found.values_list("feature_id", "person_id", "host_id", "seats"):
            stored.touch(Key(*key), at)
        features = _features(server, "")
        _touch(stored, _BOUNDED.each(features, at, until), at=at)
        _touch(stored, _LOST_WITHIN.each(features, at, until), at=at)
        if until - at > OUT_OF_ORDER_SECONDS:
            # A restart in that time may have come after it: what it lost was held all of it then.
            _touch(stored, _LOST.each(features, _last_start(server, at), until + 1))


def touch_hours(
    server: LicenseServer, stored: facts.Stored, changed: Iterable[tuple[str, UnseenHour]]
) -> None:
    """Have the holdings made again that reach into an hour whose lines may be later than read, now
    that this is known, or is so no more."""
    for daemon, hour in changed:
        features = _features(server, daemon)
        _touch(stored, _HELD.each(features, hour.first - 1, hour.end), at=hour.first)


class Moved(NamedTuple):
    """What is otherwise than before, by daemon: what is lost of the log, and when it is first heard
    of, as a hole of no length; each as it was, and as it is."""

    holes: set[tuple[str, Hole]]
    firsts: set[tuple[str, Hole]]


def moved_holes(
    server: LicenseServer, known: dict[str, IntervalSet], new: Collection[tuple[str, int]]
) -> Moved:
    """Return what is lost of the log, by daemon, that was not before, and what was and is not.

    known:  what it vouched for before.
    new:    daemons and moments of pieces of a single second that were not known.
    """
    seconds: list[tuple[str, int]] = _SECONDS.rows(server.pk)
    before = _heard(known, [each for each in seconds if each not in new])
    after = _heard(coverage.log_spans(server), seconds)
    return Moved(before.holes ^ after.holes, before.firsts ^ after.firsts)


def _heard(spans: dict[str, IntervalSet], seconds: Collection[tuple[str, int]]) -> Moved:
    names = {*spans, *(name for name, _at in seconds)}
    told = [(name, coverage.heard(spans, seconds, name)) for name in names]
    return Moved(
        {(name, hole) for name, found in told for hole in holes(found)},
        {(name, Hole(min(found)[0], min(found)[0])) for name, found in told if found},
    )


def touch_returns(
    server: LicenseServer, stored: facts.Stored, changed: Iterable[tuple[str, Hole]]
) -> None:
    """Have the INs looked at that ended nothing, within a week after the end of a hole that is new,
    or another: what they returned is possible since the log is heard of. From the hole's start on,
    as it may have been known to be shorter."""
    for daemon, hole in changed:
        until = hole.end + LATE_RETURN
        for *key, returned in _ALONE.rows(_features(server, daemon), hole.start, until):
            stored.touch(Key(*key), returned)


def touch_across(
    server: LicenseServer, stored: facts.Stored, changed: Iterable[tuple[str, Hole]]
) -> None:
    """Have the holdings made again that reach across a hole in the log that is new, or another."""
    for daemon, hole in changed:
        features = _features(server, daemon)
        _touch(stored, _LOGGED.each(features, hole.start, hole.end))


def _features(server: LicenseServer, daemon: str) -> list[int]:
    """Return the features of one daemon; "": of all."""
    return [pk for pk, of in _FEATURES.rows(server.pk) if daemon in ("", of)]


def _last_start(server: LicenseServer, moment: int) -> int:
    """Return when the server last started before a moment; EVER where no log tells of it."""
    return next((at for (at,) in _LAST_START.rows(server.pk, moment)), EVER)


def _touch(stored: facts.Stored, rows: Iterable[tuple[Any, ...]], *, at: int | None = None) -> None:
    for *key, taken_at in rows:
        stored.touch(Key(*key), at if at is not None else taken_at)


_FEATURES = Prepared(lambda server: (Feature.objects.filter(server=server), ("pk", "daemon")))
_ASKED = Prepared(
    lambda server: (
        Capture.objects.filter(server=server, kind=Capture.Kind.STATUS).order_by()[:1],
        ("pk",),
    )
)
_SECONDS = Prepared(
    lambda server: (
        Boundary.objects.filter(server=server, kind=Boundary.Kind.SECOND).order_by(),
        ("daemon", number("at")),
    )
)
_STEPS = Prepared(
    lambda server: (
        Boundary.objects.filter(server=server, kind=Boundary.Kind.SET_BACK).order_by(),
        (number("at"), number("last_seen")),
    )
)
_SEEN = Prepared(
    lambda server: (Sighting.objects.filter(feature__server=server).order_by()[:1], ("pk",))
)


def _starts(server: int) -> QuerySet[Boundary]:
    return Boundary.objects.filter(server=server, kind=Boundary.Kind.START)


@Prepared
def _LAST_START(server: int, moment: int) -> Asked:
    return _starts(server).filter(at__lt=moment).order_by("-at")[:1], (number("at"),)


@Prepared
def _NEXT_START(server: int, moment: int) -> Asked:
    return _starts(server).filter(at__gte=moment).order_by("at")[:1], (number("at"),)


def _holdings(features: Collection[int], *wanted: Q, **more: Any) -> CheckoutQuerySet:
    return Checkout.objects.filter(*wanted, feature__among=features, **more).order_by()


def _overlapping(features: Collection[int], start: int, end: int) -> CheckoutQuerySet:
    """Return the holdings that may have held a seat at some moment of [start, end)."""
    rows = Checkout.objects.reaching(features, start, end).order_by()
    return rows.exclude(returned_at=start)


_KEY = ("feature_id", "person_id", "host_id", "seats", number("taken_at"))
_EVENT = Checkout.Method.EVENT
_LOGGED_METHODS = _EVENT, Checkout.Method.RETURNED


@Prepared
def _HELD(features: Collection[int], start: int, end: int) -> Asked:
    return _overlapping(features, start, end), _KEY


@Prepared
def _LOGGED(features: Collection[int], start: int, end: int) -> Asked:
    return _overlapping(features, start, end).filter(method=_EVENT), _KEY


@Prepared
def _SAMPLED(features: Collection[int], start: int, end: int) -> Asked:
    return _overlapping(features, start, end).exclude(method__in=_LOGGED_METHODS), _KEY


@Prepared
def _BOUNDED(features: Collection[int], start: int, end: int) -> Asked:
    rows = _overlapping(features, start, end).filter(method=_EVENT)
    return rows.filter(returned_after__lt=F("returned_at")), _KEY


@Prepared
def _ALONE(features: Collection[int], start: int, end: int) -> Asked:
    rows = Disagreement.objects.filter(feature__among=features, starts__gt=start, starts__lte=end)
    rows = rows.filter(kind=Disagreement.Kind.RETURN_ALONE).order_by()
    return rows, ("feature_id", "person_id", "host_id", "seats", number("starts"))


@Prepared
def _LOST(features: Collection[int], before: int, until: int) -> Asked:
    # What answers show to have lasted longer may end later than the log was last heard.
    rows = _overlapping(features, before, until)
    return rows.filter(end_reason="restart", returned_after__lt=until), _KEY


@Prepared
def _LOST_WITHIN(features: Collection[int], start: int, end: int) -> Asked:
    span = {"taken_at__gte": start, "taken_at__lt": end}
    return _holdings(features, end_reason="restart", **span), _KEY


@Prepared
def _UNRETURNED(features: Collection[int], start: int, end: int) -> Asked:
    span = {"taken_at__gte": start, "taken_at__lt": end}
    ends = Checkout.EndReason.OPEN, *NO_RETURNS
    return _holdings(features, end_reason__in=ends, method=_EVENT, **span), _KEY


@Prepared
def _UNSEEN(features: Collection[int], restart: int, before: int) -> Asked:
    rows = Checkout.objects.closed(features, before, restart).order_by()
    return rows.filter(returned_at__gt=before, end_reason="not_seen", method=_EVENT), _KEY


@Prepared
def _UNSEEN_WITHIN(features: Collection[int], start: int, end: int) -> Asked:
    # A log that vouches for any of the time in which it may have ended may contradict that.
    span = {"returned_at__gte": start, "returned_after__lte": end}
    return _holdings(features, end_reason="not_seen", method=_EVENT, **span), _KEY
