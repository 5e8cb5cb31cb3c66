"""One person with several seats at once, a log and polls: what is known against what was."""

from __future__ import annotations

import random
from bisect import bisect_right
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
