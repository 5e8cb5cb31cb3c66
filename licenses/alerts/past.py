"""Episodes of the past: what late data would have told, and what a rule would have done.

Late data (a log that was imported, a server that comes back with one) never calls anybody. It
makes alerts that are marked as past, so that reports and people looking back see them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.db.models import Q, QuerySet

from itam.told import tell
from licenses.analysis.time_to_full import BLIND, NEVER, STEP, expected, samples
from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.denials import UNSERVED
from licenses.concurrency.timeline import UNKNOWN, Steps, merged_times, usage
from licenses.models import LONGEST_STEP, Alert, AlertRule, LateSpan, LicensePool

from .filling import minute_limits
from .observing import capacity_limits
from .observing import waiting as waits
from .rules import Limits, Sample, replay
from .words import plain
from .world import CAPACITY, Kind

MARGIN_SECONDS = 86400
"""So much more is looked at on both sides: an episode may have begun before what came late, and
ended after it. Where one did so earlier or later still, more is looked at."""
FURTHEST_SECONDS = MARGIN_SECONDS * 8**4
MARGIN = timedelta(seconds=MARGIN_SECONDS)
LEASE = timedelta(seconds=300)
KINDS = CAPACITY - {Kind.DENIALS}
"""Of which late data make alerts of the past."""
TRIED = CAPACITY | {Kind.TIME_TO_FULL}
"""That can be tried on the past."""

"""Stored in English, and told in the language of who reads it."""

_CLEAR, _BETWEEN, _OVER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """The rule would have fired over [start, end), from fired_at on.

    worst: most seats; denials: refusals meanwhile.
    whole: it was clear before that, for long enough to end an earlier one: it did not begin before
           the window, or in time that nobody saw.
    """

    pool_id: int
    start: int
    fired_at: int
    end: int
    worst: int
    limit: int | None
    denials: int
    whole: bool


def record(pool_ids: Collection[int], start: int, end: int, now: datetime) -> int:
    """Write past alerts for the episodes that touch [start, end); return how many were new.

    To be called after the hours of late data were counted. Running it again changes nothing:
    where an alert of the rule lies over the time of an episode, none is added. What may still be
    going on is left to the evaluation.
    """
    newest = int(now.timestamp()) - LONGEST_STEP
    rules = list(AlertRule.objects.filter(enabled=True, kind__in=KINDS).order_by("pk"))
    pools = list(LicensePool.objects.filter(pk__in=pool_ids).order_by("pk"))
    if not rules or not pools or start - MARGIN_SECONDS >= newest:
        return 0
    served = _servers(pools)
    found = []
    for pool in pools:  # one at a time: a year of all pools would not fit into memory
        mine = [
            rule
            for rule in rules
            if rule.pool_id in (None, pool.pk)
            and (rule.server_id is None or rule.server_id in served.get(pool.pk, ()))
        ]
        found += [
            (rule, pool, episode) for rule, episode in _touching(mine, pool, start, end, newest)
        ]
    first, last = (
        choose((at for _rule, _pool, row in found for at in (row.start, row.end)), default=start)
        for choose in (min, max)
    )
    with transaction.atomic():
        # Two that look through the same time write one after the other.
        list(AlertRule.objects.select_for_update(no_key=True).filter(pk__in=[r.pk for r in rules]))
        known = _known(found, first, last)
        fresh = [
            _alert(rule, pool, episode, now)
            for rule, pool, episode in found
            if not any(
                begin < episode.end and episode.start < over
                for begin, over in known.get((rule.pk, pool.pk), ())
            )
        ]
        Alert.objects.bulk_create(fresh)
    return len(fresh)


def _touching(
    rules: Collection[AlertRule], pool: LicensePool, start: int, end: int, newest: int
) -> list[tuple[AlertRule, PastEpisode]]:
    """Return the episodes of a pool that touch [start, end), each from its own beginning to its
    own end; without those that are not over by *newest*."""
    before = after = MARGIN_SECONDS
    while True:
        last = min(end + after, newest)
        (facts,) = load_facts([pool], start - before, last)
        found = [
            (rule, episode)
            for rule in rules
            for episode in episodes(rule, facts)
            if episode.start < end and episode.end > start
        ]
        over = [row for row in found if row[1].end < last]
        begun = before >= FURTHEST_SECONDS or all(row.whole for _rule, row in over)
        ended = len(over) == len(found) or last == newest
        if begun and ended:
            return over
        before *= 1 if begun else 8
        after *= 1 if ended else 8


def waiting(now: datetime) -> bool:
    """Tell whether there is late data that nobody is looking through."""
    return _free(now).exists()


def drain(now: datetime, *, limit_seconds: float = 60.0) -> int:
    """Look through all data that came late, and return how many past alerts were new.

    The one way for every road that data come by: an import writes what it learned late, and this
    takes it from there. Goes on where an earlier run was cut off or killed. Any number of these may
    run at once; each pool is locked and noted for itself.
    """
    begun, fresh = time.monotonic(), 0
    while (span := _claim(now + timedelta(seconds=time.monotonic() - begun))) is not None:
        start, end = int(span.starts.timestamp()), int(span.ends.timestamp())
        pools = LicensePool.objects.filter(
            mappings__feature__server=span.server_id, pk__gt=span.after_pool
        )
        # Whoever joined more to the span since starts it again.
        mine = LateSpan.objects.filter(pk=span.pk, starts=span.starts, ends=span.ends)
        for pool in pools.order_by("pk").values_list("pk", flat=True).distinct():
            fresh += record([pool], start, end, now)
            passed = time.monotonic() - begun
            over = passed > limit_seconds
            leased = None if over else now + timedelta(seconds=passed) + LEASE
            mine.update(after_pool=pool, leased_until=leased)
            if over:
                return fresh
        mine.delete()
    return fresh


def _free(now: datetime) -> QuerySet[LateSpan]:
    return LateSpan.objects.filter(Q(leased_until=None) | Q(leased_until__lte=now))


def _claim(now: datetime) -> LateSpan | None:
    """Lease the next span, joined with all of its server that lie next to it; None: none is left.

    The pieces of one file are written one by one, and are looked through at one go.
    """
    with transaction.atomic():
        rows = _free(now).select_for_update()
        head = rows.order_by("pk").first()
        if head is None:
            return None
        joined = []
        for row in rows.filter(server=head.server_id).order_by("starts", "pk"):
            near = row.starts <= head.ends + MARGIN and row.ends >= head.starts - MARGIN
            if near and row.pk != head.pk:
                head.starts, head.ends = min(head.starts, row.starts), max(head.ends, row.ends)
                head.after_pool = 0
                joined.append(row.pk)
        LateSpan.objects.filter(pk__in=joined).delete()
        head.leased_until = now + LEASE
        head.save()
    return head


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
            denials=int(np.count_nonzero((refused >= episode.start) & (refused < over))),
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


def _servers(pools: Collection[LicensePool]) -> dict[int, set[int]]:
    rows = LicensePool.objects.filter(pk__in=[pool.pk for pool in pools], mappings__isnull=False)
    found: dict[int, set[int]] = {}
    for pool, server in rows.order_by().values_list("pk", "mappings__feature__server_id"):
        found.setdefault(pool, set()).add(server)
    return found


def _known(
    found: Collection[tuple[AlertRule, LicensePool, PastEpisode]], first: int, last: int
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the spans of the alerts on record, by rule and pool."""
    rows = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gt=datetime.fromtimestamp(first, UTC)),
        rule__in={rule.pk for rule, _pool, _episode in found},
        pool__in={pool.pk for _rule, pool, _episode in found},
        started_at__lt=last,
    )
    spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for rule, pool, begin, over in rows.values_list(
        "rule_id", "pool_id", "started_at", "resolved_at"
    ):
        ends = int(over.timestamp()) if over else last
        spans.setdefault((rule, pool or 0), []).append((int(begin.timestamp()), ends))
    return spans


def _alert(rule: AlertRule, pool: LicensePool, episode: PastEpisode, now: datetime) -> Alert:
    told = {"pool": plain(pool), "worst": episode.worst}
    if episode.limit is None:
        title = tell("%(pool)s: %(worst)s seats were in use", **told)
    else:
        told["limit"] = episode.limit
        title = tell("%(pool)s: %(worst)s of %(limit)s seats were in use", **told)
    message = tell("Found in data that came late. Nobody was called.")
    return Alert(
        rule=rule,
        subject=f"pool:{pool.pk}",
        pool=pool,
        state=Alert.State.RESOLVED,
        past=True,
        title=title[:300],
        message=message,
        facts={"title": title.facts, "message": message.facts},
        started_at=datetime.fromtimestamp(episode.start, UTC),
        fired_at=now,
        resolved_at=datetime.fromtimestamp(episode.end, UTC),
        last_value=episode.worst,
        worst_value=episode.worst,
        limit=episode.limit,
        denials=episode.denials,
    )
