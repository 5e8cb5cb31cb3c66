"""Which status row shows which OUT, by the texts that tell of both, as the product counts them and
as whoever has only the evidence does."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
import time_machine
from django.db import transaction

from licenses.analysis.holdings import holdings
from licenses.evidence.recount import matching
from licenses.evidence.recount.holdings import feature_holdings
from licenses.evidence.recount.told import Server
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_snapshot
from licenses.models import Checkout, Feature, LicensePool, LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import ProductFactory
from tests.told import told_of

from .test_disputes import BLOCK, DAY, HEAD
from .test_restart_answers import BORROWED, log
from .test_restart_answers import poll as show

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
    start = int(DAY.timestamp())

    def clock(at: int) -> str:
        return f"{(at - start) // 60}:{(at - start) % 60:02}"

    return clock(taken_at), clock(taken_by), clock(returned_after), clock(returned_at)


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


@pytest.mark.parametrize(
    ("kept", "ends"), [(2, ("40:00", "30:00")), (3, ("30:00", "40:00"))], ids=["first", "second"]
)
def test_an_in_returns_the_seat_of_a_row_that_is_rounded_up(
    tmp_path: Path, kept: int, ends: tuple[str, str]
) -> None:
    """kept: the minute of the row that is shown for longer."""
    log = moves(tmp_path, "1:40 OUT", "2:10 OUT", "30 IN", "40 IN")
    answers = [poll("5", 2, 3), poll("29", 2, 3), poll("35", kept), poll("45")]
    assert known(*answers, log) == [
        ("1:40", "1:40", ends[0], ends[0]),
        ("2:10", "2:10", ends[1], ends[1]),
    ]


@pytest.mark.parametrize("kept", [1, 2])
def test_a_seat_returned_before_an_answer_explains_no_row_whose_out_was_lost(
    tmp_path: Path, kept: int
) -> None:
    """The first seat was out for two minutes; the OUT of the third, at 9:02, was lost.

    kept: the minute of the row that is shown for longer.
    """
    log = moves(tmp_path, "0:50 OUT", "1:10 OUT", "3 IN", "30 IN", "40 IN")
    answers = [poll("5", 1, 2), poll("29", 1, 2), poll("35", kept), poll("45")]
    second, third = ("40:00", "30:00") if kept == 1 else ("30:00", "40:00")
    assert known(*answers, log) == [
        ("0:50", "0:50", "3:00", "3:00"),
        ("1:10", "1:10", second, second),
        ("2:00", "2:59", third, third),
    ]


def history(folder: Path, chance: random.Random) -> list[Step]:
    """Return what may be told of seats taken within a few minutes: rounded, by another clock, with
    lines lost."""
    ahead, rounding = chance.choice([0, 0, 90]), chance.choice([0, 0, 59])
    seats, lines = [], []
    for _ in range(chance.randrange(2, 7)):
        out = 60 + chance.randrange(240)
        seats.append((out, out + chance.choice([20, 70, 300, 900, 1500]) + chance.randrange(60)))
    for out, back in seats:
        lines += [(at, what) for at, what in ((out, "OUT"), (back, "IN")) if chance.random() < 0.9]
    told = [f"{at // 60}:{at % 60:02} {what}" for at, what in sorted(lines)]
    steps = [moves(folder, *told)]
    for at in range(90 + chance.randrange(90), 2400, chance.choice([90, 300, 600])):
        rows = [(out + rounding) // 60 for out, back in seats if out <= at - ahead < back]
        steps.append(poll(f"{at // 60}:{at % 60:02}", *rows))
    chance.shuffle(steps)
    return steps


SEEDS = (3, 9, 14, 44, 89, 95)
"""Histories in which rows go over to other OUTs."""


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_told_is_counted_again_alike(tmp_path: Path, seed: int) -> None:
    known(*history(tmp_path, random.Random(seed)))


@pytest.mark.once
@pytest.mark.parametrize("change", ["exchanged", "passed_on"])
def test_a_recount_in_which_no_row_makes_room_would_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(matching, change, lambda *_told: False)
    with pytest.raises(ValueError, match="too many values"):
        known(*history(tmp_path, random.Random(SEEDS[0])))


def test_which_of_two_rows_alike_shows_which_out_is_no_matter_of_what_came_first(
    tmp_path: Path,
) -> None:
    rows = [f"ada pc1 pc1 (v1.0) (lic1/27000 {handle}), start Mon 3/2 9:01" for handle in (1, 2)]
    rows[1] += BORROWED
    log = moves(tmp_path, "1:10 OUT", "1:20 OUT")
    answers: list[Step] = [
        lambda server: show(server, 5, *rows),
        lambda server: show(server, 9, *rows[::-1]),
    ]
    found = set()
    for order in permutations([log, *answers]):
        undo = transaction.savepoint()
        server = LicenseServer.objects.create(name="berlin", zone="UTC")
        for step in order:
            step(server)
        held = Checkout.objects.order_by("taken_at")
        found.add(tuple(held.values_list("taken_at", "state", "sighting__row_key")))
        transaction.savepoint_rollback(undo)
    assert len(found) == 1
