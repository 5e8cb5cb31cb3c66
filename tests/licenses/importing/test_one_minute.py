"""Saved statuses, of which only the minute is known, beside polls of the same minutes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import transaction

from licenses.analysis.coverage import observed
from licenses.analysis.holdings import holdings
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_snapshot
from licenses.models import (
    Checkout,
    Disagreement,
    Feature,
    LicenseServer,
    PoolFeature,
)
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import PoolFactory
from tests.licenses.importing.test_disputes import BLOCK, DAY, HEAD
from tests.thorough import one_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

ROW = "    {user} pc1 pc1 (v1.0) (lic1/27000 {handle}), start Mon 3/2 {start:%-H:%M}\n"
START = int(DAY.timestamp())


class Seat(NamedTuple):
    """Somebody holds a seat from a second after 9:00 until another."""

    user: str
    taken: int
    back: int = 2**30


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def moment(second: int) -> datetime:
    return DAY + timedelta(seconds=second)


def text_of(second: int, seats: Sequence[Seat]) -> str:
    """Return what the tool prints at a moment at which these are held."""
    rows = "".join(
        ROW.format(user=each.user, handle=1000 + each.taken, start=moment(each.taken))
        for each in seats
    )
    text = HEAD.format(at=moment(second), used=len(seats))
    return text + (BLOCK + rows + "\n" if seats else "")


def poll(server: LicenseServer, second: int, *seats: Seat) -> None:
    text, at = text_of(second, seats).encode(), START + second
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
    store_snapshot(server, snapshot, text, at=at, source="poll")


def save(folder: Path, server: LicenseServer, second: int, *seats: Seat) -> None:
    path = folder / "status.txt"
    path.write_text(text_of(second, seats))
    import_file(server, path, path.name, Wanted())


def held() -> list[tuple[str, ...]]:
    """Return until when holdings were taken, the end of what is known, and of what is possible."""
    rows = [(row.taken_by, row.returned_after, row.returned_at) for row in Checkout.objects.all()]
    return sorted(tuple("" if at is None else f"{at:%H:%M:%S}" for at in row) for row in rows)


OLD, NEW = Seat("ada", -3600), Seat("ada", 5)
"""Taken an hour ago, and in the minute of the two answers."""

Answer = tuple[str, int, Seat | None]
Outcome = tuple[list[tuple[str, ...]], list[str]]
SHOWN = ("poll", -300, OLD)
GONE = ("poll", 300, None)


@pytest.mark.once
@pytest.mark.parametrize(
    ("answers", "expected", "kinds"),
    [
        pytest.param(
            [("saved", 0, OLD), ("poll", 30, None), GONE],
            [("08:00:59", "09:00:01", "09:00:30")],
            [],
            id="it-was-held-before-so-the-saved-one-came-first",
        ),
        pytest.param(
            [("saved", 0, NEW), ("poll", 30, None), GONE],
            [("09:00:59", "09:00:59", "09:05:00")],
            [],
            id="it-may-have-been-taken-after-the-poll",
        ),
        pytest.param(
            [("saved", 0, NEW), ("poll", 30, None)],
            [("09:00:59", "09:00:59", "")],
            [],
            id="nothing-tells-of-its-end-yet",
        ),
        pytest.param(
            [SHOWN, ("saved", 0, None), ("poll", 30, OLD), GONE],
            [("08:00:59", "09:00:31", "09:00:59")],
            [],
            id="the-saved-one-came-last",
        ),
        pytest.param(
            [("saved", 0, None), ("poll", 30, NEW), GONE],
            [("09:00:30", "09:00:31", "09:05:00")],
            [],
            id="the-saved-one-came-first",
        ),
        pytest.param(
            [SHOWN, ("saved", 0, None), ("poll", 30, OLD)],
            [("08:00:59", "08:55:01", "")],
            [],
            id="the-next-answer-will-tell-which-is-right",
        ),
        pytest.param(
            [SHOWN, ("saved", 0, None), ("poll", 30, OLD), ("poll", 300, OLD), ("poll", 600, OLD)],
            [("08:00:59", "08:55:01", "09:00:00"), ("09:00:30", "", "")],
            ["answers_differ"],
            id="no-order-explains-them",
        ),
        pytest.param(
            [("saved", 0, NEW), ("poll", 30, None), ("poll", 300, NEW), ("poll", 600, None)],
            [("09:00:59", "09:05:01", "09:10:00")],
            [],
            id="taken-after-the-poll",
        ),
    ],
)
def test_a_saved_status_may_be_before_or_after_a_poll_of_its_minute(
    tmp_path: Path,
    server: LicenseServer,
    answers: list[Answer],
    expected: list[tuple[str, ...]],
    kinds: list[str],
) -> None:
    def give(how: str, second: int, seat: Seat | None) -> None:
        seats = [] if seat is None else [seat]
        poll(server, second, *seats) if how == "poll" else save(tmp_path, server, second, *seats)

    steps = [partial(give, *each) for each in answers]
    assert in_any_order(steps, 24) == (expected, kinds)


@pytest.mark.once
def test_the_first_answer_after_a_dispute_waits_for_one_that_is_later_for_certain(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Lacked at 9:00, shown by one of the minute 9:05 that was saved, and by polls from then on."""
    steps = [partial(poll, server, -600, OLD), partial(poll, server, 0)]
    steps.append(partial(save, tmp_path, server, 300, OLD))
    steps += [partial(poll, server, second, OLD) for second in (330, 600, 900)]
    found = [("08:00:59", "08:50:01", "09:00:00"), ("09:05:59", "", "")]
    assert in_any_order(steps, 24) == (found, ["answers_differ"])


def test_a_poll_of_the_first_second_of_a_saved_statuss_minute_vouches_from_there(
    tmp_path: Path, server: LicenseServer
) -> None:
    steps = [
        partial(save, tmp_path, server, 0, OLD),
        *(partial(poll, server, s, OLD) for s in (0, 300)),
    ]
    for order in permutations(steps):
        undo = transaction.savepoint()
        for step in order:
            step()
        pool = PoolFactory()
        PoolFeature.objects.create(pool=pool, feature=Feature.objects.get(), weight=1)
        for _again in range(2):
            spans = [tuple(span) for span in observed(pool, START - 300, START + 600)]
            assert spans == [(START, START + 300)], order
            rebuild()
        transaction.savepoint_rollback(undo)


def in_any_order(steps: Sequence[Callable[[], None]], most: int) -> Outcome:
    """Return what some orders of the steps, and a rebuild, leave: the same."""
    chance = random.Random(1)
    orders = [list(steps), *(chance.sample(steps, len(steps)) for _order in range(most - 1))]
    found = []
    for order in orders:
        undo = transaction.savepoint()
        for step in order:
            step()
        found.append(outcome())
        rebuild()
        found.append(outcome())
        transaction.savepoint_rollback(undo)
    for each in found:
        assert each == found[0]
    return found[0]


def outcome() -> Outcome:
    return held(), [row.kind for row in Disagreement.objects.all()]


MINUTES = 4


def some_seats(chance: random.Random) -> list[Seat]:
    """Return seats of a few minutes: each of its own user, or taken in another minute."""
    found = []
    for user in ("ada", "bob", "eve"):
        taken = chance.choice([-3600, chance.randrange(-60, 60 * MINUTES)])
        back = max(taken, -60) + chance.randrange(1, 90 * MINUTES)
        found.append(Seat(user, taken, back))
        if back + 60 < 60 * MINUTES and chance.random() < 0.5:
            again = chance.randrange(back - back % 60 + 60, 60 * MINUTES + 1)
            found.append(Seat(user, again, again + chance.randrange(1, 120)))
    return found


def some_answers(
    folder: Path, server: LicenseServer, chance: random.Random, seats: Sequence[Seat]
) -> list[tuple[int, Callable[[], None]]]:
    """Return polls and saved statuses that tell the truth, in the order in which they were given,
    each with when that was at the earliest.

    A saved one is given at some second of the minute that it prints; two of them may be.
    """
    found: list[tuple[int, partial[None]]] = []
    for minute in range(-1, MINUTES + 2):
        for second in chance.choices([0, 59, *range(60)], k=chance.choice([0, 1, 1, 2])):
            found.append((60 * minute + second, partial(poll, server)))
        for second in chance.choices(range(60), k=chance.choice([0, 0, 1, 1, 2])):
            found.append((60 * minute + second, partial(save, folder, server)))
    return [
        (
            at - at % 60 * (give.func is save),
            partial(give, at, *(each for each in seats if each.taken <= at < each.back)),
        )
        for at, give in sorted(found, key=lambda each: each[0])
    ]


SEEDS = range(10)


@pytest.mark.parametrize("seed", one_in(5, SEEDS))
def test_what_is_known_of_true_answers_was_so_and_what_was_so_is_possible(
    tmp_path: Path, server: LicenseServer, seed: int
) -> None:
    chance = random.Random(seed)
    seats = some_seats(chance)
    answers = some_answers(tmp_path, server, chance, seats)
    _rows, kinds = in_any_order([step for _at, step in answers], 3)
    assert kinds == []
    for _at, step in answers:
        step()
    shown = []
    looked = max(at for at, _step in answers) + 1
    for held, row in known_spans():
        (seat,) = [
            each
            for each in seats
            if each.user == row.person.identity.login and each.taken // 60 == held.possible[0] // 60
        ]
        shown.append(seat)
        assert held.possible[0] <= seat.taken
        assert min(seat.back, looked) <= held.possible[1]
        assert held.known[0] >= held.known[1] or (
            seat.taken <= held.known[0] and held.known[1] <= seat.back
        )
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize("seed", one_in(5, SEEDS))
def test_what_is_known_is_possible_whatever_answers_tell(
    tmp_path: Path, server: LicenseServer, seed: int
) -> None:
    chance = random.Random(seed)
    all_seats = some_seats(chance)
    steps = []
    for _told in range(3):
        seats = [seat for seat in all_seats if chance.random() < 0.6]
        answers = some_answers(tmp_path, server, chance, seats)
        steps += [step for _at, step in answers if chance.random() < 0.4]
    in_any_order(steps, 3)
    for step in steps:
        step()
    for held, _row in known_spans():
        assert held.possible[0] <= held.known[0] <= held.known[1] <= held.possible[1]


class Spans(NamedTuple):
    """In seconds after 9:00, both half-open."""

    known: tuple[int, int]
    possible: tuple[int, int]


def known_spans() -> list[tuple[Spans, Checkout]]:
    """Return when each holding is known and possible, as every figure takes it."""
    pool = PoolFactory()
    for feature in Feature.objects.all():
        PoolFeature.objects.create(pool=pool, feature=feature, weight=1)
    rows = holdings(pool, START - 7200, START + 7200)
    columns = (rows.taken_by, rows.returned_after, rows.taken_at, rows.returned_at)
    found = []
    for pk, *moments in zip(
        rows.checkout.tolist(), *(each.tolist() for each in columns), strict=True
    ):
        first, last, start, end = (at - START for at in moments)
        row = Checkout.objects.select_related("person__identity").get(pk=pk)
        found.append((Spans((first, last), (start, end)), row))
    return found
