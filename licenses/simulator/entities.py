"""What the simulated company consists of, as plain values. Days are the entity's own, `until` days
are the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Site:
    """A place where people work, with its own clock and holidays."""

    code: str
    zone: str
    subnet: str
    holidays: frozenset[tuple[int, int]]
    """(month, day), the same every year."""


@dataclass(frozen=True, slots=True)
class Daemon:
    name: str
    vendor: str
    port: int
    version: str


@dataclass(frozen=True, slots=True)
class Server:
    """One licence server: an lmgrd and its vendor daemons."""

    name: str
    host: str
    port: int
    zone: str
    site: str
    platform: str
    daemons: tuple[Daemon, ...]

    @property
    def address(self) -> str:
        return f"{self.port}@{self.host}"

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True)
class Increment:
    """One INCREMENT line of a licence file."""

    count: int
    start: date | None = None
    expiry: date | None = None
    """Last day; None: permanent."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """A RESERVE line of the options file: seats kept for a group."""

    seats: int
    group: str
    logins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """What a server serves of one feature."""

    server: str
    daemon: str
    feature: str
    version: str
    increments: tuple[Increment, ...]
    components: tuple[str, ...] = ()
    """Of a package: a checkout logs the package and one of these."""
    timeout_seconds: int = 0
    reserve: Reserve | None = None
    queues: bool = False
    """Requests wait at the server instead of being refused."""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.server, self.daemon, self.feature)

    def count_on(self, day: date) -> int:
        """Return the seats served on a day of the server's calendar."""
        return sum(
            line.count
            for line in self.increments
            if (line.start is None or line.start <= day)
            and (line.expiry is None or day <= line.expiry)
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A supply feeds a pool."""

    supply: Supply
    weight: int = 1
    mapped_from: date | None = None
    mapped_until: date | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """How people use a pool."""

    starts: dict[str, float]
    """Mean number of requests on a working day, by site."""
    teams: tuple[str, ...]
    people: int
    """How many persons know the product."""
    minutes: float
    """Median length of a session."""
    spread: float = 0.6
    """Sigma of the log-normal length."""
    profile: str = "office"
    """office, morning, afternoon or round-the-clock."""
    seats: tuple[tuple[int, float], ...] = ((1, 1.0),)
    """(seats per request, probability)."""
    one_seat: bool = True
    """A person holds at most one seat of the pool."""
    walks_away: float = 0.01
    """Share of the sessions that their user forgets to end."""
    borrows: float = 0.0
    """Share of the sessions that are seats taken along for days."""
    never_above: int | None = None
    """More than this many seats are never asked for at one time."""
    season: str = ""
    """quarter-end: a few core people most of the time, everybody around the end of a quarter."""
    core: int = 0
    fallback: bool = True
    """Try the next source where one is full (False: the request is for one source alone)."""
    data: tuple[str, ...] = ()
    """Checkout data that the program sends along."""


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    vendor: str
    product: str
    category: str
    zone: str
    owner_team: str
    sources: tuple[Source, ...]
    demand: Demand


@dataclass(frozen=True, slots=True)
class Membership:
    team: str
    member_from: date | None = None
    member_to: date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    name: str
    email: str
    site: str
    host: str
    memberships: tuple[Membership, ...]
    other_login: str = ""
    """The same person's spelling at another machine, different in case only."""


@dataclass(frozen=True, slots=True)
class Team:
    name: str
    parent: str
    cost_center: str
    contact_email: str


@dataclass(frozen=True, slots=True)
class Vendor:
    name: str
    website: str
    notes: str


@dataclass(frozen=True, slots=True)
class Invoice:
    number: str
    issued_on: date
    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Contract:
    number: str
    vendor: str
    title: str
    valid_from: date
    valid_to: date | None
    notice_days: int
    renews: bool
    cost: float
    currency: str
    owner: str
    invoices: tuple[Invoice, ...] = ()


@dataclass(frozen=True, slots=True)
class Entitlement:
    pool: str
    contract: str
    quantity: int
    metric: str
    valid_from: date
    valid_to: date | None
    overdraft: int
    unit_price: float
    currency: str
    purchase_order: str
    scope: str


@dataclass(frozen=True, slots=True)
class Rush:
    """Requests at set times: a launch day, a batch of jobs."""

    pool: str
    arrivals: tuple[tuple[int, int], ...]
    """(epoch seconds, seconds held)."""
    quiet: tuple[int, int] | None = None
    """A span in which nobody else asks for the pool."""


@dataclass(frozen=True, slots=True)
class Surge:
    """Days on which a pool is asked for more often, and up to another ceiling."""

    pool: str
    first: date
    last: date
    factor: float
    never_above: int | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A server goes down, or its text is lost."""

    server: str
    start: int
    end: int
    kind: str
    """crash: seats lost without a line; shutdown: seats returned with (SHUTDOWN); log-gap:
    everything works, the text is lost."""


@dataclass(frozen=True)
class World:
    """The whole company, and the moments at which something happens to it."""

    seed: int
    now: int
    sites: dict[str, Site]
    servers: dict[str, Server]
    vendors: tuple[Vendor, ...]
    teams: tuple[Team, ...]
    people: tuple[Person, ...]
    pools: dict[str, Pool]
    contracts: tuple[Contract, ...]
    entitlements: tuple[Entitlement, ...]
    rushes: tuple[Rush, ...] = ()
    surges: tuple[Surge, ...] = ()
    outages: tuple[Outage, ...] = ()
    users: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By pool: indices into `people` of those who use it; the core people first."""
    busy_from: int = 0
    """From here on jobs around the clock come every minute instead of every quarter of an hour."""

    def supplies(self, server: str) -> list[Supply]:
        """Return what a server serves, in the order of its licence file."""
        found: dict[tuple[str, str, str], Supply] = {}
        for pool in self.pools.values():
            for source in pool.sources:
                if source.supply.server == server:
                    found.setdefault(source.supply.key, source.supply)
        order = {daemon.name: place for place, daemon in enumerate(self.servers[server].daemons)}
        return sorted(found.values(), key=lambda supply: order[supply.daemon])
