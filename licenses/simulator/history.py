"""What happened: sessions, refusals, waits, and the order of it all: the truth of a test."""

from __future__ import annotations

from dataclasses import dataclass, field

from .entities import Outage, World

OUT, IN, DENIED, QUEUED, DEQUEUED, CRASH, STOP, START = range(8)
"""Kinds of entries of a history's log."""


@dataclass(slots=True)
class Session:
    """Seats held over [start, end). `end` may lie after the simulated time: the session is then
    still open."""

    pool: str
    server: str
    daemon: str
    feature: str
    component: str
    """What a package logs besides itself; empty elsewhere."""
    person: int
    login: str
    host: str
    seats: int
    weight: int
    start: int
    end: int
    ending: str
    """in, inactive, shutdown, or lost: the log has no line of its end."""
    borrowed: bool
    handle: int
    data: str

    @property
    def units(self) -> int:
        """What it takes of the pool's limit."""
        return self.seats * self.weight


@dataclass(slots=True)
class Denial:
    """One refusal, as logged."""

    pool: str
    server: str
    daemon: str
    feature: str
    person: int
    login: str
    host: str
    seats: int
    at: int
    code: int
    reason: str
    version: str
    data: str


@dataclass(slots=True)
class Waiting:
    """A request that waits at the server over [start, end)."""

    pool: str
    server: str
    daemon: str
    feature: str
    login: str
    host: str
    seats: int
    start: int
    end: int
    served: bool
    handle: int
    data: str


@dataclass
class History:
    """What happened in [start, end). `log` has (time, kind, index or server name) in the order in
    which it happened."""

    world: World
    start: int
    end: int
    sessions: list[Session] = field(default_factory=list)
    denials: list[Denial] = field(default_factory=list)
    queue: list[Waiting] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    log: list[tuple[int, int, int | str]] = field(default_factory=list)

    def of_pool(self, name: str) -> tuple[list[Session], list[Denial]]:
        """Return the sessions and denials of one pool."""
        return [s for s in self.sessions if s.pool == name], [
            d for d in self.denials if d.pool == name
        ]

    def of_feature(self, server: str, feature: str) -> tuple[list[Session], list[Denial]]:
        """Return the sessions and denials of one feature of one server; a component's sessions are
        its package's."""
        return (
            [
                s
                for s in self.sessions
                if s.server == server and feature in (s.feature, s.component)
            ],
            [d for d in self.denials if d.server == server and d.feature == feature],
        )

    def text_is_lost(self, server: str, at: int) -> bool:
        """Tell whether the server's text of that moment is missing."""
        return any(
            o.server == server and o.kind == "log-gap" and o.start <= at < o.end
            for o in self.outages
        )
