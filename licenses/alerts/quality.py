"""What makes the data themselves doubtful: use that stands still, lines that nobody can read, and
sources that differ on how many seats there are.

Looked for a few times a day, since they look back far or at everything, and kept for the
evaluation, which comes every half minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Min, Sum

from licenses.analysis.drift import drifts
from licenses.analysis.unreadable import safe_reason
from licenses.models import (
    AlertRule,
    Capture,
    Chore,
    LicensePool,
    LicenseServer,
    PoolDrift,
    PoolHour,
    PoolStillness,
    UnreadableLine,
    UnreadableShare,
)
from licenses.sources.flexnet.line_parser import may_hide_event
from licenses.sources.shapes import safe_shape

from . import filling
from .rules import UsedDay, stillness
from .words import plain
from .world import Kind

WINDOW = timedelta(weeks=26)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EVERY = {
    Kind.FLAT: timedelta(hours=6),
    Kind.UNREADABLE: timedelta(minutes=15),
    Kind.DRIFT: timedelta(hours=1),
    Kind.TIME_TO_FULL: timedelta(minutes=5),
}
OBSERVED_SECONDS = 4 * 3600
"""A day that was looked at for less tells nothing of whether use moved."""
EXAMPLES = 3
EXAMPLE_LETTERS = 100


def refresh(now: datetime) -> None:
    """Look again, where a rule asks for it and it is due. Two small queries where it is not."""
    rules = AlertRule.objects.filter(enabled=True, kind__in=EVERY).order_by()
    least = dict(rules.values_list("kind").annotate(Min("threshold")))
    for kind, look in LOOKS:
        if kind in least and Chore.objects.claim(f"look:{kind}", EVERY[kind], now):
            look(now, max(1, least[kind]))
            Chore.objects.ended(f"look:{kind}", now)


# --- Use that stands still ----------------------------------------------------------------------


def _look_for_stillness(now: datetime, least: int) -> None:
    """Keep the pools that have stood still for so many working days or more."""
    rows = []
    for pool, days in _days(_still_lately(now, least), now):
        found = stillness([day for _begin, day in days])
        if found is None or found.days < least:
            continue
        rows.append(
            PoolStillness(
                pool=pool,
                since=days[-found.days][0],
                level=found.level,
                days=found.days,
                days_before=found.days_before,
                moved_before=found.moved_before,
                longest_before=found.longest_before,
            )
        )
    with transaction.atomic():
        PoolStillness.objects.all().delete()
        PoolStillness.objects.bulk_create(rows, ignore_conflicts=True)


def _still_lately(now: datetime, least: int) -> list[LicensePool]:
    """Return the pools that have not moved for as many days. Two queries."""
    still = (
        PoolHour.objects.filter(
            pool__retired_at=None,
            observed_seconds__gt=0,
            peak__isnull=False,
        )
        .within(int((now - least * DAY).timestamp()), int(now.timestamp()))
        .order_by()
        .values("pool")
        .annotate(low=Min("peak"), high=Max("peak"), begun=Sum("checkouts"))
        .filter(low=F("high"), begun=0)
    )
    ids = [row["pool"] for row in still]
    return list(LicensePool.objects.filter(pk__in=ids).order_by("pk"))


def _days(
    pools: Iterable[LicensePool], now: datetime
) -> Iterator[tuple[LicensePool, list[tuple[datetime, UsedDay]]]]:
    """Yield each pool with its observed working days, oldest first, in its own zone; the day that
    goes on is left out. One query."""
    by_id = {pool.pk: pool for pool in pools}
    rows = (
        PoolHour.objects.filter(pool__in=list(by_id), observed_seconds__gt=0, peak__isnull=False)
        .within(int((now - WINDOW).timestamp()), int(now.timestamp()) + 1)
        .order_by("pool_id", "hour")
        .values_list("pool_id", "hour", "hours", "peak", "checkouts", "observed_seconds")
    )
    hours = (
        (pool, first + place * HOUR, *figures)
        for pool, first, alike, *figures in rows.iterator(chunk_size=5000)
        for place in range(alike)
    )
    for pk, own in groupby(hours, key=lambda row: row[0]):
        zone = by_id[pk].tzinfo
        today = now.astimezone(zone).date()
        days = []
        for day, found in groupby(own, key=lambda row: row[1].astimezone(zone).date()):
            _pools, begins, peaks, begun, seen = zip(*found, strict=True)
            if day.weekday() < 5 and day < today and sum(seen) >= OBSERVED_SECONDS:
                days.append((begins[0], UsedDay(min(peaks), max(peaks), sum(begun))))
        yield by_id[pk], days


# --- Lines that nobody can read -----------------------------------------------------------------


def _look_for_unreadable(now: datetime, _least: int) -> None:
    """Count what of each server's texts of the last day could not be read, without what people
    set aside. Five queries."""
    servers = LicenseServer.objects.filter(enabled=True).order_by().values("pk")
    counted = (
        Capture.objects.filter(server__in=servers, recorded_at__gt=now - DAY)
        .order_by()
        .values_list("server_id")
        .annotate(Sum("lines"), Sum("unreadable_count"))
        .filter(unreadable_count__sum__gt=0)
    )
    aside = _set_aside(now)
    found = {
        server: (lines, unreadable - aside.get(server, 0))
        for server, lines, unreadable in counted
        if unreadable > aside.get(server, 0)
    }
    examples = _examples(list(found), now, _like_events(list(found), now))
    rows = [
        UnreadableShare(
            server_id=server,
            lines=max(lines, unreadable),
            unreadable=unreadable,
            examples=examples.get(server, []),
        )
        for server, (lines, unreadable) in found.items()
    ]
    with transaction.atomic():
        UnreadableShare.objects.all().delete()
        UnreadableShare.objects.bulk_create(rows, ignore_conflicts=True)


def _set_aside(now: datetime) -> dict[int, int]:
    """Return how many unreadable lines of the last day are ignored, by server. One query."""
    lines: Any = UnreadableLine.objects.filter(capture__recorded_at__gt=now - DAY).with_ignored()
    rows = lines.filter(ignored=True).order_by().values_list("capture__server")
    return dict(rows.annotate(Count("pk")))


def _like_events(servers: list[int], now: datetime) -> dict[int, str]:
    """Return an example of a log's lines that may have been events, of each server that has any.
    One query.

    Of lines that are alike but for names, numbers and times the newest is looked at.
    """
    newest = (
        _told(servers, now)
        .filter(capture__kind=Capture.Kind.LOG)
        .order_by()
        .values("capture__server", "shape")
        .annotate(newest=Max("pk"))
    )
    lines = UnreadableLine.objects.filter(pk__in=newest.values("newest")).order_by("-pk")
    found: dict[int, str] = {}
    for server, text, reason in lines.values_list("capture__server_id", "text", "reason"):
        if server not in found and may_hide_event(text, reason):
            found[server] = _example(text, reason, hides=True)
    return found


def _examples(
    servers: list[int], now: datetime, like_events: dict[int, str]
) -> dict[int, list[tuple[str, bool]]]:
    """Return some of the newest such lines of each server: cut, without names, and whether each may
    have been an event. One that may stands first."""
    lines: Any = (
        _told(servers, now)
        .order_by("-capture_id", "line")
        .values_list("capture__server_id", "capture__kind", "text", "reason")
    )
    found = {server: [(example, True)] for server, example in like_events.items()}
    for server, kind, text, reason in lines[: 200 * max(1, len(servers))]:
        own = found.setdefault(server, [])
        if len(own) < EXAMPLES:
            hides = kind == Capture.Kind.LOG and may_hide_event(text, reason)
            example = _example(text, reason, hides=hides), hides
            own += [example] if example not in own else []
    return found


def _told(servers: list[int], now: datetime) -> Any:
    """Return the unreadable lines of the last day that nobody set aside."""
    lines: Any = UnreadableLine.objects.filter(capture__server__in=servers, line__gt=0)
    lines = lines.filter(capture__recorded_at__gt=now - DAY).with_ignored()
    return lines.filter(ignored=False)


def _example(text: str, reason: str, *, hides: bool) -> str:
    """hides: it may be an event that is damaged, with a name of which no pattern tells."""
    if hides:
        return f"{plain(safe_shape(text), EXAMPLE_LETTERS)} ({plain(safe_reason(reason), 80)})"
    return f"{without_names(text)} ({plain(reason, 80)})"


def without_names(text: str) -> str:
    """Return a line of a server as it may stand in a message: cut, who@where left out."""
    return plain(re.sub(r"\S+@\S+", "…@…", text), EXAMPLE_LETTERS)


# --- Seats on which the sources differ ------------------------------------------------------------


def _look_for_drift(now: datetime, _least: int) -> None:
    """Keep the pools of which contract, licence file and server say different numbers; since when
    stays while it goes on. Five queries."""
    known = dict(PoolDrift.objects.order_by().values_list("pool_id", "since"))
    pools = list(LicensePool.objects.active().order_by("pk"))
    found = drifts(pools, int(now.timestamp()))
    rows = [
        PoolDrift(
            pool=pool,
            since=known.get(pool.pk, now),
            entitled=said.entitled.seats,
            filed=said.filed.seats,
            served=said.served.seats,
            sentence=(text := said.sentence(pool.tzinfo)),
            facts=text.facts,
        )
        for pool in pools
        if (said := found[pool.pk]).differs
    ]
    with transaction.atomic():
        PoolDrift.objects.all().delete()
        PoolDrift.objects.bulk_create(rows)


LOOKS = (
    (Kind.FLAT, _look_for_stillness),
    (Kind.UNREADABLE, _look_for_unreadable),
    (Kind.DRIFT, _look_for_drift),
    (Kind.TIME_TO_FULL, filling.look),
)
