"""Store the rows of a status: each once, over the time for which polls showed it."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from licenses.concurrency.timeline import OPEN
from licenses.evidence import entries
from licenses.models import Capture, LicenseServer, Sighting
from licenses.sources.clock import told_again
from licenses.sources.flexnet.lmstat_rows import names
from licenses.sources.records import Block, FeatureStatus, Holding, Result, Snapshot

from . import coverage, disputes, shown_rows
from .answers import NEVER, Answers
from .context import Key
from .directory import Directory
from .disputes import MINUTE, Disputes

Identity = tuple[int, str]
"""Feature and row key."""

BORROWED_FROM = 3600
"""Seats that the server keeps for this many seconds or more after a program ends are borrowed,
those kept for less linger."""
FIELDS = [
    *("first_seen", "last_seen", "gone_at", "state", "returns_by"),
    *("disputed_from", "disputed_to"),
]


@dataclass
class Stored:
    """What the rows of one status came to."""

    new: int = 0
    known: int = 0
    ended: int = 0
    drafts: list[entries.Draft] = field(default_factory=list)
    touched: dict[Key, int] = field(default_factory=dict)


class StatusRows:
    """The rows of one status as they are stored.

    features: ids of the features whose rows the answer tells in full; empty where it does not add
              up.
    changed:  spans of time in which what is stored changed, to be counted again.
    by_minute: of some answer of the server only the minute is known.
    alone:    no other answer is stored of the second, or of a later one.
    """

    def __init__(
        self,
        server: LicenseServer,
        snapshot: Snapshot,
        directory: Directory,
        at: int,
        *,
        by_minute: bool = False,
        alone: bool = False,
    ) -> None:
        self.server, self.directory, self.at = server, directory, at
        self.by_minute, self.alone = by_minute, alone
        directory.learn([], [], {(feature.daemon, feature.name) for feature in snapshot.features})
        whole = snapshot.result in (Result.PARSED, Result.DAEMON_DOWN)
        down = {name for name, up, _text in snapshot.daemons if not up}
        self.features: set[int] = {
            directory.features[feature.daemon, feature.name]
            for feature in snapshot.features
            if whole and not feature.error and feature.daemon not in down
        }
        self.changed: list[tuple[int, int]] = []
        self._snapshot = snapshot
        self.shown: dict[Identity, Sighting] = {}

    def _read(self) -> None:
        """Fill `shown`: an answer that says what the last one said never needs it."""
        features, directory = self._snapshot.features, self.directory
        holdings = [row for feature in features for row in feature.holdings]
        directory.learn({row.user for row in holdings}, {row.host for row in holdings}, [])
        repeats: Counter[tuple[Any, ...]] = Counter()
        for feature in features:
            pk = directory.features[feature.daemon, feature.name]
            for block in feature.blocks:
                for holding in block.holdings:
                    identity = _identity(feature, block, holding)
                    key = _row_key(*identity, repeats[pk, *identity])
                    repeats[pk, *identity] += 1
                    self.shown[pk, key] = _sighting(pk, key, holding, directory, self.at)

    def store(self, capture: Capture, answers: Answers, *, newest: bool) -> Stored:
        """Store what is new in these rows, and end what the answer no longer shows.

        newest: no later answer is stored.
        """
        self._read()
        known = self._load(newest=newest)
        judge = Disputes(capture, answers, self.at, alone=self.alone, newest=newest)
        stored = Stored()
        new, changed, looked_at = [], [], []
        for identity, row in self.shown.items():
            old = known.pop(identity, None)
            if old is None:
                row.gone_at = _moment(answers.following(row.feature_id, self.at))
                judge.shown(row, None, None)
                new.append(row)
            elif self._show(old, row, answers, judge, capture):
                changed.append(old)
            elif judge.matters(old):
                looked_at.append(old)
        for row in known.values():
            if row.feature_id in self.features:
                gone = row.gone_at
                if self._miss(row, capture, answers):
                    changed.append(row)
                elif judge.matters(row):
                    looked_at.append(row)
                stored.ended += row.gone_at != gone
        Sighting.objects.bulk_create(new)
        Sighting.objects.bulk_update(changed, FIELDS, batch_size=500)
        stored.new, stored.known = len(new), len(self.shown) - len(new)
        for row in [*new, *changed, *looked_at]:
            seen = _seconds(row.first_seen)
            started = seen if row.started_at is None else min(_seconds(row.started_at), seen)
            _touch(stored, Key(row.feature_id, row.person_id, row.host_id, row.seats), started)
        self.touch_checked(stored, answers)
        if not newest:
            self._touch_not_yet_shown(stored)
        fresh = set(map(id, new))
        stored.drafts = [self._entry(row, id(row) in fresh) for row in [*new, *changed]]
        return stored

    def _load(self, *, newest: bool) -> dict[Identity, Sighting]:
        """Return the stored rows that the answer shows, might end, or contradicts."""
        features = self.features | {pk for pk, _key in self.shown}
        found = (
            shown_rows.SHOWN.objects(features)
            if newest
            else shown_rows.SHOWN_AROUND.objects(features, self.at)
        )
        rows: dict[Identity, Sighting] = {(row.feature_id, row.row_key): row for row in found}
        missing = [key for pk, key in self.shown if (pk, key) not in rows]
        for part in _parts(missing, 500):
            for row in Sighting.objects.filter(row_key__in=part, feature__in=features):
                if (row.feature_id, row.row_key) in self.shown:
                    rows[row.feature_id, row.row_key] = row
        return rows

    def _show(
        self,
        old: Sighting,
        row: Sighting,
        answers: Answers,
        judge: Disputes,
        capture: Capture,
    ) -> bool:
        """Note that a row known before is shown. Returns whether that changes what is stored."""
        gone = None if old.gone_at is None else _seconds(old.gone_at)
        shown = _seconds(old.last_seen)
        if gone is None and not self.alone:
            newest_other = answers.until(old.feature_id, OPEN, but=capture.pk)
            shown = shown if newest_other is None else max(shown, newest_other)
        changed = judge.shown(old, _seconds(old.first_seen), gone)
        if self.at < _seconds(old.first_seen):
            old.first_seen = row.first_seen
            changed = True
        # While a row is open its last sighting is the newest complete answer and is not written.
        was_open = gone is None
        if self.at > _seconds(old.last_seen) and not (was_open and old.feature_id in self.features):
            old.last_seen = row.last_seen
            if not was_open:
                old.gone_at = _moment(answers.following(old.feature_id, self.at))
            changed = True
        # Of two answers of one second the one counts that excuses less: what is borrowed need not
        # be in a log.
        if self.at > shown or (self.at == shown and _said(row) > _said(old)):
            changed = changed or _said(row) != _said(old)
            old.state, old.returns_by = row.state, row.returns_by
        return changed

    def _miss(self, row: Sighting, capture: Capture, answers: Answers) -> bool:
        """Note that a complete answer does not show a row. Returns whether that changes what is
        stored."""
        if self.at < _seconds(row.first_seen):
            return False
        seen = _seconds(row.last_seen)
        if row.gone_at is None:
            newest_other = answers.until(row.feature_id, OPEN, but=capture.pk)
            seen = seen if newest_other is None else max(seen, newest_other)
        if self.at <= seen:
            return disputes.note(row, self.at)
        if row.gone_at is None or self.at < _seconds(row.gone_at):
            row.last_seen, row.gone_at = coverage.moment(seen), coverage.moment(self.at)
            return True
        return False

    def touch_checked(self, stored: Stored, answers: Answers | None = None) -> None:
        """Have the holdings looked at that the answer may end or contradict, though none of its
        rows changed."""
        self._touch_unseen(stored, answers)
        self._touch_contradicted(stored)
        if self.by_minute:
            self._touch_in_doubt(stored, answers or Answers(self.server))
            self._touch_alone(stored)

    def _touch_in_doubt(self, stored: Stored, answers: Answers) -> None:
        """Have the holdings looked at of which answers tell what they do only by when they can have
        been given: the next one may tell more, and so may another one of the same second."""
        before: dict[int, set[int]] = {}
        for pk in self.features:
            before.setdefault(answers.until(pk, self.at - 1) or self.at, set()).add(pk)
        for last, features in before.items():
            for *key, started_at, first_seen in shown_rows.IN_DOUBT.rows(
                features, last - MINUTE, self.at, -1 if self.alone else self.at
            ):
                _touch(stored, Key(*key), _earlier(started_at, first_seen))

    def _touch_alone(self, stored: Stored) -> None:
        """Have the returns looked at that may be earlier than this answer, of which only the minute
        is known: one that came before it may not be the first after the log began any more."""
        last = self.at + MINUTE
        for *key, at in shown_rows.ALONE.rows(self.features, self.at, last):
            _touch(stored, Key(*key), at)

    def _touch_unseen(self, stored: Stored, answers: Answers | None) -> None:
        """Have the logged holdings looked at that this complete answer should show and does not:
        it may end them, or leave their IN to another. And those that answers contradict each other
        on, if this is one of the first after that: it may settle it."""
        if not self.features:
            return
        for *key, since, disputed_to in shown_rows.UNSEEN.rows(
            self.features, self.at, self.at - MINUTE
        ):
            if disputed_to > NEVER:
                answers = answers or Answers(self.server)
                if not disputes.unsettled(answers, key[0], disputed_to, self.at):
                    continue
            _touch(stored, Key(*key), since)

    def _touch_not_yet_shown(self, stored: Stored) -> None:
        """Have the holdings looked at that only later answers show, though they say that they were
        held by now."""
        for *key, started in shown_rows.NOT_YET_SHOWN.rows(self.features, self.at):
            _touch(stored, Key(*key), started)

    def _touch_contradicted(self, stored: Stored) -> None:
        """Have the holdings looked at that the log ended, or was lost of, and this answer shows."""
        if not self.features or not shown_rows.LOGGED.rows(self.server.pk):
            return
        for *key, started_at, first_seen in shown_rows.CONTRADICTED.rows(self.features, self.at):
            _touch(stored, Key(*key), first_seen if started_at is None else started_at)

    def _entry(self, row: Sighting, new: bool) -> entries.Draft:
        """Return the evidence of a row: all that is now known of when it was shown."""
        daemon, name = self.directory.feature_names[row.feature_id]
        body = {
            "daemon": daemon,
            "feature": name,
            "first_seen": _seconds(row.first_seen),
            "last_seen": _seconds(row.last_seen),
            "row": row.row_key,
            "seats": row.seats,
            "state": str(row.state),
            "what": "appeared" if new else "seen" if row.gone_at is None else "gone",
        }
        if row.started_at is not None:
            body["started"] = started = _seconds(row.started_at)
            if (again := told_again(started, self.server.tzinfo)) is not None:
                body["started_again"] = again
        if row.gone_at is not None:
            body["gone"] = _seconds(row.gone_at)
        if row.disputed_from is not None and row.disputed_to is not None:
            body["disputed_from"] = _seconds(row.disputed_from)
            body["disputed_to"] = _seconds(row.disputed_to)
        if new:
            body["person"] = self.directory.person_pseudonyms[row.person_id]
            body["host"] = self.directory.host_pseudonyms[row.host_id]
        return entries.draft("sample", self.at, body)


def _earlier(started_at: int | None, first_seen: int) -> int:
    return first_seen if started_at is None else min(started_at, first_seen)


def _touch(stored: Stored, key: Key, at: int) -> None:
    stored.touched[key] = min(at, stored.touched.get(key, at))


def _identity(feature: FeatureStatus, block: Block, row: Holding) -> tuple[Any, ...]:
    """Return what makes a status row the same row in the next answer. Linger's seconds left run
    down and are not part of it."""
    return (
        feature.name,
        block.version,
        *names(row),
        row.version,
        row.handle,
        row.started_at,
        row.seats,
        row.pid,
    )


def _row_key(*parts: Any) -> str:
    text = "\0".join(str(part) for part in parts)
    return hmac.new(
        settings.ITAM_PSEUDONYM_KEY.encode(), text.encode(), hashlib.sha256
    ).hexdigest()[:32]


def _sighting(feature: int, key: str, row: Holding, directory: Directory, at: int) -> Sighting:
    state, returns_by = _state(row, at)
    return Sighting(
        feature_id=feature,
        person_id=directory.persons[row.user],
        host_id=directory.hosts[row.host],
        row_key=key,
        seats=row.seats,
        started_at=None if row.started_at is None else coverage.moment(row.started_at),
        start_guessed=row.start_guessed,
        first_seen=coverage.moment(at),
        last_seen=coverage.moment(at),
        state=state,
        returns_by=None if returns_by is None else coverage.moment(returns_by),
        display=row.display[:100],
        version=row.version[:50],
        ambiguous=row.ambiguous,
    )


def _state(row: Holding, at: int) -> tuple[Sighting.State, int | None]:
    """Return a row's state, and by when borrowed seats are back at the latest."""
    left, total = row.linger_left, row.linger_total
    if total is None and left is None:
        return Sighting.State.HELD, None
    if left == 0 and total is not None:
        # "0 / 86400": the program runs, and its seat would be kept for a day after it ends.
        return Sighting.State.HELD, None
    state = Sighting.State.BORROWED if (total or 0) >= BORROWED_FROM else Sighting.State.LINGERING
    started = at if row.started_at is None else min(row.started_at, at)
    until = started + total if total is not None else at + (left or 0)
    return state, max(until, at)


def _said(row: Sighting) -> tuple[str, int]:
    """Return what an answer says of how a seat is held, to be compared."""
    return str(row.state), 0 if row.returns_by is None else _seconds(row.returns_by)


def same_states(rows: Iterable[Holding], at: int, since: int) -> bool:
    """Return whether rows say at two moments the same of how seats are held, and until when."""
    lingering = (row for row in rows if row.linger_left or row.linger_total)
    return all(_state(row, at) == _state(row, since) for row in lingering)


def _parts(items: list[str], size: int) -> Iterator[list[str]]:
    for index in range(0, len(items), size):
        yield items[index : index + size]


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else coverage.moment(seconds)


def _seconds(value: Any) -> int:
    return int(value.timestamp())


def states(rows: Iterable[Holding], at: int) -> Counter[str]:
    """Return how many seats are in each state of use."""
    found: Counter[str] = Counter()
    for row in rows:
        found[str(_state(row, at)[0])] += row.seats
    return found
