"""What each rule sees of each of its subjects, as samples in the rule's unit."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from licenses.models import AlertRule, Contract, Feature, LicensePool, LicenseServer

from . import filling, rules
from .dates import band
from .rules import Limits, Sample
from .world import (
    CAPACITY,
    DENIAL_WINDOW,
    HEARTBEAT_SECONDS,
    Kind,
    ServerSight,
    World,
    too_old,
)

# Polls are never exactly an interval apart, so a wait of 5 minutes is over after 4.5.
SLACK_SHARE = 0.1
SLACK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is about. group: alerts of one group reach a reader as one message."""

    key: str
    group: str
    zone: zoneinfo.ZoneInfo
    pool: LicensePool | None = None
    server: LicenseServer | None = None
    contract: Contract | None = None
    servers: tuple[int, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """A sample of a subject. awaited: somebody should be looking, so blindness is worth a note."""

    rule: AlertRule
    subject: Subject
    sample: Sample
    limits: Limits
    bound: int | None = None
    awaited: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """A date that came into a band. what: notice, end or expiry."""

    rule: AlertRule
    subject: Subject
    band: int
    day: date
    what: str
    lines: tuple[tuple[Feature, int | None], ...] = ()


def observations(world: World) -> Iterator[Observation]:
    """Yield a sample for every enabled rule and every subject that it is about."""
    for rule in world.rules:
        if rule.kind in CAPACITY:
            yield from _of_pools(rule, world)
        elif rule.kind == Kind.SERVER:
            yield from _of_servers(rule, world)
        elif rule.kind == Kind.FLAT:
            yield from _of_stillness(rule, world)
        elif rule.kind == Kind.DRIFT:
            yield from _of_drifts(rule, world)
        elif rule.kind == Kind.TIME_TO_FULL:
            yield from _of_forecasts(rule, world)
        elif rule.kind == Kind.UNREADABLE:
            yield from _of_unreadable(rule, world)
        elif rule.kind == Kind.SCHEDULER:
            yield from _of_heartbeats(rule, world)
        elif rule.kind == Kind.EVIDENCE:
            yield _of_evidence(rule, world)


def notices(world: World) -> Iterator[Notice]:
    """Yield the dates that are in a band today."""
    for rule in world.rules:
        if rule.kind == Kind.CONTRACT:
            yield from _of_contracts(rule, world)
        elif rule.kind == Kind.LICENSE_EXPIRY:
            yield from _of_expiries(rule, world)


def pool_subject(world: World, pool: LicensePool) -> Subject:
    servers = tuple(world.pool_servers.get(pool.pk, ()))
    group = f"server:{servers[0]}" if servers else f"pool:{pool.pk}"
    return Subject(f"pool:{pool.pk}", group, pool.tzinfo, pool=pool, servers=servers)


def capacity_limits(rule: AlertRule, limit: int | None, allowed: int | None) -> Limits | None:
    """Return a capacity rule in seats or refusals of one pool; None: its bound is unknown or 0."""
    fire: int | None
    base = limit
    if rule.kind == Kind.DENIALS:
        base = fire = max(1, rule.threshold)
    elif rule.kind == Kind.OVER_USE:
        base, fire = allowed, None if allowed is None else allowed + 1
    elif limit is None:
        fire = None
    elif rule.kind == Kind.USE_PERCENT:
        fire = rules.percent_seats(limit, rule.threshold)
    else:
        fire = rules.left_seats(limit, rule.threshold)
    if fire is None or base is None:
        return None
    return waiting(
        rule, fire, clear_at(rule, fire, rules.hysteresis_seats(base, rule.hysteresis_percent))
    )


def clear_at(rule: AlertRule, fire: int, hysteresis: int) -> int:
    """Return what is clear. Over-use ends where it is allowed again: that is no matter of taste."""
    return fire - 1 if rule.kind == Kind.OVER_USE else rules.clear_below(fire, hysteresis)


def waiting(rule: AlertRule, fire: int, clear: int) -> Limits:
    return Limits(
        fire_at=fire,
        clear_at=clear,
        for_seconds=rule.for_seconds,
        for_samples=max(1, rule.for_samples),
        keep_firing_seconds=rule.keep_firing_seconds,
        slack_seconds=min(SLACK_SECONDS, int(rule.for_seconds * SLACK_SHARE)),
    )


def _pools(rule: AlertRule, world: World) -> Iterator[LicensePool]:
    """Yield the pools that a rule is about."""
    for pool in world.pools:
        servers = world.pool_servers.get(pool.pk, ())
        if rule.pool_id in (None, pool.pk) and (
            rule.server_id is None or rule.server_id in servers
        ):
            yield pool


def _out_of_sight(world: World, pool: int, at: int | None) -> bool:
    """Tell whether figures as of *at* say nothing of now.

    Too old, or those of only some of the servers.
    """
    servers = world.pool_servers.get(pool, ())
    return (
        at is None
        or too_old(world, pool, at)
        or any(world.servers[pk].blind(world.second) for pk in servers)
    )


def _of_pools(rule: AlertRule, world: World) -> Iterator[Observation]:
    for pool in _pools(rule, world):
        figures = world.figures[pool.pk]
        limits = capacity_limits(rule, figures.limit, figures.allowed)
        at = int(figures.at.timestamp()) if figures.at else None
        value = figures.in_use
        if rule.kind == Kind.DENIALS and at is not None:
            times = world.denials.get(pool.pk, [])
            at = max(at, times[-1]) if times else at
            value = sum(1 for time in times if time > at - DENIAL_WINDOW)
        blind = limits is None or _out_of_sight(world, pool.pk, at)
        if rule.kind == Kind.DENIALS and limits is not None and pool.pk not in world.logged:
            blind = blind or value is None or value < limits.fire_at  # no log says that it is less
        seen = at is not None and not blind
        yield Observation(
            rule=rule,
            subject=pool_subject(world, pool),
            sample=Sample(at, value) if seen and at is not None else Sample(world.second, None),
            limits=limits or waiting(rule, 1, 0),
            bound=figures.allowed if rule.kind == Kind.OVER_USE else figures.limit,
            awaited=limits is not None and world.pool_polled(pool.pk),
        )


def _of_stillness(rule: AlertRule, world: World) -> Iterator[Observation]:
    """Yield the working days without movement where they are implausible; 0 as soon as it moves."""
    for pool in _pools(rule, world):
        row, figures = world.still.get(pool.pk), world.figures[pool.pk]
        days = 0
        if row is not None and figures.in_use == row.level:
            before = (row.days_before, row.moved_before, row.longest_before)
            found = rules.Stillness(row.days, row.level, *before)
            days = row.days if rules.implausible(found, rule.threshold) else 0
        at = int(figures.at.timestamp()) if figures.at else None
        blind = _out_of_sight(world, pool.pk, at)
        yield Observation(
            rule=rule,
            subject=pool_subject(world, pool),
            sample=Sample(world.second, None if blind else days),
            limits=Limits(1, 0, keep_firing_seconds=rule.keep_firing_seconds),
            awaited=world.pool_polled(pool.pk),
        )


def _of_drifts(rule: AlertRule, world: World) -> Iterator[Observation]:
    """Yield for each pool whether contract, licence file and server differ on its seats."""
    for pool in _pools(rule, world):
        yield Observation(
            rule=rule,
            subject=pool_subject(world, pool),
            sample=Sample(world.second, int(pool.pk in world.drifts)),
            limits=Limits(1, 0, keep_firing_seconds=rule.keep_firing_seconds),
        )


def _of_forecasts(rule: AlertRule, world: World) -> Iterator[Observation]:
    """Yield the minutes until each pool is full, below zero."""
    for pool in _pools(rule, world):
        row, figures = world.forecasts.get(pool.pk), world.figures[pool.pk]
        at = int(figures.at.timestamp()) if figures.at else None
        blind = _out_of_sight(world, pool.pk, at) or figures.limit is None
        value = filling.value(None if row is None else row.seconds)
        yield Observation(
            rule=rule,
            subject=pool_subject(world, pool),
            sample=Sample(world.second, None if blind else value),
            limits=filling.minute_limits(rule),
            bound=figures.limit,
            awaited=world.pool_polled(pool.pk),
        )


def _of_unreadable(rule: AlertRule, world: World) -> Iterator[Observation]:
    """Yield how many lines of the last day could not be read, where they are too many, or any may
    have been an event."""
    for sight in _servers(rule, world):
        row = world.unreadable.get(sight.server.pk)
        count = 0
        if row is not None and (
            row.hides_events or rules.too_many_unreadable(row.unreadable, row.lines, rule.threshold)
        ):
            count = row.unreadable
        yield Observation(
            rule=rule,
            subject=_server_subject(world, sight.server),
            sample=Sample(world.second, count),
            limits=Limits(1, 0, keep_firing_seconds=rule.keep_firing_seconds),
            bound=row.lines if row else None,
        )


def _servers(rule: AlertRule, world: World) -> Iterator[ServerSight]:
    """Yield the servers that a rule is about."""
    for sight in world.servers.values():
        pk = sight.server.pk
        if rule.server_id in (None, pk) and (
            rule.pool_id is None or rule.pool_id in world.server_pools.get(pk, ())
        ):
            yield sight


def _server_subject(world: World, server: LicenseServer) -> Subject:
    key = f"server:{server.pk}"
    return Subject(key, key, world.zone, server=server, servers=(server.pk,))


def _of_servers(rule: AlertRule, world: World) -> Iterator[Observation]:
    now = world.second
    for sight in _servers(rule, world):
        if not sight.polled:
            continue
        silent = sight.blind(now)
        # Nobody asked: our own fault, of which another rule tells.
        value = None if silent and not sight.asked(now) else int(silent)
        yield Observation(
            rule=rule,
            subject=_server_subject(world, sight.server),
            sample=Sample(now, value),
            limits=Limits(1, 0, keep_firing_seconds=rule.keep_firing_seconds),
        )


def _of_heartbeats(rule: AlertRule, world: World) -> Iterator[Observation]:
    for part, at in sorted(world.heartbeats.items()):
        silent = world.second - at > HEARTBEAT_SECONDS
        yield Observation(
            rule=rule,
            subject=Subject(f"part:{part}", "installation", world.zone, part=part),
            sample=Sample(world.second, int(silent)),
            limits=Limits(1, 0),
        )


def _of_evidence(rule: AlertRule, world: World) -> Observation:
    return Observation(
        rule=rule,
        subject=Subject("part:evidence", "installation", world.zone, part="sealed evidence"),
        sample=Sample(world.second, int(bool(world.evidence))),
        limits=Limits(1, 0),
    )


def _of_contracts(rule: AlertRule, world: World) -> Iterator[Notice]:
    for contract in world.contracts:
        last, notice = contract.valid_to, contract.notice_on
        days = [("end", last)]
        if notice is not None and notice != last:
            days.insert(0, ("notice", notice))
        for what, day in days:
            near = day and band(day, world.today)
            if day is not None and near:
                key = f"contract:{contract.pk}:{what}:{day.isoformat()}"
                subject = Subject(key, "contracts", world.zone, contract=contract)
                yield Notice(rule, subject, near, day, what)


def _of_expiries(rule: AlertRule, world: World) -> Iterator[Notice]:
    for (server_id, day), lines in sorted(world.expiries.items()):
        near = band(day, world.today)
        if near is None or rule.server_id not in (None, server_id):
            continue
        features = world.pool_features.get(rule.pool_id or 0, set())
        chosen = tuple(line for line in lines if rule.pool_id is None or line[0].pk in features)
        if chosen:
            server = chosen[0][0].server
            key = f"expiry:{server_id}:{day.isoformat()}"
            group = f"expiry:{server_id}"
            subject = Subject(key, group, world.zone, server=server, servers=(server_id,))
            yield Notice(rule, subject, near, day, "expiry", chosen)
