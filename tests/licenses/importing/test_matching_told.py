"""Which status row shows which OUT, by the texts that tell of both, as the product counts them and
as whoever has only the evidence does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import transaction

from licenses.analysis.holdings import holdings
from licenses.evidence.recount.holdings import feature_holdings
from licenses.evidence.recount.told import Server
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_snapshot
from licenses.models import Feature, LicensePool, LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import ProductFactory
from tests.told import told_of

from .test_disputes import BLOCK, DAY, HEAD
from .test_restart_answers import log

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

Step = Callable[[LicenseServer], None]
Known = tuple[str, str, str, str]
"""When a seat was taken, by when, until when it is known to be held, and until when possibly; all
minutes and seconds past nine."""


def seconds(past: str) -> int:
    minute, _, second = past.partition(":")
    return int(minute) * 60 + int(second or 0)


def poll(when: str, *minutes: int) -> Step:
    """Let an answer show Ada's seats, each by the minute of its start."""
    moment = DAY + timedelta(seconds=seconds(when))
    text = HEAD.format(at=moment, used=len(minutes)) + BLOCK * bool(minutes)
    for minute in minutes:
        text += f"    ada pc1 pc1 (v1.0) (lic1/27000 {minute}01), start Mon 3/2 9:{minute:02}\n"
    said, now = (text + "\n").encode(), int(moment.timestamp())

    def tell(server: LicenseServer) -> None:
        (snapshot,) = parse_lmstat(said, zone=server.tzinfo, now=now)
        store_snapshot(server, snapshot, said, at=now, source="poll")

    return tell


def moves(folder: Path, *told: str) -> Step:
    """Import a log of that morning in which Ada takes and returns seats: "1:40 OUT"."""
    lines = []
    for when, what in (each.split() for each in told):
        lines.append(
            f'{DAY + timedelta(seconds=seconds(when)):%H:%M:%S} (acmed) {what}: "CAD" ada@pc1'
        )
    ends = ["8:40:00 (acmed) TIMESTAMP 3/2/2026", "10:00:00 (acmed) TIMESTAMP 3/2/2026"]
    return lambda server: log(folder, server, ends[0], *lines, ends[1])


def known(*steps: Step) -> list[Known]:
    """Return what is known of each seat of Ada's once a server was told so, in any order, and made
    anew, as it is counted and as it is counted again: the same."""
    found = set()
    with time_machine.travel(datetime(2026, 3, 3, tzinfo=UTC), tick=False):
        for order in (steps, steps[::-1], [*steps[1:], steps[0]]):
            undo = transaction.savepoint()
            server = LicenseServer.objects.create(name="berlin", zone="UTC")
            feature = Feature.objects.create(server=server, daemon="acmed", name="CAD")
            pool = LicensePool.objects.create(product=ProductFactory(), name="cad", zone="UTC")
            map_feature(feature, pool)
            for step in order:
                step(server)
            found |= {counted(pool), recounted(server)}
            rebuild()
            found |= {counted(pool), recounted(server)}
            transaction.savepoint_rollback(undo)
    (only,) = found
    return list(only)


def counted(pool: LicensePool) -> tuple[Known, ...]:
    rows = holdings(pool, 0, 2**40)
    columns = rows.taken_at, rows.taken_by, rows.returned_after, rows.returned_at
    return tuple(sorted(past(*row) for row in zip(*(c.tolist() for c in columns), strict=True)))


def recounted(server: LicenseServer) -> tuple[Known, ...]:
    told = Server()
    for entry in told_of(server):
        told.add(entry)
    rows, _missed = feature_holdings(told, ("acmed", "CAD"))
    return tuple(sorted(past(row[5], row[3], row[4], row[6]) for row in rows))


def past(taken_at: int, taken_by: int, returned_after: int, returned_at: int) -> Known:
    moments = taken_at, taken_by, returned_after, returned_at
    start = int(DAY.timestamp())
    told = (f"{(at - start) // 60}:{(at - start) % 60:02}" for at in moments)
    return tuple(told)  # type: ignore[return-value]


def test_a_row_that_ceases_to_be_shown_around_an_in_is_of_the_seat_that_it_ends(
    tmp_path: Path,
) -> None:
    log = moves(tmp_path, "1:10 OUT", "1:20 OUT", "10:00 IN", "11:00 IN")
    assert known(poll("5", 1), poll("10:30", 1), poll("12"), log) == [
        ("1:10", "1:10", "1:11", "10:00"),
        ("1:20", "1:20", "11:00", "11:00"),
    ]


def test_each_row_of_a_clock_that_is_ahead_is_a_logged_seat(tmp_path: Path) -> None:
    log = moves(tmp_path, "1 OUT", "2 OUT", "10 IN", "12 IN")
    answers = [poll("3", 1, 2), poll("11:20", 1, 2), poll("13:20", 1), poll("15")]
    assert known(*answers, log) == [
        ("1:00", "1:00", "12:00", "15:00"),
        ("2:00", "2:00", "10:00", "13:20"),
    ]


def test_each_row_of_minutes_that_are_rounded_up_is_a_logged_seat(tmp_path: Path) -> None:
    log = moves(tmp_path, "1:40 OUT", "2:10 OUT")
    answers = [poll("5", 2, 3), poll("30", 2, 3)]
    assert [row[:3] for row in known(*answers, log)] == [
        ("1:40", "1:40", "60:01"),
        ("2:10", "2:10", "60:01"),
    ]
