"""Alerts of the past: what data that came late would have told.

Late data (a log that was imported, a server that comes back with one) never calls anybody. It
makes alerts that are marked as past, so that reports and people looking back see them.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from itam.told import tell
from licenses.analysis.usage import load_facts
from licenses.models import LONGEST_STEP, Alert, AlertRule, LateSpan, LicensePool

from .past import PastEpisode, episodes
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
