"""Episodes of the past: found in every second, recorded once, told to nobody."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from django.core import mail
from django.urls import reverse
from django.utils.translation import override

from licenses.alerts import late_data, past
from licenses.models import Alert, AlertRule, Checkout, Notification
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    covered,
    holding,
    refusal,
)
from tests.thorough import one_in

from .conftest import T0, moment

HOUR = 3600


@pytest.fixture
def pool(db):
    """A pool of 10 with a log that vouches for two days around second 0."""
    pool = PoolFactory(name="Modeller")
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=10, valid_from=date(2026, 1, 1))
    covered(feature.server, T0 - 86400, T0 + 86400)
    return pool


def use(pool, begin: int, end: int, seats: int) -> None:
    feature = pool.mappings.get().feature
    holding(feature, T0 + begin, T0 + end, seats=seats)


def rule(**values) -> AlertRule:
    fields = {"name": "rule", "kind": AlertRule.Kind.USE_PERCENT, "keep_firing_seconds": 600}
    return AlertRule(**(fields | values))


def found(pool, **values) -> list[tuple[int, int, int]]:
    rows = past.backtest(rule(**values), [pool.pk], T0 - 4 * HOUR, T0 + 12 * HOUR)
    return [(row.start - T0, row.end - T0, row.worst) for row in rows]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([(0, HOUR, 9)], [(0, HOUR, 9)], id="an-hour"),
        pytest.param([(0, HOUR, 8)], [], id="below"),
        pytest.param([(0, 299, 9)], [], id="a-second-too-short"),
        pytest.param([(0, 300, 9)], [(0, 300, 9)], id="just-long-enough"),
        pytest.param(
            [(0, HOUR, 8), (600, 1200, 4)], [(600, HOUR, 12)], id="eight-is-between-and-goes-on"
        ),
        pytest.param(
            [(0, 1200, 9), (1500, 3000, 10)], [(0, 3000, 10)], id="a-short-pause-is-one-episode"
        ),
        pytest.param(
            [(0, 1200, 9), (1800, 3000, 10)],
            [(0, 1200, 9), (1800, 3000, 10)],
            id="a-pause-of-ten-minutes-parts-two",
        ),
        pytest.param([(0, 100 * HOUR, 9)], [(0, 12 * HOUR, 9)], id="cut-off-by-the-window"),
    ],
)
def test_a_rule_fires_for_what_lasted_long_enough(pool, spans, expected):
    for begin, end, seats in spans:
        use(pool, begin, min(end, 23 * HOUR), seats)
    assert found(pool) == expected


def test_a_limit_that_changed_is_the_limit_of_its_time(pool):
    EntitlementFactory(pool=pool, quantity=10, valid_from=date(2026, 9, 22))
    # From midnight on, 10 h 26 min 40 s later, there are 20 seats.
    use(pool, 0, 11 * HOUR, 10)
    assert found(pool) == [(0, 37600, 10)]


def test_time_that_nobody_saw_is_no_clear_time(pool):
    from licenses.models import Coverage

    Coverage.objects.all().delete()
    server = pool.mappings.get().feature.server
    covered(server, T0 - 4 * HOUR, T0 + HOUR)
    covered(server, T0 + 2 * HOUR, T0 + 12 * HOUR)
    use(pool, 0, HOUR, 9)
    use(pool, 2 * HOUR, 3 * HOUR, 9)
    assert found(pool) == [(0, 3 * HOUR, 9)]


def test_over_use_counts_what_was_allowed(pool):
    use(pool, 0, HOUR, 10)
    use(pool, 600, 700, 1)
    values = {"kind": AlertRule.Kind.OVER_USE, "for_seconds": 0, "keep_firing_seconds": 0}
    assert found(pool, **values) == [(600, 700, 11)]


def test_what_cannot_be_known_afterwards_gives_nothing(pool):
    use(pool, 0, HOUR, 10)
    assert found(pool, kind=AlertRule.Kind.SERVER) == []


def record(pool, now: int = 86400) -> int:
    return late_data.record([pool.pk], T0, T0 + 6 * HOUR, moment(now))


def past_of(pool, begin: int, end: int) -> int:
    return late_data.record([pool.pk], T0 + begin, T0 + end, moment(86400))


def test_late_data_makes_past_alerts_once_and_tells_nobody(pool):
    rule().save()
    use(pool, 0, HOUR, 9)
    refusal(pool.mappings.get().feature, T0 + 100, PersonFactory())
    assert record(pool) == 1
    assert record(pool) == 0
    alert = Alert.objects.get()
    assert (alert.past, alert.state, alert.worst_value, alert.limit) == (True, "resolved", 9, 10)
    assert (alert.started_at, alert.resolved_at) == (moment(0), moment(HOUR))
    assert alert.denials == 1
    assert (Notification.objects.count(), mail.outbox) == (0, [])


def test_an_episode_of_a_week_has_its_own_beginning_and_end(pool):
    rule().save()
    covered(pool.mappings.get().feature.server, T0 - 90 * 86400, T0 + 90 * 86400)
    use(pool, -4 * 86400, 3 * 86400, 9)
    assert record(pool, 80 * 86400) == 1
    alert = Alert.objects.get()
    assert (alert.started_at, alert.resolved_at) == (moment(-4 * 86400), moment(3 * 86400))
    assert late_data.record([pool.pk], T0 + 2 * 86400, T0 + 4 * 86400, moment(80 * 86400)) == 0


def test_an_episode_goes_on_over_days_that_nobody_saw(pool):
    rule().save()
    feature = pool.mappings.get().feature
    feature.server.coverage.all().delete()
    covered(feature.server, T0 - 90 * 86400, T0 - 3 * 86400)
    covered(feature.server, T0 - HOUR, T0 + 90 * 86400)
    use(pool, -4 * 86400, HOUR, 9)
    assert record(pool, 80 * 86400) == 1
    assert Alert.objects.get().started_at == moment(-4 * 86400)


def test_use_that_is_neither_full_nor_clear_goes_on_with_what_began_days_before(pool):
    rule().save()
    covered(pool.mappings.get().feature.server, T0 - 90 * 86400, T0 + 90 * 86400)
    use(pool, -4 * 86400, HOUR, 8)
    use(pool, -4 * 86400, -4 * 86400 + HOUR, 2)
    use(pool, 600, 1200, 2)
    assert record(pool, 80 * 86400) == 1
    alert = Alert.objects.get()
    assert (alert.started_at, alert.resolved_at) == (moment(-4 * 86400), moment(HOUR))


def spans() -> list[tuple[int, int]]:
    rows = Alert.objects.order_by("started_at")
    return [
        (int(row.started_at.timestamp()) - T0, int(row.resolved_at.timestamp()) - T0)
        for row in rows
    ]


PARTS = [(0, HOUR, 9), (HOUR, 2 * HOUR, 9), (5 * HOUR, 6 * HOUR, 10), (2 * HOUR, 5 * HOUR, 9)]


@pytest.mark.parametrize("order", one_in(6, itertools.permutations(range(4))))
def test_past_alerts_are_those_of_all_data_in_whatever_order_they_came(pool, order):
    rule().save()
    for place in order:
        begin, end, seats = PARTS[place]
        use(pool, begin, end, seats)
        past_of(pool, begin, end)
    assert spans() == [(0, 6 * HOUR)]
    assert Alert.objects.get().worst_value == 10


def test_what_came_before_the_pause_was_over_is_told_with_what_came_after_it(pool):
    rule().save()
    server = pool.mappings.get().feature.server
    server.coverage.all().delete()
    covered(server, T0 - 86400, T0 + HOUR + 300)
    use(pool, 0, HOUR, 9)
    past_of(pool, 0, HOUR + 300)
    covered(server, T0 + HOUR + 300, T0 + 86400)
    past_of(pool, HOUR + 300, 86400 - 301)
    assert spans() == [(0, HOUR)]


def test_a_past_alert_goes_where_later_data_tell_that_nothing_was(pool):
    rule().save()
    use(pool, 0, 4 * HOUR, 9)
    past_of(pool, 0, 4 * HOUR)
    alert = Alert.objects.get()
    Checkout.objects.update(returned_at=moment(HOUR), returned_after=moment(HOUR))
    past_of(pool, 3 * HOUR, 4 * HOUR)
    assert spans() == [(0, HOUR)]
    assert Alert.objects.get() == alert
    Checkout.objects.all().delete()
    past_of(pool, 0, 60)
    assert spans() == []


def test_a_past_alert_may_turn_out_to_be_two(pool):
    rule().save()
    use(pool, 0, 4 * HOUR, 9)
    past_of(pool, 0, 4 * HOUR)
    Checkout.objects.all().delete()
    use(pool, 0, HOUR, 9)
    use(pool, 2 * HOUR, 4 * HOUR, 9)
    past_of(pool, HOUR, 2 * HOUR)
    assert spans() == [(0, HOUR), (2 * HOUR, 4 * HOUR)]


def test_what_is_seen_first_may_have_begun_at_once(pool):
    rule().save()
    use(pool, -86400, HOUR, 9)
    assert record(pool) == 1
    assert Alert.objects.get().started_at == moment(-86400)


def test_what_goes_on_since_long_before_is_left_to_the_evaluation(pool):
    rule().save()
    covered(pool.mappings.get().feature.server, T0 - 90 * 86400, T0 + 90 * 86400)
    use(pool, -4 * 86400, 3 * 86400, 9)
    assert record(pool, 2 * 86400) == 0


def test_a_past_alert_is_told_in_the_language_of_who_reads_it(pool, admin_client):
    rule().save()
    use(pool, 0, HOUR, 9)
    with override("de"):
        record(pool)
    path = reverse("admin:licenses_alert_change", args=[Alert.objects.get().pk])
    assert "Nobody was called." in admin_client.get(path).text
    page = admin_client.get(path, headers={"accept-language": "de"}).text
    assert "Nobody was called." not in page
    assert "In Daten gefunden" in page


def test_an_episode_that_was_told_is_not_recorded_again(pool):
    row = rule()
    row.save()
    use(pool, 0, HOUR, 9)
    Alert.objects.create(
        rule=row,
        subject=f"pool:{pool.pk}",
        pool=pool,
        title="told",
        state="resolved",
        started_at=moment(300),
        resolved_at=moment(900),
    )
    assert record(pool) == 0


def test_what_still_goes_on_is_left_to_the_evaluation(pool):
    rule().save()
    use(pool, 0, 20 * HOUR, 9)
    assert record(pool, now=6 * HOUR) == 0
    assert record(pool, now=30 * HOUR) == 1


def test_episodes_outside_the_time_that_came_late_are_left_alone(pool):
    rule().save()
    use(pool, -3 * HOUR, -2 * HOUR, 9)
    assert record(pool) == 0


@pytest.mark.parametrize("about", ["another pool", "another server"])
def test_a_rule_about_something_else_finds_nothing(pool, about):
    other = PoolFactory()
    feature = FeatureFactory(pool=other)
    chosen = {"pool": other} if about == "another pool" else {"server": feature.server}
    rule(**chosen).save()
    use(pool, 0, HOUR, 9)
    assert record(pool) == 0
