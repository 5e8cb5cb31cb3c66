"""R14: our own clock goes back. Polls go on, the time that it shows twice is a gap with its cause,
and each step is one piece of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from licenses.analysis import coverage
from licenses.importing import clock_back, mapping, polling
from licenses.models import Checkout, Gap, LicensePool, LicenseServer
from tests.factories import at
from tests.told import told_of

from .test_polling import ROWS, STATUS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START = at("2026-03-02T12:00")
STEP = 600
HOUR, DAY = 3600, 86_400


@pytest.fixture
def server(tmp_path: Path) -> LicenseServer:
    return LicenseServer.objects.create(
        name="h1", zone="UTC", polling="file", poll_seconds=STEP,
        status_path=str(tmp_path / "status.txt"),
    )  # fmt: skip


def polled(server: LicenseServer, clock: int, times: int) -> Iterator[int]:
    """Ask when the server is due, every ten minutes of our clock; yield how often that was."""
    since = datetime.fromtimestamp(START - 600, UTC)
    for number in range(times):
        with time_machine.travel(clock + number * STEP, tick=False):
            now = datetime.now(UTC)
            text = STATUS.format(day=now, host="h1", n=1) + ROWS.format(day=since, host="h1")
            Path(server.status_path).write_text(text)
            yield len(polling.poll(polling.due(now)))


def told(server: LicenseServer, kind: str) -> list[dict[str, object]]:
    return [entry["body"] for entry in told_of(server) if entry["kind"] == kind]


def gaps(server: LicenseServer, end: int) -> list[tuple[int, int, str]]:
    pool = LicensePool.objects.get()
    found = coverage.gaps(pool, START, end, now=end)
    return [(gap.start - START, gap.end - START, gap.cause) for gap in found]


@pytest.mark.parametrize("back", [3, 90, HOUR, DAY])
def test_a_clock_that_goes_back_is_told_once_and_what_it_shows_twice_is_a_gap(
    server: LicenseServer, back: int
) -> None:
    assert sum(polled(server, START, 8)) == 8
    mapping.create_pools(server)
    last = START + 7 * STEP
    later = last - back
    assert sum(polled(server, later, 10)) == 10, "polls do not wait for the old time"
    assert told(server, "clock") == [{"reason": "our own clock went back", "step": -back}]
    gap = Gap.objects.get(cause=Gap.Cause.CLOCK_SUSPECT)
    assert (gap.starts.timestamp(), gap.ends.timestamp()) == (later, last)
    end = later + 9 * STEP
    seen = [(max(later, START) - START, min(last, end) - START, "clock_suspect")]
    if end > START:
        assert gaps(server, end) == [row for row in seen if row[0] < row[1]]
    rows = Checkout.objects.all()
    assert [row.returned_at for row in rows] == [None]


@pytest.mark.parametrize("forth", [0, 1, 2, -2])
def test_seconds_are_no_step(server: LicenseServer, forth: int) -> None:
    assert sum(polled(server, START, 3)) == 3
    assert sum(polled(server, START + 2 * STEP + STEP + forth, 3)) >= 2
    assert told(server, "clock") == []


def test_a_clock_that_goes_forth_leaves_time_in_which_nobody_asked(server: LicenseServer) -> None:
    assert sum(polled(server, START, 3)) == 3
    mapping.create_pools(server)
    assert sum(polled(server, START + 2 * STEP + HOUR, 3)) == 3
    assert told(server, "clock") == []
    end = START + 4 * STEP + HOUR
    assert gaps(server, end) == [(2 * STEP, 2 * STEP + HOUR, "collector_down")]


@pytest.mark.once
def test_a_clock_that_is_believed_whatever_it_shows_would_be_noticed(
    server: LicenseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_back, "note", lambda *_arguments: [])
    assert sum(polled(server, START, 8)) == 8
    mapping.create_pools(server)
    later = START + 7 * STEP - HOUR
    assert sum(polled(server, later, 10)) == 10
    assert told(server, "clock") == []
    assert gaps(server, later + 9 * STEP) == []
