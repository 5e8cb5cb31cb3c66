"""What new facts bear on beyond their own keys: holdings around a restart, a step of the clock, and
time that a log now vouches for are made again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q

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

from . import coverage, facts
from .derive import Key
from .pairing import Hole, holes


def touch_lost(
    server: LicenseServer, stored: facts.Stored, added: dict[str, list[tuple[int, int]]]
) -> None:
    """Have the holdings made again that a restart just learned of has lost, or whose end new
    coverage moves."""
    starts = Boundary.objects.filter(server=server, kind=Boundary.Kind.START)
    for daemon, restart in stored.boundaries:
        rows = _of_daemon(server, daemon)
        _touch(stored, rows.overlapping(restart, restart + 1), at=restart)
        # Those that a piece of the log which knew less had let end in this restart.
        before = starts.filter(at__lt=restart).order_by("-at").values_list("at", flat=True).first()
        lost = rows.filter(end_reason="restart", returned_at__lte=restart)
        _touch(stored, lost.filter(returned_at__gt=before) if before is not None else lost)
        # Polls ended these; where the log was last heard before that, the restart did.
        unseen = rows.filter(
            end_reason="not_seen", method=Checkout.Method.EVENT, taken_at__lt=restart
        )
        _touch(stored, unseen.filter(returned_at__gt=before) if before is not None else unseen)
    polled = (
        Capture.objects.filter(server=server, kind=Capture.Kind.STATUS).exists()
        or Sighting.objects.filter(feature__server=server).exists()
    )
    for daemon, spans in added.items():
        rows = _of_daemon(server, daemon)
        for start, end in spans:
            restarts = Boundary.objects.filter(server=server, kind=Boundary.Kind.START)
            following = (
                restarts.filter(at__gte=end).order_by("at").values_list("at", flat=True).first()
            )
            if following is not None:
                before = (
                    restarts.filter(at__lt=end).order_by("-at").values_list("at", flat=True).first()
                )
                lost = rows.filter(end_reason="restart", returned_at__lte=end)
                _touch(stored, lost.filter(returned_at__gt=before) if before is not None else lost)
            if not polled:
                continue
            # What only polls saw is what the log may now contradict.
            _touch(stored, rows.filter(method=Checkout.Method.SAMPLED).overlapping(start, end))
            # Polls ended these while the log was silent; where it now speaks the bounds change.
            _touch(
                stored,
                rows.filter(
                    Q(returned_at__gte=start, returned_at__lte=end)
                    | Q(returned_after__gte=start - 1, returned_after__lte=end),
                    end_reason="not_seen",
                    method=Checkout.Method.EVENT,
                ),
            )


def touch_told_twice(server: LicenseServer, stored: facts.Stored) -> None:
    """Have the holdings made again that a step of the clock just learned of may explain, in the
    time that it told twice: INs that ended nothing, or that another step explains."""
    alone = Disagreement.objects.filter(feature__server=server, kind=Disagreement.Kind.RETURN_ALONE)
    for at, until in stored.set_back:
        found = alone.filter(starts__gte=coverage.moment(at), starts__lt=coverage.moment(until))
        for key in found.values_list("feature_id", "person_id", "host_id", "seats"):
            stored.touch(Key(*key), at)
        bounded = _of_daemon(server, "").filter(
            method=Checkout.Method.EVENT, returned_after__lt=F("returned_at")
        )
        _touch(stored, bounded.overlapping(at, until), at=at)
        lost = _of_daemon(server, "").filter(end_reason="restart", taken_at__lt=until)
        _touch(stored, lost.filter(taken_at__gte=at), at=at)


def all_holes(spans: dict[str, IntervalSet]) -> set[tuple[str, Hole]]:
    """Return the time of which the log is lost, by daemon."""
    return {(name, hole) for name in spans for hole in holes(coverage.of_daemon(spans, name))}


def touch_across(
    server: LicenseServer, stored: facts.Stored, changed: Iterable[tuple[str, Hole]]
) -> None:
    """Have the holdings made again that reach across a hole in the log that is new, or another."""
    for daemon, hole in changed:
        rows = _of_daemon(server, daemon).filter(method=Checkout.Method.EVENT)
        _touch(stored, rows.overlapping(hole.start, hole.end))


def _of_daemon(server: LicenseServer, daemon: str) -> Any:
    features = Feature.objects.filter(server=server)
    if daemon:
        features = features.filter(daemon=daemon)
    return Checkout.objects.filter(feature__in=features.values("pk"))


def _touch(stored: facts.Stored, rows: Any, *, at: int | None = None) -> None:
    for feature, person, host, seats, taken_at in rows.values_list(
        "feature_id", "person_id", "host_id", "seats", "taken_at"
    ).iterator(chunk_size=2000):
        stored.touch(
            Key(feature, person, host, seats), at if at is not None else int(taken_at.timestamp())
        )
