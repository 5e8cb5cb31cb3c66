"""Installations whose truth is known, and what of it logs, polls and licence files let one see.

The truth is made first, minute by minute, and never taken from the code under test. A server never
hands out more than it has, and what it has changes for good or not at all. The file that somebody
handed in may tell of less than a server was seen to hand out: it had read another. It may also have
been read once, when all was over, and tell of what the server has then alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import time_machine

from licenses.models import (
    Boundary,
    Checkout,
    Coverage,
    Disagreement,
    FeatureNow,
    IssuedCount,
    Strength,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    at,
    covered,
    holding,
    polled,
)

START = at("2026-03-10T00:00")
MINUTES, TAIL = 720, 120
ALL = MINUTES + TAIL
END, NOW = START + 60 * MINUTES, START + 60 * ALL + 86400
STEP = 5
"""Minutes between two polls."""
RARE = 40
"""Minutes between two polls of a server that was asked less often at first."""


@dataclass
class Truth:
    """What really was, by minute of the window, and what could be seen of it.

    over:          more was in use than is allowed at some minute.
    over_shown:    lines that were seen prove so.
    over_possible: at some minute nobody could tell all that was out, and the servers had more than
                   is proven; or proven rights were passed.
    bounded:       there are blind minutes, and whoever reads totals and files can tell that in none
                   of them the servers had more than is proven, nor was more in use in the others.
    """

    pool: Any
    over: bool = False
    over_shown: bool = False
    over_possible: bool = False
    bounded: bool = False


@dataclass
class _Server:
    weight: int
    cap: np.ndarray
    logs: list[tuple[int, int, bool]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    filed: bool = False
    doubted: bool = False
    """The file on record tells of less than was seen to be in use, where it was seen."""
    read: str = "kept"
    """When its file was read: before and after all (kept), or when all was over: with a line that
    is dated for each change (dated), or with what it has then alone (late)."""
    overdraft: int = 0
    """What it lends above what it has, as only its file tells."""
    rare_until: int = 0
    """Minute until which it was asked less often."""
    grown: bool = False
    """Its log begins between two answers far apart, and it has more before the second of them."""
    lost: tuple[int, int] = (0, 0)
    """Between two answers: what is taken in these minutes the log lacks, and nothing else."""
    aside: tuple[int, int] | None = None
    """When a seat is taken and given back in those minutes that shows them, where it is of another
    feature of the daemon, of which the pool has nothing."""
    held: list[tuple[int, int, int]] = field(default_factory=list)
    used: np.ndarray = field(default_factory=lambda: np.zeros(ALL, dtype=int))

    @property
    def most(self) -> np.ndarray:
        return self.cap + self.overdraft

    def whole(self) -> np.ndarray:
        """Return the minutes in which a log tells of all that is out."""
        known = np.zeros(ALL, dtype=bool)
        for first, last, restarted in self.logs:
            begun = [first] if restarted else [m for m in self.answers if first <= m < last]
            if begun:
                known[begun[0] : last] = True
        known[self.lost[0] : self.lost[1]] = False
        return known

    def logged(self, minute: int) -> int | None:
        """Return the end of the piece of log that holds a minute."""
        return next((last for first, last, _ in self.logs if first <= minute < last), None)

    def steady(self) -> bool:
        """Tell whether a reader knows what the server had at every minute of the window."""
        same = len(set(self.cap.tolist())) == 1
        seen_after = self.logs and self.logs[-1][1] > MINUTES
        by_file = bool(seen_after or (self.answers and self.answers[-1] >= MINUTES))
        by_answers = bool(self.answers) and self.answers[0] == 0 and self.answers[-1] >= MINUTES
        by_file = by_file and self.read != "late"
        return same and self.filed and (by_file or by_answers) and not self.doubted


def make(seed: int) -> Truth:
    """Write one installation into the database, and return its truth."""
    rng = random.Random(seed)
    servers = [_server(rng) for _ in range(rng.choice([1, 1, 2]))]
    odd, asked, doubts, readings = (
        random.Random(f"{seed} {what}") for what in ("odd", "asked", "doubts", "readings")
    )
    for server in servers:
        server.overdraft = odd.choice([0, 0, 0, 1])
        server.doubted = server.filed and not server.answers and doubts.random() < 0.5
        if server.spans and asked.random() < 0.25:
            _ask_rarely(server, asked)
        _read(server, readings)
        _use(server, rng)
        if odd.random() < 0.6:
            _lose(server, odd)
    most = max(int(sum(s.weight * s.most for s in servers).max()), 1)
    first, last = (int(sum(s.weight * s.most[at] for s in servers)) for at in (0, -1))
    allowed = rng.choice([most, most, most, most + 2, first, max(0, most - 1), most // 2])
    if any(server.filed and server.read == "late" for server in servers):
        allowed = last
    allowed = first if any(server.grown for server in servers) else allowed
    claimed = rng.choice([0, 0, 0, min(2, allowed)])
    pool = PoolFactory()
    overdraft = rng.choice([0, min(1, allowed - claimed)])
    EntitlementFactory(pool=pool, quantity=allowed - claimed - overdraft, overdraft=overdraft)
    if claimed:
        EntitlementFactory(pool=pool, quantity=claimed, strength=Strength.PARTIAL)
    person = PersonFactory()
    shown = sum(_write(server, pool, person, rng) for server in servers)
    return _told(pool, servers, shown, allowed, allowed - claimed)


def _told(pool: Any, servers: list[_Server], shown: Any, allowed: int, proven: int) -> Truth:
    window = slice(0, MINUTES)
    used = sum(s.weight * s.used for s in servers)[window]
    had = sum(s.weight * s.most for s in servers)[window]
    blind = ~np.logical_and.reduce([s.whole() for s in servers])[window]
    return Truth(
        pool,
        over=bool((used > allowed).any()),
        over_shown=bool((shown[window] > allowed).any()),
        over_possible=bool((blind & (had > proven)).any() or (used > proven).any()),
        bounded=bool(blind.any()) and all(s.steady() for s in servers) and not (had > proven).any(),
    )


def _server(rng: random.Random) -> _Server:
    server = _Server(
        rng.choice([1, 1, 3]), np.full(ALL, rng.randint(1, 4)), filed=rng.random() < 0.4
    )
    mode = rng.choice(["log", "polls", "both"])
    pieces = _pieces(rng)
    if mode != "polls":
        server.logs = [
            (first, last, rng.random() < (0.7 if place == 0 else 0.4))
            for place, (first, last) in enumerate(pieces)
        ]
    if mode != "log":
        # An outage of the server blinds both; a collector may be down alone.
        seen = pieces if rng.random() < 0.6 else _pieces(rng)
        server.spans = [(first - first % STEP, last - last % STEP) for first, last in seen]
        server.answers = [m for a, b in server.spans for m in range(a, b + 1, STEP)]
    if rng.random() < 0.3:
        # A new licence file often comes with an outage.
        change = rng.randrange(30, ALL)
        if len(pieces) > 1 and rng.random() < 0.7:
            change = rng.randrange(pieces[0][1] + 1, pieces[1][0])
        server.cap[change:] = rng.randint(1, 6)
    return server


def _ask_rarely(server: _Server, rng: random.Random) -> None:
    """Let the server be asked less often until some minute, with the same first and last answers
    of each span; or have more seats before the second of its answers, as only its file tells, when
    its log has begun."""
    server.rare_until = rng.randrange(RARE, ALL)
    server.grown = rng.random() < 0.4
    if server.grown:
        server.spans, server.filed = [(0, ALL - STEP)], True
        server.logs = [(rng.randrange(1, 10), ALL - STEP, False)]
        server.cap[:] = 4
        server.cap[rng.randrange(30, RARE) :] = 5
    answers = []
    for first, last in server.spans:
        minute = first
        while minute < last:
            answers.append(minute)
            minute += RARE if minute < server.rare_until else STEP
        answers.append(last)
    server.answers = answers


def _read(server: _Server, rng: random.Random) -> None:
    """Choose when the file of a server is read. What was read late may have been less than before
    the last gap of its log."""
    if not server.filed or server.grown:
        return
    server.read = rng.choice(["kept", "kept", "dated", "late"])
    if server.read == "late" and len(server.logs) > 1 and rng.random() < 0.7:
        server.cap[server.logs[-1][0] :] = 1
        server.cap[: server.logs[-1][0]] = 3


def _pieces(rng: random.Random) -> list[tuple[int, int]]:
    """Return spans of minutes with up to two gaps of half an hour or more between them."""
    cuts = [0] if rng.random() < 0.8 else [rng.randrange(10, 60)]
    for _ in range(rng.choice([0, 1, 1, 2])):
        if cuts[-1] < MINUTES - 200:
            stop = rng.randrange(cuts[-1] + 60, MINUTES - 100)
            cuts += [stop, stop + rng.randrange(30, 90)]
    late = ALL - STEP if rng.random() < 0.8 else MINUTES - rng.randrange(5, 50)
    cuts.append(max(late, cuts[-1] + 10))
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def _use(server: _Server, rng: random.Random) -> None:
    """Let people take seats while there are some; a restart takes all of them back."""
    restarts = [first for first, _, restarted in server.logs if restarted]
    for _ in range(rng.randrange(3, 12)):
        taken = rng.randrange(0, MINUTES)
        back = min(ALL, taken + rng.choice([3, 20, 100, 300]))
        back = min([m for m in restarts if taken < m < back], default=back)
        seats = rng.choice([1, 1, 2])
        if back > taken and (server.used[taken:back] + seats <= server.most[taken:back]).all():
            server.held.append((taken, back, seats))
            server.used[taken:back] += seats


def _lose(server: _Server, rng: random.Random) -> None:
    """Let the log lack a seat that the next answer shows, of the pool's feature or of another, and
    perhaps one that nothing shows."""
    places = [
        (m, m + STEP)
        for m in server.answers
        if m + STEP in server.answers
        and any(a <= m and m + STEP < b for a, b, _ in server.logs)
        and not any(m < taken < m + STEP for taken, _, _ in server.held)
    ]
    if not places:
        return
    first, last = rng.choice(places)
    shown, hidden = (first + 1, last + 2), (first + 2, first + 3)
    if (server.used[shown[0] : shown[1]] >= server.most[shown[0] : shown[1]]).any():
        return
    server.lost = first, last
    if rng.random() < 0.4:
        server.aside = shown
    for taken, back in [hidden] if server.aside else [shown, hidden]:
        if (server.used[taken:back] < server.most[taken:back]).all():
            server.held.append((taken, back, 1))
            server.used[taken:back] += 1


def _write(server: _Server, pool: Any, person: Any, rng: random.Random) -> np.ndarray:
    """Write what can be seen of a server, and return the seats of the pool that it shows."""
    feature = FeatureFactory(
        server=ServerFactory(poll_seconds=(RARE if server.rare_until else STEP) * 60),
        pool=pool, weight=server.weight,
    )  # fmt: skip
    for first, last, restarted in server.logs:
        covered(feature.server, _at(first), _at(last))
        if restarted:
            Boundary.objects.create(
                server=feature.server, daemon="vendord", at=_at(first), kind=Boundary.Kind.START
            )
    for first, last in server.spans:
        covered(feature.server, _at(first), _at(last), source=Coverage.Source.POLLS)
    if server.rare_until and server.spans:
        feature.server.poll_seconds = STEP * 60
        with time_machine.travel(_at(server.rare_until), tick=False):
            feature.server.save()
    if server.answers:
        polled(feature.server, _at(server.answers[-1]))
    shown = np.zeros(ALL, dtype=int)
    for taken, back, seats in server.held:
        row = _seen(server, taken, back)
        if row is None:
            continue
        known, possible, exact = row
        method = Checkout.Method.EVENT if exact else Checkout.Method.SAMPLED
        stored = holding(feature, _at(taken), _at(possible), seats, person,
                         returned_after=_at(known), method=method)  # fmt: skip
        if server.lost[0] < taken < server.lost[1]:
            _write_lacking(stored)
        shown[taken:known] += seats * server.weight
    _write_issued(server, feature, int(shown[:MINUTES].max()) // server.weight)
    if server.aside:
        taken, back = server.aside
        other = FeatureFactory(server=feature.server, daemon=feature.daemon)
        _write_lacking(
            holding(other, _at(taken), _at(back), 1, person,
                    returned_after=_at(back), method=Checkout.Method.SAMPLED)
        )  # fmt: skip
    return shown


def _write_lacking(shown: Checkout) -> None:
    Disagreement.objects.create(
        feature=shown.feature, person=shown.person, host=shown.host, seats=shown.seats,
        kind=Disagreement.Kind.NOT_IN_LOG, starts=shown.taken_at, ends=None,
        seats_logged=0, seats_shown=shown.seats,
    )  # fmt: skip


def _seen(server: _Server, taken: int, back: int) -> tuple[int, int, bool] | None:
    """Return (held at least until, possibly until, a log has its OUT); None if nothing shows it."""
    out, home = server.logged(taken), server.logged(back)
    if server.lost[0] < taken < server.lost[1]:
        out = None
        if back < server.lost[1]:
            home = None
    answers = [m for m in server.answers if taken <= m < back]
    if out is None and not answers:
        return None
    if home is not None:
        # The line of the return; after a restart the log says so, too.
        return back, back, out is not None
    known = max([min(out, back)] if out is not None else [], default=taken)
    known = max([known, *(m + 0 for m in answers)])
    later = [m for m in server.answers if m >= back]
    later += [first for first, _, restarted in server.logs if restarted and first >= back]
    return known, min(later, default=ALL), out is not None


def _write_issued(server: _Server, feature: Any, seen: int) -> None:
    """seen: the most seats of it that were seen in use in the window."""
    steps: list[tuple[int, int]] = []
    for minute in server.answers:
        if not steps or steps[-1][1] != server.cap[minute]:
            steps.append((minute, int(server.cap[minute])))
    _write_steps(feature, IssuedCount.Source.STATUS, steps, START)
    if steps:
        FeatureNow.objects.create(feature=feature, at=_at(server.answers[-1]), issued=steps[-1][1])
    if server.doubted and seen > server.overdraft:
        says = [(0, seen - server.overdraft - 1)]
        _write_steps(feature, IssuedCount.Source.FILE, says, None, server.overdraft)
    elif server.filed:
        changes = [0, *(np.flatnonzero(np.diff(server.cap)) + 1).tolist()]
        steps = [(m, int(server.cap[m])) for m in changes]
        if server.read == "late":
            steps = [(0, int(server.cap[-1]))]
        read = {} if server.read == "kept" else {"read_until": NOW}
        if server.read == "late":
            read["read_from"] = NOW
        _write_steps(
            feature, IssuedCount.Source.FILE, steps, START if server.read == "dated" else None,
            server.overdraft, **read,
        )  # fmt: skip


def _write_steps(
    feature: Any,
    source: str,
    steps: list[tuple[int, int]],
    first: int | None,
    more: int = 0,
    **read: int,
) -> None:
    for place, (minute, count) in enumerate(steps):
        ends = _at(steps[place + 1][0]) if place + 1 < len(steps) else None
        starts = first if place == 0 and first is None else _at(minute)
        IssuedCountFactory(feature=feature, source=source, count=count, starts=starts, ends=ends,
                           overdraft=more, **read)  # fmt: skip


def _at(minute: int) -> int:
    return START + 60 * minute
