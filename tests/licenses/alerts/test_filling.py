"""A rule on the time that is left tells before a pool is full, and is over when there is time."""

from __future__ import annotations

import pytest

from licenses.alerts import filling, quality
from licenses.models import Alert, AlertRule, PoolForecast, PoolNow
from tests.factories import EntitlementFactory, PersonFactory, covered, holding

from .conftest import T0, moment

Kind = AlertRule.Kind


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0), (1, -1), (60, -1), (61, -2), (14_400, -240), (None, -241)]
)
def test_the_sooner_the_higher(seconds, expected):
    assert filling.value(seconds) == expected


@pytest.mark.parametrize(
    ("threshold", "fire", "clear"),
    [(60, -60, -90), (10, -10, -20), (240, -240, -241), (999, -240, -241)],
)
def test_a_rule_is_clear_where_half_as_much_again_is_left(threshold, fire, clear):
    found = filling.minute_limits(AlertRule(kind=Kind.TIME_TO_FULL, threshold=threshold))
    assert (found.fire_at, found.clear_at) == (fire, clear)


def test_a_pool_that_fills_up_is_told_before_it_is_full(company):
    company.rule.delete()
    company.add_rule(
        "soon full", Kind.TIME_TO_FULL, threshold=60, for_seconds=0, keep_firing_seconds=0
    )
    pool = company.add_pool("Modeller")
    EntitlementFactory(pool=pool, quantity=10)
    feature = pool.mappings.get().feature
    covered(feature.server, T0 - 7200, T0 + 900)
    holding(feature, T0 - 7200, None, 4)
    holding(feature, T0 - 1800, None, 3, person=PersonFactory())
    company.story(pool, [7])
    PoolNow.objects.filter(pool=pool).update(limit=10)
    quality.refresh(moment(0))
    assert (PoolForecast.objects.get().seconds, PoolForecast.objects.get().slope) == (1800, 6.0)
    company.story(pool, [7], begin=60)
    (subject,) = company.subjects()
    assert subject == "Modeller is expected to be full in about 30 min"
    body = Alert.objects.get().message or ""
    assert "Use rose by 6 seats an hour in the last hour." in body
    PoolForecast.objects.all().delete()
    company.story(pool, [7], begin=120)
    assert Alert.objects.get().state == "resolved"
