"""Serve the requests: an exact loss system, one event after the other. What comes out is the truth
that tests compare with."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from .demand import Request, requests
from .entities import Outage, Pool, Supply, World
from .history import (
    CRASH,
    DENIED,
    DEQUEUED,
    IN,
    OUT,
    QUEUED,
    START,
    STOP,
    Denial,
    History,
    Session,
    Waiting,
)

NO_SEAT = (-4, "Licensed number of users already reached.")
WRONG_VERSION = (-25, "License server system does not support this version of this feature.")
RESERVED = (-101, "All licenses are reserved for others.")


def simulate(world: World, start: int, end: int) -> History:
    """Return what happens in [start, end) (epoch seconds). All servers start, empty, at `start`.

    The same world and start give the same history, whatever the end: a longer one only goes on.
    About 100,000 sessions a year in a few seconds.
    """
    return LossSystem(world, start, end).run()


def capacity_steps(supply: Supply, zone_name: str) -> list[tuple[int, int]]:
    """Return (epoch second, seats served from then on), first entry at 0."""
    zone = ZoneInfo(zone_name)
    days = {line.start for line in supply.increments if line.start}
    days |= {line.expiry + timedelta(days=1) for line in supply.increments if line.expiry}
    steps = [
        (int(datetime.combine(day, time(), zone).timestamp()), supply.count_on(day))
        for day in sorted(days)
    ]
    first = min(days) - timedelta(days=1) if days else datetime(2000, 1, 1, tzinfo=zone).date()
    return [(0, supply.count_on(first)), *steps]


class Counter:
    """The seats of one supply: served, in use, and kept for a group."""

    def __init__(self, supply: Supply, zone: str) -> None:
        self.supply = supply
        self.steps = capacity_steps(supply, zone)
        self.times = [at for at, _ in self.steps]
        self.in_use = 0
        self.by_group = 0
        self.queue: deque[tuple[int, Request]] = deque()
        self.kept = supply.reserve.seats if supply.reserve else 0
        self.group = frozenset(supply.reserve.logins) if supply.reserve else frozenset()

    def served(self, at: int) -> int:
        return self.steps[bisect_right(self.times, at) - 1][1]

    def idle_reserve(self) -> int:
        return max(0, self.kept - self.by_group)

    def free(self, at: int, login: str) -> int:
        """Return the seats that this person could have now."""
        idle = 0 if login in self.group else self.idle_reserve()
        return self.served(at) - self.in_use - idle


class LossSystem:
    """The event loop. At one second, seats come back first, then servers go down or up, then people
    ask."""

    def __init__(self, world: World, start: int, end: int) -> None:
        self.world = world
        self.pools: list[Pool] = list(world.pools.values())
        self.history = History(
            world, start, end, outages=[o for o in world.outages if start < o.start < end]
        )
        self.counters = {
            source.supply.key: Counter(source.supply, world.servers[source.supply.server].zone)
            for pool in self.pools
            for source in pool.sources
        }
        self.weights = {
            source.supply.key: source.weight for pool in self.pools for source in pool.sources
        }
        self.held: dict[tuple[int, int], int] = {}
        self.pool_use = [0] * len(self.pools)
        self.ceilings = [self.ceiling_of(pool) for pool in self.pools]
        self.down: set[str] = set()
        self.open: dict[str, dict[int, None]] = {name: {} for name in world.servers}
        self.pool_numbers = {pool.name: number for number, pool in enumerate(self.pools)}
        self.orders = {
            (number, site): self.order_of(pool, site)
            for number, pool in enumerate(self.pools)
            for site in world.sites
        }
        self.heap: list[tuple[int, int, int, object]] = []
        self.count = 0

    def ceiling_of(self, pool: Pool) -> list[tuple[int, int, int]]:
        """Return (start, end, seats): spans in which nobody asks for more, the last one for
        ever."""
        if pool.demand.never_above is None:
            return []
        zone = ZoneInfo(pool.zone)
        spans = []
        for surge in self.world.surges:
            if surge.pool == pool.name and surge.never_above is not None:
                first = int(datetime.combine(surge.first, time(), zone).timestamp())
                last = int(datetime.combine(surge.last, time(), zone).timestamp()) + 86400
                spans.append((first, last, surge.never_above))
        return [*spans, (0, 1 << 62, pool.demand.never_above)]

    def order_of(self, pool: Pool, site: str) -> tuple[int, ...]:
        """Return the sources in the order in which a program at this site asks: its own server
        first."""
        near = [self.world.servers[source.supply.server].site != site for source in pool.sources]
        return tuple(sorted(range(len(near)), key=lambda place: (near[place], place)))

    def push(self, at: int, rank: int, what: object) -> None:
        self.count += 1
        heapq.heappush(self.heap, (at, rank, self.count, what))

    def run(self) -> History:
        history = self.history
        for name in self.world.servers:
            history.log.append((history.start, START, name))
        for outage in history.outages:
            if outage.kind != "log-gap":
                self.push(outage.start, 1, outage)
        coming = iter(requests(self.world, history.start, history.end))
        upcoming = next(coming, None)
        while self.heap or upcoming:
            if upcoming and (not self.heap or (upcoming.at, 2) < self.heap[0][:2]):
                self.ask(upcoming, upcoming.at)
                upcoming = next(coming, None)
                continue
            at, _, _, what = heapq.heappop(self.heap)
            if at >= history.end:
                break
            match what:
                case int():
                    self.give_back(what, at)
                case Outage():
                    self.take_down(what, at)
                case str():
                    self.down.discard(what)
                    history.log.append((at, START, what))
                case Waiting():
                    self.stop_waiting(what, at)
                case Request():
                    self.ask(what, at)
        return history

    def ask(self, request: Request, at: int) -> None:
        """Serve a request, or refuse it at every source and come back later."""
        pool = self.pools[request.pool]
        demand = pool.demand
        if demand.one_seat and self.held.get((request.pool, request.person)):
            return
        for first, last, ceiling in self.ceilings[request.pool]:
            if first <= at < last:
                if self.pool_use[request.pool] + request.seats > ceiling:
                    return
                break
        person = self.world.people[request.person]
        order = self.orders[request.pool, person.site] if demand.fallback else (request.source,)
        for place in order:
            supply = pool.sources[place].supply
            if supply.server in self.down:
                continue
            counter = self.counters[supply.key]
            login, _ = self.identity(request)
            if request.wrong_version:
                self.deny(request, supply, at, WRONG_VERSION, "2027.1")
                return
            if counter.free(at, login) >= request.seats and not counter.queue:
                self.grant(request, counter, at)
                return
            if supply.queues:
                self.wait(request, counter, at)
                return
            full = counter.served(at) - counter.in_use < request.seats
            self.deny(request, supply, at, NO_SEAT if full else RESERVED, "")
        if request.tried < len(request.delays):
            again = at + request.delays[request.tried]
            request.tried += 1
            self.push(again, 2, request)

    def identity(self, request: Request) -> tuple[str, str]:
        """Return login and host: some people spell themselves otherwise at a second machine."""
        person = self.world.people[request.person]
        if person.other_login and request.second_machine:
            return person.other_login, f"{person.host}b"
        return person.login, person.host

    def grant(self, request: Request, counter: Counter, at: int) -> None:
        supply = counter.supply
        pool = self.pools[request.pool]
        login, host = self.identity(request)
        number = len(self.history.sessions)
        component = supply.components[number % len(supply.components)] if supply.components else ""
        session = Session(
            pool.name,
            supply.server,
            supply.daemon,
            supply.feature,
            component,
            request.person,
            login,
            host,
            request.seats,
            self.weights[supply.key],
            at,
            at + request.seconds,
            request.ending,
            request.borrowed,
            101 + 100 * (number % 997),
            request.data,
        )
        self.history.sessions.append(session)
        self.history.log.append((at, OUT, number))
        self.account(session, number, 1)
        self.push(session.end, 0, number)

    def account(self, session: Session, number: int, sign: int) -> None:
        counter = self.counters[session.server, session.daemon, session.feature]
        counter.in_use += sign * session.seats
        if session.login in counter.group:
            counter.by_group += sign * session.seats
        place = self.pool_numbers[session.pool]
        self.pool_use[place] += sign * session.seats
        key = (place, session.person)
        self.held[key] = self.held.get(key, 0) + sign
        if sign > 0:
            self.open[session.server][number] = None
        else:
            del self.open[session.server][number]

    def deny(
        self, request: Request, supply: Supply, at: int, why: tuple[int, str], version: str
    ) -> None:
        login, host = self.identity(request)
        self.history.log.append((at, DENIED, len(self.history.denials)))
        self.history.denials.append(
            Denial(
                self.pools[request.pool].name,
                supply.server,
                supply.daemon,
                supply.feature,
                request.person,
                login,
                host,
                request.seats,
                at,
                *why,
                version,
                request.data,
            )
        )

    def give_back(self, number: int, at: int) -> None:
        session = self.history.sessions[number]
        if session.end != at or number not in self.open[session.server]:
            return  # The server took it down before.
        self.account(session, number, -1)
        self.history.log.append((at, IN, number))
        self.serve_queue(self.counters[session.server, session.daemon, session.feature], at)

    def take_down(self, outage: Outage, at: int) -> None:
        self.down.add(outage.server)
        crash = outage.kind == "crash"
        self.history.log.append((at, CRASH if crash else STOP, outage.server))
        for number in list(self.open[outage.server]):
            session = self.history.sessions[number]
            session.end, session.ending = at, "lost" if crash else "shutdown"
            self.account(session, number, -1)
            if not crash:
                self.history.log.append((at, IN, number))
        for counter in self.counters.values():
            if counter.supply.server == outage.server:
                while counter.queue:
                    place, _ = counter.queue.popleft()
                    self.history.queue[place].end = at
        self.push(outage.end, 1, outage.server)

    def wait(self, request: Request, counter: Counter, at: int) -> None:
        """Join the server's queue, for as long as the person's patience lasts."""
        supply = counter.supply
        login, host = self.identity(request)
        patience = 600 + 20 * sum(request.delays)
        waiting = Waiting(
            self.pools[request.pool].name,
            supply.server,
            supply.daemon,
            supply.feature,
            login,
            host,
            request.seats,
            at,
            at + patience,
            False,
            101 + 100 * (len(self.history.queue) % 997),
            request.data,
        )
        counter.queue.append((len(self.history.queue), request))
        self.history.log.append((at, QUEUED, len(self.history.queue)))
        self.history.queue.append(waiting)
        self.push(waiting.end, 1, waiting)

    def stop_waiting(self, waiting: Waiting, at: int) -> None:
        """Leave the queue unserved."""
        counter = self.counters[waiting.server, waiting.daemon, waiting.feature]
        for entry in counter.queue:
            if self.history.queue[entry[0]] is waiting:
                counter.queue.remove(entry)
                self.history.log.append((at, DEQUEUED, entry[0]))
                self.serve_queue(counter, at)
                return

    def serve_queue(self, counter: Counter, at: int) -> None:
        while counter.queue:
            place, request = counter.queue[0]
            waiting = self.history.queue[place]
            if counter.free(at, waiting.login) < request.seats:
                return
            counter.queue.popleft()
            waiting.end, waiting.served = at, True
            self.history.log.append((at, DEQUEUED, place))
            self.grant(request, counter, at)
