"""When an alert begins and ends: one state machine, values in and decisions out.

A rule meets one subject (a pool, a server, ...) as samples in the order of their data time. The
meanings follow Prometheus' `for` and `keep_firing_for`; "blind" follows Grafana's NoData, since a
source that fell silent says nothing about use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    BLIND = "blind"


class Change(StrEnum):
    FIRED = "fired"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Limits:
    """A rule in the unit of its samples.

    fire_at:        a value of this or more is over the threshold.
    clear_at:       a value of this or less is clear. Between the two nothing changes.
    slack_seconds:  polls are never exactly `for_seconds` apart; this much less still counts.
    """

    fire_at: int
    clear_at: int
    for_seconds: int = 0
    for_samples: int = 1
    keep_firing_seconds: int = 0
    slack_seconds: int = 0

    def __post_init__(self) -> None:
        if self.clear_at >= self.fire_at:
            raise ValueError(f"clear_at={self.clear_at}: expected less than fire_at={self.fire_at}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One observation. at: epoch seconds, data time; value: None where nothing could be seen."""

    at: int
    value: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rule stands for one subject.

    since:        when the state began; for pending and firing the first sample over the threshold.
    evaluated_at: data time of the newest sample seen; blindness does not move it.
    samples:      samples in a row over the threshold.
    clear_since:  while firing, since when it has been clear.
    before_blind: what it goes back to when sight returns.
    """

    state: State
    since: int
    samples: int = 0
    clear_since: int | None = None
    value: int | None = None
    evaluated_at: int | None = None
    before_blind: State | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """What is to be told. at: data time at which it became true; since: when the episode began."""

    change: Change
    at: int
    since: int
    value: int


def start(at: int) -> Standing:
    """Return the standing of a subject never seen before."""
    return Standing(State.OK, since=at)


def step(
    standing: Standing, sample: Sample, limits: Limits
) -> tuple[Standing, tuple[Transition, ...]]:
    """Return where the rule stands after one more sample, and what changed.

    A sample that is not newer than the last one seen changes nothing, so that a second evaluation
    of the same data is harmless and late data never rewrites the present.
    """
    if sample.value is None:
        return _blinded(standing, sample.at), ()
    if standing.evaluated_at is not None and sample.at <= standing.evaluated_at:
        return standing, ()
    seen = _sighted(standing, sample.at)
    if seen.state is State.FIRING:
        return _while_firing(seen, sample.at, sample.value, limits)
    return _while_quiet(seen, sample.at, sample.value, limits)


def _blinded(standing: Standing, at: int) -> Standing:
    """Stop the clocks: blindness neither fires, nor resolves, nor counts as clear."""
    if standing.state is State.BLIND:
        return standing
    kept = State.FIRING if standing.state is State.FIRING else State.OK
    since = standing.since if kept is State.FIRING else at
    return replace(
        standing, state=State.BLIND, since=since, samples=0, clear_since=None, before_blind=kept
    )


def _sighted(standing: Standing, at: int) -> Standing:
    if standing.state is not State.BLIND:
        return standing
    if standing.before_blind is State.FIRING:
        return Standing(State.FIRING, since=standing.since)
    return Standing(State.OK, since=at)


def _while_quiet(
    standing: Standing, at: int, value: int, limits: Limits
) -> tuple[Standing, tuple[Transition, ...]]:
    if value < limits.fire_at:
        since = standing.since if standing.state is State.OK else at
        return Standing(State.OK, since=since, value=value, evaluated_at=at), ()
    since = standing.since if standing.state is State.PENDING else at
    samples = standing.samples + 1 if standing.state is State.PENDING else 1
    held = at - since + limits.slack_seconds >= limits.for_seconds
    if held and samples >= limits.for_samples:
        firing = Standing(State.FIRING, since, samples, value=value, evaluated_at=at)
        return firing, (Transition(Change.FIRED, at, since, value),)
    return Standing(State.PENDING, since, samples, value=value, evaluated_at=at), ()


def _while_firing(
    standing: Standing, at: int, value: int, limits: Limits
) -> tuple[Standing, tuple[Transition, ...]]:
    if value > limits.clear_at:
        samples = standing.samples + 1 if value >= limits.fire_at else standing.samples
        return Standing(State.FIRING, standing.since, samples, value=value, evaluated_at=at), ()
    clear_since = at if standing.clear_since is None else standing.clear_since
    if at - clear_since + limits.slack_seconds >= limits.keep_firing_seconds:
        resolved = Transition(Change.RESOLVED, clear_since, standing.since, value)
        return Standing(State.OK, since=clear_since, value=value, evaluated_at=at), (resolved,)
    return Standing(
        State.FIRING,
        standing.since,
        standing.samples,
        clear_since=clear_since,
        value=value,
        evaluated_at=at,
    ), ()


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which the rule would have fired.

    end: None while it still does; worst: the highest value.
    """

    start: int
    fired_at: int
    end: int | None
    worst: int


def replay(samples: Iterable[Sample], limits: Limits) -> Iterator[Episode]:
    """Yield the episodes that a rule finds in samples of the past, in time order."""
    standing: Standing | None = None
    fired: Transition | None = None
    worst = 0
    for sample in samples:
        standing, transitions = step(standing or start(sample.at), sample, limits)
        if sample.value is not None and standing.state in (State.PENDING, State.FIRING):
            worst = sample.value if standing.since == sample.at else max(worst, sample.value)
        for transition in transitions:
            if transition.change is Change.FIRED:
                fired = transition
            elif fired is not None:
                yield Episode(fired.since, fired.at, transition.at, worst)
                fired = None
    if fired is not None:
        yield Episode(fired.since, fired.at, None, worst)


def hysteresis_seats(base: int, percent: int) -> int:
    """Return so many percent of a limit in whole seats, rounded up, at least 1."""
    return max(1, -(-base * percent // 100))


def clear_below(fire_at: int, hysteresis: int) -> int:
    """Return the highest value that counts as clear: the threshold less the hysteresis, never below
    0.

    From 4 seats on a value one below the threshold is never clear. Otherwise a small pool, where a
    tenth is a single seat, would fire and resolve all day while one person comes and goes.
    """
    least = 2 if fire_at >= 4 else 1
    return max(0, fire_at - max(hysteresis, least))


def percent_seats(limit: int, percent: int) -> int | None:
    """Return the fewest seats that are so many percent of a limit; None where the limit is 0."""
    return max(1, -(-limit * percent // 100)) if limit > 0 else None


def left_seats(limit: int, left: int) -> int | None:
    """Return the use at which so many seats are left; at least 1: an empty pool is never short."""
    return max(1, limit - left) if limit > 0 else None


# --- Doubtful data ------------------------------------------------------------------------------

STILL_FACTOR = 2
NEVER_FACTOR = 3
"""How many times the days that are asked for use may stand still from the first day on: a new pool
waits for its people."""
LEAST_UNREADABLE = 5
MANY_UNREADABLE = 100
"""Lines for each percent that is asked for, which are many however much a server says."""


@dataclass(frozen=True, slots=True)
class UsedDay:
    """Use over one day: the lowest and highest peak of its hours, and how many holdings began."""

    low: int
    high: int
    begun: int

    @property
    def still(self) -> bool:
        """Whether nothing happened. People who come and go at the limit all day are a movement."""
        return self.low == self.high and self.begun == 0


@dataclass(frozen=True, slots=True)
class Stillness:
    """How long use has stood still, and what was before.

    days, level:    the run of days up to now, and the use on them.
    days_before:    observed days before it; moved_before: those on which use moved.
    longest_before: the longest run of still days before.
    """

    days: int
    level: int
    days_before: int
    moved_before: int
    longest_before: int


def stillness(days: Sequence[UsedDay]) -> Stillness | None:
    """Return how the days, oldest first, end in a run without movement; None: they do not.

    Days that nobody observed are left out by the caller: they neither prolong a run nor end it.
    """
    runs: list[int] = []
    level: int | None = None
    for day in days:
        if day.still and day.low == level:
            runs[-1] += 1
        elif day.still:
            runs.append(1)
        level = day.low if day.still else None
    if level is None:
        return None
    last = runs.pop()
    before = days[: len(days) - last]
    moved = sum(not day.still for day in before)
    return Stillness(last, level, len(before), moved, max(runs, default=0))


def implausible(found: Stillness, days: int) -> bool:
    """Tell whether use has stood still for so many days, and longer than its history explains.

    What never moved in all the time that it was looked at may be read from the wrong place; it is
    given three times as long. Else a run is no wonder that is less than twice the longest before
    it, or that has a shorter history than the days that are asked for.
    """
    if not found.days_before:
        return found.days >= NEVER_FACTOR * max(1, days)
    return (
        found.days >= max(1, days)
        and found.moved_before > 0
        and found.days_before >= days
        and found.days > STILL_FACTOR * found.longest_before
    )


def too_many_unreadable(unreadable: int, lines: int, percent: int) -> bool:
    """Tell whether so many percent of the lines, and at least 5 of them, could not be read; or 100
    lines for each percent, as of a million lines a hundredth may hide much."""
    share = unreadable >= LEAST_UNREADABLE and unreadable * 100 >= percent * lines
    return share or unreadable >= MANY_UNREADABLE * max(1, percent)
