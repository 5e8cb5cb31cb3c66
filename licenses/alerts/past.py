"""Episodes of the past: when a rule would have fired, from use, limits and refusals."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from licenses.analysis.refusals import refusals_known
from licenses.analysis.time_to_full import BLIND, NEVER, STEP, expected, samples
from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.denials import UNSERVED
from licenses.concurrency.timeline import UNKNOWN, Steps, merged_times, usage
from licenses.models import AlertRule, LicensePool

from .filling import minute_limits
from .observing import capacity_limits
from .observing import waiting as waits
from .rules import Limits, Sample, replay
from .world import CAPACITY, Kind

TRIED = CAPACITY | {Kind.TIME_TO_FULL}
"""That can be tried on the past."""

_CLEAR, _BETWEEN, _OVER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """The rule would have fired over [start, end), from fired_at on.

    worst: most seats; denials: refusals meanwhile, None where no log tells of that time.
    whole: it was clear before that, for long enough to end an earlier one: it did not begin before
           the window, or in time that nobody saw.
    """

    pool_id: int
    start: int
    fired_at: int
    end: int
    worst: int
    limit: int | None
    denials: int | None
    whole: bool


def backtest(rule: AlertRule, pool_ids: Collection[int], start: int, end: int) -> list[PastEpisode]:
    """Return when a rule (it need not be saved) would have fired in these pools over [start, end).

    For kinds that look at seats or refusals; of others nothing is known after the fact, and the
    list is empty.
    """
    if rule.kind not in TRIED:
        return []
    pools = list(LicensePool.objects.filter(pk__in=pool_ids).order_by("pk"))
    return [row for facts in load_facts(pools, start, end) for row in episodes(rule, facts)]


def episodes(rule: AlertRule, facts: PoolFacts, every: int | None = None) -> Iterable[PastEpisode]:
    """Yield the episodes of a rule within the window of the facts, in time order.

    One that is cut off by the window ends there.

    every:  seconds from one poll to the next: the rule sees what polls see, and waits for its
            number of answers in a row. None: it is looked at in every second, and that number does
            not count. Forecasts are made every five minutes, however often a server is polled.
    """
    held = facts.holdings
    start, end = facts.start, facts.end
    use = usage(held.taken_by, held.returned_after, held.seats, start, end)
    bound = facts.limits.allowed if rule.kind == Kind.OVER_USE else facts.limits.limit
    bound = bound.only_within(facts.observed)
    if rule.kind == Kind.DENIALS:
        use, bound = _refusals(facts), Steps.constant(0, start, end).only_within(facts.logged)
    grid = merged_times([use.times, bound.times], start, end)
    seats, limit = use.on(grid), bound.on(grid)
    if rule.kind == Kind.TIME_TO_FULL:
        levels = _forecast_classes(rule, facts)
    else:
        levels = Steps(grid, _classes(rule, seats, limit)).joined()
    limits = waits(rule, _OVER, _CLEAR)
    if every is None or rule.kind == Kind.TIME_TO_FULL:
        every, limits = 1, replace(limits, for_samples=1, slack_seconds=1)
    else:
        levels = _polled(levels, every)
    refused = facts.refusals.at
    lasted = np.diff(levels.times) >= rule.keep_firing_seconds
    clear = levels.times[:-1][(levels.levels == _CLEAR) & lasted]
    for episode in replay(_samples(levels, every, limits), limits):
        over = end if episode.end is None else episode.end
        inside = (grid[:-1] < over) & (grid[1:] > episode.start)
        bounds = limit[inside & (limit != UNKNOWN)]
        yield PastEpisode(
            pool_id=facts.pool.pk,
            start=episode.start,
            fired_at=episode.fired_at,
            end=over,
            worst=int(seats[inside].max()),
            limit=int(bounds[-1]) if len(bounds) and rule.kind != Kind.DENIALS else None,
            denials=refusals_known(
                int(np.count_nonzero((refused >= episode.start) & (refused < over))),
                facts.logged.clip(episode.start, over).seconds,
            ),
            whole=bool((clear < episode.start).any()),
        )


def _refusals(facts: PoolFacts) -> Steps:
    """Return at each moment how many were refused for want of seats in the hour before."""
    rows = facts.refusals
    lost = rows.at[rows.capacity & (rows.served_at == UNSERVED)]
    return Steps.from_spans(lost, lost + 3600, np.ones_like(lost), facts.start, facts.end)


def _forecast_classes(rule: AlertRule, facts: PoolFacts) -> Steps:
    """Return whether a pool was expected to be full in time, as of every five minutes."""
    rows, marks = samples(facts), minute_limits(rule)
    seconds, _days, _alike = expected(rows, np.arange(len(rows.used), dtype=np.int64))
    minutes = -(-seconds // 60)
    classes = np.where(minutes <= -marks.fire_at, _OVER, _BETWEEN)
    classes = np.where((minutes >= -marks.clear_at) | (seconds == NEVER), _CLEAR, classes)
    # As of the present, only pools that are at half of their limit are looked at.
    classes = np.where(2 * rows.used < rows.limit, _CLEAR, classes)
    classes = np.where(seconds == BLIND, UNKNOWN, classes)
    times = np.append(rows.start + STEP * np.arange(len(classes), dtype=np.int64), facts.end)
    times, classes = np.append(facts.start, times), np.append(UNKNOWN, classes)
    keep = np.append(times[1:] > times[:-1], True)
    return Steps(times[keep], classes[keep[:-1]]).joined()


def _classes(
    rule: AlertRule, seats: npt.NDArray[np.int64], limit: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return for each step whether its use is over the threshold, clear, between, or unknown."""
    classes = np.full(len(seats), UNKNOWN, dtype=np.int64)
    for level in np.unique(limit).tolist():
        marks = None if level == UNKNOWN else capacity_limits(rule, level, level)
        if marks is None:
            continue
        here = limit == level
        between = np.where(seats > marks.clear_at, _BETWEEN, _CLEAR)
        classes[here] = np.where(seats >= marks.fire_at, _OVER, between)[here]
    return classes


def _polled(levels: Steps, every: int) -> Steps:
    """Return the levels as polls see them: of what comes and goes between two, nobody knows."""
    moments = np.arange(-(-levels.start // every) * every, levels.end, every, dtype=np.int64)
    if not len(moments):
        return Steps.constant(UNKNOWN, levels.start, levels.end)
    seen = levels.levels[np.searchsorted(levels.times, moments, side="right") - 1]
    return Steps(np.append(moments, levels.end), seen).joined()


def _samples(levels: Steps, every: int, limits: Limits) -> Iterable[Sample]:
    """Yield of the samples of each level, *every* seconds apart, those that may change something:
    a year of all would take long. The last one is there, so that a level's length counts in full.
    """
    slack = limits.slack_seconds if every > 1 else 0
    fires = max(0, -(-(limits.for_seconds - slack) // every))
    resolves = max(0, -(-(limits.keep_firing_seconds - slack) // every))
    for begin, after, level in zip(
        levels.times[:-1].tolist(), levels.times[1:].tolist(), levels.levels.tolist(), strict=True
    ):
        last = (after - 1 - begin) // every
        first = range(min(last + 1, limits.for_samples if level == _OVER else 1))
        turn = resolves if level == _CLEAR else fires
        for place in sorted({*first, min(turn, last), last}):
            yield Sample(begin + place * every, None if level == UNKNOWN else level)
