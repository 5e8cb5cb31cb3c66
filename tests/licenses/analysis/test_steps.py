"""How far apart answers could be: a new interval changes nothing of what was vouched for."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
import time_machine

from licenses.analysis.bounds import load_bounds
from licenses.analysis.holdings import load_holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import load_mappings, servers
from licenses.analysis.rows import EVER
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.analysis.verdict import Verdict, verdicts
from licenses.evidence.recount import told
from licenses.models import AnswerStep, Coverage
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at
from tests.factories import covered as vouched

JUNE, JULY = at("2026-06-01"), at("2026-07-01")
LATER = datetime.fromtimestamp(JULY, UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [300, 7200])
def test_another_interval_changes_no_verdict_of_the_past(seconds: int) -> None:
    pool, server = PoolFactory(), ServerFactory(poll_seconds=3600)
    FeatureFactory(pool=pool, server=server)
    EntitlementFactory(pool=pool, quantity=10)
    vouched(server, JUNE, JULY)
    vouched(server, JUNE - 600, JULY, source=Coverage.Source.POLLS)

    def found() -> tuple[int, str]:
        maps = load_mappings([pool.pk])
        held = load_holdings(maps, load_horizons(servers(maps)), JUNE, JULY)
        bounds = load_bounds([pool], maps, JUNE, JULY, held)[pool.pk]
        (hour,) = verdicts(pool, [(JUNE + 900, JUNE + 3000)], now=JULY)
        return next(iter(bounds.exact))[0], hour.verdict

    before = found()
    server.poll_seconds = seconds
    with time_machine.travel(LATER, tick=False):
        server.save()
    assert before == found() == (JUNE + 3 * 3600, Verdict.AS_OBSERVED)


@pytest.mark.django_db
def test_only_what_was_vouched_for_with_an_interval_is_kept() -> None:
    server = ServerFactory(poll_seconds=3600)
    server.poll_seconds = 600
    server.save()
    assert load_steps([server.pk])[server.pk].rows == [(EVER, 1800)]
    assert not AnswerStep.objects.exists()
    server.keep_steps()
    server.keep_steps()
    with time_machine.travel(LATER, tick=False):
        server.save()
        server.poll_seconds = 60
        server.save(update_fields=["name"])
        assert AnswerStep.objects.count() == 1
        server.save(update_fields=["poll_seconds"])
        server.poll_seconds = 30
        server.save()
    assert load_steps([server.pk])[server.pk].rows == [(EVER, 1800), (JULY, 900)]
    assert load_steps([server.pk], LATER)[server.pk].rows == [(EVER, 1800)]


@pytest.mark.parametrize("seed", range(40))
def test_no_answer_lies_beyond_what_is_said_of_it(seed: int) -> None:
    """Against all answers that there may be, as far apart as they could."""
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(1, 60), chance.randrange(4)))
    rows = [(since, chance.randint(2, 25)) for since in [EVER, *cuts]]
    steps = AnswerSteps(chance.sample(rows, len(rows)))
    server = told.Server()
    server.stock |= {"step": rows[0][1], "steps": [list(row) for row in rows[1:]]}
    pairs = [
        (first, last)
        for first in range(-40, 100)
        for last in range(first + 1, first + steps.at(first) + 1)
    ]
    for moment in range(60):
        after = max(last for first, last in pairs if first <= moment < last)
        before = min(first for first, last in pairs if first < moment <= last)
        assert steps.latest_after(moment) == server.latest_after(moment) == after
        assert steps.earliest_before(moment) == server.earliest_before(moment) == before
