"""E15: no false "compliant", over installations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from licenses.analysis import bounds, sights
from licenses.analysis.rows import EVER
from licenses.analysis.steps import AnswerSteps
from licenses.analysis.verdict import Verdict, _Judge, load_verdicts
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN, Steps
from licenses.models import Disagreement
from tests.licenses.analysis import truth
from tests.thorough import trials

pytestmark = pytest.mark.django_db

BATCH, CHUNK = 25, 2_500
"""Of 300 some 18 are bounded: too few to tell a share of nine tenths from chance."""
COUNT = trials("E15")
LEAST_PROVEN = 0.9


def check(seeds):
    """Hold the verdicts of these installations against their truth; return (bounded, proven)."""
    made = {seed: truth.make(seed) for seed in seeds}
    found = load_verdicts(
        [one.pool for one in made.values()], [(truth.START, truth.END)], now=truth.NOW
    )
    bounded = proven = 0
    for seed, one in made.items():
        (month,) = found[one.pool.pk]
        told = f"seed {seed}: {month.verdict}, {month.reason} {one}"
        if one.over or one.over_possible:
            assert month.verdict != Verdict.PROVEN, told
        if one.over_shown:
            assert month.verdict == Verdict.OVER_USE, told
        if not one.over:
            assert month.verdict != Verdict.OVER_USE, told
        bounded += one.bounded
        proven += one.bounded and month.verdict == Verdict.PROVEN
    return bounded, proven


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_no_installation_is_falsely_proven_and_bounds_prove_what_they_can(first):
    """E15. Over-use that was seen is always found, and what can be proven by bounds nearly so."""
    last = min(first + CHUNK, COUNT)
    bounded = proven = 0
    for place in range(first, last, BATCH):
        more = check(range(place, min(place + BATCH, last)))
        bounded, proven = bounded + more[0], proven + more[1]
    assert bounded >= (last - first) // 20
    assert proven >= LEAST_PROVEN * bounded, f"{proven} of {bounded}"


def whole_window(self, proven):
    return IntervalSet.of([proven.start], [proven.end])


def all_logs(mapping, seen):
    return seen.of(seen.logs, mapping)


def nothing_missed(server_ids, start):
    return {}


def missed_of_the_pool_alone(server_ids, start):
    Disagreement.objects.filter(feature__mappings=None).delete()
    return real_missed(server_ids, start)


def nothing_refuted(*facts):
    return IntervalSet.empty()


def files_always_stood_there(mapping, files, seen):
    return real_files(
        mapping, [row._replace(read_from=EVER, read_until=OPEN) for row in files], seen
    )


def lends_no_more(self, other):
    return IntervalSet.empty()


def steps_of_today(server_ids):
    return {
        server: AnswerSteps([(EVER, told.rows[-1][1])])
        for server, told in real_steps(server_ids).items()
    }


def no_doubt(self, edges):
    real(self, edges)
    self.doubtful = [0] * (len(edges) - 1)
    self.bare = np.zeros(len(edges) - 1, dtype=int).tolist()


real = _Judge._bound
real_files = bounds._from_files
real_missed = sights._missed
real_steps = sights.load_steps
BROKEN = {
    "every gap is bounded": (bounds.PoolBounds, "within", whole_window),
    "logs that begin late tell all": (bounds, "whole_log", all_logs),
    "what nothing rests on is proven": (_Judge, "_bound", no_doubt),
    "a file bounds what use was above": (bounds, "_refuted", nothing_refuted),
    "a file that was read once always stood there": (
        bounds,
        "_from_files",
        files_always_stood_there,
    ),
    "a server lends no more than it says": (Steps, "above", lends_no_more),
    "what only an answer shows tells nothing of the log": (sights, "_missed", nothing_missed),
    "what a log lacks tells of its feature alone": (sights, "_missed", missed_of_the_pool_alone),
    "answers were always as near as today": (sights, "load_steps", steps_of_today),
}


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(monkeypatch, name):
    monkeypatch.setattr(*BROKEN[name])
    with pytest.raises(AssertionError, match="proven"):
        for first in range(0, 300, BATCH):
            check(range(first, first + BATCH))
