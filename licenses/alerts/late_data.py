"""Alerts of the past: what data that came late would have told.

Late data (a log that was imported, a server that comes back with one) never calls anybody. It
makes alerts that are marked as past, so that reports and people looking back see them.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from itam.told import tell
from licenses.analysis.usage import load_facts
from licenses.models import LONGEST_STEP, Alert, AlertRule, LateSpan, LicensePool, LicenseServer

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
    """Let the past alerts that touch [start, end) be those of the data as they are now.

    Return how many are new. To be called after the hours of late data were counted. An alert that
    earlier data gave gets the beginning and end that are known now, or goes where none is left: in
    which order data came, and how they were cut, makes no difference. Where somebody was told at
    the time, there is no past alert. What may still be going on is left to the evaluation.
    """
    newest = int(now.timestamp()) - LONGEST_STEP
    rules = list(AlertRule.objects.filter(enabled=True, kind__in=KINDS).order_by("pk"))
    pools = list(LicensePool.objects.filter(pk__in=pool_ids).order_by("pk"))
    if not rules or not pools or start - MARGIN_SECONDS >= newest:
        return 0
    served = _servers(pools)
    fresh = 0
    for pool in pools:  # one at a time: a year of all pools would not fit into memory
        mine = [
            rule
            for rule in rules
            if rule.pool_id in (None, pool.pk)
            and (rule.server_id is None or rule.server_id in served.get(pool.pk, ()))
        ]
        if not mine:
            continue
        found, alerts = _compared(mine, pool, start, end, newest)
        with transaction.atomic():
            fresh += sum(
                _settle(rule, pool, found[rule.pk], alerts.get(rule.pk, []), now) for rule in mine
            )
    return fresh


def _compared(
    rules: Collection[AlertRule], pool: LicensePool, start: int, end: int, newest: int
) -> tuple[dict[int, list[tuple[PastEpisode, bool]]], dict[int, list[Alert]]]:
    """Return by rule the episodes of a pool that touch [start, end) and the alerts there are.

    What an alert lies over is looked at as a whole: it may have been less, or two.
    """
    while True:
        found = _touching(rules, pool, start, end, newest)
        spans = {
            pk: [(start, end), *((row.start, row.end) for row, _over in rows)]
            for pk, rows in found.items()
        }
        every = [span for of_rule in spans.values() for span in of_rule]
        rows = Alert.objects.filter(
            Q(resolved_at=None) | Q(resolved_at__gt=_moment(min(at for at, _to in every))),
            rule__in=rules,
            pool=pool,
            started_at__lt=_moment(max(to for _at, to in every)),
        )
        alerts: dict[int, list[Alert]] = {}
        for alert in rows.order_by("started_at", "pk"):
            if any(_meets(alert, *span) for span in spans[alert.rule_id]):
                alerts.setdefault(alert.rule_id, []).append(alert)
        reach = [
            (int(alert.started_at.timestamp()), int(alert.resolved_at.timestamp()))
            for of_rule in alerts.values()
            for alert in of_rule
            if alert.past and alert.resolved_at is not None
        ]
        first = min((begin for begin, _over in reach), default=start)
        last = max((over for _begin, over in reach), default=end)
        if first >= start and last <= end:
            return found, alerts
        start, end = min(first, start), max(last, end)


def _settle(
    rule: AlertRule,
    pool: LicensePool,
    found: Collection[tuple[PastEpisode, bool]],
    alerts: Collection[Alert],
    now: datetime,
) -> int:
    """Make a rule's past alerts those of the episodes, each of which comes with whether it is
    over; return how many are new."""
    subject, fresh = f"pool:{pool.pk}", []
    left = {alert.pk: alert for alert in alerts if alert.past}
    for episode, over in found:
        same = [alert for alert in alerts if _meets(alert, episode.start, episode.end)]
        if not over or not all(alert.past for alert in same):
            continue
        told = _told(pool, episode)
        kept = next((left.pop(alert.pk) for alert in same if alert.pk in left), None)
        if kept is None:
            fresh.append(Alert(rule=rule, subject=subject, pool=pool, fired_at=now, **told))
        elif any(getattr(kept, name) != value for name, value in told.items()):
            Alert.objects.filter(pk=kept.pk).update(**told)
    Alert.objects.filter(pk__in=left).delete()
    Alert.objects.bulk_create(fresh)
    return len(fresh)


def _meets(alert: Alert, start: int, end: int) -> bool:
    """Tell whether an alert lies over a part of [start, end)."""
    ended = alert.resolved_at is not None and alert.resolved_at <= _moment(start)
    return alert.started_at < _moment(end) and not ended


def _touching(
    rules: Collection[AlertRule], pool: LicensePool, start: int, end: int, newest: int
) -> dict[int, list[tuple[PastEpisode, bool]]]:
    """Return the episodes of a pool that touch [start, end) by rule, each from its own beginning
    to its own end, and with whether it is over by *newest*."""
    before = after = MARGIN_SECONDS
    while True:
        last = min(end + after, newest)
        (facts,) = load_facts([pool], start - before, last)
        found = {
            rule.pk: [
                (episode, episode.end < last)
                for episode in episodes(rule, facts)
                # That it is over is known so much later, which what came late may first have told.
                if episode.start < end and episode.end + rule.keep_firing_seconds > start
            ]
            for rule in rules
        }
        rows = [row for of_rule in found.values() for row in of_rule]
        begun = before >= FURTHEST_SECONDS or all(row.whole for row, over in rows if over)
        ended = last == newest or all(over for _row, over in rows)
        if begun and ended:
            return found
        before *= 1 if begun else 8
        after *= 1 if ended else 8


def waiting(now: datetime) -> bool:
    """Tell whether there is late data that nobody is looking through."""
    return _free(now).exists()


def drain(now: datetime, *, limit_seconds: float = 60.0) -> int:
    """Look through all data that came late, and return how many past alerts were new.

    The one way for every road that data come by: an import writes what it learned late, and this
    takes it from there. Goes on where an earlier run was cut off or killed. Any number of these may
    run at once, each on servers that share no pool with those of another.
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

    The pieces of one file are written one by one, and are looked through at one go. Pools that
    somebody looks through are left to him: who read them earlier could write later.
    """
    with transaction.atomic():
        # Asked for by themselves, so that what is asked next sees what others leased meanwhile.
        list(LateSpan.objects.select_for_update().order_by("pk").values_list("pk"))
        busy = LateSpan.objects.filter(leased_until__gt=now).values("server")
        pools = LicensePool.objects.filter(mappings__feature__server__in=busy).values("pk")
        with_them = LicenseServer.objects.filter(features__mappings__pool__in=pools).values("pk")
        rows = _free(now).exclude(server__in=busy).exclude(server__in=with_them)
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


def _told(pool: LicensePool, episode: PastEpisode) -> dict[str, Any]:
    """Return what a past alert says of an episode."""
    words = {"pool": plain(pool), "worst": episode.worst}
    if episode.limit is None:
        title = tell("%(pool)s: %(worst)s seats were in use", **words)
    else:
        words["limit"] = episode.limit
        title = tell("%(pool)s: %(worst)s of %(limit)s seats were in use", **words)
    message = tell("Found in data that came late. Nobody was called.")
    return {
        "state": Alert.State.RESOLVED,
        "past": True,
        "title": title[:300],
        "message": message,
        "facts": {"title": title.facts, "message": message.facts},
        "started_at": _moment(episode.start),
        "resolved_at": _moment(episode.end),
        "last_value": episode.worst,
        "worst_value": episode.worst,
        "limit": episode.limit,
        "denials": episode.denials,
    }


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
