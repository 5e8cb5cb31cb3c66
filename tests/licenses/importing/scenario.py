"""Small made-up histories of one server, as the texts that it would have written.

A log with lost lines, restarts and holes, and statuses, some of which fail, do not add up, or tell
something else.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

DAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
OPENING = DAY + 8 * 3600
HOLE = 8 * 3600
FEATURES = ("ALPHA", "beta_2")
HOLDERS = (("ann", "ws1"), ("bob", "ws2"), ("ann", "ws2"), ("Cléo Park", "ws3"))
BANNER = "lmutil - Copyright (c) 1989-2026 Made Up, Inc. All Rights Reserved.\n"


@dataclass(frozen=True)
class Line:
    at: int
    text: str


@dataclass
class Session:
    feature: str
    user: str
    host: str
    seats: int
    start: int
    end: int
    handle: int


@dataclass
class Scenario:
    """The lines of a log in order, and statuses in order: moment and text.

    resumes: the first line after a hole, None where there is none.
    """

    lines: list[Line] = field(default_factory=list)
    statuses: list[tuple[int, str]] = field(default_factory=list)
    resumes: int | None = None


OFTEN = (600, 900, 1800, 2700)
SELDOM = (900, 1800, 2700, 4500)


def build(seed: int, waits: Sequence[int] = OFTEN) -> Scenario:
    """Return a history of about two hours, or of two parts with a hole of eight hours between
    them. The same seed gives the same one.

    waits: seconds from one status to the next, of which one is taken each time.
    """
    chance = random.Random(seed)
    sessions = _sessions(chance)
    restart = OPENING + chance.randrange(1800, 6000) if chance.random() < 0.4 else None
    found = Scenario()
    split = OPENING + chance.randrange(1200, 6000) if chance.random() < 0.3 else None

    def real(at: int) -> int:
        return at if split is None or at < split else at + HOLE

    for session in sessions:
        session.start, session.end = real(session.start), real(session.end)
    found.lines = _log(chance, sessions, None if restart is None else real(restart))
    if split is not None:
        # What was written in the last minutes before it is lost too.
        found.lines = [
            line for line in found.lines if not OPENING < line.at < split or line.at < split - 600
        ]
        found.resumes = sum(line.at < split for line in found.lines)
    moment, again = OPENING + chance.randrange(0, 900), random.Random(-1 - seed)
    while moment < OPENING + 9000:
        at = real(moment) // 60 * 60
        found.statuses.append((at, _status(chance, sessions, at)))
        if again.random() < 0.08:
            found.statuses.append((at, _status(again, sessions, at)))
        moment += chance.choice(waits)
    return found


def _sessions(chance: random.Random) -> list[Session]:
    sessions = []
    for handle in range(chance.randrange(3, 12)):
        user, host = chance.choice(HOLDERS)
        start = OPENING + chance.randrange(0, 7200)
        if sessions and chance.random() < 0.2:
            start = sessions[-1].start + chance.randrange(0, 40)
        sessions.append(
            Session(
                chance.choice(FEATURES),
                user,
                host,
                chance.choice((1, 1, 1, 2, 5)),
                start,
                start + chance.choice((0, 5, 50, 400, 1500, 4000, 20000)),
                100 + handle,
            )
        )
    return sessions


def _log(chance: random.Random, sessions: list[Session], restart: int | None) -> list[Line]:
    lines = [Line(OPENING, f"{clock(OPENING)} (vend) TIMESTAMP 3/2/2026")]
    for session in sessions:
        what = f'"{session.feature}" {session.user}@{session.host}  '
        what += f"({session.seats} licenses)" if session.seats > 1 else ""
        for at, word in ((session.start, "OUT"), (session.end, "IN")):
            if chance.random() > 0.1 and at < OPENING + 9000 + HOLE:
                lines.append(Line(at, f"{clock(at)} (vend) {word}: {what}"))
        if chance.random() < 0.3:
            at = session.start - chance.randrange(0, 3)
            denied = f'DENIED: "{session.feature}" {session.user}@{session.host}  '
            denied += "(Licensed number of users already reached. (-4,342))"
            lines.append(Line(at, f"{clock(at)} (vend) {denied}"))
    if restart is not None:
        banner = f"{clock(restart)} (vend) Server started on srv for:\t{' '.join(FEATURES)}"
        lines.append(Line(restart, banner))
    first, *rest = lines
    return [first, *sorted(rest, key=lambda line: line.at)]


def clock(at: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.hour:2d}:{moment.minute:02d}:{moment.second:02d}"


def _status(chance: random.Random, sessions: list[Session], at: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    head = BANNER + (
        f"Flexible License Manager status on {moment:%a} {moment.month}/{moment.day}/{moment.year} "
        f"{moment.hour}:{moment.minute:02d}\n\n"
    )
    kind = chance.random()
    if kind < 0.08:
        return head + (
            "Error getting status: Cannot connect to license server system. "
            '(-15,10:10061 "WinSock: Connection refused")\n'
        )
    head += "License server status: 27000@srv\n    License file(s) on srv: /opt/l.lic:\n\n"
    head += "       srv: license server UP (MASTER) v11.16\n\nVendor daemon status (on srv):\n\n"
    if kind < 0.14:
        return head + "      vend: The desired vendor daemon is down. (-97,121)\n"
    head += "      vend: UP v11.16\nFeature usage info:\n\n"
    for feature in FEATURES:
        rows = [
            row
            for row in sessions
            if row.feature == feature and row.start <= at < row.end and chance.random() > 0.05
        ]
        issued = 10 if at % HOLE < 5000 or chance.random() < 0.2 else 12
        used = sum(row.seats for row in rows) + (kind > 0.93)
        head += (
            f"Users of {feature}:  (Total of {issued} licenses issued;  "
            f"Total of {used} licenses in use)\n\n"
        )
        if rows:
            head += f'  "{feature}" v2.0, vendor: vend, expiry: 31-dec-2026\n  floating license\n\n'
        for row in rows:
            head += _row(row)
    return head


def _row(row: Session) -> str:
    start = datetime.fromtimestamp(row.start, UTC)
    text = (
        f"    {row.user} {row.host} {row.host} (v2.0) (srv/27000 {row.handle}), "
        f"start {start:%a} {start.month}/{start.day} {start.hour}:{start.minute:02d}"
    )
    return text + (f", {row.seats} licenses\n" if row.seats > 1 else "\n")
