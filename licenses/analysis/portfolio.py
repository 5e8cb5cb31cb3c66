"""All pools at a glance: the newest figures of each, in one answer."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from django.db.models import F, Max, Sum

from licenses.analysis.availability import freshness, is_of_now, longest_intervals
from licenses.analysis.coverage import load_logged
from licenses.analysis.headlines import told, unused
from licenses.analysis.mappings import load_mappings
from licenses.analysis.refusals import refusals_known
from licenses.analysis.rows import now_epoch, number, tuples
from licenses.models import LicensePool, PoolHeadline, PoolHour, free_seats

WEEK_SECONDS = 7 * 86400
NEWEST = (
    ("pool", "pk"),
    ("name", "name"),
    ("product", "product__name"),
    ("vendor", "product__vendor__name"),
    ("zone", "zone"),
    ("in_use", "now__in_use"),
    ("limit", "now__limit"),
    ("allowed", "now__allowed"),
    ("issued", "now__issued"),
    ("reserved_idle", "now__reserved_idle"),
    ("borrowed", "now__borrowed"),
    ("queued", "now__queued"),
    ("source", "now__source"),
    ("peak_12_months", "now__peak_12_months"),
)
WEEK = ("peak", "full_seconds", "over_seconds", "denials", "observed_seconds")


def portfolio(
    user: Any,
    *,
    week: bool = False,
    headlines: bool = False,
    costs: bool = False,
    now: int | None = None,
) -> list[dict[str, Any]]:
    """Return the newest figures of each active pool that a user may see, by name. None: unknown.

    Keys: those of NEWEST, and
        free:           of the fewer of limit and issued, those neither in use nor reserved; None
                        where the figures are too old to say something of now
        at:             epoch seconds as of when the figures hold, the oldest of its servers'
        age_seconds:    how long ago that is
        freshness:      fresh, late, stale (too old) or none, as `availability.freshness` judges
        week:           with *week* only: WEEK's sums and the peak of the last seven days, to full
                        hours, with `observed_seconds` of `expected_seconds`; null: no hour is
                        known. Its `denials`: null where no log tells of it (`logged_seconds`)
        headline:       with *headlines* only: what 30 days come to, as `headlines.told` says
        unused:         with *costs* only, on behalf of readers who may see prices: seats bought
                        above the peak of 12 months, and their cost a year, with `before`, the same
                        as of 30 days ago

    Queries: two, three more with *week*, one with each of *headlines* and *costs*, and some more
    where the user does not see everything.
    """
    moment = now_epoch(now)
    found = [dict(zip(KEYS, row, strict=True)) for row in newest(user, moment)]
    if week:
        weeks = _weeks([card["pool"] for card in found], moment)
        for card in found:
            card["week"] = weeks.get(card["pool"])
    counted: dict[int, PoolHeadline] = {}
    if headlines or costs:
        heads = PoolHeadline.objects.filter(pool__in=LicensePool.objects.visible_ids(user))
        counted = {row.pool_id: row for row in heads}
    if headlines:
        for card in found:
            card["headline"] = told(counted.get(card["pool"]), moment)
    if costs:
        before = {pk: row.year_peak_before for pk, row in counted.items()}
        spare = unused({card["pool"]: card["peak_12_months"] for card in found}, before=before)
        for card in found:
            card["unused"] = spare[card["pool"]].as_dict()
    return found


KEYS = (*(name for name, _ in NEWEST), "free", "at", "age_seconds", "freshness")
_BOUNDS = itemgetter(*map(KEYS.index, ("in_use", "limit", "issued", "reserved_idle")))


def newest(user: Any, moment: int) -> list[tuple[Any, ...]]:
    """Return what `portfolio` does without anything asked for besides: the values of KEYS.

    A thousand dictionaries take as long as the query.
    """
    mine = LicensePool.objects.for_user(user).active().order_by("name", "pk")
    rows = tuples(mine, *(column for _, column in NEWEST), number("now__at"))
    every = longest_intervals([row[0] for row in rows])
    return [_completed(row, every.get(row[0]), moment) for row in rows]


def _completed(row: tuple[Any, ...], interval: int | None, moment: int) -> tuple[Any, ...]:
    at = row[-1]
    age = None if at is None else moment - at if moment > at else 0
    judged = freshness(age, interval)
    free = free_seats(*_BOUNDS(row)) if is_of_now(judged) else None
    return (*row[:-1], free, at, age, judged)


def _weeks(pool_ids: list[int], moment: int) -> dict[int, dict[str, Any]]:
    # The ids are named, as the index leads with them: a range of hours alone would read all.
    hours = PoolHour.objects.filter(pool__among=pool_ids).inside(moment - WEEK_SECONDS, moment)
    sums = {f"{name}_sum": Sum(F(name) * F("inside")) for name in WEEK[1:]}
    rows = hours.order_by().values_list("pool_id").annotate(Max("peak"), **sums)
    logs = load_logged(load_mappings(pool_ids), moment - WEEK_SECONDS, moment)
    weeks = {pool: dict(zip(WEEK, figures, strict=True)) for pool, *figures in rows}
    return {
        pool: {
            **week,
            "denials": refusals_known(week["denials"], logs[pool].seconds),
            "logged_seconds": logs[pool].seconds,
            "expected_seconds": WEEK_SECONDS,
        }
        for pool, week in weeks.items()
    }
