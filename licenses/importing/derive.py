"""Make holdings from facts: for the keys that something touched, from the moment it touched them.

The state before that moment is what is stored, so an import that only appends costs what it
appends; late data costs what
lies after it, for its own keys alone. The rows left behind are those of a full rebuild, whatever
the order of arrival.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

import numpy as np
from django.db import connection

from licenses.analysis.events import load_events
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import NONE, Coded, Column, insert, number, numbered, values
from licenses.concurrency.intervals import Ints
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    Boundary,
    Capture,
    Checkout,
    Contradiction,
    Disagreement,
    IssuedCount,
    LicenseServer,
)
from licenses.sources.clock import told_again

from .attempts import Answers
from .coverage import log_spans, moment, of_daemon
from .held import (
    EVENT,
    IN,
    LATE_RETURN,
    OUT,
    Differ,
    Fact,
    Held,
    Hole,
    Restart,
    Seen,
    SetBack,
    holes,
    lost_at,
)
from .pairing import pair

BATCH = 2000
BEGINNING = -(2**62)


class Key(NamedTuple):
    """What a log tells holdings apart by."""

    feature: int
    person: int
    host: int
    seats: int


class Touched(NamedTuple):
    """The span of time in which holdings changed; empty where start > end."""

    start: int
    end: int


class _Stored(NamedTuple):
    pk: int
    ordinal: int
    held: Held


def derive(
    server: LicenseServer,
    touched: Mapping[Key, int],
    daemons: Mapping[int, str],
    answers: Answers | None = None,
) -> Touched:
    """Rebuild the holdings of these keys from these moments on, and return the span in which
    anything changed.

    touched: key to the earliest moment at which one of its facts is new.
    daemons: feature id to daemon, for the keys' features.
    answers: the server's complete answers, where the caller has asked for some before.

    Runs inside the caller's transaction. Queries: a handful for every 2,000 keys.
    """
    start, end = 2**62, BEGINNING
    if not touched:
        return Touched(start, end)
    context = Context(server, answers)
    keys = sorted(touched)
    for index in range(0, len(keys), BATCH):
        changed = _derive_batch(
            {key: touched[key] for key in keys[index : index + BATCH]}, daemons, context
        )
        start, end = min(start, changed.start), max(end, changed.end)
    return Touched(start, end)


class Context:
    """What is the same for all keys of a server: restarts, polls and what the log vouches for."""

    def __init__(self, server: LicenseServer, answers: Answers | None = None) -> None:
        self.server = server
        self._restarts: dict[str, list[Restart]] = {}
        self._stops: dict[str, list[int]] = {}
        self._spans = log_spans(server)
        self._logs: dict[str, _Log] = {}
        self.answers = answers or Answers(server)

    def restarts(self, daemon: str) -> list[Restart]:
        if daemon not in self._restarts:
            self._restarts[daemon] = [
                Restart(at, self._last_line_before(daemon, at, last_seen))
                for kind, of, at, last_seen in self._boundaries
                if kind == Boundary.Kind.START and of in ("", daemon)
            ]
        return self._restarts[daemon]

    def stopped(self, daemon: str, taken: int) -> int | None:
        """Return when the daemon went down, the first time after a seat was taken. Not within a
        time that the clock told twice: that may have been before."""
        if daemon not in self._stops:
            self._stops[daemon] = [
                at
                for kind, of, at, _ in self._boundaries
                if kind == Boundary.Kind.STOP and of == daemon
            ]
        stops = self._stops[daemon]
        index = bisect_left(stops, taken)
        if index == len(stops):
            return None
        stop = stops[index]
        twice = any(step.at <= taken and stop <= step.until for step in self.set_back)
        return None if twice else stop

    @cached_property
    def set_back(self) -> list[SetBack]:
        """When the clock of the log was set back, in order."""
        return [
            SetBack(at, until)
            for kind, _daemon, at, until in self._boundaries
            if kind == Boundary.Kind.SET_BACK and until is not None
        ]

    def misdated(self, taken: Iterable[int]) -> dict[int, int | None]:
        """Return the moments of these at which lines stand that may be of another day: seats that
        they take are not known to be held."""
        spans = self._misdated
        return {at: at for at in taken if any(start <= at < end for start, end in spans)}

    @cached_property
    def _misdated(self) -> list[tuple[int, int]]:
        return [
            (at, until)
            for kind, _daemon, at, until in self._boundaries
            if kind == Boundary.Kind.DOUBT and until is not None
        ]

    def next_answer(self, feature: int, moment: int, *, shown: bool) -> int | None:
        """Return when the first answer after a moment was given that would have shown a holder.

        Servers need not list who holds seats that nobody counts. shown: answers did list him.
        """
        found = self.answers.following_by(feature, moment)
        if found is None or shown:
            return found
        spans = self._uncounted.get(feature, ())
        return None if any(start <= found < end for start, end in spans) else found

    @cached_property
    def _uncounted(self) -> dict[int, list[tuple[int, int]]]:
        found: dict[int, list[tuple[int, int]]] = {}
        for feature, start, end in _UNCOUNTED.rows(self.server.pk):
            found.setdefault(feature, []).append((start, OPEN if end is None else end))
        return found

    def contradicted(self, key: Key) -> dict[int, tuple[set[int], int | None]]:
        """Return the moments at which other texts of the log have other seats taken than those of
        the key: the other seats, and until when at most what was taken is known to be held."""
        found: dict[int, set[int]] = {}
        for at, *holder, seats, fewer in self._contradictions:
            if holder == list(key[:3]) and key.seats in (seats, fewer):
                found.setdefault(at, set()).update({seats, fewer} - {key.seats})
        return {at: (others, self._known_until(key, at, others)) for at, others in found.items()}

    def _known_until(self, key: Key, at: int, others: set[int]) -> int | None:
        """The least of what texts tell was taken; it may have been returned with the others."""
        if min(others) < key.seats:
            return at
        told = load_events({key.feature: at})
        mine = (told.person == key.person) & (told.host == key.host) & (told.kind == IN)
        returns = told.at[mine & np.isin(told.seats, list(others))]
        return int(returns.min()) if len(returns) else None

    @cached_property
    def _contradictions(self) -> list[tuple[int, ...]]:
        return load_contradictions(self.server)

    @cached_property
    def restart_moments(self) -> list[int]:
        """When any daemon of the server came up, in order."""
        return [at for kind, _, at, _ in self._boundaries if kind == Boundary.Kind.START]

    @cached_property
    def _boundaries(self) -> list[tuple[int, str, int, int | None]]:
        """Kind, daemon, moment and last line before it, in order."""
        return cast(list[tuple[int, str, int, int | None]], _BOUNDARIES.rows(self.server.pk))

    def _last_line_before(self, daemon: str, restart: int, told: int | None) -> int:
        """Return when the log was last heard before a restart, from all its pieces, in whatever
        order they came."""
        log = self._log(daemon)
        index = bisect_left(log.starts, restart) - 1
        covered = min(log.ends[index], restart) if index >= 0 else None
        heard = [moment for moment in (covered, told) if moment is not None]
        return max(heard) if heard else restart

    def _log(self, daemon: str) -> _Log:
        if daemon not in self._logs:
            spans = of_daemon(self._spans, daemon)
            lost = [
                lost_at(at) if until is None else Hole(at, until)
                for kind, of, at, until in self._boundaries
                if kind == Boundary.Kind.LOSS and of in ("", daemon)
            ]
            missing = sorted({*holes(spans), *lost}, key=lambda hole: (hole.end, hole.start))
            self._logs[daemon] = _Log(spans.starts.tolist(), spans.ends.tolist(), missing)
        return self._logs[daemon]

    def log_until(self, daemon: str, moment: int) -> int | None:
        log = self._log(daemon)
        index = bisect_right(log.starts, moment) - 1
        return log.ends[index] if index >= 0 and moment <= log.ends[index] else None

    def holes(self, daemon: str) -> list[Hole]:
        """Return the time of which the daemon's log is lost, in order."""
        return self._log(daemon).holes

    def next_hole(self, daemon: str, moment: int) -> Hole | None:
        lost = self.holes(daemon)
        index = bisect_right(lost, moment, key=lambda hole: hole.end)
        return lost[index] if index < len(lost) else None


def _boundaries(server: int) -> Asked:
    kinds = (
        Boundary.Kind.START,
        Boundary.Kind.STOP,
        Boundary.Kind.SET_BACK,
        Boundary.Kind.LOSS,
        Boundary.Kind.DOUBT,
    )
    rows = Boundary.objects.filter(server=server, kind__in=kinds).order_by("at", "daemon")
    return rows, ("kind", "daemon", number("at"), number("last_seen"))


_BOUNDARIES = Prepared(_boundaries)


@Prepared
def _UNCOUNTED(server: int) -> Asked:
    rows = IssuedCount.objects.filter(
        feature__server=server, source=IssuedCount.Source.STATUS, count=None
    )
    return rows.order_by("feature", "starts"), ("feature_id", number("starts"), number("ends"))


def load_contradictions(server: LicenseServer) -> list[tuple[int, ...]]:
    """Return moment, feature, person, host, seats and fewer seats of each."""
    return _CONTRADICTIONS.rows(server.pk)


@Prepared
def _CONTRADICTIONS(server: int) -> Asked:
    rows = Contradiction.objects.filter(feature__server=server).order_by("at", "pk")
    return rows, (number("at"), "feature_id", "person_id", "host_id", "seats", "fewer_seats")


class _Log(NamedTuple):
    """What a daemon's log vouches for, in order of time, and what of it is lost."""

    starts: list[int]
    ends: list[int]
    holes: list[Hole]


def _seconds(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _derive_batch(touched: dict[Key, int], daemons: Mapping[int, str], context: Context) -> Touched:
    _widen_to_unreturned(touched)
    sightings = _load_sightings(touched, context)
    stored = _load_checkouts(touched)
    facts = _load_events(touched)
    start, end = 2**62, BEGINNING
    upserts: list[tuple[Any, ...]] = []
    gone: list[int] = []
    differences: list[tuple[Key, Differ]] = []
    for key, since in touched.items():
        daemon = daemons.get(key.feature, "")
        before = stored.get(key, [])
        contradicted = context.contradicted(key)
        seeds = [
            row.held.taken_at
            for row in before
            if row.held.method == EVENT and row.held.taken_at < since
        ]
        told = facts.get(key, ())
        taken = [*seeds, *(fact.at for fact in told if fact.kind == OUT)]
        paired = pair(
            told,
            already_out=seeds,
            restarts=[restart for restart in context.restarts(daemon) if restart.at >= since],
            set_back=[step for step in context.set_back if step.at >= since],
            seen=sightings.get(key, ()),
            next_poll=partial(context.next_answer, key.feature, shown=bool(sightings.get(key))),
            log_until=partial(context.log_until, daemon),
            next_hole=partial(context.next_hole, daemon),
            stopped=partial(context.stopped, daemon),
            known_until=context.misdated(taken)
            | {at: until for at, (_others, until) in contradicted.items()},
        )
        differences += [
            (key, Differ("logs_differ", at, at, True, None, fewer))
            for at, (others, _until) in contradicted.items()
            for fewer in sorted(others)
            if since <= at and fewer < key.seats
        ]
        new, lost, changed = _difference(key, before, paired.holdings)
        differences += [(key, differ) for differ in paired.differences]
        upserts += new
        gone += lost
        start, end = min(start, changed.start), max(end, changed.end)
    _delete(gone)
    _upsert_rows(upserts)
    _store_differences(touched, differences)
    return Touched(start, end)


def _difference(
    key: Key, before: Sequence[_Stored], after: Sequence[Held]
) -> tuple[list[tuple[Any, ...]], list[int], Touched]:
    """Compare what is stored with what holds now: rows to write, rows to delete, and where they
    differ."""
    # Holdings that were out already keep their number: others of their second may have ended before
    # the time that is made again, and are not in `before`.
    free: dict[int, list[int]] = defaultdict(list)
    for row in before:
        free[row.held.taken_at].append(row.ordinal)
    for numbers in free.values():
        numbers.sort(reverse=True)
    following: dict[int, int] = defaultdict(int)
    old = {(row.held.taken_at, row.ordinal): row for row in before}
    start, end = 2**62, BEGINNING
    upserts = []
    for held in after:
        numbers = free[held.taken_at]
        ordinal = numbers.pop() if numbers else following[held.taken_at]
        following[held.taken_at] = max(following[held.taken_at], ordinal + 1)
        stored = old.pop((held.taken_at, ordinal), None)
        if stored is None or stored.held != held:
            upserts.append((*key, ordinal, *held))
            start = min(start, held.taken_at)
            end = max(end, _end(held), _end(stored.held) if stored else BEGINNING)
    for row in old.values():
        start, end = min(start, row.held.taken_at), max(end, _end(row.held))
    return upserts, [row.pk for row in old.values()], Touched(start, end)


def _end(held: Held) -> int:
    """Return the end of the span that a holding can touch; an open one touches everything known
    after it."""
    return held.returned_at if held.returned_at is not None else 2**61


# --- Rows in and out: keys go into the text as the integers that they are, so that one statement
# asks for thousands -------------


def _key_table(touched: Mapping[Key, int]) -> str:
    rows = values((*key, since) for key, since in touched.items())
    return f"WITH k(feature, person, host, seats, since) AS (VALUES {rows}) "


_MINE = (
    "r.feature_id = k.feature AND r.person_id = k.person "
    "AND r.host_id = k.host AND r.seats = k.seats "
)
_JOIN = f" AS r ON {_MINE}"


def _rows(sql: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        yield from cursor.fetchall()


def _widen_to_steps(
    touched: dict[Key, int], steps: Sequence[SetBack], restarts: Sequence[int]
) -> None:
    """Begin before a time that the log's clock told twice, not within; and before one whose INs and
    OUTs may have to be told apart anew, now that more is known of what followed."""
    while True:
        for step in reversed(steps):
            for key, since in touched.items():
                if step.at < since <= step.until:
                    touched[key] = step.at
        found = _in_doubt(touched, steps, restarts)
        if not found:
            return
        touched.update(found)


def _in_doubt(
    touched: Mapping[Key, int], steps: Sequence[SetBack], restarts: Sequence[int]
) -> dict[Key, int]:
    """Return the earliest step that bears on what each key's new facts may change, where it has an
    IN that a step explained, or might have, or an OUT that a restart told twice may have lost."""
    first, last = min(touched.values(), default=0), max(touched.values(), default=0)
    near = [step for step in steps if step.at < last and step.until + LATE_RETURN >= first]
    if not near:
        return {}
    told = values((step.at, step.until, _last_within(restarts, step)) for step in near)
    sql = (
        f"{_key_table(touched)}, s(starts, until, restart) AS (VALUES {told}) "
        "SELECT k.feature, k.person, k.host, k.seats, MIN(s.starts) FROM k JOIN s "
        f"ON s.starts < k.since AND s.until + {LATE_RETURN} >= k.since "
        f"WHERE EXISTS (SELECT 1 FROM licenses_disagreement AS r WHERE {_MINE} "
        "AND r.kind = 'return_alone' AND r.starts >= s.starts AND r.starts < s.until) "
        f"OR EXISTS (SELECT 1 FROM licenses_checkout AS r WHERE {_MINE} AND r.method = {EVENT} "
        "AND (r.taken_at = s.starts AND r.returned_after < r.returned_at "
        "OR r.taken_at >= s.starts AND r.taken_at < s.restart)) GROUP BY 1, 2, 3, 4"
    )
    return {Key(*row[:4]): row[4] for row in _rows(sql)}


def _last_within(restarts: Sequence[int], step: SetBack) -> int:
    """Return the last restart of the time that a step tells twice; its beginning if there is
    none."""
    index = bisect_right(restarts, step.until) - 1
    return max(restarts[index], step.at) if index >= 0 else step.at


def _widen_to_unreturned(touched: dict[Key, int]) -> None:
    """Begin at the first holding that polls ended and that an IN may still return."""
    sql = (
        _key_table(touched)
        + "SELECT k.feature, k.person, k.host, k.seats, MIN(r.taken_at) "
        + f"FROM k JOIN licenses_checkout{_JOIN}"
        + f"AND r.method = {EVENT} AND r.end_reason = 'not_seen' AND r.returned_at < k.since "
        + f"AND r.taken_at >= k.since - {LATE_RETURN} GROUP BY 1, 2, 3, 4"
    )
    for *key, taken in list(_rows(sql)):
        touched[Key(*key)] = taken


def _load_sightings(touched: dict[Key, int], context: Context) -> dict[Key, list[Seen]]:
    """Return the status rows that reach into the time to be made again, and widen that time so that
    each lies in it whole, as does all that the log's clock told twice."""
    answers = context.answers
    missed = _missed(answers, {key.feature for key in touched})
    shown_by, gone_by = (_latest(answers, each) for each in ("r.first_seen", "r.gone_at"))
    while True:
        _widen_to_steps(touched, context.set_back, context.restart_moments)
        found: dict[Key, list[Seen]] = defaultdict(list)
        sql = (
            _key_table(touched)
            + "SELECT k.feature, k.person, k.host, k.seats, r.id, r.started_at, r.first_seen, "
            f"r.last_seen, {gone_by}, r.state, {missed}, {shown_by} "
            f"FROM k JOIN licenses_sighting{_JOIN}"
            # Two minutes: a row belongs to an OUT of its minute or the one before. The rest are
            # those that a holding which reaches into the time goes with, and those that print a
            # time to come.
            "AND (r.gone_at IS NULL OR r.gone_at >= k.since - 120 "
            "OR r.started_at >= k.since - 120 OR EXISTS (SELECT 1 "
            "FROM licenses_checkout AS c WHERE c.feature_id = k.feature "
            "AND c.person_id = k.person AND c.host_id = k.host AND c.sighting_id = r.id "
            "AND (c.returned_at IS NULL OR c.returned_at >= k.since)))"
        )
        widened = False
        for row in _rows(sql):
            key, seen = Key(*row[:4]), _seen(context.server.tzinfo, *row[4:])
            newest = answers.newest(key.feature) if seen.gone_at is None else None
            if newest is not None and newest > seen.last_seen:
                seen = seen._replace(last_seen=newest)
            found[key].append(seen)
            # The minute before: a status that rounds up belongs to an OUT of the minute before.
            if seen.started_at - 60 < touched[key]:
                touched[key] = seen.started_at - 60
                widened = True
        if not widened:
            return found


def _latest(answers: Answers, at: str) -> str:
    """Return what says in SQL when an answer was given at the latest: many print a minute alone."""
    if not answers.by_minute:
        return at
    return (
        f"COALESCE((SELECT MAX(a.ends) FROM licenses_capture AS a WHERE a.server_id = "
        f"{answers.server.pk} AND a.kind = '{Capture.Kind.STATUS}' AND a.starts = {at}), {at})"
    )


def _missed(answers: Answers, features: Iterable[int]) -> str:
    """Return what says in SQL when the last complete answer before a row's first was given, where
    that may lie after its start."""
    told = [(feature, scope) for feature in features for scope in answers.scopes_of(feature)]
    if not told:
        return "NULL"
    return (
        "CASE WHEN r.left_out THEN r.first_seen WHEN r.first_seen - r.started_at > 60 "
        "THEN (SELECT a.starts FROM licenses_capture AS a "
        f"WHERE a.server_id = {answers.server.pk} AND a.kind = '{Capture.Kind.STATUS}' "
        "AND a.starts < r.first_seen AND (r.feature_id, a.scope_id) IN "
        f"(VALUES {values(told)}) ORDER BY a.starts DESC LIMIT 1) END"
    )


def _seen(
    zone: tzinfo,
    pk: int,
    started: int | None,
    first: int,
    last: int,
    gone: int | None,
    state: str,
    missed: int | None,
    shown_by: int,
) -> Seen:
    # A start that cannot be read, or that lies after the answer, is bounded by the first answer.
    start = first if started is None else min(started, first)
    again = None if started is None else told_again(started, zone)
    return Seen(pk, start, first, last, gone, state, missed, started, again, shown_by)


def _load_checkouts(touched: Mapping[Key, int]) -> dict[Key, list[_Stored]]:
    found: dict[Key, list[_Stored]] = defaultdict(list)
    sql = (
        _key_table(touched)
        + "SELECT k.feature, k.person, k.host, k.seats, r.id, r.ordinal, r.taken_at, r.taken_by, "
        "r.returned_after, r.returned_at, r.method, r.state, r.end_reason, r.sighting_id "
        f"FROM k JOIN licenses_checkout{_JOIN}AND (r.returned_at IS NULL OR r.returned_at >= "
        f"k.since)"
    )
    for row in _rows(sql):
        found[Key(*row[:4])].append(_Stored(row[4], row[5], Held(*row[6:])))
    return found


def _load_events(touched: Mapping[Key, int]) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = defaultdict(list)
    since: dict[int, int] = {}
    for key, earliest in touched.items():
        since[key.feature] = min(earliest, since.get(key.feature, earliest))
    events = load_events(since)
    if not len(events):
        return found
    keys, moments = list(touched), np.array(list(touched.values()), dtype=np.int64)
    asked = np.array(keys, dtype=np.int64).T
    code, _ = numbered(*(np.append(*both) for both in zip(asked, events.identity[:4], strict=True)))
    place = np.full(len(code), -1, dtype=np.int64)
    place[code[: len(keys)]] = np.arange(len(keys))
    mine = place[code[len(keys) :]]
    events, mine = events.only(mine >= 0), mine[mine >= 0]
    asked_for = events.at >= moments[mine]
    events, mine = events.only(asked_for), mine[asked_for]
    columns = (mine, events.at, events.kind, events.reason)
    for key, at, kind, reason in zip(*(column.tolist() for column in columns), strict=True):
        found[keys[key]].append(Fact(at, kind, events.reasons[reason]))
    return found


_COLUMNS = (
    *("feature_id", "person_id", "host_id", "seats", "ordinal", "taken_at", "taken_by"),
    *("returned_after", "returned_at", "method", "state", "end_reason", "sighting_id"),
)
_UPSERT = (
    "ON CONFLICT (feature_id, taken_at, person_id, host_id, seats, ordinal) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[6:])
)


def _upsert_rows(rows: Sequence[tuple[Any, ...]]) -> None:
    """Write holdings, each the columns of a key, ordinal, and those of `Held`."""
    if rows:
        upsert(
            [
                Coded.of(column)
                if isinstance(column[0], str)
                else np.array([NONE if each is None else each for each in column], dtype=np.int64)
                for column in zip(*rows, strict=True)
            ]
        )


def upsert(table: Sequence[Column]) -> None:
    """Write holdings: a column for each of a key, of ordinal, and of `Held`; NONE is None."""
    # In key order: nearly twice as fast on SQLite as in order of arrival, and PostgreSQL's
    # index stays small.
    feature, person, host, seats, ordinal, taken_at = cast(list[Ints], table[:6])
    order = np.lexsort((ordinal, seats, host, person, taken_at, feature))
    table = [
        Coded(column.code[order], column.values) if isinstance(column, Coded) else column[order]
        for column in table
    ]
    insert(Checkout, _COLUMNS, table, otherwise=_UPSERT)
    _raise_longest(feature[order], taken_at[order], cast(Ints, table[8]))


def _raise_longest(feature: Ints, taken_at: Ints, returned_at: Ints) -> None:
    """Keep the bound by which readers know how far back a holding can begin.

    feature:  in order.  returned_at:  NONE while a holding is out.
    """
    features, first = np.unique(feature, return_index=True)
    held = np.where(returned_at == NONE, 0, returned_at - taken_at)
    if not len(first):
        return
    longest = zip(features.tolist(), np.maximum.reduceat(held, first).tolist(), strict=True)
    table = values(longest)
    raised = list(
        _rows(
            f"WITH k(feature, held) AS (VALUES {table}) SELECT k.held, k.feature FROM k "
            "JOIN licenses_feature AS r ON r.id = k.feature AND r.max_duration < k.held"
        )
    )
    if raised:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE licenses_feature SET max_duration = %s WHERE id = %s", raised
            )


def _delete(ids: Iterable[int]) -> None:
    doomed = list(ids)
    for index in range(0, len(doomed), BATCH):
        Checkout.objects.filter(pk__in=doomed[index : index + BATCH]).delete()


def _store_differences(touched: Mapping[Key, int], found: list[tuple[Key, Differ]]) -> None:
    """Put what the sources disagree on in the place of what was stored for the time made again."""
    if not Disagreement.objects.exists() and not found:
        return
    sql = (
        _key_table(touched) + f"SELECT r.id FROM k JOIN licenses_disagreement{_JOIN}"
        "AND (r.ends IS NULL OR r.ends >= k.since)"
    )
    doomed = [pk for (pk,) in _rows(sql)]
    for index in range(0, len(doomed), BATCH):
        Disagreement.objects.filter(pk__in=doomed[index : index + BATCH]).delete()
    Disagreement.objects.bulk_create(
        Disagreement(
            feature_id=key.feature,
            person_id=key.person,
            host_id=key.host,
            seats=key.seats,
            kind=differ.kind,
            starts=moment(differ.starts),
            ends=None if differ.ends is None else moment(differ.ends),
            seats_logged=key.seats if differ.logged else 0,
            seats_shown=_shown(key, differ),
        )
        for key, differ in found
    )


def _shown(key: Key, differ: Differ) -> int | None:
    """Return the seats that the other source tells of; None where none was asked."""
    if differ.shown is None:
        return differ.others
    return key.seats if differ.shown else 0
