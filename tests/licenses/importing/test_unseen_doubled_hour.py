"""A log that runs through the hour that the zone's clock shows twice, and is not seen to fall."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise, permutations
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from licenses.analysis import rollup
from licenses.analysis.mappings import load_mappings
from licenses.analysis.sights import load_sights, whole_log
from licenses.analysis.usage import usage
from licenses.importing import bulk, mapping
from licenses.importing.logs import LogImport
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import (
    Boundary,
    Checkout,
    DenialEpisode,
    Disagreement,
    LicensePool,
    LicenseServer,
    QueueEntry,
)
from tests.factories import PoolFactory, ServerFactory, at
from tests.thorough import one_in, usually

from .repeated_hour import answer, asked, logged, night, store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

ZONE = ZoneInfo("Europe/Berlin")
DAY = "2026-10-25"
BEGIN, END = at(f"{DAY}T00:00"), at(f"{DAY}T02:00")
"""The clock shows 2:00 to 3:00 from 0:00 to 1:00 UTC, and again from 1:00 to 2:00."""
HEAD = "0:00:01 (vend) TIMESTAMP 10/25/2026\n"
TAIL = "6:00:00 (vend) TIMESTAMP 10/25/2026\n"


class Line(NamedTuple):
    at: int
    word: str
    who: str

    @property
    def text(self) -> str:
        then = datetime.fromtimestamp(self.at, ZONE)
        return f'{then:%H:%M:%S} (vend) {self.word}: "cad" {self.who}@h1\n'


class Row(NamedTuple):
    """From when on a seat is possible and known, and until when."""

    taken_at: str
    taken_by: str
    returned_after: str
    returned_at: str


@pytest.fixture
def server() -> LicenseServer:
    server: LicenseServer = ServerFactory(name="lic", zone="Europe/Berlin")
    return server


def read(server: LicenseServer, lines: Iterable[str], day: int = 25) -> list[str]:
    run = LogImport(server, source="a.log", first_day=date(2026, 10, day))
    run.store("".join(lines).encode(), last=True)
    return run.result.notes


def read_as_it_grows(server: LicenseServer, lines: Sequence[str], *sizes: int) -> None:
    """Read so many lines at a time, each by an import that goes on from the one before."""
    cursor = None
    for first, last in pairwise([0, *sizes, len(lines)]):
        run = LogImport(server, source="a.log", first_day=date(2026, 10, 25), cursor=cursor)
        run.store("".join(lines[first:last]).encode())
        cursor = run.cursor()


def held() -> list[Row]:
    rows = Checkout.objects.order_by("taken_at", "returned_at", "person__identity__login")
    moments = [(row.taken_at, row.taken_by, row.returned_after, row.returned_at) for row in rows]
    return [
        Row(*("" if each is None else f"{each.astimezone(UTC):%H:%M}" for each in row))
        for row in moments
    ]


def out(time: str, who: str = "ann") -> str:
    return f'{time}:00 (vend) OUT: "cad" {who}@h1\n'


def back(time: str, who: str = "ann") -> str:
    return f'{time}:00 (vend) IN: "cad" {who}@h1\n'


UNSEEN = [
    pytest.param(
        [out("1:30"), back("3:30")], Row("23:30", "23:30", "02:30", "02:30"), id="through"
    ),
    pytest.param([out("2:10"), back("3:30")], Row("00:10", "01:10", "02:30", "02:30"), id="taken"),
    pytest.param([out("1:30"), back("2:20")], Row("23:30", "23:30", "00:20", "01:20"), id="back"),
    pytest.param([out("2:10"), back("2:20")], Row("00:10", "01:10", "01:10", "01:20"), id="both"),
    pytest.param([out("2:10")], Row("00:10", "01:10", "", ""), id="never back"),
    pytest.param([out("1:10"), back("1:20")], Row("23:10", "23:10", "23:20", "23:20"), id="before"),
    pytest.param([out("3:10"), back("3:20")], Row("02:10", "02:10", "02:20", "02:20"), id="after"),
]


@pytest.mark.parametrize(("lines", "expected"), UNSEEN)
def test_what_may_have_been_in_either_hour_is_known_in_neither(
    server: LicenseServer, lines: list[str], expected: Row
) -> None:
    read(server, [HEAD, *lines, TAIL])
    for _again in range(2):
        assert held() == [expected]
        rebuild_holdings(server)


@pytest.mark.parametrize(("lines", "expected"), UNSEEN)
def test_what_is_paired_in_columns_comes_to_the_same(
    server: LicenseServer, monkeypatch: pytest.MonkeyPatch, lines: list[str], expected: Row
) -> None:
    monkeypatch.setattr(bulk, "MANY", 1)
    # The first line of each kind is never read in columns, nor is one without the usual blanks.
    text = [HEAD, out("0:10", "eve"), back("0:20", "eve"), *lines, TAIL]
    read(server, [line.replace("@h1", "@h1  ") for line in text])
    assert held() == [Row("22:10", "22:10", "22:20", "22:20"), expected]


@pytest.mark.parametrize(("lines", "expected"), UNSEEN)
def test_a_file_that_is_followed_comes_to_the_same(
    server: LicenseServer, lines: list[str], expected: Row
) -> None:
    text = [HEAD, *lines, TAIL]
    read_as_it_grows(server, text, *range(1, len(text)))
    for _again in range(2):
        assert held() == [expected]
        rebuild_holdings(server)


def test_what_follows_in_that_hour_takes_no_return_from_what_was_before(
    server: LicenseServer,
) -> None:
    text = [HEAD, out("2:10"), back("2:20"), out("2:30"), back("3:30"), TAIL]
    read_as_it_grows(server, text, *range(1, len(text)))
    for _again in range(2):
        assert held() == [
            Row("00:10", "01:10", "01:10", "01:20"),
            Row("00:30", "01:30", "02:30", "02:30"),
        ]
        rebuild_holdings(server)


FALLS = [HEAD, out("2:10"), back("2:40"), out("2:05", "bob"), back("3:30", "bob"), TAIL]
EXACT = [Row("00:10", "00:10", "00:40", "00:40"), Row("01:05", "01:05", "02:30", "02:30")]


@pytest.mark.parametrize("sizes", [(), (2,), (3,), (2, 3, 4), (1, 2, 3, 4, 5)])
def test_a_fall_of_the_clock_leaves_nothing_in_doubt(
    server: LicenseServer, sizes: tuple[int, ...]
) -> None:
    read_as_it_grows(server, FALLS, *sizes)
    for _again in range(2):
        assert held() == EXACT
        rebuild_holdings(server)


def test_a_fall_settles_it_for_a_text_that_turns_out_to_be_of_the_whole_server(
    server: LicenseServer,
) -> None:
    text = [*FALLS[:2], "2:12:00 (lmgrd) lmgrd tcp-port 27000\n", *FALLS[2:]]
    read_as_it_grows(server, text, *range(1, len(text)))
    for _again in range(2):
        assert held() == EXACT
        rebuild_holdings(server)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("cut", [2, 3])
def test_a_text_that_ends_before_the_fall_is_settled_by_the_one_that_tells_of_it(
    server: LicenseServer, cut: int, order: tuple[int, ...]
) -> None:
    texts = [FALLS[:cut], FALLS, FALLS[:2]]
    for place in order:
        read(server, texts[place])
    for _again in range(2):
        assert held() == EXACT
        rebuild_holdings(server)


def test_a_text_that_ends_in_the_hour_is_in_doubt_until_then(server: LicenseServer) -> None:
    read(server, FALLS[:3])
    assert held() == [Row("00:10", "01:10", "01:10", "01:40")]
    # What follows begins earlier by the clock, so it is of the second hour.
    read(server, FALLS[3:])
    assert held() == EXACT


def test_a_text_that_goes_on_past_the_hour_without_the_fall_stays_in_doubt(
    server: LicenseServer,
) -> None:
    """It lacks lines that the other has, so its own may be of either hour."""
    read(server, [HEAD, out("2:10", "eve"), back("4:30", "eve"), TAIL])
    read(server, FALLS)
    assert Row("00:10", "01:10", "03:30", "03:30") in held()


def test_no_line_with_an_event_in_the_hour_leaves_nothing_in_doubt(server: LicenseServer) -> None:
    talk = "2:30:00 (vend) TIMESTAMP 10/25/2026\n"
    read(server, [HEAD, out("1:30"), talk, back("3:30"), TAIL])
    assert not Boundary.objects.filter(kind=Boundary.Kind.REPEATED).exists()


def test_lines_that_a_date_line_puts_into_that_hour_are_in_doubt(server: LicenseServer) -> None:
    """Of the days before it a part of the log is lost, so they read as of another day first."""
    lines = ["18:00:00 (vend) TIMESTAMP 10/22/2026\n", out("2:10"), back("3:30")]
    read(server, [*lines, TAIL], day=22)
    for _again in range(2):
        assert held() == [Row("00:10", "01:10", "02:30", "02:30")]
        rebuild_holdings(server)


def test_the_next_day_has_no_such_hour(server: LicenseServer) -> None:
    lines = [out("2:10"), back("2:40"), "9:00:00 (vend) TIMESTAMP 10/26/2026\n"]
    read(server, ["0:00:01 (vend) TIMESTAMP 10/26/2026\n", *lines], day=26)
    assert held() == [Row("01:10", "01:10", "01:40", "01:40")]


@pytest.mark.parametrize("asked_first", [True, False])
def test_answers_tell_more_of_that_hour(server: LicenseServer, asked_first: bool) -> None:
    """Who is shown has the seat; who is not may still take it in the second hour."""
    text = [HEAD, out("2:10"), out("2:11", "bob"), back("3:30"), TAIL]
    uses = [(BEGIN + 600, END + 1800, "ann"), (BEGIN + 4260, END + 9999, "bob")]
    if not asked_first:
        store(server, text)
    for minute in (12, 17, 22):
        answer(server, uses, BEGIN + minute * 60)
    if asked_first:
        store(server, text)
    for _again in range(2):
        assert held() == [
            Row("00:10", "00:12", "02:30", "02:30"),
            Row("00:11", "01:11", "", ""),
        ]
        rebuild_holdings(server)


def test_the_import_says_so(server: LicenseServer) -> None:
    (note,) = read(server, [HEAD, out("2:10"), TAIL])
    assert note.startswith("the clock showed the time from 2026-10-25 02:00 to 03:00 twice")
    # Bob's return at half past three is new, and may be told of.
    assert [note for note in read(server, FALLS) if "twice" in note or "02:" in note] == []


def pool_of(server: LicenseServer) -> LicensePool:
    pool: LicensePool = PoolFactory(zone="UTC")
    mapping.map_feature(server.features.get(), pool)
    return pool


def test_figures_of_both_hours_carry_bounds(server: LicenseServer) -> None:
    read(server, [HEAD, out("1:30", "bob"), out("2:10"), back("2:20"), back("3:30", "bob"), TAIL])
    found = usage(pool_of(server), start=BEGIN - 3600, end=END + 3600, by="hour")
    peaks = [(period.peak, period.peak_high) for period in found.periods]
    assert peaks == [(1, 1), (1, 2), (1, 2), (1, 1)]


def test_a_seat_serves_a_refusal_of_the_same_reading(server: LicenseServer) -> None:
    refused = '2:09:58 (vend) DENIED: "cad" ann@h1  (Licensed number of users already reached. '
    read(server, [HEAD, f"{refused}(-4,342))\n", out("2:10"), back("2:20"), TAIL])
    found = usage(pool_of(server), start=BEGIN, end=END).total
    assert (found.denials, found.denial_episodes) == (1, 0)


def test_who_is_refused_waits_until_the_seat_of_the_same_reading(server: LicenseServer) -> None:
    refused = '2:08:00 (vend) DENIED: "cad" ann@h1  (Licensed number of users already reached. '
    read(server, [HEAD, f"{refused}(-4,342))\n", out("2:10"), back("2:20"), TAIL])
    pool_of(server)
    rollup.drain()
    episode = DenialEpisode.objects.get()
    assert (episode.outcome, episode.lost_seconds) == ("waited", 120)


def test_a_wait_ends_with_the_seat_of_the_same_reading(server: LicenseServer) -> None:
    lines = [
        out("2:10"),
        back("2:12"),
        out("2:20").replace("OUT", "QUEUED"),
        out("2:25").replace("OUT", "DEQUEUED"),
        out("2:28").replace("OUT", "QUEUED"),
        out("2:35"),
    ]
    read(server, [HEAD, *lines, TAIL])
    entries = QueueEntry.objects.order_by("ended_at")
    found = [(entry.outcome, f"{entry.ended_at:%H:%M}") for entry in entries]
    assert found == [("gave up", "00:25"), ("seated", "00:35")]


@pytest.mark.parametrize("unseen", [True, False])
def test_a_log_alone_proves_nothing_of_the_two_hours(server: LicenseServer, unseen: bool) -> None:
    start = "0:30:00 (vend) Server started on lic for: cad\n"
    fall = [] if unseen else ["2:05:00 (vend) TIMESTAMP 10/25/2026\n"]
    read(server, [HEAD, start, out("2:10"), *fall, back("3:30"), TAIL])
    pool = pool_of(server)
    mappings = load_mappings([pool.pk])
    told = whole_log(mappings[pool.pk][0], load_sights(mappings, BEGIN - 86400, END + 86400))
    whole = at(f"{DAY}T05:00")
    begun = at("2026-10-24T22:30")
    assert list(told) == ([(begun, BEGIN), (END, whole)] if unseen else [(begun, whole)])


def truth(chance: random.Random) -> list[Line]:
    """Return what happened from 1:00 to 4:00 by the clock, which is four hours."""
    lines = []
    for number in range(chance.randrange(1, 7)):
        start = chance.randrange(BEGIN - 3600, END + 3000, 10)
        who = f"u{chance.randrange(3)}-{number % 2}"
        lines.append(Line(start, "OUT", who))
        if chance.random() < 0.85:
            end = start + chance.choice([60, 600, 2400, 4200])
            lines.append(Line(end, "IN", who))
    return sorted(lines)


def in_use(lines: Sequence[Line], moment: int) -> int:
    taken = sum(line.word == "OUT" and line.at <= moment for line in lines)
    return taken - sum(line.word == "IN" and line.at <= moment for line in lines)


def is_seen_to_fall(lines: Sequence[Line]) -> bool:
    """Tell whether a line is earlier by the clock than the one before it, by more than a minute."""
    walls = [datetime.fromtimestamp(line.at, ZONE).replace(tzinfo=None) for line in lines]
    return any((before - after).total_seconds() > 60 for before, after in pairwise(walls))


@pytest.mark.parametrize("seed", one_in(10, usually(20, range(60))))
def test_what_happened_lies_within_the_bounds(server: LicenseServer, seed: int) -> None:
    chance = random.Random(seed)
    lines = truth(chance)
    text = [HEAD, *(line.text for line in lines), TAIL]
    sizes = sorted(chance.sample(range(1, len(text)), chance.randrange(3)))
    if chance.random() < 0.5:
        read_as_it_grows(server, text, *sizes)
    else:
        read(server, text)
    told = held()
    rows = [
        [
            None if each is None else int(each.timestamp())
            for each in (row.taken_at, row.taken_by, row.returned_after, row.returned_at)
        ]
        for row in Checkout.objects.all()
    ]
    for moment in range(BEGIN - 3600, END + 7200, 10):
        known = sum(
            by <= moment and (after is None or moment < after) for _at, by, after, _back in rows
        )
        possible = sum(
            at <= moment and (back is None or moment < back) for at, _by, _after, back in rows
        )
        true = in_use(lines, moment)
        assert known <= true <= possible, (seed, moment)
        if is_seen_to_fall(lines) or not BEGIN <= moment < END:
            assert known == possible
    rebuild_holdings(server)
    assert held() == told


@pytest.mark.parametrize("seed", one_in(6, usually(12, range(40))))
def test_the_order_of_texts_and_answers_does_not_matter(seed: int) -> None:
    """Of a log, of its beginning, and of what the server was asked: of whatever hour the cut is."""
    chance = random.Random(seed)
    uses = night(chance)
    lines = logged(uses, chance)
    polls = asked(chance)
    texts = [lines, *(lines[: chance.randrange(2, len(lines))] for _ in range(2))]
    tables = []
    for number in range(4):
        server = ServerFactory(name=f"lic{number}", zone="Europe/Berlin", poll_seconds=300)
        steps = [*texts, *(polls[place : place + 5] for place in range(0, len(polls), 5))]
        if number:
            chance.shuffle(steps)
        for step in steps:
            if step and isinstance(step[0], int):
                for moment in step:
                    answer(server, uses, moment)
            else:
                store(server, step)
        tables.append(rows(server))
        rebuild_holdings(server)
        tables.append(rows(server))
    assert all(table == tables[0] for table in tables)


def rows(server: LicenseServer) -> list[tuple[object, ...]]:
    found = Checkout.objects.filter(feature__server=server)
    names = ("taken_at", "taken_within", "returned_after", "returned_at", "method", "end_reason")
    told = found.values_list("person__pseudonym", *names, "sighting__row_key")
    differ = Disagreement.objects.filter(feature__server=server)
    differs = differ.values_list("person__pseudonym", "kind", "starts", "ends")
    return sorted([*told, *differs], key=repr)
