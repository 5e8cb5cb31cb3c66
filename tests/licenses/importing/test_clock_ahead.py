"""A licence server whose clock is ahead of ours prints minutes that are not yet."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import permutations

import pytest

from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Checkout, Disagreement, LicensePool, LicenseServer
from tests.factories import ServerFactory, at
from tests.thorough import one_in, usually

from .test_doubts import BEGIN, REST, ask, read
from .test_lost_returns import held, pool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

__all__ = ["pool"]

AHEAD = """\
9:03:10 (vendord) OUT: "cad" mia@h2
9:07:50 (vendord) IN: "cad" mia@h2
9:30:00 (vendord) IN: "cad" bob@h1
"""


def log(server: LicenseServer) -> None:
    read(server, BEGIN + AHEAD + REST)


def answers(server: LicenseServer) -> None:
    """Three minutes behind: Mia was there from 9:00:10 to 9:04:50 by our clock."""
    for time in ("08:55", "09:00"):
        ask(server, time, "bob h1 8:00")
    for time in ("09:01", "09:03"):
        ask(server, time, "bob h1 8:00", "mia h2 9:03")
    for time in ("09:05", "09:10"):
        ask(server, time, "bob h1 8:00")


@pytest.mark.parametrize("order", [(log, answers), (answers, log)])
def test_a_row_that_prints_a_minute_to_come_is_the_holding_that_the_log_tells_of(
    pool: LicensePool, order: tuple[Callable[[LicenseServer], None], ...]
) -> None:
    server = LicenseServer.objects.get()
    for tell in order:
        tell(server)
    for _ in range(2):
        assert held()[:2] == [("bob", "09:30:00", "09:30:00"), ("mia", "09:07:50", "09:07:50")]
        assert not Disagreement.objects.exists()
        rebuild_holdings(server)


MIA = "mia h2 9:03"
SAID = [("09:00",), ("09:01", MIA), ("09:02",), ("09:04", MIA), ("09:06", MIA), ("09:10",)]


@pytest.mark.parametrize("order", one_in(10, usually(20, permutations(range(len(SAID))))))
def test_answers_contradict_a_row_before_the_minute_that_it_prints_is_over(
    pool: LicensePool, order: tuple[int, ...]
) -> None:
    server = LicenseServer.objects.get()
    for place in order:
        time, *rows = SAID[place]
        ask(server, time, *rows)
    for _ in range(2):
        assert held() == [("mia", "09:01:01", "09:02:00"), ("mia", "09:06:01", "09:10:00")]
        rows = Checkout.objects.order_by("taken_at")
        taken = [(f"{row.taken_at:%H:%M}", f"{row.taken_by:%H:%M}") for row in rows]
        assert taken == [("09:01", "09:01"), ("09:02", "09:04")]
        assert Disagreement.objects.get().kind == Disagreement.Kind.ANSWERS_DIFFER
        rebuild_holdings(server)


@pytest.mark.parametrize("order", usually(8, permutations(range(4))))
def test_a_seat_may_be_taken_twice_in_the_minute_that_its_row_prints(
    pool: LicensePool, order: tuple[int, ...]
) -> None:
    server = LicenseServer.objects.get()
    said = [("09:03:10", MIA), ("09:03:25",), ("09:03:40", MIA), ("09:10",)]
    for place in order:
        time, *rows = said[place]
        ask(server, time, *rows)
    assert held() == [("mia", "09:03:41", "09:10:00")]
    assert not Disagreement.objects.exists()


NINE = at("2026-03-01T09:00")


@pytest.mark.parametrize("seed", one_in(10, usually(20, range(100))))
def test_whatever_answers_say_in_whatever_order_is_counted_alike(seed: int) -> None:
    """And never known while one lacks it, but in the minute in which it may be taken twice."""
    chance = random.Random(seed)
    started = 60 * chance.choice([0, 1, 2, 4])
    said = [
        (second, chance.random() < 0.6)
        for second in range(0, 400, chance.choice([15, 20, 40]))
        if chance.random() < 0.8
    ]
    tables = []
    for number in range(3):
        server = ServerFactory(name=f"lic{number}", zone="UTC")
        for second, shown in chance.sample(said, len(said)):
            mia = [f"mia h2 9:{started // 60:02}"] if shown else []
            ask(server, f"09:{second // 60:02}:{second % 60:02}", *mia, "bob h1 8:00")
        for _ in range(2):
            rows = Checkout.objects.filter(feature__server=server, person__identity__login="mia")
            names = ("taken_at", "taken_within", "returned_after", "returned_at", "end_reason")
            tables.append(sorted(rows.values_list(*names)))
            rebuild_holdings(server)
    assert all(table == tables[0] for table in tables)
    until = 60 + min([started, *(second for second, shown in said if shown)])
    for second, shown in said:
        known = [
            taken.timestamp() + within <= NINE + second < after.timestamp()
            for taken, within, after, _, _ in tables[0]
            if after is not None
        ]
        assert shown or second < until or not any(known), (second, tables[0])
