"""How long a request waited, from what a log and answers say of it."""

from __future__ import annotations

import random

import pytest

from licenses.importing.held import EVENT, SAMPLED, Hole, Restart
from licenses.importing.waits import (
    DEQUEUED,
    GAVE_UP,
    QUEUED,
    RESTART,
    SEATED,
    SHOWN,
    UNKNOWN,
    WAITING,
    Known,
    Row,
    Taken,
    Told,
    waits,
)


def logged(*said: tuple[int, int]) -> list[Told]:
    return [Told(at, kind) for at, kind in said]


def answers(*moments: int) -> list[tuple[int, int]]:
    return [(at, at) for at in moments]


def vouched(until: int) -> Known:
    return Known(log_until=lambda _moment: until)


def test_who_is_given_a_seat_as_the_wait_ends_was_served() -> None:
    known = Known(taken=[Taken(703, 703, True)])
    said = logged((100, QUEUED), (700, DEQUEUED))
    assert waits(said, known) == [Row(100, 100, 700, 700, SEATED, EVENT)]


def test_who_is_given_none_though_the_log_goes_on_gave_up() -> None:
    said = logged((100, QUEUED), (700, DEQUEUED))
    assert waits(said, vouched(9000)) == [Row(100, 100, 700, 700, GAVE_UP, EVENT)]


def test_where_the_log_ends_with_the_wait_nobody_knows_how_it_ended() -> None:
    said = logged((100, QUEUED), (700, DEQUEUED))
    assert waits(said, vouched(702)) == [Row(100, 100, 700, 700, UNKNOWN, EVENT)]


def test_one_seat_ends_one_wait_of_two_that_end_at_once() -> None:
    known = vouched(9000)
    known.taken = [Taken(700, 700, True)]
    said = logged((100, QUEUED), (200, QUEUED), (700, DEQUEUED), (700, DEQUEUED))
    assert [row.outcome for row in waits(said, known)] == [SEATED, GAVE_UP]


def test_what_a_restart_finds_waiting_is_lost_in_it() -> None:
    known = Known(restarts=[Restart(500, 450)])
    said = logged((100, QUEUED), (600, DEQUEUED))
    assert waits(said, known) == [
        Row(100, 100, 450, 500, RESTART, EVENT),
        Row(None, 600, 600, 600, UNKNOWN, EVENT),
    ]


def test_a_wait_over_a_hole_of_the_log_may_have_ended_in_it() -> None:
    known = Known(next_hole=lambda moment: Hole(300, 400) if moment < 400 else None)
    said = logged((100, QUEUED), (600, DEQUEUED))
    assert waits(said, known) == [Row(100, 100, 300, 600, UNKNOWN, EVENT)]
    assert waits(said[:1], known) == [Row(100, 100, 300, None, UNKNOWN, EVENT)]


def test_a_server_that_logs_no_end_of_waits_tells_it_by_the_seat() -> None:
    known = Known(taken=[Taken(800, 800, True)])
    assert waits(logged((100, QUEUED)), known) == [Row(100, 100, 800, 800, SEATED, EVENT)]


def test_what_the_log_leaves_open_ends_with_the_first_answer_that_does_not_show_it() -> None:
    said = logged((1000, QUEUED), (1200, SHOWN), (1500, SHOWN))
    known = Known(answers=answers(900, 1200, 1500, 1800))
    assert waits(said, known) == [Row(1000, 1000, 1500, 1800, UNKNOWN, EVENT)]
    known = Known(answers=answers(900, 1200, 1500))
    assert waits(said, known) == [Row(1000, 1000, None, None, WAITING, EVENT)]


def test_of_two_that_wait_alike_an_answer_that_shows_one_ends_the_older() -> None:
    said = logged((1000, QUEUED), (1100, QUEUED), (1200, SHOWN), (1200, SHOWN), (1500, SHOWN))
    known = Known(answers=answers(1200, 1500))
    assert waits(said, known) == [
        Row(1000, 1000, 1200, 1500, UNKNOWN, EVENT),
        Row(1100, 1100, None, None, WAITING, EVENT),
    ]


def test_answers_alone_bound_both_ends_of_a_wait() -> None:
    said = logged((1200, SHOWN), (1500, SHOWN))
    known = Known(answers=answers(900, 1200, 1500, 1800), taken=[Taken(1620, 1679, False)])
    assert waits(said, known) == [Row(900, 1200, 1500, 1800, SEATED, SAMPLED)]
    known = Known(answers=answers(1200, 1500, 1800))
    assert waits(said, known) == [Row(None, 1200, 1500, 1800, UNKNOWN, SAMPLED)]


def test_an_answer_without_it_parts_two_waits() -> None:
    said = logged((1200, SHOWN), (1800, SHOWN))
    known = Known(answers=answers(1200, 1500, 1800))
    assert waits(said, known) == [
        Row(None, 1200, 1200, 1500, UNKNOWN, SAMPLED),
        Row(1500, 1800, None, None, WAITING, SAMPLED),
    ]


def test_answers_say_since_when_somebody_waited_of_whom_the_log_tells_the_end() -> None:
    said = logged((1200, SHOWN), (1500, SHOWN), (1700, DEQUEUED))
    known = Known(answers=answers(900, 1200, 1500, 1800))
    assert waits(said, known) == [Row(900, 1200, 1700, 1700, UNKNOWN, EVENT)]


def test_what_the_log_tells_and_answers_show_is_one_wait() -> None:
    said = logged((1000, QUEUED), (1200, SHOWN), (1500, SHOWN), (1520, DEQUEUED), (1560, SHOWN))
    known = Known(answers=answers(900, 1200, 1500, 1560, 1800))
    assert waits(said, known) == [Row(1000, 1000, 1520, 1520, UNKNOWN, EVENT)]


def day(chance: random.Random) -> list[tuple[int, int, bool]]:
    """Return waits of one key, one after the other: start, end, and whether a seat came of it."""
    found, at = [], 1000
    for _ in range(chance.randrange(1, 12)):
        start = at + chance.randrange(120, 5000)
        at = start + chance.choice([0, 1, 90, 400, 3000, 9000])
        found.append((start, at, chance.random() < 0.6))
    return found


@pytest.mark.parametrize("seed", range(200))
def test_a_log_gives_back_what_happened(seed: int) -> None:
    chance = random.Random(seed)
    truth = day(chance)
    said = [told for start, end, _ in truth for told in (Told(start, QUEUED), Told(end, DEQUEUED))]
    known = vouched(10**6)
    known.taken = [Taken(at, at, True) for _, at, served in truth if served]
    assert waits(said, known) == [
        Row(start, start, end, end, SEATED if served else GAVE_UP, EVENT)
        for start, end, served in truth
    ]


@pytest.mark.parametrize("seed", range(200))
def test_what_happened_lies_within_the_bounds_that_answers_give(seed: int) -> None:
    chance = random.Random(seed)
    truth = day(chance)
    step = chance.choice([60, 300, 1200])
    polled = [at for at in range(0, truth[-1][1] + 2 * step, step) if chance.random() < 0.9]
    seen = {
        at: number
        for at in polled
        for number, (start, end, _) in enumerate(truth)
        if start <= at < end
    }
    found = waits([Told(at, SHOWN) for at in seen], Known(answers=answers(*polled)))
    # Two waits between which no answer came look like one.
    runs: list[list[int]] = []
    for place, at in enumerate(polled):
        if at in seen:
            if not place or polled[place - 1] not in seen:
                runs.append([])
            runs[-1].append(seen[at])
    assert len(found) == len(runs)
    for row, numbers in zip(found, runs, strict=True):
        first, last = truth[numbers[0]], truth[numbers[-1]]
        assert row.queued_at is None or row.queued_at < first[0]
        assert first[0] <= row.queued_by
        assert row.ended_after is not None and row.ended_at is not None
        assert row.ended_after < last[1] <= row.ended_at
