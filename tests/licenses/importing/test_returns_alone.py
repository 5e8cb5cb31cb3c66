"""A return of what the log never saw taken proves that a seat was out before it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import rollup
from licenses.analysis.holdings import holdings
from licenses.analysis.usage import usage
from licenses.evidence.recount.holdings import feature_holdings
from licenses.evidence.recount.told import Server
from licenses.importing import bulk
from licenses.importing.held import IN, LATE_RETURN, OUT, RETURNED, Fact
from licenses.importing.lines import lines_of
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.pairing import pair
from licenses.importing.rebuilding import rebuild, rebuild_holdings
from licenses.importing.snapshots import store_snapshot
from licenses.models import (
    Checkout,
    Denial,
    Disagreement,
    Feature,
    LicensePool,
    LicenseServer,
    PoolHour,
    QueueEntry,
)
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import ProductFactory, at
from tests.told import told_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

ALONE = Checkout.Method.RETURNED
HEAD = "8:00:00 (lmgrd) TIMESTAMP 3/2/2026\n"
RETURN = '8:30:00 (vd) IN: "cad" ann@pc1\n'
REST = '8:40:00 (vd) OUT: "cad" bob@pc2\n8:45:00 (vd) IN: "cad" bob@pc2\n'
END = "9:00:00 (lmgrd) TIMESTAMP 3/2/2026\n"
LOG = HEAD + RETURN + REST + END
EARLIER = '6:00:00 (lmgrd) TIMESTAMP 3/2/2026\n6:10:00 (vd) OUT: "cad" cy@pc3\n{more}' + HEAD
STATUS = """\
lmutil - Copyright (c) 1989-2026 Made Up, Inc. All Rights Reserved.
Flexible License Manager status on Mon 3/2/2026 {time}

[Detecting lmgrd processes...]
License server status: 27000@lic
    License file(s) on lic: /opt/lic/license.dat:

lic: license server UP (MASTER) v11.16.2

Vendor daemon status (on lic):

   vd: UP v11.16.2
Feature usage info:

Users of cad:  (Total of 9 licenses issued;  Total of 0 licenses in use)
"""


@pytest.fixture
def pool() -> LicensePool:
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    feature = Feature.objects.create(server=server, daemon="vd", name="cad")
    pool: LicensePool = LicensePool.objects.create(product=ProductFactory(), name="cad", zone="UTC")
    map_feature(feature, pool)
    return pool


def read(text: str, first: date = date(2026, 3, 2)) -> None:
    """Read a log, or a complete answer that shows nobody."""
    server = LicenseServer.objects.get()
    with time_machine.travel(datetime(2026, 3, 20, tzinfo=UTC), tick=False):
        if not text.startswith("lmutil"):
            LogImport(server, source="a.log", first_day=first).store(text.encode(), last=True)
            return
        (snapshot,) = parse_lmstat(text.encode(), zone=UTC, now=at("2026-03-20"))
        assert snapshot.result == "parsed" and snapshot.taken_at is not None, snapshot.detail
        # Of every other one the minute alone is known, as of one that was saved.
        saved = 59 * (snapshot.taken_at // 60 % 2)
        moment, asked = snapshot.taken_at, "poll"
        store_snapshot(server, snapshot, text.encode(), at=moment, source=asked, within=saved)


def alone() -> list[tuple[str, str]]:
    """Return from when until when what a return alone tells of is possible."""
    rows = Checkout.objects.filter(method=ALONE).order_by("taken_at", "returned_at")
    for row in rows:
        assert row.taken_by == row.returned_after == row.returned_at
        assert row.end_reason == Checkout.EndReason.RETURNED
    return [(f"{row.taken_at:%d %H:%M}", f"{row.returned_at:%d %H:%M}") for row in rows]


def disagreements() -> int:
    return Disagreement.objects.filter(kind=Disagreement.Kind.RETURN_ALONE).count()


def peaks(pool: LicensePool, start: str, end: str) -> tuple[Any, ...]:
    (found,) = usage(pool, start=at(start), end=at(end), people=True).periods
    return (
        *(found.peak_low, found.peak, found.peak_high, found.seat_seconds),
        *(found.observed_seconds, found.checkouts, found.people),
    )


def test_a_seat_that_only_its_return_tells_of_was_possibly_out_since_the_log_began(
    pool: LicensePool,
) -> None:
    read(LOG)
    assert peaks(pool, "2026-03-02T08:00", "2026-03-02T08:30") == (0, 0, 1, 0, 1800, 0, 0)
    assert peaks(pool, "2026-03-02T08:30", "2026-03-02T09:00") == (1, 1, 1, 300, 1800, 1, 1)
    assert (alone(), disagreements()) == ([("02 08:00", "02 08:30")], 1)
    rollup.drain()
    (hour,) = PoolHour.objects.all()
    assert (hour.peak, hour.peak_high, hour.checkouts) == (1, 1, 1)
    (first,) = holdings(pool, at("2026-03-02T08:00"), at("2026-03-02T08:30")).exact.tolist()
    assert not first


def test_one_more_is_possible_beside_what_is_known(pool: LicensePool) -> None:
    read(HEAD + '8:10:00 (vd) OUT: "cad" bob@pc2\n' + RETURN + END)
    assert peaks(pool, "2026-03-02T08:00", "2026-03-02T09:00")[:3] == (1, 1, 2)


START = "8:10:00 (vd) Server started on lic for: cad\n"
SILENT = '16:30:00 (lmgrd) TIMESTAMP 3/2/2026\n16:40:00 (vd) IN: "cad" ann@pc1\n'


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param([HEAD + START + RETURN + END], [], id="restart"),
        pytest.param(
            [HEAD + START.replace("8:10", "8:30") + RETURN + END],
            [("02 08:00", "02 08:30")],
            id="restart-of-its-second",
        ),
        pytest.param([LOG, STATUS.format(time="08:10")], [], id="answer"),
        pytest.param(
            [LOG, STATUS.format(time="08:35")], [("02 08:00", "02 08:30")], id="answer-after"
        ),
        pytest.param(
            [LOG, STATUS.format(time="07:50")], [("02 08:00", "02 08:30")], id="answer-before"
        ),
        pytest.param(
            [HEAD + END + SILENT],
            [("02 16:30", "02 16:40")],
            id="hole",
        ),
        pytest.param(
            [HEAD + '8:10:00 (vd) IN: "ca\n' + RETURN + END],
            [("02 08:10", "02 08:30")],
            id="damaged-line",
        ),
        pytest.param(
            [RETURN + END],
            [],
            id="first-line",
        ),
        pytest.param(
            [EARLIER.format(more=""), LOG], [("02 06:00", "02 08:30")], id="earlier-piece"
        ),
        pytest.param(
            [EARLIER.format(more='6:20:00 (vd) OUT: "cad" ann@pc1\n'), LOG], [], id="its-out"
        ),
    ],
)
def test_what_bounds_it_does_so_in_whatever_order_it_is_learned(
    pool: LicensePool, texts: list[str], found: list[tuple[str, str]]
) -> None:
    for order in permutations(texts):
        with transaction.atomic():
            for text in order:
                read(text)
            assert alone() == found
            told = disagreements()
            assert told == (0 if "6:20:00" in "".join(texts) else 1)
            rebuild_holdings(LicenseServer.objects.get())
            assert (alone(), disagreements()) == (found, told)
            transaction.set_rollback(True)


def test_an_answer_of_the_minute_of_the_return_counts_alike_in_any_order(
    pool: LicensePool,
) -> None:
    """Whether it came before the return is not known, and of the first answer alone it is asked."""
    text = STATUS.format(time="08:30").encode()
    server, found = LicenseServer.objects.get(), []
    for answers in permutations([(0, 59), (20, 0)]):
        with transaction.atomic():
            read(LOG.replace("8:30:00", "8:30:30"))
            for later, within in answers:
                moment = at("2026-03-02T08:30") + later
                (snapshot,) = parse_lmstat(text, zone=UTC, now=moment)
                store_snapshot(server, snapshot, text, at=moment, source="a", within=within)
            found.append(alone())
            rebuild_holdings(server)
            found.append(alone())
            transaction.set_rollback(True)
    assert found == [[("02 08:00", "02 08:30")]] * 4


@pytest.mark.parametrize(("time", "count"), [("8:00:00", 1), ("8:00:01", 0)])
def test_more_than_a_week_later_it_is_more_likely_a_line_told_twice(
    pool: LicensePool, time: str, count: int
) -> None:
    stamps = [
        f"{hour}:00:00 (lmgrd) TIMESTAMP 3/{day}/2026\n"
        for day in range(2, 10)
        for hour in (2, 8, 14, 20)
    ]
    text = "".join(stamps[1:])
    text = text[: text.index("8:00:00 (lmgrd) TIMESTAMP 3/9/2026")]
    read(f'{text}{time} (vd) IN: "cad" ann@pc1\n9:00:00 (lmgrd) TIMESTAMP 3/9/2026\n')
    assert (len(alone()), disagreements()) == (count, 1)


def test_it_leads_to_the_line_of_its_return_alone(pool: LicensePool) -> None:
    read(LOG)
    row = Checkout.objects.get(method=ALONE)
    told = lines_of([row.pk], at("2026-03-02T08:20"))
    assert [(line.what, line.line, line.text) for line in told] == [("returned", 2, RETURN.strip())]


def test_it_serves_no_refusal_and_ends_no_wait(pool: LicensePool) -> None:
    refused = (
        '8:00:00 (vd) DENIED: "cad" ann@pc1  (Licensed number of users already reached. (-4,342))\n'
    )
    waited = '8:00:00 (vd) QUEUED: "cad" ann@pc1\n8:00:01 (vd) DEQUEUED: "cad" ann@pc1\n'
    read(HEAD + refused + waited + RETURN + REST + END)
    rollup.drain()
    assert alone() == [("02 08:00", "02 08:30")]
    assert Denial.objects.get().served_at is None
    assert QueueEntry.objects.get().outcome == QueueEntry.Outcome.GAVE_UP


def test_several_of_one_holder_are_as_many(pool: LicensePool) -> None:
    """Also where the first is long stored when the others come."""
    more = '8:50:00 (vd) IN: "cad" ann@pc1\n'
    read(HEAD + RETURN)
    read("8:45:00 (lmgrd) TIMESTAMP 3/2/2026\n" + more * 2 + END)
    found = [("02 08:00", "02 08:30"), ("02 08:00", "02 08:50"), ("02 08:00", "02 08:50")]
    assert alone() == found
    assert peaks(pool, "2026-03-02T08:00", "2026-03-02T09:00")[:3] == (0, 0, 3)
    rebuild_holdings(LicenseServer.objects.get())
    assert alone() == found


def test_what_was_taken_in_the_first_second_of_the_log_keeps_its_number(pool: LicensePool) -> None:
    read(HEAD + '8:00:00 (vd) OUT: "cad" ann@pc1\n' + RETURN)
    read('8:45:00 (lmgrd) TIMESTAMP 3/2/2026\n8:50:00 (vd) IN: "cad" ann@pc1\n' + END)
    rows = Checkout.objects.order_by("ordinal").values_list("ordinal", "method")
    assert [*rows] == [(0, Checkout.Method.EVENT), (1, ALONE)]


def test_an_in_that_ends_nothing_makes_a_holding_that_is_possible_only() -> None:
    known = {"heard_since": lambda _moment: 10, "next_poll": lambda _moment: None}
    facts = [Fact(10, OUT), Fact(20, IN), Fact(30, IN, "inactive")]
    first, second = pair(facts, **known).holdings
    assert first[:4] == (10, 10, 20, 20)
    assert second == (10, 30, 30, 30, RETURNED, "held", "inactive", None)
    late = pair([Fact(30, IN)], already_out=[], heard_since=lambda _m: 10).holdings
    assert [each.taken_at for each in late] == [10]
    lacking = pair(facts, heard_since=lambda _m: 10, next_poll=lambda _m: 29)
    assert [each.method for each in lacking.holdings] == [1]
    assert [each.kind for each in lacking.differences] == ["return_alone"]


def clock(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}"


def stamp(moment: int) -> str:
    then = datetime.fromtimestamp(moment, UTC)
    return f"{clock(moment)} (lmgrd) TIMESTAMP {then.month}/{then.day}/{then.year}\n"


def history(seed: int, count: int = 40) -> list[str]:
    """Return pieces of a log of days that lacks many OUTs, has holes, and answers between them."""
    chance = random.Random(seed)
    moment, pieces, said = at("2026-03-02T08:00"), [], []
    for number in range(count):
        moment += chance.choice([1, 60, 600, 3600, 6 * 3600])
        if chance.random() < 0.1:
            moment += 8 * 3600
        if not said or chance.random() < 0.15:
            pieces.append("".join(said))
            said = [stamp(moment)]
        kind, dice = chance.choice(["OUT", "IN", "IN"]), chance.random()
        who = chance.choice(["ann@pc1", "ann@pc1", "bob@pc2"])
        if dice < 0.85:
            # A date line before each, as a log prints one every six hours.
            said.append(f'{stamp(moment)}{clock(moment)} (vd) {kind}: "cad" {who}\n')
        elif dice < 0.89:
            said.append(f"{stamp(moment)}{clock(moment)} (vd) Server started on lic for: cad\n")
        elif dice < 0.93:
            said.append(f'{stamp(moment)}{clock(moment)} (vd) IN: "ca\n')
        elif number > 5:
            then = datetime.fromtimestamp(moment, UTC)
            head = STATUS.replace("Mon 3/2/2026 {time}", f"{then:%a} 3/{then.day}/2026 {{time}}")
            pieces.append(head.format(time=clock(moment)[:5]))
    return [piece for piece in [*pieces, "".join(said)] if piece]


def stored() -> list[tuple[Any, ...]]:
    names = ("person__identity__login", "taken_at", "taken_within", "returned_after", "returned_at")
    rows = Checkout.objects.values_list(*names, "ordinal", "method", "end_reason")
    told = Disagreement.objects.values_list("person__identity__login", "kind", "starts", "ends")
    return sorted([*rows, *told], key=repr)


def recounted() -> list[tuple[int, ...]]:
    server = Server()
    for entry in told_of(LicenseServer.objects.get()):
        server.add(entry)
    rows = feature_holdings(server, ("vd", "cad"))[0]
    return sorted((*row[3:8], row[-1]) for row in rows)


def counted(pool: LicensePool) -> list[tuple[int, ...]]:
    rows = holdings(pool, 0, 2**40)
    names = ("taken_by", "returned_after", "taken_at", "returned_at", "exact")
    single = dict(Checkout.objects.values_list("pk", "method"))
    lone = [single[pk] == ALONE for pk in rows.checkout.tolist()]
    return sorted(zip(*(getattr(rows, name).tolist() for name in names), lone, strict=True))


def read_all(texts: Sequence[str]) -> None:
    for text in texts:
        found = text.find("TIMESTAMP 3/")
        day = 2 if found < 0 else int(text[found + 12 :].split("/")[0])
        read(text, date(2026, 3, day))
        rollup.drain()


@pytest.mark.parametrize("seed", range(40))
def test_rows_are_alike_in_any_order_rebuilt_and_by_the_evidence(
    pool: LicensePool, seed: int
) -> None:
    read_all(history(seed))
    whole = stored()
    assert counted(pool) == recounted()
    hours = [*PoolHour.objects.order_by("hour").values_list("hour", "peak", "peak_high")]
    with transaction.atomic():
        rebuild()
        rollup.drain()
        assert stored() == whole
        assert [
            *PoolHour.objects.order_by("hour").values_list("hour", "peak", "peak_high")
        ] == hours
        transaction.set_rollback(True)


@pytest.mark.parametrize("seed", range(40))
def test_rows_are_alike_whatever_order_pieces_come_in(pool: LicensePool, seed: int) -> None:
    texts, chance = history(seed), random.Random(seed)
    found = []
    for _ in range(3):
        with transaction.atomic():
            read_all(texts)
            hours = PoolHour.objects.order_by("hour").values_list("hour", "peak", "peak_high")
            found.append((without_numbers(), [*hours]))
            transaction.set_rollback(True)
        chance.shuffle(texts)
    assert found[0] == found[1] == found[2]
    assert seed > 4 or any(row[-2] == ALONE for row in found[0][0] if len(row) > 6)


def without_numbers() -> list[tuple[Any, ...]]:
    return sorted([(*row[:5], *row[6:]) if len(row) == 8 else row for row in stored()], key=repr)


def test_a_big_new_log_comes_to_the_same_key_by_key(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [HEAD, RETURN, RETURN.replace("8:30", "8:31"), RETURN.replace("ann", "eve")]
    for minute in range(32, 60):
        for second in range(0, 60, 3):
            kind = "OUT" if second % 2 else "IN"
            lines.append(f'8:{minute}:{second:02} (vd) {kind}: "cad" u{second // 6}@pc\n')
    found = []
    for many in (bulk.MANY, 10**9):
        monkeypatch.setattr(bulk, "MANY", many)
        assert (len(lines) > many) == (many < 10**9)
        with transaction.atomic():
            read("".join([*lines, END]))
            found.append(stored())
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert sum(row[6] == ALONE for row in found[0] if len(row) == 8) > 3


def test_the_week_is_that_of_late_returns() -> None:
    assert LATE_RETURN == 7 * 86_400
