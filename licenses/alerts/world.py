"""What an evaluation looks at, read in a fixed number of queries however many pools there are."""

from __future__ import annotations

import zoneinfo
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import F, Q

from licenses.analysis.coverage import load_logged
from licenses.analysis.mappings import load_mappings
from licenses.evidence import nightly
from licenses.models import (
    LONGEST_STEP,
    AlertRule,
    Contract,
    Denial,
    Feature,
    Heartbeat,
    IssuedCount,
    LicensePool,
    LicenseServer,
    PoolDrift,
    PoolFeature,
    PoolForecast,
    PoolNow,
    PoolStillness,
    Silence,
    UnreadableShare,
    longest_step,
)
from licenses.sources.clock import LOG_SILENCE

from .dates import Line, losses

Kind = AlertRule.Kind
CAPACITY = frozenset({Kind.USE_PERCENT, Kind.SEATS_LEFT, Kind.OVER_USE, Kind.DENIALS})

DENIAL_WINDOW = 3600
HEARTBEATS = ("beat", "worker")
HEARTBEAT_SECONDS = 120
"""A worker gives a sign of life every 30 seconds. Noticed after two minutes, told within three."""


@dataclass(frozen=True, slots=True)
class ServerSight:
    """How a server has answered. last_parsed: epoch seconds of its last complete answer."""

    server: LicenseServer
    polled: bool
    blind_after: int
    last_parsed: int | None
    last_attempt: int | None
    last_result: str
    last_detail: str

    def blind(self, now: int) -> bool:
        """Tell whether it has given no complete answer for so long that nothing is known of it."""
        return self.polled and now - self.known_since() > self.blind_after

    def known_since(self) -> int:
        return self.last_parsed or int(self.server.recorded_at.timestamp())

    def asked(self, now: int) -> bool:
        """Tell whether anybody has been asking it.

        If not, the fault is ours and not the server's.
        """
        return self.last_attempt is not None and now - self.last_attempt <= self.blind_after


@dataclass(slots=True)
class World:
    """Everything that the rules are held against, at one moment."""

    now: datetime
    today: date
    zone: zoneinfo.ZoneInfo
    rules: list[AlertRule]
    silences: list[Silence]
    pools: list[LicensePool] = field(default_factory=list)
    figures: dict[int, PoolNow] = field(default_factory=dict)
    servers: dict[int, ServerSight] = field(default_factory=dict)
    pool_servers: dict[int, list[int]] = field(default_factory=dict)
    pool_features: dict[int, set[int]] = field(default_factory=dict)
    server_pools: dict[int, list[int]] = field(default_factory=dict)
    denials: dict[int, list[int]] = field(default_factory=dict)
    logged: set[int] = field(default_factory=set)
    """Pools of whose refusals a log tells that still goes on. Polls tell of none."""
    contracts: list[Contract] = field(default_factory=list)
    expiries: dict[tuple[int, date], list[tuple[Feature, int | None]]] = field(default_factory=dict)
    heartbeats: dict[str, int] = field(default_factory=dict)
    still: dict[int, PoolStillness] = field(default_factory=dict)
    unreadable: dict[int, UnreadableShare] = field(default_factory=dict)
    drifts: dict[int, PoolDrift] = field(default_factory=dict)
    forecasts: dict[int, PoolForecast] = field(default_factory=dict)
    evidence: str = ""
    """What is wrong with the sealed evidence; nothing: all fits."""

    @property
    def second(self) -> int:
        return int(self.now.timestamp())

    def pool_polled(self, pool: int) -> bool:
        return any(self.servers[pk].polled for pk in self.pool_servers.get(pool, ()))

    def pool_blind_after(self, pool: int) -> int:
        found = [self.servers[pk].blind_after for pk in self.pool_servers.get(pool, ())]
        return max(found, default=LONGEST_STEP)


def read(now: datetime, only: Collection[str] | None = None) -> World:
    """Read what the enabled rules need; what none of them asks for is not read.

    only: rules of these kinds; None: all.
    """
    chosen = AlertRule.objects.filter(enabled=True)
    if only is not None:
        chosen = chosen.filter(kind__in=only)
    zone = zoneinfo.ZoneInfo(settings.TIME_ZONE)
    world = World(
        now=now,
        today=now.astimezone(zone).date(),
        zone=zone,
        rules=list(chosen.order_by("pk").prefetch_related("channels", "escalation__channel")),
        silences=list(Silence.objects.filter(starts_at__lte=now, ends_at__gt=now).order_by("pk")),
    )
    kinds = {rule.kind for rule in world.rules}
    if kinds - {Kind.CONTRACT, Kind.SCHEDULER, Kind.EVIDENCE}:
        read_servers(world)
    if kinds & (CAPACITY | {Kind.FLAT, Kind.DRIFT, Kind.TIME_TO_FULL}):
        figures = PoolNow.objects.filter(pool__retired_at=None).order_by("pool__name")
        for row in figures.select_related("pool__product__vendor"):
            world.pools.append(row.pool)
            world.figures[row.pool_id] = row
    if Kind.DENIALS in kinds:
        _read_denials(world)
    if Kind.CONTRACT in kinds:
        found = Contract.objects.filter(valid_to__gte=world.today).select_related("vendor")
        world.contracts = list(found.order_by("pk"))
    if Kind.LICENSE_EXPIRY in kinds:
        _read_expiries(world)
    if Kind.FLAT in kinds:
        world.still = {row.pool_id: row for row in PoolStillness.objects.all()}
    if Kind.UNREADABLE in kinds:
        world.unreadable = {row.server_id: row for row in UnreadableShare.objects.all()}
    if Kind.DRIFT in kinds:
        world.drifts = {row.pool_id: row for row in PoolDrift.objects.all()}
    if Kind.TIME_TO_FULL in kinds:
        world.forecasts = {row.pool_id: row for row in PoolForecast.objects.all()}
    if Kind.EVIDENCE in kinds:
        world.evidence = nightly.problem()
    if Kind.SCHEDULER in kinds:
        world.heartbeats = heartbeats()
    return world


def heartbeats() -> dict[str, int]:
    """Return when each watched part was last known to work."""
    rows = Heartbeat.objects.filter(name__in=HEARTBEATS).values_list("name", "at")
    return {name: int(at.timestamp()) for name, at in rows}


def read_servers(world: World) -> None:
    """Read how each enabled server has answered, and what it feeds. Two queries."""
    servers = LicenseServer.objects.filter(enabled=True).select_related("poll_state")
    for server in servers.order_by("pk"):
        state = getattr(server, "poll_state", None)
        polled = server.polling != LicenseServer.Polling.OFF
        world.servers[server.pk] = ServerSight(
            server=server,
            polled=polled,
            blind_after=longest_step(server.poll_seconds if polled else 0),
            last_parsed=_second(state and state.last_parsed_at),
            last_attempt=_second(state and state.last_attempt_at),
            last_result=state.last_result if state else "",
            last_detail=state.last_detail if state else "",
        )
    mappings = (
        PoolFeature.objects.filter(Q(mapped_from=None) | Q(mapped_from__lte=world.second))
        .filter(Q(mapped_until=None) | Q(mapped_until__gt=world.second))
        .filter(pool__retired_at=None, feature__server__enabled=True)
        .order_by("pool_id", "feature__server_id")
        .values_list("pool_id", "feature_id", "feature__server_id")
    )
    features: defaultdict[int, set[int]] = defaultdict(set)
    pool_servers: defaultdict[int, list[int]] = defaultdict(list)
    server_pools: defaultdict[int, list[int]] = defaultdict(list)
    for pool, feature, server_id in mappings:
        features[pool].add(feature)
        if server_id not in pool_servers[pool]:
            pool_servers[pool].append(server_id)
            server_pools[server_id].append(pool)
    world.pool_features = dict(features)
    world.pool_servers = dict(pool_servers)
    world.server_pools = dict(server_pools)


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _read_denials(world: World) -> None:
    """Read the capacity refusals of the hour before the oldest figures that still count."""
    oldest = world.second - DENIAL_WINDOW
    for pool, row in world.figures.items():
        if row.at is not None and not too_old(world, pool, int(row.at.timestamp())):
            oldest = min(oldest, int(row.at.timestamp()) - DENIAL_WINDOW)
    world.denials = denials_by_pool(world.pool_features, oldest)
    # As long as a log may be silent and yet tell that nothing was.
    told = load_logged(load_mappings(world.figures), world.second - LOG_SILENCE, world.second)
    world.logged = {pool for pool, spans in told.items() if spans.seconds}


def denials_by_pool(pool_features: dict[int, set[int]], since: int) -> dict[int, list[int]]:
    """Return the times of the capacity refusals of each pool from a second on, in order."""
    pools: defaultdict[int, list[int]] = defaultdict(list)
    for pool, features in pool_features.items():
        for feature in features:
            pools[feature].append(pool)
    rows = (
        Denial.objects.filter(capacity=True, served_at=None, at__gt=since)
        .order_by("at")
        .values_list("feature_id", "at")
    )
    found: defaultdict[int, list[int]] = defaultdict(list)
    for feature, at in rows:
        for pool in pools.get(feature, ()):
            found[pool].append(int(at.timestamp()))
    return dict(found)


def too_old(world: World, pool: int, at: int) -> bool:
    """Tell whether figures of that time say nothing of the present any more."""
    return world.second - at > world.pool_blind_after(pool)


def _read_expiries(world: World) -> None:
    """Group the lines that are about to end, and that nothing replaces, by server and last day."""
    horizon = world.today + timedelta(days=91)
    rows = list(
        IssuedCount.objects.filter(source=IssuedCount.Source.FILE, feature__server__enabled=True)
        # A line that another file replaced ended before its own last day.
        .filter(Q(ends=None) | Q(ends__gt=world.second))
        .exclude(starts__isnull=False, ends__isnull=False, starts__gte=F("ends"))
        .filter(feature__ignored=False)
        .select_related("feature__server")
        .order_by("feature_id", "pk")
    )
    features = {row.feature_id: row.feature for row in rows}
    lines = [
        Line(
            feature=row.feature_id,
            count=row.count,
            first=row.starts.astimezone(row.feature.server.tzinfo).date() if row.starts else None,
            last=row.expires_on,
        )
        for row in rows
    ]
    grouped: defaultdict[tuple[int, date], list[tuple[Feature, int | None]]] = defaultdict(list)
    for (feature, last), seats in sorted(losses(lines).items()):
        if world.today <= last <= horizon:
            grouped[features[feature].server_id, last].append((features[feature], seats))
    world.expiries = dict(grouped)
