"""What is allowed, what the servers issue, and the limit that follows from both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from licenses.analysis.mappings import Mapping, load_mappings, servers
from licenses.analysis.packages import load_packages, wholes
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import now_epoch
from licenses.analysis.statements import Stated, Statement, issued_steps, load_statements
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.periods import local_midnight
from licenses.concurrency.timeline import OPEN, UNKNOWN, Steps
from licenses.models import Entitlement, LicensePool, PoolHour, Strength

# Named users, machines and sites are rights of another kind: they set no bound to how many seats
# are in use at one time.
COUNTED_METRICS = (Entitlement.Metric.CONCURRENT, Entitlement.Metric.TOKEN)
YEAR_SECONDS = 365 * 86400


@dataclass(frozen=True, eq=False, slots=True)
class Limits:
    """The bounds of a pool over a window.

    limit:      allowed or, before any entitlement began, issued. UNKNOWN where neither is known.
    allowed:    entitled + overdraft of the lines in force; 0 after the last one ended; UNKNOWN
                before the first one begins, and without any.
    proven:     the part of allowed that rests on proven lines; UNKNOWN where allowed is.
    issued:     what the servers say they serve, weighted.
    uncounted:  at some moment a server serves seats without a number.
    """

    limit: Steps
    allowed: Steps
    proven: Steps
    issued: Steps
    uncounted: bool


class Right(NamedTuple):
    """An entitlement in force over [start, end), the pool's days as moments.

    proven:  as much of its seats and overdraft as there is proof of. A document that is about a
             part of the seats says nothing of an overdraft.
    """

    start: int
    end: int
    quantity: int
    overdraft: int
    proven: int = 0


class RightsStep(NamedTuple):
    """A row of the table of rights: what holds in [start, end); end None: until further notice."""

    start: int
    end: int | None
    quantity: int
    overdraft: int
    allowed: int
    entitlement_ids: tuple[int, ...]


class Unused(NamedTuple):
    """Seats that were never in use in the last 12 months, and what a year of them costs.

    cost, currency:  None where a price is missing or prices differ in currency.
    """

    seats: int
    cost: Decimal | None
    currency: str | None


def limits(pool: LicensePool, start: int, end: int, *, as_of: datetime | None = None) -> Limits:
    """Return the limits of a pool over [start, end). Three queries.

    as_of:  count the entitlements that were on record at that moment; None: now.
    """
    return load_limits([pool], load_mappings([pool.pk]), start, end, as_of=as_of)[pool.pk]


def load_limits(
    pools: Collection[LicensePool],
    mappings: dict[int, list[Mapping]],
    start: int,
    end: int,
    *,
    as_of: datetime | None = None,
    proven_from: int = Strength.PROVEN,
) -> dict[int, Limits]:
    """Return the limits of each pool over [start, end). Two queries, and one where several features
    feed a pool.

    proven_from:  the least strength of a line that counts as proven.
    """
    rights = load_rights(pools, as_of, proven_from)
    statements = load_statements({row.feature for pool in pools for row in mappings[pool.pk]})
    several = {pool.pk: maps for pool in pools if len(maps := mappings[pool.pk]) > 1}
    packages = load_packages(servers(several)) if several else set()
    found: dict[int, Limits] = {}
    alike: dict[tuple[int, int, int, bool], Limits] = {}
    for pool in pools:
        lines, maps = rights[pool.pk], mappings[pool.pk]
        stated = Stated(statements, wholes(maps, packages) if packages else {})
        if start < end and _unchanging(lines, maps, statements, start, end):
            # Nearly every hour of nearly every pool, and of most of them it is the same.
            levels = _levels(lines, maps, stated, start)
            if levels not in alike:
                alike[levels] = _constant(*levels, start, end)
            found[pool.pk] = alike[levels]
            continue
        allowed = allowed_steps(lines, start, end)
        issued, uncounted = issued_steps(maps, stated, start, end)
        proven = proven_steps(lines, allowed)
        found[pool.pk] = Limits(allowed.otherwise(issued), allowed, proven, issued, uncounted)
    return found


def _unchanging(
    rights: Sequence[Right],
    mappings: Sequence[Mapping],
    statements: dict[int, list[Statement]],
    start: int,
    end: int,
) -> bool:
    """Tell whether nothing begins or ends within (start, end) that the limits rest on."""
    return not any(
        start < row.start < end or start < row.end < end
        for rows in (rights, mappings, *(statements.get(m.feature, ()) for m in mappings))
        for row in rows
    )


def _levels(
    rights: Sequence[Right],
    mappings: Sequence[Mapping],
    stated: Stated,
    at: int,
) -> tuple[int, int, int, bool]:
    """Return (allowed, proven, issued, whether a part of it is uncounted) at a moment."""
    allowed = proven = _sum_in_force(rights, at)
    if allowed != UNKNOWN:
        proven = sum(right.proven for right in rights if right.start <= at < right.end)
    feeding = [m for m in mappings if m.start <= at < m.end]
    said = [(m.weight, *stated.added(m.feature, at)) for m in feeding]
    uncounted = any(seats is None and source != "" for _weight, source, seats in said)
    known = [weight * seats for weight, _source, seats in said if seats is not None]
    issued = sum(known) if known and len(known) == len(said) else UNKNOWN
    return allowed, proven, issued, uncounted


def _sum_in_force(rights: Sequence[Right], at: int) -> int:
    """Return what lines allow at a moment, UNKNOWN before the first of them begins."""
    if not any(right.start <= at for right in rights):
        return UNKNOWN
    return sum(r.quantity + r.overdraft for r in rights if r.start <= at < r.end)


def _constant(
    allowed: int, proven: int, issued: int, uncounted: bool, start: int, end: int
) -> Limits:
    limit = Steps.constant(issued if allowed == UNKNOWN else allowed, start, end)
    right, proof = (Steps.constant(level, start, end) for level in (allowed, proven))
    return Limits(limit, right, proof, Steps.constant(issued, start, end), uncounted)


def load_rights(
    pools: Collection[LicensePool],
    as_of: datetime | None = None,
    proven_from: int = Strength.PROVEN,
) -> dict[int, list[Right]]:
    """Return the counted entitlements of each pool. One query.

    proven_from:  the least strength of the proof that counts.
    """
    zones = {pool.pk: pool.tzinfo for pool in pools}
    rows: Iterable[tuple[Any, ...]]
    if as_of is None:
        rows = [
            (pool, _day(first), _day(last), *amounts)
            for pool, first, last, *amounts in _rights(proven_from).rows(zones)
        ]
    else:
        queryset, names = _counted(zones, proven_from, as_of)
        rows = queryset.values_list(*names)
    found: dict[int, list[Right]] = {pool: [] for pool in zones}
    for pool, first, last, quantity, overdraft, seats in rows:
        proven = quantity + overdraft if seats >= quantity else max(seats, 0)
        found[pool].append(Right(*_span(first, last, zones[pool]), quantity, overdraft, proven))
    return found


def _counted(pool_ids: Collection[int], proven_from: int, as_of: datetime | None = None) -> Asked:
    rows = Entitlement.objects.as_of(as_of).with_seats_proven(proven_from, as_of)
    rows = rows.filter(pool__among=pool_ids, metric__in=COUNTED_METRICS)
    return rows.order_by("pool_id", "valid_from", "pk"), (
        "pool_id",
        "valid_from",
        "valid_to",
        "quantity",
        "overdraft",
        "seats_proven",
    )


@cache
def _rights(proven_from: int) -> Prepared:
    """Return the query of what counts now. Of every reading of limits it is one."""
    return Prepared(partial(_counted, proven_from=proven_from))


def _day(stored: date | str | None) -> date | None:
    """Return a day as a model has it; SQLite stores text."""
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


def allowed_steps(rights: Sequence[Right], start: int, end: int) -> Steps:
    """Return what is allowed over [start, end): an ended right is 0, one not yet begun unknown."""
    changes = [moment for right in rights for moment in (right.start, right.end)]
    if not any(start < moment < end for moment in changes):
        return Steps.constant(_sum_in_force(rights, start), start, end)
    total = Steps.from_spans(
        [right.start for right in rights],
        [right.end for right in rights],
        [right.quantity + right.overdraft for right in rights],
        start,
        end,
    )
    return total.only_within(IntervalSet.of([min(right.start for right in rights)], [OPEN]))


def proven_from_rights(rights: Sequence[Right], start: int, end: int) -> Steps:
    """Return the part of what is allowed over [start, end) of which there is proof."""
    return proven_steps(rights, allowed_steps(rights, start, end))


def proven_steps(rights: Sequence[Right], allowed: Steps) -> Steps:
    """Return the part of what is allowed of which there is proof."""
    if all(right.proven == right.quantity + right.overdraft for right in rights):
        return allowed
    proven = Steps.from_spans(
        [right.start for right in rights],
        [right.end for right in rights],
        [right.proven for right in rights],
        allowed.start,
        allowed.end,
    )
    return proven.only_within(allowed.where(allowed.levels != UNKNOWN))


def entitlement_steps(pool: LicensePool, as_of: datetime | None = None) -> list[RightsStep]:
    """Return the rights of a pool as they change over time, for a table. One query."""
    return load_entitlement_steps([pool], as_of)[pool.pk]


def load_entitlement_steps(
    pools: Collection[LicensePool], as_of: datetime | None = None
) -> dict[int, list[RightsStep]]:
    """Return the rights of each pool as they change over time, for a table. One query.

    From the first day of the first line on; times after that without a line in force are rows
    of 0.
    """
    zones = {pool.pk: pool.tzinfo for pool in pools}
    lines: dict[int, list[tuple[int, Right]]] = {pk: [] for pk in zones}
    for pool, pk, first, last, quantity, overdraft in (
        Entitlement.objects.as_of(as_of)
        .filter(pool__among=zones, metric__in=COUNTED_METRICS)
        .order_by("valid_from", "pk")
        .values_list("pool_id", "pk", "valid_from", "valid_to", "quantity", "overdraft")
    ):
        lines[pool].append((pk, Right(*_span(first, last, zones[pool]), quantity, overdraft)))
    return {pool: _changes(rights) for pool, rights in lines.items()}


def _changes(lines: Sequence[tuple[int, Right]]) -> list[RightsStep]:
    moments = sorted({moment for _pk, right in lines for moment in (right.start, right.end)})
    steps = []
    for place, moment in enumerate(moments):
        if moment == OPEN:
            break
        following = moments[place + 1] if place + 1 < len(moments) else OPEN
        held = [(pk, right) for pk, right in lines if right.start <= moment < right.end]
        quantity = sum(right.quantity for _pk, right in held)
        overdraft = sum(right.overdraft for _pk, right in held)
        ids = tuple(pk for pk, _right in held)
        until = None if following == OPEN else following
        steps.append(RightsStep(moment, until, quantity, overdraft, quantity + overdraft, ids))
    return steps


def unused(pool: LicensePool, now: int | None = None) -> Unused | None:
    """Return the seats entitled today that were never in use in the last 12 months.

    None where nothing is entitled or nothing is known of the use. The seats are priced from the
    cheapest line up, so that the saving is never promised too high. Two queries.
    """
    moment = now_epoch(now)
    today = datetime.fromtimestamp(moment, pool.tzinfo).date()
    lines = list(
        Entitlement.objects.as_of()
        .valid_on(today)
        .filter(pool=pool, metric__in=COUNTED_METRICS)
        .values_list("quantity", "unit_price", "currency")
    )
    peaks = PoolHour.objects.filter(pool=pool, peak__isnull=False).within(
        moment - YEAR_SECONDS, moment + 1
    )
    peak = peaks.order_by("-peak").values_list("peak", flat=True).first()
    if not lines or peak is None:
        return None
    seats = max(0, sum(quantity for quantity, _price, _currency in lines) - peak)
    cost, currency = _price(seats, lines)
    return Unused(seats, cost, currency)


def _price(
    seats: int, lines: list[tuple[int, Decimal | None, str]]
) -> tuple[Decimal | None, str | None]:
    currencies = {currency for _quantity, _price, currency in lines}
    priced = [(price, quantity) for quantity, price, _currency in lines if price is not None]
    if len(priced) < len(lines) or len(currencies) > 1:
        return None, None
    cost = Decimal(0)
    for price, quantity in sorted(priced):
        cost += price * min(seats, quantity)
        seats -= min(seats, quantity)
    return cost, currencies.pop()


def _span(first: date, last: date | None, zone: ZoneInfo) -> tuple[int, int]:
    """Return days, both included, as a half-open span of moments."""
    end = OPEN if last is None else _midnight(last + timedelta(days=1), zone)
    return _midnight(first, zone), end


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> int:
    return local_midnight(day, zone)
