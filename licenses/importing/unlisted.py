"""When answers named a feature's daemon and did not list the feature, though they did before and
after: its list had been cut, or the server served it no more. They tell nothing of it then.

A function of the set of answers, whatever the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import pairwise

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
from .attempts import Answers

Span = tuple[int, int]


def note(
    server: LicenseServer,
    capture: Capture,
    at: int,
    listed_before: dict[int, int],
    answers: Answers | None = None,
) -> list[Span]:
    """Keep of each feature the times between two answers that list it which are too far apart to
    vouch for what lies between, and have others in between. Return where that changed.

    capture:        the answer that is new.
    listed_before:  of features that were listed before: when last, before this answer came.
    answers:        of the server, unless the answer is the newest.
    """
    if capture.scope is None:
        return []
    told = set(capture.scope.features)
    around: dict[int, list[Span]] = {}
    for pk, newest in listed_before.items():
        if answers is None:
            pairs = [(newest, at)] if pk in told else []
        else:
            before, after = answers.until(pk, at, but=capture.pk), answers.following(pk, at)
            moments = [before, at if pk in told else None, after]
            known = [moment for moment in moments if moment is not None]
            pairs = list(pairwise(known))
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
        kept = [(a, b) for a, b in known if b <= low or a >= high]
        wanted = [pair for pair in around[pk] if _is_cut(server, pair, steps, between)]
        spans = sorted([*kept, *wanted])
        if spans != [(a, b) for a, b in known]:
            FeatureNow.objects.filter(feature=pk).update(unlisted=spans)
            changed.append((low, high + 1))
    return changed


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
    holding = Checkout.objects.filter(feature=OuterRef("pk")).order_by("taken_at")
    rows = Feature.objects.filter(Exists(answers), pk__among=features).order_by()
    rows = rows.annotate(held=Subquery(holding.values("taken_at")[:1]))
    return rows, ("pk", number("held", OPEN))
