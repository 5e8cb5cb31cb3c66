"""Where what a log tells has an edge: restarts, losses, silences, steps of its clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from licenses.evidence.entries import draft
from licenses.models import Boundary, LicenseServer
from licenses.sources import records
from licenses.sources.clock import MIDNIGHT_FALL

from .coverage import moment
from .facts import Stored
from .held import Hole


def store(items: Sequence[records.LogRecord], server: LicenseServer, stored: Stored) -> None:
    """Store when daemons started and stopped, and where the clock was set back."""
    _store_restarts(items, server, stored)
    store_steps(items, server, stored)


def _store_restarts(
    items: Sequence[records.LogRecord], server: LicenseServer, stored: Stored
) -> None:
    for item in items:
        if isinstance(item, records.ServerStart):
            kind, last_seen = Boundary.Kind.START, item.last_seen
        elif isinstance(item, records.ServerStop):
            kind, last_seen = Boundary.Kind.STOP, None
        else:
            continue
        row, created = Boundary.objects.get_or_create(
            server=server,
            daemon=item.daemon,
            at=moment(item.at),
            kind=kind,
            defaults={"last_seen": None if last_seen is None else moment(last_seen)},
        )
        later = last_seen is not None and (
            row.last_seen is None or int(row.last_seen.timestamp()) < last_seen
        )
        if not created and later and last_seen is not None:
            # Another piece of the log was heard nearer to the restart: what was lost was held until
            # then.
            Boundary.objects.filter(pk=row.pk).update(last_seen=moment(last_seen))
        if created or later:
            stored.boundaries.append((item.daemon, item.at))
            word = "start" if kind == Boundary.Kind.START else "stop"
            body: dict[str, Any] = {"daemon": item.daemon, "what": f"daemon {word}"}
            if last_seen is not None:
                body["last_seen"] = last_seen
            stored.drafts.append(draft("config", item.at, body))


def store_doubts(doubts: Iterable[tuple[str, int]], server: LicenseServer, stored: Stored) -> None:
    """Store from when on more seats may be out than a log tells: daemon and moment each."""
    _store_unsure(doubts, Boundary.Kind.DOUBT, "log doubt", server, stored)


def store_losses(
    losses: Iterable[tuple[str, int]], server: LicenseServer, stored: Stored
) -> list[tuple[str, int]]:
    """Store when something may have been returned that a log does not tell of; return those that
    are new."""
    return _store_unsure(losses, Boundary.Kind.LOSS, "log loss", server, stored)


def store_seconds(
    found: Iterable[tuple[str, int]], server: LicenseServer, stored: Stored
) -> list[tuple[str, int]]:
    """Store of which single seconds a piece of the log tells; return those that are new."""
    return _store_unsure(found, Boundary.Kind.SECOND, "log second", server, stored)


def store_silence(
    found: Iterable[tuple[str, Hole]], server: LicenseServer, stored: Stored
) -> list[tuple[str, Hole]]:
    """Store in which time a log tells of no return of a daemon; return what is new of it."""
    return store_spans(found, Boundary.Kind.LOSS, "log loss", server, stored)


def store_misdated(
    found: Iterable[tuple[str, Hole]], server: LicenseServer, stored: Stored
) -> list[tuple[str, Hole]]:
    """Store which lines may be of another day than the one at which they stand, by the time of
    these; return what is new of it."""
    return store_spans(found, Boundary.Kind.DOUBT, "log doubt", server, stored)


def store_spans(
    found: Iterable[tuple[str, Hole]],
    kind: Boundary.Kind,
    what: str,
    server: LicenseServer,
    stored: Stored,
    **more: int,
) -> list[tuple[str, Hole]]:
    """Store what a log tells of a time of a daemon; return what is new of it.

    more: what its entry holds besides.
    """
    new = []
    for daemon, hole in found:
        row, created = Boundary.objects.get_or_create(
            server=server,
            daemon=daemon,
            at=moment(hole.start),
            kind=kind,
            defaults={"last_seen": moment(hole.end)},
        )
        if not created:
            if row.last_seen is not None and row.last_seen >= moment(hole.end):
                continue
            Boundary.objects.filter(pk=row.pk).update(last_seen=moment(hole.end))
        body = {"daemon": daemon, "until": hole.end, "what": what, **more}
        stored.drafts.append(draft("config", hole.start, body))
        new.append((daemon, hole))
    return new


def _store_unsure(
    told: Iterable[tuple[str, int]],
    kind: Boundary.Kind,
    what: str,
    server: LicenseServer,
    stored: Stored,
) -> list[tuple[str, int]]:
    wanted = set(told)
    if not wanted:
        return []
    moments = [at for _daemon, at in wanted]
    span = moment(min(moments)), moment(max(moments))
    known = Boundary.objects.filter(server=server, kind=kind, at__range=span)
    wanted -= {(daemon, int(at.timestamp())) for daemon, at in known.values_list("daemon", "at")}
    new = sorted(wanted)
    Boundary.objects.bulk_create(
        Boundary(server=server, daemon=daemon, at=moment(at), kind=kind) for daemon, at in new
    )
    stored.drafts += [draft("config", at, {"daemon": daemon, "what": what}) for daemon, at in new]
    return new


def store_steps(items: Sequence[records.LogRecord], server: LicenseServer, stored: Stored) -> None:
    """Store where the clock was set back. (Its evidence is the `clock` entry of every step.)"""
    steps: dict[int, int] = {}
    for item in items:
        if isinstance(item, records.ClockStep) and -MIDNIGHT_FALL <= item.seconds < 0:
            # Lines come late by a second, also those after a step: of two steps to one second it
            # is told from where the further one came.
            steps[item.at] = max(item.at - item.seconds, steps.get(item.at, item.at))
    if not steps:
        return
    known = Boundary.objects.filter(server=server, daemon="", kind=Boundary.Kind.SET_BACK)
    span = moment(min(steps)), moment(max(steps))
    for at, until in known.filter(at__range=span).values_list("at", "last_seen"):
        if until is not None and steps.get(int(at.timestamp()), 0) <= int(until.timestamp()):
            steps.pop(int(at.timestamp()), None)
    Boundary.objects.bulk_create(
        (
            Boundary(
                server=server,
                daemon="",
                at=moment(at),
                kind=Boundary.Kind.SET_BACK,
                last_seen=moment(until),
            )
            for at, until in steps.items()
        ),
        update_conflicts=True,
        unique_fields=["server", "daemon", "at", "kind"],
        update_fields=["last_seen"],
    )
    stored.set_back += steps.items()
