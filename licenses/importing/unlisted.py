"""When answers named a feature's daemon and did not list the feature, though they did before and
after: its list had been cut, or the server served it no more. They tell nothing of it then.

A function of the set of answers, whatever the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import pairwise
from typing import Final

from django.db.models import Exists, OuterRef, Subquery

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    LONGEST_STEP,
    Capture,
    Checkout,
    Feature,
    FeatureNow,
    LicenseServer,
    StatusScope,
)

from . import dirty
from .answers import Answers

Span = tuple[int, int]

MINUTE: Final = 60
"""An answer of which only the minute is known may have been given so many seconds later, less
one."""


def note(
    server: LicenseServer,
    capture: Capture,
    at: int,
    listed_before: dict[int, int],
    answers: Answers | None = None,
) -> list[Span]:
    """Keep of each feature the times between two answers that list it which are too far apart to
    vouch for what lies between, and have others in between: until one of them listed it again at
    the latest. Return where that changed.

    capture:        the answer that is new.
    listed_before:  of features that were listed before: when last, before this answer came.
    answers:        of the server, unless the answer is the newest.
    """
    if capture.scope is None:
        return []
    told = set(capture.scope.features)
    if answers is None and any(at - newest < MINUTE for newest in listed_before.values()):
        answers = Answers(server, capture)
    around: dict[int, list[Span]] = {}
    for pk, newest in listed_before.items():
        if answers is None:
            pairs = [(newest, at)] if pk in told else []
        else:
            pairs = list(pairwise(_listing_around(answers, pk, at)))
        # No two answers are too far apart that are nearer than this, whatever the interval.
        if answers is not None or any(b - a > LONGEST_STEP for a, b in pairs):
            around[pk] = pairs
    around = {pk: pairs for pk, pairs in around.items() if pairs}
    if not around:
        return []
    steps = load_steps([server.pk])[server.pk]
    between: dict[Span, bool] = {}
    changed = []
    for pk, stored in _STORED.rows(around):
        known, low, high = json.loads(stored), around[pk][0][0], around[pk][-1][1]
        kept = [(a, b) for a, b in known if not low <= a < high]
        wanted = [
            (pair[0], _given_by(capture) if answers is None else _again_by(answers, pk, pair))
            for pair in around[pk]
            if _is_cut(server, pair, steps, between)
        ]
        spans = sorted([*kept, *wanted])
        if spans != [(a, b) for a, b in known]:
            FeatureNow.objects.filter(feature=pk).update(unlisted=spans)
            changed.append((low, high + MINUTE))
    return changed


def _listing_around(answers: Answers, feature: int, at: int) -> list[int]:
    """Return when answers listed a feature, from the last one that no other of the minute before
    *at* can have preceded to the first one after."""
    scopes = answers.scopes_of(feature)
    if not scopes:
        return []
    before, after = answers.until(feature, at - MINUTE), answers.following(feature, at)
    first = at - MINUTE if before is None else before
    rows = _LISTING.rows(answers.server.pk, scopes, first, at if after is None else after)
    return sorted({start for start, _end in rows})


def _again_by(answers: Answers, feature: int, pair: Span) -> int:
    """Return when the next answer that lists a feature was given at the latest, after the first of
    two: one a little later may have been before the second."""
    first, last = pair
    latest: dict[int, int] = {}
    for start, end in _LISTING.rows(
        answers.server.pk, answers.scopes_of(feature), first + 1, last + MINUTE - 1
    ):
        latest[start] = max(end, latest.get(start, end))
    return min(latest.values())


def _given_by(capture: Capture) -> int:
    return int(capture.ends.timestamp()) if capture.ends else 0


@Prepared
def _LISTING(server: int, scopes: Collection[int], first: int, last: int) -> Asked:
    rows = Capture.objects.filter(server=server, kind=Capture.Kind.STATUS, scope__among=scopes)
    return rows.filter(starts__gte=first, starts__lte=last).order_by(), (
        number("starts"),
        number("ends"),
    )


def _is_cut(
    server: LicenseServer, pair: Span, steps: AnswerSteps, between: dict[Span, bool]
) -> bool:
    first, last = pair
    if last - first <= steps.at(first):
        return False
    if pair not in between:
        between[pair] = bool(_BETWEEN.rows(server.pk, first, last))
    return between[pair]


@Prepared
def _BETWEEN(server: int, first: int, last: int) -> Asked:
    rows = Capture.objects.filter(
        server=server, kind=Capture.Kind.STATUS, starts__gt=first, starts__lt=last
    )
    return rows.exclude(scope=None).order_by()[:1], ("pk",)


@Prepared
def _STORED(features: Collection[int]) -> Asked:
    return FeatureNow.objects.filter(feature__among=features).order_by(), ("feature", "unlisted")


def first_held(server: LicenseServer, features: Collection[int]) -> dict[int, int]:
    """Return when anybody first held each of these features; nothing where nobody asks the server:
    answers that do not list a feature tell that it was not served before."""
    return dict(_FIRST_HELD.rows(server.pk, features)) if features else {}


def heard_of(before: dict[int, int], after: dict[int, int]) -> None:
    """Have the time counted again of which it turns out that a feature was served then, or was
    not. As of `first_held`."""
    for pk, held in after.items():
        if held != before[pk]:
            dirty.mark_features([pk], *sorted([held, before[pk]]))


@Prepared
def _FIRST_HELD(server: int, features: Collection[int]) -> Asked:
    answers = StatusScope.objects.filter(server=server)
    holding = Checkout.objects.taken().filter(feature=OuterRef("pk")).order_by("taken_at")
    rows = Feature.objects.filter(Exists(answers), pk__among=features).order_by()
    rows = rows.annotate(held=Subquery(holding.values("taken_at")[:1]))
    return rows, ("pk", number("held", OPEN))
