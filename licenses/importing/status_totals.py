"""Store what the server itself says of each feature: seats issued, in use, reserved, queued."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from itertools import zip_longest
from typing import Any, NamedTuple

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, number
from licenses.evidence import entries
from licenses.models import Capture, FeatureNow, IssuedCount, Sighting
from licenses.sources.records import FeatureStatus, Snapshot

from . import coverage
from .answers import Answers
from .directory import Directory
from .status_rows import states

UNCOUNTED = 2**40
"""Stands above every number where two statements of one second are compared."""


class Issued(NamedTuple):
    """Evidence of changed numbers of issued seats, and the span in which they changed.

    listed: when each feature was listed last before this answer came, of those that were.
    """

    drafts: list[entries.Draft]
    start: int
    end: int
    listed: dict[int, int]


class _Step(NamedTuple):
    """From a moment on the server serves so many seats; None: uncounted."""

    at: int
    seats: int | None
    version: str
    expires_on: date | None


def store(
    snapshot: Snapshot,
    directory: Directory,
    capture: Capture,
    answers: Answers,
    at: int,
    *,
    alone: bool,
) -> Issued:
    """Store the totals of a status. Of seats issued every answer is a point, of the rest the newest
    counts.

    alone: no other status is stored of this second, or of a later one.
    """
    told = set(capture.scope.features) if capture.scope is not None else set()
    # From when on a feature was not listed, until now.
    given_by = at if capture.ends is None else int(capture.ends.timestamp())
    start, end, listed = _store_now(snapshot, directory, told, at, given_by)
    steps = _load(told)
    drafts: list[entries.Draft] = []
    for feature in snapshot.features:
        pk = directory.features[feature.daemon, feature.name]
        if pk not in told or (feature.issued is None and not feature.uncounted):
            continue
        block = feature.blocks[0] if feature.blocks else None
        step = _Step(
            at,
            feature.issued,
            block.version[:50] if block else "",
            block.expires_on if block else None,
        )
        known = steps.get(pk, [])
        same_second = not alone and answers.until(pk, at, but=capture.pk) == at
        following = answers.following(pk, at)
        wanted = insert(known, step, following, same_second=same_second)
        if [row[:2] for row in wanted] == [row[:2] for row in known]:
            continue
        _write(pk, known, wanted)
        start, end = min(start, at), max(end, following if following is not None else 2**61)
        drafts += _evidence(*directory.feature_names[pk], known, wanted)
    return Issued(drafts, start, end, listed)


def _evidence(
    daemon: str, name: str, known: list[_Step], wanted: list[_Step]
) -> list[entries.Draft]:
    """Return an entry for each step that is new, another, or gone."""
    before, after = ({row.at: row.seats for row in rows} for rows in (known, wanted))
    drafts = []
    for at in sorted({*before, *after}):
        body: dict[str, Any] = {"daemon": daemon, "feature": name, "what": "issued"}
        if at not in after:
            body["what"] = "issued withdrawn"
        elif at in before and before[at] == after[at]:
            continue
        elif (seats := after[at]) is not None:
            body["count"] = seats
        drafts.append(entries.draft("config", at, body))
    return drafts


def insert(
    known: list[_Step], step: _Step, following: int | None, *, same_second: bool
) -> list[_Step]:
    """Return the steps with one more point in them, neighbours of one count made one.

    known:       in order of time; each holds until the next.
    following:   the next moment at which the count was told; what held until then from before holds
                 again from there.
    same_second: another answer told the count of this very second: the larger counts.
    """
    before = [row for row in known if row.at <= step.at]
    after = [row for row in known if row.at > step.at]
    if before and same_second and _rank(before[-1]) >= _rank(step):
        return known
    back: list[_Step] = []
    if before and following is not None and (not after or following < after[0].at):
        back = [before[-1]._replace(at=following)]
    if before and before[-1].at == step.at:
        before.pop()
    merged: list[_Step] = []
    for row in [*before, step, *back, *after]:
        if not merged or merged[-1].seats != row.seats:
            merged.append(row)
    return merged


def _rank(step: _Step) -> int:
    return UNCOUNTED if step.seats is None else step.seats


def _load(features: set[int]) -> dict[int, list[_Step]]:
    found: dict[int, list[_Step]] = {}
    for row in _STEPS.objects(features):
        step = _Step(int(row.starts.timestamp()), row.count, row.version, row.expires_on)
        found.setdefault(row.feature_id, []).append(step)
    return found


@Prepared
def _STEPS(features: Collection[int]) -> Asked:
    rows = IssuedCount.objects.filter(feature__among=features, source=IssuedCount.Source.STATUS)
    return rows.order_by("starts", "pk"), ()


def _write(feature: int, known: list[_Step], wanted: list[_Step]) -> None:
    """Make the stored steps those that are wanted; rows that stay keep their id.

    known: those that are stored.
    """
    rows = IssuedCount.objects.filter(feature=feature, source=IssuedCount.Source.STATUS)
    stored, final = _spans(known), _spans(wanted)
    for start, (step, end) in final.items():
        values = {
            "count": step.seats,
            "ends": None if end is None else coverage.moment(end),
            "version": step.version,
            "expires_on": step.expires_on,
        }
        old = stored.pop(start, None)
        if old is None:
            IssuedCount.objects.create(
                feature_id=feature,
                source=IssuedCount.Source.STATUS,
                starts=coverage.moment(start),
                **values,
            )
        elif old != (step, end):
            rows.filter(starts=coverage.moment(start)).update(**values)
    if stored:
        rows.filter(starts__in=[coverage.moment(start) for start in stored]).delete()


def _spans(steps: list[_Step]) -> dict[int, tuple[_Step, int | None]]:
    """Return by the start of each step the step, and where it ends."""
    ends: list[int | None] = [step.at for step in steps[1:]]
    return {step.at: (step, end) for step, end in zip_longest(steps, ends)}


def _store_now(
    snapshot: Snapshot, directory: Directory, whole: set[int], at: int, given_by: int
) -> tuple[int, int, dict[int, int]]:
    """Store the newest totals, and return the span in which a feature is listed now and was not
    before (start > end: nowhere); and when each was listed last.

    Of features that the answer does not tell in full (not in `whole`) only the error is news: what
    their totals leave out is unknown, and not 0.

    given_by: when the answer was given at the latest.
    """
    known = {pk: row for pk, *row in _NOW.rows(set(directory.feature_names))}
    told: dict[int, FeatureNow] = {}
    start, end = 2**62, -(2**62)
    for feature in snapshot.features:
        # A list printed twice tells the same of a feature twice.
        pk = directory.features[feature.daemon, feature.name]
        told[pk] = FeatureNow(feature_id=pk, at=coverage.moment(at), **_totals(feature, at))
    fresh: list[FeatureNow] = []
    failing: list[FeatureNow] = []
    for pk, row in told.items():
        old = known.get(pk)
        if pk in whole:
            since = given_by if old is None else min(given_by, old[2])
            row.since = None if since == EVER else coverage.moment(since)
            if old is None or old[1] < at or (old[1] == at and _tells_more(row)):
                fresh.append(row)
                start, end = min(start, at if old is None else old[1]), max(end, at + 1)
            elif since < old[2]:
                FeatureNow.objects.filter(feature=pk).update(since=row.since)
                start, end = min(start, at), max(end, old[2])
        elif old is not None and old[1] < at:
            row.pk = old[0]
            failing.append(row)
    FeatureNow.objects.bulk_create(
        sorted(fresh, key=lambda row: row.feature_id),
        batch_size=300,
        update_conflicts=True,
        unique_fields=["feature"],
        update_fields=["at", "since", *_TOTALS],
    )
    FeatureNow.objects.bulk_update(failing, ["error"], batch_size=300)
    return start, end, {pk: told_at for pk, (_row, told_at, _since) in known.items()}


def _tells_more(row: FeatureNow) -> bool:
    """Whether of two answers of one second the one counts that is new: the one with more seats
    issued, in use, and so on."""

    def rank(told: FeatureNow) -> list[Any]:
        values = [getattr(told, name) for name in _TOTALS]
        return [told.uncounted, *(each if isinstance(each, str) else each or 0 for each in values)]

    return rank(row) > rank(FeatureNow.objects.get(feature=row.feature_id))


def _now(features: Collection[int]) -> Asked:
    rows = FeatureNow.objects.filter(feature__among=features)
    return rows.order_by(), ("feature_id", "pk", number("at"), number("since", EVER))


_NOW = Prepared(_now)
_TOTALS = [
    "issued",
    "uncounted",
    "in_use_printed",
    "held",
    "borrowed",
    "lingering",
    "reserved_idle",
    "queued",
    "error",
]


def _totals(feature: FeatureStatus, at: int) -> dict[str, Any]:
    """Return the five states of a feature's seats, which add up to what the server printed."""
    seats = states(feature.holdings, at)
    return {
        "issued": feature.issued,
        "uncounted": feature.uncounted,
        "in_use_printed": feature.in_use,
        "held": seats[Sighting.State.HELD],
        "borrowed": seats[Sighting.State.BORROWED],
        "lingering": seats[Sighting.State.LINGERING],
        "reserved_idle": sum(row.seats for row in feature.reservations),
        "queued": sum(row.seats for row in feature.waiting),
        "error": feature.error[:300],
    }
