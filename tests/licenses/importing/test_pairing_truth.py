"""One person with several seats at once, a log and polls: what is known against what was."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from licenses.importing.held import IN, OUT, Fact, Held, Restart, Seen
from licenses.importing.pairing import pair

HOURS = 12 * 3600
LENGTHS = [3, 20, 70, 300, 900, 3000, 9000, 20000]


class Session(NamedTuple):
    taken: int
    returned: int


class World(NamedTuple):
    """What happened, and who told of it.

    lost:  by the restart.
    """

    sessions: list[Session]
    lost: list[Session]
    restarts: list[Restart]
    polls: list[int]

    def facts(self) -> list[Fact]:
        ins = [Fact(each.returned, IN) for each in self.sessions if each not in self.lost]
        return [Fact(each.taken, OUT) for each in self.sessions] + ins

    def rows(self) -> list[Seen]:
        """Return what the polls showed, each seat by a row of its own."""
        found = []
        for number, (taken, returned) in enumerate(self.sessions):
            shown = [at for at in self.polls if taken <= at < returned]
            if shown:
                before = [at for at in self.polls if at < shown[0]]
                started = taken // 60 * 60
                missed = before[-1] if before and started + 60 < shown[0] else None
                gone = self.next_poll(shown[-1])
                found.append(Seen(number, started, shown[0], shown[-1], gone, "held", missed))
        return found

    def next_poll(self, moment: int) -> int | None:
        place = bisect_right(self.polls, moment)
        return self.polls[place] if place < len(self.polls) else None

    def told(self, facts: list[Fact]) -> list[Held]:
        return pair(
            facts,
            restarts=self.restarts,
            seen=self.rows(),
            next_poll=self.next_poll,
            log_until=lambda _moment: HOURS,
        ).holdings


def world(seed: int, *, restart: bool) -> World:
    chance = random.Random(seed)
    down = 4 * 3600 + chance.randrange(4 * 3600)
    sessions, lost = [], []
    for _ in range(chance.randrange(2, 16)):
        taken = 60 + chance.randrange(11 * 3600)
        returned = taken + chance.choice(LENGTHS)
        if restart and down - 5 <= taken < down + 30:
            continue
        if restart and taken < down <= returned:
            returned = down - 3
            lost.append(Session(taken, returned))
        if taken < returned < HOURS - 1800:
            sessions.append(Session(taken, returned))
    polls, at = [], 0
    while at < HOURS:
        if chance.random() >= 0.05:
            polls.append(at)
        at += chance.choice([300, 300, 300, 301, 299, 420])
    return World(sessions, lost, [Restart(down, down - 3)] if restart else [], polls)


class Moment(NamedTuple):
    at: int
    low: int
    was: int
    high: int


def wrong(truth: list[Session], held: list[Held]) -> list[Moment]:
    """Return the moments at which what was held lies outside of what is known."""
    moments = sorted({at for session in truth for at in session})
    found = []
    for at in moments:
        was = sum(taken <= at < returned for taken, returned in truth)
        low = sum(
            each.taken_by <= at < (HOURS if each.returned_after is None else each.returned_after)
            for each in held
        )
        high = sum(
            each.taken_at <= at < (HOURS if each.returned_at is None else each.returned_at)
            for each in held
        )
        if not low <= was <= high:
            found.append(Moment(at, low, was, high))
    return found


def changes(spans: Iterable[tuple[int, int | None]]) -> dict[int, int]:
    """Return by how much the number of seats rises at each moment at which it changes."""
    found: Counter[int] = Counter()
    for start, end in spans:
        found[start] += 1
        if end is not None:
            found[end] -= 1
    return {at: rise for at, rise in found.items() if rise}


def test_a_whole_log_is_exact_whatever_answers_to_every_poll_show_besides() -> None:
    for seed in range(1000):
        made = world(seed, restart=False)
        held = made.told(made.facts())
        was = changes(made.sessions)
        assert changes((each.taken_by, each.returned_after) for each in held) == was, seed
        assert changes((each.taken_at, each.returned_at) for each in held) == was, seed


def test_of_two_seats_of_one_minute_the_one_that_no_answer_shows_is_returned_first() -> None:
    """The other is shown until after its IN, and so is a third that was taken long before."""
    sessions = [Session(100, 5000), Session(1207, 1218), Session(1239, 8000)]
    made = World(sessions, [], [], list(range(0, HOURS, 300)))
    held = made.told(made.facts())
    assert [(each.taken_at, each.returned_after, each.returned_at) for each in held] == [
        (taken, returned, returned) for taken, returned in sessions
    ]


def test_of_two_seats_of_one_minute_a_row_is_the_one_that_ended_when_it_went() -> None:
    sessions = [Session(1202, 1297), Session(1206, 1535)]
    made = World(sessions, [], [], list(range(145, HOURS, 300)))
    held = made.told(made.facts())
    assert [(each.returned_after, each.returned_at) for each in held] == [
        (1297, 1297),
        (1535, 1535),
    ]
    assert [each.sighting for each in held] == [None, 1]


def test_an_answer_of_the_second_of_an_in_shows_what_did_not_end() -> None:
    sessions = [Session(100, 1900), Session(700, 1500)]
    made = World(sessions, [], [], list(range(0, 1501, 300)))
    held = made.told(made.facts())
    assert [(each.returned_after, each.returned_at) for each in held] == [
        (1900, 1900),
        (1500, 1500),
    ]


def test_what_a_clock_ahead_tells_of_is_not_known_to_end_before_it_begins() -> None:
    row = Seen(1, 1021, 1021, 1021, 1080, "held", None, 1080)
    (held,) = pair([Fact(1090, OUT), Fact(1210, IN)], seen=[row]).holdings
    assert (held.taken_by, held.returned_after, held.returned_at) == (1090, 1091, 1210)


@pytest.mark.parametrize("restart", [False, True])
def test_seats_of_one_person_are_within_the_bounds_at_every_moment(restart: bool) -> None:
    for seed in range(400):
        made = world(seed, restart=restart)
        assert wrong(made.sessions, made.told(made.facts())) == [], seed


@pytest.mark.parametrize("lost", [0.1, 0.3])
def test_no_use_that_a_log_with_lost_lines_or_an_answer_tells_of_is_missed(lost: float) -> None:
    for seed in range(400):
        made, chance = world(seed, restart=seed % 2 == 0), random.Random(seed)
        facts = [each for each in made.facts() if chance.random() >= lost / (3 - each.kind)]
        logged = {each.at for each in facts if each.kind == OUT}
        told = [
            each
            for each in made.sessions
            if each.taken in logged or any(each.taken <= at < each.returned for at in made.polls)
        ]
        missed = [moment for moment in wrong(told, made.told(facts)) if moment.was > moment.high]
        assert missed == [], seed


@pytest.mark.parametrize(("lost", "most"), [(0.1, 2), (0.3, 7)])
def test_lost_lines_make_no_use_known_but_between_two_answers(lost: float, most: int) -> None:
    """There nothing tells which of two seats an IN returns, if that of the other was lost."""
    invented = []
    for seed in range(400):
        made, chance = world(seed, restart=seed % 2 == 0), random.Random(seed)
        facts = [each for each in made.facts() if chance.random() >= lost / (3 - each.kind)]
        found = [
            moment for moment in wrong(made.sessions, made.told(facts)) if moment.low > moment.was
        ]
        assert all(moment.low == moment.was + 1 for moment in found), seed
        invented += [seed] if found else []
    assert len(invented) <= most
