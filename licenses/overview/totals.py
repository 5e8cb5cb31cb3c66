"""All pools in a few figures, beside those of the 30 days before."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Count, F, Min, Q, Sum, Value
from django.db.models.lookups import GreaterThanOrEqual

from licenses.analysis.availability import said_of_now, surely_since
from licenses.analysis.headlines import DAYS, Unused, total_cost, unused
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import now_epoch, number
from licenses.analysis.verdict import FLOOR
from licenses.models import LicensePool, sees_everything, taken_share


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of all active pools that a user may see.

    pools, full, over, silent:   now; silent: without a number that says something of now, and so in
                                 none of the others.
    judged:                      pools of which use was expected in the last 30 days.
    proven, proven_before:       of them, those of which all of the time is proven.
    blocked_seconds, ..._before: that people were kept from work in all pools of which logs tell;
                                 None: they tell of none.
    blocked_seconds_change:      of the pools of which logs tell enough to compare both times; None:
                                 of none.
    people_blocked:              in each pool counted for itself; None likewise.
    unlogged:                    pools of which no log tells in the last 30 days.
    full_seconds, over_seconds:  of all pools added up, in the last 30 days; ..._before: in the 30
                                 days before; ..._change: of the pools observed enough to compare
                                 both times; None: of none.
    observed_seconds:            that somebody vouches for, of expected_seconds; likewise.
    logged_seconds:              that of which logs tell, of expected_seconds; likewise. Blocked is
                                 at least so much unless it is all.
    news_at:                     epoch seconds; the oldest of the newest numbers that there are.
    from_log, from_polls:        pools whose newest number comes from there.
    counted_at:                  epoch seconds; the oldest of the 30-day figures; None: none is
                                 counted.
    uncounted:                   pools whose 30 days were not counted yet.
    """

    pools: int
    full: int
    over: int
    silent: int
    judged: int
    judged_before: int
    proven: int
    proven_before: int
    blocked_seconds: int | None
    blocked_seconds_before: int | None
    blocked_seconds_change: int | None
    people_blocked: int | None
    unlogged: int
    full_seconds: int
    full_seconds_before: int
    full_seconds_change: int | None
    over_seconds: int
    over_seconds_before: int
    over_seconds_change: int | None
    observed_seconds: int
    observed_seconds_before: int
    logged_seconds: int
    logged_seconds_before: int
    expected_seconds: int
    expected_seconds_before: int
    news_at: int | None
    from_log: int
    from_polls: int
    counted_at: int | None
    uncounted: int
    days: int = DAYS

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def totals(user: Any) -> Totals:
    """Return the figures of all pools that a user may see. One query."""
    moment = now_epoch()
    times = moment, surely_since(moment)
    if sees_everything(user):
        rows = _OF_ALL.rows(*times)
        figures = rows[0][1:] if rows else _OF_NONE
    else:
        mine = LicensePool.objects.for_user(user).active().order_by()
        told = LicensePool.objects.filter(pk__in=mine.values("pk")).aggregate(**_figures(*times))
        figures = tuple(told[name] for name in _NAMES)
    # Raw numbers: a sum may be a Decimal.
    found = {
        name: None if figure is None else int(figure)
        for name, figure in zip(_NAMES, figures, strict=True)
    }
    return Totals(**found)  # type: ignore[arg-type]  # no plain count is None


def _figures(moment: int, surely: int) -> dict[str, Any]:
    """Return the aggregates of pools that make up Totals; surely: as of `said_of_now`."""
    of_now = said_of_now(moment, surely)
    judged = Q(headline__expected_seconds__gt=0)
    before = Q(headline__expected_seconds_before__gt=0)
    wholly = Q(headline__proven_seconds=F("headline__expected_seconds"))
    wholly_before = Q(headline__proven_seconds_before=F("headline__expected_seconds_before"))
    return {
        "pools": Count("pk"),
        "full": Count("pk", filter=Q(GreaterThanOrEqual(taken_share(), 1.0)) & of_now),
        "over": Count("pk", filter=Q(now__in_use__gt=F("now__allowed")) & of_now),
        "silent": Count("pk", filter=Q(now__at=None) | ~of_now),
        "judged": Count("pk", filter=judged),
        "judged_before": Count("pk", filter=before),
        "proven": Count("pk", filter=judged & wholly),
        "proven_before": Count("pk", filter=before & wholly_before),
        "blocked_seconds": Sum("headline__blocked_seconds"),
        "blocked_seconds_before": Sum("headline__blocked_seconds_before"),
        **{
            f"{figure}_seconds_change": Sum(
                F(f"headline__{figure}_seconds") - F(f"headline__{figure}_seconds_before"),
                filter=_comparable(known),
            )
            for figure, known in (("blocked", "logged"), ("full", "observed"), ("over", "observed"))
        },
        "people_blocked": Sum("headline__people_blocked"),
        "unlogged": Count("headline", filter=Q(headline__blocked_seconds=None)),
        **{
            name: Sum(f"headline__{name}", default=0)
            for figure in ("full", "over", "observed", "logged", "expected")
            for name in (f"{figure}_seconds", f"{figure}_seconds_before")
        },
        "news_at": Min(number("now__at")),
        "from_log": Count("pk", filter=Q(now__source="log")),
        "from_polls": Count("pk", filter=Q(now__source="polls")),
        "counted_at": Min(number("headline__at")),
        "uncounted": Count("pk", filter=Q(headline=None)),
    }


def _comparable(figure: str) -> Q:
    """Return which pools are known enough to hold both times against each other, by the rule of
    `headlines.comparable`. figure: what is known of them, observed or logged."""
    whole = [F(f"headline__expected_seconds{of}") for of in ("", "_before")]
    known = [F(f"headline__{figure}_seconds{of}") for of in ("", "_before")]
    enough = [
        GreaterThanOrEqual(part * FLOOR.denominator, all_of_it * FLOOR.numerator)
        for part in known
        for all_of_it in whole
    ]
    used = Q(headline__expected_seconds__gt=0, headline__expected_seconds_before__gt=0)
    return reduce(and_, map(Q, enough), used)


_NAMES = tuple(_figures(0, 0))
_UNKNOWN = {"counted_at", "news_at", "people_blocked", "blocked_seconds"} | {
    *("blocked_seconds_before", "blocked_seconds_change", "full_seconds_change"),
    "over_seconds_change",
}
_OF_NONE = tuple(None if name in _UNKNOWN else 0 for name in _NAMES)


@Prepared
def _OF_ALL(moment: int, surely: int) -> Asked:
    # By a constant, as what is prepared is a list of rows.
    active = LicensePool.objects.active().order_by().values(one=Value(1))
    return active.annotate(**_figures(moment, surely)), ("one", *_NAMES)


@dataclass(frozen=True, slots=True)
class UnusedTotal:
    """What is bought and not used in all pools.

    cost:       a year, by currency, as text with two decimals.
    seats:      of the pools of which seats are known.
    unpriced:   pools with unused seats whose cost cannot be told.
    unknown:    pools of which not even the seats are known.
    compared:   pools whose seats and cost are known as of 30 days ago, too.
    seats_change, cost_change:
                of these, by how much both changed since; cost by currency.
    """

    cost: dict[str, str]
    seats: int
    unpriced: int
    unknown: int
    compared: int
    seats_change: int
    cost_change: dict[str, str]


def spare_of(user: Any) -> dict[int, Unused] | None:
    """Return what is unused of each active pool that a user may see, and was 30 days ago; None: may
    not be told. Three queries."""
    if not user.has_perm("licenses.view_entitlement"):
        return None
    mine = LicensePool.objects.for_user(user).active().order_by()
    known = mine.values_list("pk", "now__peak_12_months", "headline__year_peak_before")
    rows = list(known)
    before = {pk: peak for pk, _now, peak in rows}
    return unused({pk: peak for pk, peak, _before in rows}, before=before)


def unused_total(found: dict[int, Unused]) -> UnusedTotal:
    rows = found.values()
    changes = [(row.currency, change) for row in rows if (change := row.change()) is not None]
    money: dict[str, Decimal] = {}
    for currency, (_seats, cost) in changes:
        if cost:
            money[currency] = money.get(currency, Decimal(0)) + cost
    return UnusedTotal(
        cost={currency: f"{cost:.2f}" for currency, cost in total_cost(rows).items()},
        seats=sum(row.seats or 0 for row in rows),
        unpriced=sum(bool(row.seats) and row.cost is None for row in rows),
        unknown=sum(row.seats is None for row in rows),
        compared=len(changes),
        seats_change=sum(seats for _currency, (seats, _cost) in changes),
        cost_change={currency: f"{cost:.2f}" for currency, cost in sorted(money.items())},
    )
