"""When answers named a feature's daemon and did not list the feature, though they did before and
after: its list had been cut, or the server served it no more. They tell nothing of it then.

A function of the set of answers, whatever the order in which they came.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import pairwise

from django.db.models import Exists, OuterRef

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    LONGEST_STEP,
    Capture,
    Coverage,
    EventBlock,
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


def unheard(server: LicenseServer) -> set[int]:
    """Return the features that no answer ever listed and no log told of, though answers came."""
    return {pk for (pk,) in _UNHEARD.rows(server.pk)}


def heard(server: LicenseServer, features: Collection[int]) -> None:
    """Have all that answers vouch for counted again of features of which it turns out that answers
    do not list them, or that they do: a log tells of them."""
    if not features:
        return
    for (first,) in _FIRST.rows(server.pk):
        dirty.mark_features(features, first, OPEN)


def logged(features: Collection[int]) -> set[int]:
    """Return those of these features of which a log tells."""
    return {pk for (pk,) in _LOGGED.rows(features)} if features else set()


_EVENTS = EventBlock.objects.filter(feature=OuterRef("pk"))


@Prepared
def _UNHEARD(server: int) -> Asked:
    answers = StatusScope.objects.filter(server=OuterRef("server"))
    rows = Feature.objects.filter(Exists(answers), ~Exists(_EVENTS), server=server, now=None)
    return rows.order_by(), ("pk",)


@Prepared
def _LOGGED(features: Collection[int]) -> Asked:
    return Feature.objects.filter(Exists(_EVENTS), pk__among=features).order_by(), ("pk",)


@Prepared
def _FIRST(server: int) -> Asked:
    rows = Coverage.objects.filter(server=server, source=Coverage.Source.POLLS)
    return rows.order_by("starts")[:1], (number("starts"),)
