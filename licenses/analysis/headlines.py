"""The numbers by which each pool is judged at a glance: how much of the time is proven, how long
people were kept from work, and what is paid for and not used.

The first two look back 30 days, beside the 30 days before, and are stored, as they take the facts
of all this time. What is unused follows from rights and peaks on record whenever it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import F, Max, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext

from licenses.analysis.coverage import load_logged
from licenses.analysis.denials import Blocked, blocked_by_pool
from licenses.analysis.rights import YEAR_SECONDS
from licenses.analysis.rows import as_moment, now_epoch
from licenses.analysis.verdict import BATCH_POOLS, FLOOR, MonthVerdict, load_judged
from licenses.models import Entitlement, LicensePool, PoolHeadline, PoolHour

DAYS = 30
WINDOW_SECONDS = DAYS * 86_400
FRESH_SECONDS = 3_600
SEATS = (Entitlement.Metric.CONCURRENT, Entitlement.Metric.TOKEN)
FIGURES = (
    *("expected_seconds", "proven_seconds", "over_seconds", "full_seconds", "observed_seconds"),
    *("blocked_seconds", "people_blocked", "logged_seconds", "peak"),
)
BEFORE = tuple((name, f"{name}_before") for name in FIGURES)

Line = tuple[int, Decimal | None, str]
"""An entitlement in force: (seats, price of a seat and year or None, currency)."""


@dataclass(frozen=True, slots=True)
class Unused:
    """Seats bought above the highest use of twelve months.

    seats:     None where no right or no use is known.
    cost:      of them in a year, the dearest kept; None where it cannot be told.
    why:       a sentence that says why seats or cost are not known; "" where both are.
    before:    the same of 30 days ago, of the twelve months until then; None where nobody asked.
    """

    seats: int | None
    cost: Decimal | None
    currency: str
    why: str
    before: Unused | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs, with what it was before where somebody asked."""
        cost = None if self.cost is None else f"{self.cost:.2f}"
        told = {"seats": self.seats, "cost": cost, "currency": self.currency, "why": self.why}
        return told if self.before is None else told | {"before": self.before.as_dict()}

    def change(self) -> tuple[int, Decimal] | None:
        """Return by how many seats and how much money a year it changed; None where one of them is
        not known, or in another currency."""
        before = self.before
        if before is None or self.seats is None or before.seats is None:
            return None
        if self.cost is None or before.cost is None:
            return None
        if self.seats and before.seats and self.currency != before.currency:
            return None
        return self.seats - before.seats, self.cost - before.cost


def refresh(pool_ids: Collection[int], now: int | None = None) -> int:
    """Count the headlines of these pools again, and return how many. Safe to run twice.

    A constant number of queries for every 25 pools. Reads 60 days of facts, outside of any
    transaction, so that nobody waits for it.
    """
    moment = now_epoch(now)
    middle, start = moment - WINDOW_SECONDS, moment - 2 * WINDOW_SECONDS
    pools = list(LicensePool.objects.filter(pk__in=pool_ids).order_by("pk"))
    # Before the facts are read: whatever is learned from here on makes the row due again.
    PoolHeadline.objects.filter(pool__in=pools, due=True).update(due=False)
    windows = [(start, middle), (middle, moment)]
    ids = [pool.pk for pool in pools]
    found = _judged(pools, windows, moment)
    blocked = [blocked_by_pool(ids, first, end) for first, end in windows]
    full = [_full(ids, first, end) for first, end in windows]
    year = _year_peaks(ids, middle)
    rows = []
    for pool in pools:
        pk = pool.pk
        before, lately = (
            _figures(month, logged, blocked[place][pk], full[place].get(pk))
            for place, (month, logged) in enumerate(found[pk])
        )
        earlier = {f"{name}_before": value for name, value in before.items()}
        rows.append(
            PoolHeadline(
                pool=pool,
                at=as_moment(moment),
                year_peak_before=year.get(pk),
                **lately,
                **earlier,
            )
        )
    PoolHeadline.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["pool"],
        update_fields=["at", "year_peak_before", *FIGURES, *(before for _, before in BEFORE)],
    )
    return len(rows)


def _judged(
    pools: Collection[LicensePool], windows: Sequence[tuple[int, int]], now: int
) -> dict[int, list[tuple[MonthVerdict, int]]]:
    """Return each window of each pool: what was judged, and how much of the expected time logs
    tell of. The windows follow each other."""
    edges = np.unique(np.array(windows, dtype=np.int64))
    found = {}
    for batch in load_judged(pools, windows, now=now):
        logs = load_logged(batch.mappings, windows[0][0], windows[-1][1])
        for each in batch.judged:
            pk = each.facts.pool.pk
            logged = each.coverage.expected.intersection(logs[pk]).seconds_within(edges).tolist()
            found[pk] = list(zip(each.months, logged, strict=True))
    return found


def _full(pool_ids: Collection[int], start: int, end: int) -> dict[int, int | None]:
    """Return how long each pool was full, in the hours that begin in [start, end). One query."""
    hours = PoolHour.objects.filter(pool__among=pool_ids).inside(start, end)
    sums = (
        hours.order_by().values_list("pool_id").annotate(full=Sum(F("full_seconds") * F("inside")))
    )
    return dict(sums)


def _year_peaks(pool_ids: Collection[int], moment: int) -> dict[int, int | None]:
    """Return the highest use of each pool in the 12 months before a moment. One query."""
    hours = PoolHour.objects.filter(pool__among=pool_ids).within(moment - YEAR_SECONDS, moment)
    return dict(hours.order_by().values_list("pool_id").annotate(Max("peak")))


def _figures(
    judged: MonthVerdict, logged_seconds: int, refused: Blocked, full: int | None
) -> dict[str, int | None]:
    blocked = refused if logged_seconds or refused.episodes else None  # or else nobody knows
    return {
        "expected_seconds": judged.expected_seconds,
        "proven_seconds": judged.proven_seconds,
        "over_seconds": judged.over_seconds,
        "full_seconds": full,
        "observed_seconds": judged.observed_seconds,
        "blocked_seconds": None if blocked is None else blocked.lost_seconds,
        "people_blocked": None if blocked is None else blocked.people,
        "logged_seconds": logged_seconds,
        "peak": judged.peak,
    }


def mark_due(pool_ids: Collection[int]) -> None:
    """Have these pools counted again at the next turn, not only within the hour."""
    PoolHeadline.objects.filter(pool__in=pool_ids).update(due=True)


def due(now: int) -> list[int]:
    """Return the ids of the active pools whose headlines are to be counted, those first that never
    were. One query."""
    old = Q(headline=None) | Q(headline__due=True) | Q(headline__at__lte=now - FRESH_SECONDS)
    rows = LicensePool.objects.active().filter(old)
    ids = rows.order_by("-headline__due", "headline__at", "pk").values_list("pk", "headline__at")
    return [pk for pk, _ in sorted(ids, key=lambda row: row[1] is not None)]


def drain(now: int, *, limit_seconds: float = 20.0) -> int:
    """Count what is due, some pools at a time; stop when the time is over. Return how many."""
    begun, done = time.monotonic(), 0
    waiting = due(now)
    for place in range(0, len(waiting), BATCH_POOLS):
        done += refresh(waiting[place : place + BATCH_POOLS], now)
        if time.monotonic() - begun > limit_seconds:
            break
    return done


def told(row: PoolHeadline | None, moment: int) -> dict[str, Any] | None:
    """Return a headline as people and programs are told it; None: not counted yet.

    proven_share: 0 to 1; None where nothing was expected.
    blocked_seconds, people_blocked: None where no log tells of the time; at least so much unless
                   logged_seconds are the expected ones.
    """
    if row is None:
        return None
    at = int(row.at.timestamp())
    figures = {name: getattr(row, name) for name in FIGURES}
    earlier = {name: getattr(row, before) for name, before in BEFORE}
    return {
        "at": at,
        "age_seconds": max(0, moment - at),
        "days": DAYS,
        **figures,
        "proven_share": share(row.proven_seconds, row.expected_seconds),
        "before": {
            **earlier,
            "proven_share": share(row.proven_seconds_before, row.expected_seconds_before),
        },
    }


def share(part: int, whole: int) -> float | None:
    """Return part / whole, cut to a tenth of a percent, so that only all of it reads as all."""
    return (1000 * part // whole) / 1000 if whole else None


def enough(part: int, whole: int) -> bool:
    """Tell whether what is known of a time reaches the floor, from which on a report judges it."""
    return whole > 0 and part >= FLOOR * whole


def comparable(part: int, before: int, whole: int, whole_before: int) -> bool:
    """Tell whether two times may be held against each other: both are known to the floor, and
    neither is much shorter. What was seen for a day is not better than a month."""
    longest = max(whole, whole_before)
    return bool(whole and whole_before) and enough(min(part, before), longest)


class Why(NamedTuple):
    """The reasons for which nothing can be said, in the reader's language: translated once, as a
    thousand pools may have the same."""

    no_right: str
    no_use: str
    currencies: str
    no_price: str


def unused(
    peaks: dict[int, int | None],
    day: date | None = None,
    before: Mapping[int, int | None] | None = None,
) -> dict[int, Unused]:
    """Return what is bought and not used, by pool. One query, two with *before*.

    peaks:   the highest use of twelve months by pool, as `PoolNow` keeps it; None: not known.
    day:     whose rights count; None: today, in each pool's zone, whoever reads it.
    before:  that of the twelve months that ended 30 days ago, as `PoolHeadline` keeps it: what was
             unused then is told, too, by the rights of that day as they are known now.
    """
    found = _unused_then(peaks, day, 0)
    if before is None:
        return found
    earlier = _unused_then({pool: before.get(pool) for pool in peaks}, day, DAYS)
    return {pool: replace(row, before=earlier[pool]) for pool, row in found.items()}


def _unused_then(
    peaks: Mapping[int, int | None], day: date | None, days_before: int
) -> dict[int, Unused]:
    rights = _rights(list(peaks), day, timedelta(days=days_before))
    why = Why(
        gettext("no entitlement in force"),
        gettext("use not known"),
        gettext("prices in several currencies"),
        gettext("no price in the contract"),
    )
    return {pool: _unused(rights.get(pool, ()), peak, why) for pool, peak in peaks.items()}


def _rights(pool_ids: list[int], day: date | None, back: timedelta) -> dict[int, list[Line]]:
    """Return the lines in force on a day of each pool, or so long before that."""
    now = timezone.now()
    near = (day or now.astimezone(UTC).date()) - back
    # No zone is a day away from UTC.
    lines = Entitlement.objects.as_of().filter(
        Q(valid_to=None) | Q(valid_to__gte=near - timedelta(days=1)),
        valid_from__lte=near + timedelta(days=1),
        metric__in=SEATS,
    )
    if len(pool_ids) < 500:  # the rest is left out below; thousands of ids cost more than rows
        lines = lines.filter(pool__in=pool_ids)
    found: dict[int, list[Line]] = {}
    wanted = set(pool_ids)
    days: dict[str, date] = {}
    for pool, zone, first, last, *line in lines.order_by().values_list(
        *("pool_id", "pool__zone", "valid_from", "valid_to"),
        *("quantity", "unit_price", "currency"),
    ):
        if pool not in wanted:
            continue
        if zone not in days:
            days[zone] = (day or now.astimezone(ZoneInfo(zone)).date()) - back
        if first <= days[zone] and (last is None or days[zone] <= last):
            found.setdefault(pool, []).append((line[0], line[1], line[2]))
    return found


def _unused(lines: Collection[Line], peak: int | None, why: Why) -> Unused:
    if not lines:
        return Unused(None, None, "", why.no_right)
    if peak is None:
        return Unused(None, None, "", why.no_use)
    # Lists and no generators: a thousand pools have a line or two each.
    seats = max(0, sum([quantity for quantity, _, _ in lines]) - peak)
    currencies = {currency for quantity, _, currency in lines if quantity}
    if not seats:
        return Unused(0, _NO_COST, min(currencies, default=""), "")
    if len(currencies) > 1:
        return Unused(seats, None, "", why.currencies)
    priced = [(price, quantity) for quantity, price, _ in lines if price is not None]
    if len(priced) < len(lines):
        return Unused(seats, None, "", why.no_price)
    left, cost = seats, _NO_COST
    for price, quantity in sorted(priced):
        if not left:
            break
        cheapest = min(left, quantity)
        cost += price * cheapest
        left -= cheapest
    return Unused(seats, cost, currencies.pop(), "")


_NO_COST = Decimal(0)


def total_cost(found: Iterable[Unused]) -> dict[str, Decimal]:
    """Return the yearly cost of all that is unused, by currency; what is not known is not in it."""
    sums: dict[str, Decimal] = {}
    for row in found:
        if row.cost:
            sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.cost
    return dict(sorted(sums.items()))
