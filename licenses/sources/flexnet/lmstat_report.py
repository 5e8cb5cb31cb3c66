"""From the lines of a report of lmstat to a snapshot: identities, repetitions, and what the report
is worth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from operator import itemgetter

from licenses.sources.flexnet.dates import StartDates
from licenses.sources.flexnet.lmstat_rows import (
    Identity,
    Row,
    guessed_identity,
    known_hosts,
    plain_identities,
)
from licenses.sources.records import (
    Block,
    FeatureStatus,
    Holding,
    Reservation,
    Result,
    Snapshot,
    Waiting,
)
from licenses.sources.text import UnreadableLines

_CODE = re.compile(r"\((-\d{1,4})[,:)]")
_SERVER_CODES = {-7, -12, -13, -15, -17, -20, -96}
_Who = Callable[[str], Identity]


@dataclass
class Draft:
    """A block under construction. Identities are settled when the report is whole."""

    daemon: str = ""
    version: str = ""
    expires_on: date | None = None
    vendor_string: str = ""
    lock: str = ""
    held: list[Row] = field(default_factory=list)
    queued: list[tuple[str, Waiting]] = field(default_factory=list)
    reserved: list[Reservation] = field(default_factory=list)


class AlteredError(Exception):
    """Lines follow that add to a feature which was taken to be finished."""


@dataclass(slots=True)
class FeatureDraft:
    """A feature under construction.

    finished: the feature as it comes out, where that rests on its own lines alone.
    sealed:   it was known before, and its lines are not here.
    """

    status: FeatureStatus
    drafts: list[Draft] = field(default_factory=list)
    finished: FeatureStatus | None = None
    sealed: bool = False


@dataclass
class FeatureList:
    """One "Feature usage info" with the daemons whose lines stand right before it."""

    daemons: tuple[str, ...]
    features: list[FeatureDraft] = field(default_factory=list)


@dataclass
class Section:
    """What one server says."""

    taken_at: int | None
    starts: StartDates
    server: str = ""
    members: list[tuple[str, bool, str]] = field(default_factory=list)
    daemons: list[tuple[str, bool, str]] = field(default_factory=list)
    waiting_daemons: list[str] = field(default_factory=list)
    lists: list[FeatureList] = field(default_factory=list)
    error: str = ""
    usage_info: bool = False
    in_vendors: bool = False
    in_table: bool = False
    unreadable: UnreadableLines = field(default_factory=UnreadableLines)
    lines: int = 0

    @property
    def empty(self) -> bool:
        return not (self.server or self.members or self.lists or self.error or self.usage_info)

    @property
    def feature_count(self) -> int:
        """Return how many features the last list has."""
        return len(self.lists[-1].features) if self.lists else 0

    @property
    def feature(self) -> FeatureDraft | None:
        return self.lists[-1].features[-1] if self.lists and self.lists[-1].features else None


def draft_of(feature: FeatureDraft) -> Draft:
    if feature.sealed:
        raise AlteredError
    if not feature.drafts:
        feature.drafts.append(Draft())
    return feature.drafts[-1]


def build_snapshot(section: Section) -> Snapshot:
    features = _features(section)
    result, detail = _result(section, features)
    return Snapshot(
        result=result,
        taken_at=section.taken_at,
        server=section.server,
        detail=detail,
        members=_unique(section.members),
        daemons=_unique(section.daemons),
        features=features,
        unreadable=section.unreadable.kept(),
        lines=section.lines,
    )


def _unique(entries: list[tuple[str, bool, str]]) -> tuple[tuple[str, bool, str], ...]:
    """Return the entries once for each name whatever its case; some tools print a host twice."""
    found: dict[str, tuple[str, bool, str]] = {}
    for entry in entries:
        known = found.get(entry[0].lower())
        if known is None or (entry[1] and not known[1]):
            found[entry[0].lower()] = entry
    return tuple(found.values())


def _features(section: Section) -> tuple[FeatureStatus, ...]:
    """Return the features, each once: some tools print the whole list again for every daemon."""
    texts: set[str] = set()
    for each in section.lists:
        for feature in each.features:
            texts.update(_identities(feature))
    known = plain_identities(texts)
    settled = {text: found for text, found in known.items() if found is not None}
    doubtful = known.keys() - settled.keys()
    if doubtful:
        hosts = known_hosts(settled.values()) | _hosts(section)
        settled |= {
            text: guessed_identity(text, hosts) for text, found in known.items() if found is None
        }
    who = settled.__getitem__
    lists = [
        [_feature(feature, each.daemons, who, doubtful) for feature in each.features]
        for each in section.lists
    ]
    return _once(lists)


def _hosts(section: Section) -> frozenset[str]:
    """Return the hosts, in lower case, of the rows of features that were known before."""
    return frozenset(
        host.lower()
        for each in section.lists
        for feature in each.features
        if feature.sealed and feature.finished
        for block in feature.finished.blocks
        for host in [row.host for row in block.holdings] + [row.host for row in block.waiting]
        if host
    )


def _feature(
    feature: FeatureDraft, daemons: tuple[str, ...], who: _Who, doubtful: set[str]
) -> FeatureStatus:
    if feature.sealed and feature.finished:
        return feature.finished
    blocks = tuple(_finished(draft, who) for draft in feature.drafts)
    named = {block.daemon for block in blocks if block.daemon}
    if named:
        daemon = named.pop() if len(named) == 1 else ""
    else:
        daemon = daemons[0] if len(daemons) == 1 else ""
    status = feature.status._replace(daemon=daemon, blocks=blocks)
    if not doubtful or doubtful.isdisjoint(_identities(feature)):
        feature.finished = status
    return status


def _identities(feature: FeatureDraft) -> Iterator[str]:
    for draft in feature.drafts:
        yield from map(itemgetter(0), draft.held)
        yield from map(itemgetter(0), draft.queued)


def _finished(draft: Draft, who: _Who) -> Block:
    waiting = []
    for text, request in draft.queued:
        found = who(text)
        waiting.append(request._replace(user=found.user, host=found.host, display=found.display))
    return Block(
        draft.daemon,
        draft.version,
        draft.expires_on,
        draft.vendor_string,
        draft.lock,
        _holdings(draft.held, who),
        tuple(draft.reserved),
        tuple(waiting),
    )


def _holdings(rows: list[Row], who: _Who) -> tuple[Holding, ...]:
    """Return rows with their identities; by columns, as there may be many."""
    if not rows:
        return ()
    identities, *told, lines = zip(*rows, strict=True)
    *names, ambiguous = zip(*map(who, identities), strict=True)
    # What a named tuple's own constructor does, without a call of Python for each row.
    return tuple(
        map(tuple.__new__, repeat(Holding), zip(*names, *told, ambiguous, lines, strict=True))
    )


def _once(lists: list[list[FeatureStatus]]) -> tuple[FeatureStatus, ...]:
    """Return the features of all lists without the repetitions.

    A list that repeats a whole one before it says nothing of its own daemon, and neither did the
    place of the first: what no block names stays without a daemon. Rows that come twice, handle
    and all, are one holding, also where the list changed from one print to the next.
    """
    if len(lists) == 1:
        return tuple(lists[0])
    features: list[FeatureStatus] = []
    seen_lists: dict[tuple[FeatureStatus, ...], int] = {}
    places: dict[tuple[str, ...], list[int]] = {}
    seen_rows: set[FeatureStatus] = set()
    for each in lists:
        bare = tuple(_bare(feature) for feature in each)
        if not bare:
            continue
        if bare in seen_lists:
            start = seen_lists[bare]
            for at in range(start, min(start + len(bare), len(features))):
                if not any(block.daemon for block in features[at].blocks):
                    features[at] = features[at]._replace(daemon="")
            continue
        names = tuple(feature.name for feature in each)
        before = [features[at] for at in places.get(names, ())]
        if before and _printed_again(before, each):
            for at, again in zip(places[names], each, strict=True):
                features[at] = _joined(features[at], again)
            continue
        seen_lists[bare] = len(features)
        placed = []
        for feature, key in zip(each, bare, strict=True):
            if key in seen_rows:
                continue
            if key.holdings:
                seen_rows.add(key)
            placed.append(len(features))
            features.append(feature)
        if len(placed) == len(each):
            places[names] = placed
    return tuple(features)


def _printed_again(before: list[FeatureStatus], again: list[FeatureStatus]) -> bool:
    """Tell whether a list of the same names is the one before, a moment later: a daemon has one
    list, so one that lends in both, and in neither another of the same feature."""
    pairs = [
        [{block.daemon for block in each.blocks} for each in pair]
        for pair in zip(before, again, strict=True)
    ]
    if any(one and other and one.isdisjoint(other) for one, other in pairs):
        return False
    return any(one & other for one, other in pairs)


def _joined(one: FeatureStatus, other: FeatureStatus) -> FeatureStatus:
    """Return a feature with the rows that a second print has besides. It then adds up no more,
    which makes the report a partial one."""
    known = set(_bare(one).holdings)
    more = [
        block._replace(holdings=rows, reservations=(), waiting=())
        for block in other.blocks
        if (rows := tuple(row for row in block.holdings if row._replace(line=0) not in known))
    ]
    named = any(block.daemon for block in one.blocks)
    return one._replace(daemon=one.daemon if named else "", blocks=(*one.blocks, *more))


def _bare(feature: FeatureStatus) -> FeatureStatus:
    """Return the feature without what differs between two prints of it: lines, and the daemon by
    place."""
    blocks = tuple(
        block._replace(
            holdings=tuple(row._replace(line=0) for row in block.holdings),
            reservations=tuple(row._replace(line=0) for row in block.reservations),
            waiting=tuple(row._replace(line=0) for row in block.waiting),
        )
        for block in feature.blocks
    )
    return feature._replace(daemon="", blocks=blocks, line=0)


def _result(section: Section, features: tuple[FeatureStatus, ...]) -> tuple[Result, str]:
    """Return what the report came to, and why. In doubt it is not "parsed": only that may end a
    holding."""
    if section.error:
        return error_result(section.error), section.error
    up = [name for name, is_up, _ in section.members if is_up]
    down = [f"{name}: {text}" for name, is_up, text in _unique(section.daemons) if not is_up]
    if section.members and not up and not features:
        name, _, text = section.members[0]
        return Result.SERVER_DOWN, f"{name}: {text}"
    if down and len(down) == len(_unique(section.daemons)):
        return Result.DAEMON_DOWN, "; ".join(down)
    if not section.usage_info and not features:
        if up:
            return (
                Result.PARTIAL,
                "Found a server that is up; expected Feature usage info after it.",
            )
        return Result.NOT_RECOGNISED, "Found the name of a server; expected its state and features."
    if problem := _incomplete(section, features, up, down):
        return Result.PARTIAL, problem
    return Result.PARSED, ""


def _incomplete(
    section: Section, features: tuple[FeatureStatus, ...], up: list[str], down: list[str]
) -> str:
    """Return why a report with features cannot be trusted to be whole; empty where it can."""
    if down:
        return "; ".join(down)
    if not section.server:
        return "Found features; expected License server status before them."
    if not up and not section.daemons:
        return "Found features; expected a server or a vendor daemon that is up."
    if section.waiting_daemons or not section.lists[-1].features:
        return "The report ends before the features of " + (
            ", ".join(section.waiting_daemons or section.lists[-1].daemons) or "its last daemon"
        )
    if len(section.unreadable):
        first = section.unreadable.kept()[0]
        return f"{len(section.unreadable)} lines could not be read, the first in line {first.line}."
    if missing := [each.name for each in features if each.error.startswith("Cannot get users")]:
        return f"The daemon does not answer for {_names(missing)}."
    if wrong := [each for each in features if not each.adds_up]:
        return "Rows and reservations do not add up to what is printed as in use: " + _names(
            [f"{each.name} ({_seats(each)} of {each.in_use})" for each in wrong]
        )
    return ""


def error_result(text: str) -> Result:
    """Return the class of an error that lmutil prints, by its number."""
    found = _CODE.search(text)
    code = int(found[1]) if found else 0
    if code in _SERVER_CODES:
        return Result.SERVER_DOWN
    return Result.DAEMON_DOWN if code == -97 else Result.FAILED


def _seats(feature: FeatureStatus) -> int:
    held = sum(row.seats for row in feature.holdings)
    return held + sum(row.seats for row in feature.reservations)


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
