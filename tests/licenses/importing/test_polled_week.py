"""A week that only polls saw, every five minutes, with outages: bounds that hold and are narrow.
Then the log of the same week: exact figures, and nothing held twice. Without --thorough, two days.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from licenses.analysis import rollup
from licenses.importing import mapping
from licenses.importing.files import Wanted, import_file
from licenses.importing.snapshots import store_failure, store_snapshot
from licenses.models import Checkout, Gap, LicensePool, LicenseServer
from licenses.simulator.debug_log import write_debug_log
from licenses.simulator.lmstat import StatusPrinter
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.records import Result
from tests.thorough import SECOND_RUN, is_thorough

from .conftest import NOW, Year

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

STEP = 300
FIRST = NOW - 16 * 86400
DAYS = 7 if is_thorough() else 2
LAST = FIRST + DAYS * 86400
LENGTHS = (1, 2, 5, 40) if is_thorough() else (1, 2, 5)
FAILURES = (Result.TIMEOUT, Result.SERVER_DOWN, Result.FAILED)


def outages() -> list[tuple[int, int]]:
    """Return spans of polls that fail: one to forty in a row, at all hours."""
    chance = random.Random(5)
    starts = [FIRST + day * 86400 + chance.randrange(2, 20) * 3600 for day in range(DAYS)]
    return [(start, start + chance.choice(LENGTHS) * STEP) for start in starts]


def stored(feature: str) -> list[rollup.Hour]:
    return rollup.hours(LicensePool.objects.get(name=feature), FIRST - 86400, LAST + 86400)


def seconds(moment: datetime | None) -> int:
    assert moment is not None
    return int(moment.timestamp())


@pytest.mark.skipif(
    SECOND_RUN and not is_thorough(), reason="on PostgreSQL only with --thorough: it takes minutes"
)
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_polled_week_is_bounded_and_its_log_makes_it_exact(year: Year, tmp_path: Path) -> None:
    server = LicenseServer.objects.create(name="berlin", zone="Europe/Berlin", poll_seconds=STEP)
    printer = StatusPrinter(year.history, year.server, FIRST, LAST)
    blind = outages()
    answered = []
    for at in range(FIRST, LAST, STEP):
        if any(start <= at < end for start, end in blind):
            before = Checkout.objects.filter(returned_at=None).count()
            store_failure(server, FAILURES[at % 3], "no answer", at=at, source="poll")
            assert Checkout.objects.filter(returned_at=None).count() == before
            continue
        text = printer.at(at).encode()
        (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
        assert snapshot.result == Result.PARSED, snapshot.detail
        store_snapshot(server, snapshot, text, at=at, source="poll")
        answered.append(at)
    mapping.create_pools(server)
    rollup.drain()

    own = [s for s in year.history.sessions if s.server == year.server and not s.component]
    seen = [s for s in own if any(s.start <= at < s.end for at in answered_in(s, set(answered)))]
    features = sorted({session.feature for session in seen})
    widths: Counter[int] = Counter()
    for feature in features:
        truth = hourly_peaks([s for s in seen if s.feature == feature])
        hours = {row.hour: row for row in stored(feature)}
        for hour, peak in truth.items():
            row = hours.get(hour)
            if row is None or row.peak is None or row.peak_high is None:
                # Nothing is said of an hour of which nothing was seen, and never that it was 0.
                assert any(start <= hour and hour + 3600 <= end + STEP for start, end in blind)
                continue
            assert row.peak <= peak <= row.peak_high, (feature, hour)
            widths[row.peak_high - row.peak] += 1
    narrow = sum(count for width, count in widths.items() if width <= 1)
    assert sum(widths.values()) > 40 * DAYS
    assert narrow >= 0.95 * sum(widths.values()), widths
    gaps = [(seconds(g.starts), seconds(g.ends)) for g in Gap.objects.order_by("starts")]
    for start, end in blind:
        assert any(first <= start and last >= end for first, last in joined(gaps)), (start, end)
    # What is seen by polls alone is never returned inside an outage without its bounds saying so.
    for row in Checkout.objects.exclude(returned_at=None):
        assert seconds(row.returned_at) in set(answered)

    log = tmp_path / "week.log"
    with log.open("wb") as out:
        write_debug_log(year.history, year.server, out, FIRST - 5 * 86400, LAST + 3600)
    import_file(server, log, log.name, Wanted())
    rollup.drain()
    for feature in features:
        sessions = [s for s in own if s.feature == feature and s.start >= FIRST - 5 * 86400]
        truth = hourly_peaks(sessions)
        hours = {row.hour: row for row in stored(feature)}
        # A day after the first: what was taken before the log began is bounded still.
        for hour in range(FIRST + 86400, LAST, 3600):
            row = hours.get(hour)
            want = truth.get(hour, 0)
            found = (row.peak, row.peak_high) if row else (0, 0)
            assert found == (want, want), (feature, hour)
    sampled = Checkout.objects.filter(
        method=Checkout.Method.SAMPLED, taken_at__gte=FIRST, feature__name__in=features
    )
    assert not sampled.exists(), "nothing is held twice"


def answered_in(session: Any, answered: set[int]) -> list[int]:
    """Return the answered polls of a session's time, looking at no more than its first hours."""
    first = -(-session.start // STEP) * STEP
    offset = (FIRST - first) % STEP
    return [
        at
        for at in range(max(first + offset, FIRST), min(session.end, LAST), STEP)
        if at in answered
    ]


def hourly_peaks(sessions: list[Any]) -> dict[int, int]:
    """Return the most seats held at once in each hour of the week, by stepping through changes."""
    changes: Counter[int] = Counter()
    for session in sessions:
        if session.end > session.start:
            changes[session.start] += session.seats
            changes[session.end] -= session.seats
    peaks: dict[int, int] = {}
    held, moments = 0, sorted({*changes, *range(FIRST, LAST, 3600)})
    for at in moments:
        held += changes[at]
        if FIRST <= at < LAST:
            hour = at // 3600 * 3600
            peaks[hour] = max(peaks.get(hour, 0), held)
    return {hour: peak for hour, peak in peaks.items() if peak}


def joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Make one of spans that touch: a new cause begins a new gap where the last one ends."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
