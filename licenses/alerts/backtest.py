"""What a rule would have been worth: how often it would have fired in the past, and ahead of what.

A shortage is a time in which people were refused for want of seats and got none within seconds;
refusals no more than an hour apart are one. Where no log tells of refusals, and in a pool of which
none is on record, a time in which it was full counts as one. The rule is ahead of a shortage if it
fired before that began and was firing still: what fires on the shortage itself warns nobody.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
from django.utils.translation import gettext, ngettext

from itam.figures import number
from licenses.analysis.availability import poll_seconds
from licenses.analysis.usage import PoolFacts, load_facts
from licenses.concurrency.denials import UNSERVED
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import UNKNOWN, Steps, merged_times, usage
from licenses.models import AlertRule, LicensePool

from .past import TRIED, PastEpisode, episodes

SHORTAGE_GAP_SECONDS = 3600
EXAMPLES = 5
YEAR_SECONDS = 365 * 86_400


@dataclass(slots=True)
class Backtest:
    """What a rule would have done over [start, end).

    kind:      of the rule: the worst in `latest` are refusals in an hour for *denials*, else seats.
    possible:  False for kinds of which nothing is known after the fact; the rest is then empty.
    pools:     that were looked at; of_pools: that the rule is about. Fewer where time ran out.
    leads:     seconds from the alert to the shortage, one for each that it was ahead of.
    observed, expected: seconds; what nobody observed could not fire. Polls tell of no refusals, so
               for *denials* observed is that of which logs tell.
    latest:    some firings, the newest first, with the names of their pools.
    """

    start: int
    end: int
    kind: str = ""
    possible: bool = True
    pools: int = 0
    of_pools: int = 0
    fired: int = 0
    shortages: int = 0
    leads: list[int] = field(default_factory=list)
    observed: int = 0
    expected: int = 0
    latest: list[tuple[str, PastEpisode]] = field(default_factory=list)

    @property
    def ahead(self) -> int:
        return len(self.leads)

    @property
    def median_lead_seconds(self) -> int | None:
        return int(median(self.leads)) if self.leads else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for programs, moments as ISO 8601 in UTC."""
        names = ("possible", "pools", "of_pools", "fired", "shortages", "ahead")
        return {
            "from": _iso(self.start),
            "to": _iso(self.end),
            **{name: getattr(self, name) for name in names},
            "median_lead_seconds": self.median_lead_seconds,
            "observed_seconds": self.observed,
            "expected_seconds": self.expected,
            "sentences": sentences(self),
            "latest": [
                {
                    "pool": name,
                    "fired_at": _iso(row.fired_at),
                    "end": _iso(row.end),
                    "worst": row.worst,
                    "limit": row.limit,
                    "denials": row.denials,
                }
                for name, row in self.latest
            ],
        }


def backtest(
    rule: AlertRule,
    pools: Collection[LicensePool],
    *,
    now: int,
    seconds: int = YEAR_SECONDS,
    limit_seconds: float = 8.0,
) -> Backtest:
    """Return what a rule, saved or not, would have done in the last 12 months.

    pools:          those that the asker may see; the ones that the rule is not about are left out.
    limit_seconds:  stop after the pool at which this much time is over, as somebody waits.
    """
    found = Backtest(start=now - seconds, end=now, kind=rule.kind)
    if rule.kind not in TRIED:
        found.possible = False
        return found
    chosen = _chosen(rule, pools)
    found.of_pools = len(chosen)
    every = poll_seconds([pool.pk for pool in chosen])
    begun = time.monotonic()
    for pool in chosen:  # one at a time: a year of all would not fit into memory
        (facts,) = load_facts([pool], found.start, found.end)
        _add(found, rule, facts, list(episodes(rule, facts, every.get(pool.pk))))
        if time.monotonic() - begun > limit_seconds:
            break
    found.latest = sorted(found.latest, key=lambda row: -row[1].fired_at)[:EXAMPLES]
    return found


def _chosen(rule: AlertRule, pools: Collection[LicensePool]) -> list[LicensePool]:
    mine = LicensePool.objects.filter(pk__in=[pool.pk for pool in pools])
    if rule.pool_id is not None:
        mine = mine.filter(pk=rule.pool_id)
    if rule.server_id is not None:
        mine = mine.filter(mappings__feature__server=rule.server_id)
    return list(mine.distinct().order_by("name"))


def _add(found: Backtest, rule: AlertRule, facts: PoolFacts, fired: Sequence[PastEpisode]) -> None:
    begins = shortages(facts)
    found.pools += 1
    found.fired += len(fired)
    found.shortages += len(begins)
    denials = rule.kind == AlertRule.Kind.DENIALS
    found.observed += (facts.logged if denials else facts.observed).seconds
    found.expected += facts.end - facts.start
    found.latest += [(facts.pool.name, row) for row in fired]
    for begin in begins:
        warned = [row.fired_at for row in fired if row.fired_at < begin < row.end]
        if warned:
            found.leads.append(begin - min(warned))


def shortages(facts: PoolFacts) -> list[int]:
    """Return when each shortage of a pool began, in time order."""
    refused = facts.refusals
    lost = refused.at[refused.capacity & (refused.served_at == UNSERVED)]
    lost = lost[(lost >= facts.start) & (lost < facts.end)]
    full = _full(facts)
    if len(refused):
        full = full.subtract(facts.logged)
    spells = full.union(IntervalSet.of(lost, lost + 1))
    bridged = IntervalSet.of(spells.starts, spells.ends + SHORTAGE_GAP_SECONDS)
    return [int(begin) for begin in bridged.starts]


def _full(facts: PoolFacts) -> IntervalSet:
    held = facts.holdings
    use = usage(held.taken_by, held.returned_after, held.seats, facts.start, facts.end)
    limit = facts.limits.limit.only_within(facts.observed)
    grid = merged_times([use.times, limit.times], facts.start, facts.end)
    seats, bound = use.on(grid), limit.on(grid)
    full = (bound != UNKNOWN) & (bound > 0) & (seats >= bound)
    return Steps(grid, full.astype(np.int64)).where(full)


def sentences(found: Backtest) -> list[str]:
    """Return in words what the rule would have been worth."""
    if not found.possible:
        return [
            gettext(
                "Only rules about seats and refusals can be tried on the past, not those of this"
                " kind."
            )
        ]
    said = [_worth(found)]
    if found.pools < found.of_pools:
        said.append(
            gettext(
                "Time was enough for %(pools)s of %(of_pools)s pools: name one pool to see all"
                " of it."
            )
            % {"pools": found.pools, "of_pools": found.of_pools}
        )
    if found.observed < found.expected:
        share = 100 * found.observed // max(1, found.expected)
        said.append(
            gettext("%(share)s %% of that time was observed; in the rest nothing could fire.")
            % {"share": share}
        )
    return said


def _worth(found: Backtest) -> str:
    told = {"ahead": number(found.ahead), "shortages": number(found.shortages)}
    if found.expected and not found.observed:
        if found.kind == AlertRule.Kind.DENIALS:
            return gettext(
                "What this would have done is not known: no log tells of refusals in the last 12"
                " months."
            )
        return gettext(
            "What this would have done is not known: nobody observed the last 12 months."
        )
    if not found.fired and not found.shortages:
        return gettext("In the last 12 months this would never have fired.")
    if not found.fired:
        text = gettext(
            "In the last 12 months this would never have fired; there were %(shortages)s shortages."
        )
        return text % told
    told["times"] = gettext("once")
    if found.fired > 1:
        told["times"] = gettext("%(count)s times") % {"count": number(found.fired)}
    if not found.shortages:
        text = gettext(
            "In the last 12 months this would have fired %(times)s; there was no shortage to be"
            " ahead of."
        )
        return text % told
    text = ngettext(
        "In the last 12 months this would have fired %(times)s, ahead of %(ahead)s of %(shortages)s"
        " shortage.",
        "In the last 12 months this would have fired %(times)s, ahead of %(ahead)s of %(shortages)s"
        " shortages.",
        found.shortages,
    )
    if found.median_lead_seconds is not None:
        told["lead"] = _minutes(found.median_lead_seconds)
        text = ngettext(
            "In the last 12 months this would have fired %(times)s, ahead of %(ahead)s of"
            " %(shortages)s shortage, median lead %(lead)s.",
            "In the last 12 months this would have fired %(times)s, ahead of %(ahead)s of"
            " %(shortages)s shortages, median lead %(lead)s.",
            found.shortages,
        )
    return text % told


def _minutes(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return gettext("%(count)s min") % {"count": seconds // 60}
    return gettext("%(count)s h") % {"count": seconds // 3600}


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
