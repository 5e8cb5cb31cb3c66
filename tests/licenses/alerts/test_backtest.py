"""A rule tried on the past: how often, ahead of how many shortages, by how much."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licenses.alerts.backtest import Backtest, backtest, sentences
from licenses.models import Alert, AlertRule, Coverage, LicensePool, LicenseServer
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    covered,
    holding,
    refusal,
)

from .conftest import T0

HOUR, DAY = 3600, 86_400
NOW = T0 + 10 * DAY


@pytest.fixture
def pool(db: None) -> LicensePool:
    """A pool of 10 that a log vouches for over twenty days."""
    pool = PoolFactory(name="Modeller")
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool, quantity=10, valid_from=date(2026, 1, 1))
    covered(feature.server, T0 - 10 * DAY, NOW)
    return pool


def busy_day(pool: LicensePool, day: int, *, refused_after: int | None) -> None:
    """Let nine seats be taken in the morning, all ten two hours later, and people refused then."""
    feature, begin = pool.mappings.get().feature, T0 + day * DAY
    holding(feature, begin, begin + 6 * HOUR, seats=9)
    holding(feature, begin + 2 * HOUR, begin + 4 * HOUR, seats=1)
    if refused_after is not None:
        refusal(feature, begin + refused_after, PersonFactory())


def rule(**values: Any) -> AlertRule:
    fields = {"name": "rule", "kind": AlertRule.Kind.USE_PERCENT, "threshold": 90}
    return AlertRule(**(fields | values))


def tried(pool: LicensePool, **values: Any) -> Backtest:
    return backtest(rule(**values), [pool], now=NOW, seconds=20 * DAY)


def test_a_rule_is_ahead_of_the_shortages_that_begin_while_it_fires(pool: LicensePool) -> None:
    for day in range(3):
        busy_day(pool, day, refused_after=3 * HOUR)
    busy_day(pool, 3, refused_after=60)  # refused before the rule could fire
    found = tried(pool)
    assert (found.fired, found.shortages, found.ahead) == (4, 4, 3)
    assert found.leads == [3 * HOUR - 300] * 3
    assert sentences(found)[0] == (
        "In the last 12 months this would have fired 4 times, ahead of 3 of 4 shortages, "
        "median lead 2 h."
    )


def test_many_firings_are_told_with_their_digits_grouped() -> None:
    found = Backtest(0, 1, fired=1146, shortages=2580, leads=[60] * 1940, observed=1, expected=1)
    (told,) = sentences(found)
    assert "fired 1,146 times, ahead of 1,940 of 2,580 shortages" in told


def test_refusals_within_an_hour_are_one_shortage(pool: LicensePool) -> None:
    busy_day(pool, 0, refused_after=2 * HOUR)
    feature = pool.mappings.get().feature
    for minutes in (30, 80, 200):
        refusal(feature, T0 + 2 * HOUR + minutes * 60, PersonFactory())
    assert tried(pool).shortages == 2


def test_who_got_a_seat_within_seconds_was_not_short_of_one(pool: LicensePool) -> None:
    feature, person = pool.mappings.get().feature, PersonFactory()
    refusal(feature, T0, person)
    holding(feature, T0 + 2, T0 + HOUR, person=person)
    assert tried(pool).shortages == 0


def test_where_no_refusal_is_on_record_a_full_pool_is_short(pool: LicensePool) -> None:
    busy_day(pool, 0, refused_after=None)
    found = tried(pool)
    assert (found.shortages, found.leads) == (1, [2 * HOUR - 300])
    assert tried(pool, threshold=100).leads == []


def test_a_rule_that_never_fires_says_what_it_missed(pool: LicensePool) -> None:
    busy_day(pool, 0, refused_after=3 * HOUR)
    said = sentences(tried(pool, threshold=500))
    assert said == ["In the last 12 months this would never have fired; there were 1 shortages."]


def test_time_that_nobody_observed_is_said(pool: LicensePool) -> None:
    found = backtest(rule(), [pool], now=NOW, seconds=40 * DAY)
    assert sentences(found)[-1] == (
        "50 % of that time was observed; in the rest nothing could fire."
    )


def test_a_rule_about_one_pool_or_server_looks_at_no_other(pool: LicensePool) -> None:
    other = PoolFactory()
    FeatureFactory(pool=other)
    assert backtest(rule(pool=other), [pool], now=NOW, seconds=DAY).of_pools == 0
    server = other.mappings.get().feature.server
    assert backtest(rule(server=server), [pool, other], now=NOW, seconds=DAY).of_pools == 1


def test_where_time_runs_out_it_is_said(pool: LicensePool) -> None:
    found = backtest(rule(), [pool, PoolFactory()], now=NOW, seconds=DAY, limit_seconds=0)
    assert found.pools == 1
    assert "Time was enough for 1 of 2 pools" in sentences(found)[1]


def test_kinds_of_which_nothing_is_kept_say_so(pool: LicensePool) -> None:
    found = tried(pool, kind=AlertRule.Kind.SERVER)
    assert not found.possible and "can be tried on the past, not those" in sentences(found)[0]


def test_the_admin_tries_a_rule_and_saves_nothing(
    pool: LicensePool, admin_client: Client, time_machine: Any
) -> None:
    time_machine.move_to(NOW)
    busy_day(pool, 3, refused_after=3 * HOUR)
    data = {
        "name": "tried", "kind": "use_percent", "threshold": "90", "enabled": "on",
        "for_seconds": "300", "for_samples": "2", "hysteresis_percent": "10",
        "keep_firing_seconds": "600", "repeat_seconds": "14400", "_backtest": "",
        "escalation-TOTAL_FORMS": "0", "escalation-INITIAL_FORMS": "0",
        "escalation_steps-TOTAL_FORMS": "0", "escalation_steps-INITIAL_FORMS": "0",
    }  # fmt: skip
    page = admin_client.post(reverse("admin:licenses_alertrule_add"), data)
    text = page.content.decode()
    assert "Not saved yet." in text and "Please correct" not in text
    assert "would have fired once, ahead of 1 of 1 shortage, median lead 2 h." in text
    assert "Modeller: 10 of 10 in use" in text
    assert 'value="90"' in text
    assert not AlertRule.objects.exists() and not Alert.objects.exists()


def test_the_api_tries_a_rule_and_saves_nothing(
    pool: LicensePool, admin_client: Client, time_machine: Any
) -> None:
    time_machine.move_to(NOW)
    busy_day(pool, 3, refused_after=3 * HOUR)
    address = "/api/v1/alert-rules/backtest/"
    found = admin_client.post(address, {"kind": "use_percent", "threshold": 90}).json()
    assert (found["fired"], found["ahead"], found["shortages"]) == (1, 1, 1)
    assert found["median_lead_seconds"] == 3 * HOUR - 300
    assert found["latest"][0]["pool"] == "Modeller"
    assert not AlertRule.objects.exists()
    saved = AlertRule.objects.create(name="saved", kind="use_percent", threshold=90)
    again = f"/api/v1/alert-rules/{saved.pk}/backtest/"
    data = '{"threshold": 100}'
    changed = admin_client.post(again, data, content_type="application/json").json()
    assert changed["ahead"] == 1 and changed["median_lead_seconds"] == HOUR - 300
    saved.refresh_from_db()
    assert saved.threshold == 90
    assert admin_client.post(address, {"kind": "nonsense"}).status_code == 400


def test_a_rule_on_refusals_fires_where_an_hour_has_as_many(pool: LicensePool) -> None:
    busy_day(pool, 0, refused_after=3 * HOUR)
    feature = pool.mappings.get().feature
    for second in (0, 600, 1200):
        refusal(feature, T0 + DAY + second, PersonFactory())
    found = tried(
        pool, kind=AlertRule.Kind.DENIALS, threshold=3, for_seconds=0, keep_firing_seconds=0
    )
    assert (found.possible, found.fired, found.shortages) == (True, 1, 2)
    ((_name, row),) = found.latest
    assert (row.fired_at, row.end, row.worst) == (T0 + DAY + 1200, T0 + DAY + HOUR, 3)
    assert row.limit is None


def test_a_rule_on_refusals_cannot_fire_where_polls_alone_looked(pool: LicensePool) -> None:
    Coverage.objects.update(source=Coverage.Source.POLLS)
    found = tried(pool, kind=AlertRule.Kind.DENIALS, threshold=3)
    assert (found.fired, found.observed) == (0, 0)
    assert "0 % of that time was observed; in the rest nothing could fire." in sentences(found)
    assert tried(pool).observed == 20 * DAY


def test_what_fires_on_the_shortage_itself_is_not_ahead_of_it(pool: LicensePool) -> None:
    busy_day(pool, 0, refused_after=None)
    found = tried(pool, threshold=100, for_seconds=0, for_samples=1)
    assert (found.fired, found.shortages, found.ahead) == (1, 1, 0)


def test_a_full_pool_is_short_in_the_time_of_which_no_log_tells(pool: LicensePool) -> None:
    Coverage.objects.all().delete()
    server = pool.mappings.get().feature.server
    covered(server, T0 - 10 * DAY, T0 + 5 * DAY)
    covered(server, T0 + 5 * DAY, NOW, source=Coverage.Source.POLLS)
    busy_day(pool, 0, refused_after=3 * HOUR)
    busy_day(pool, 2, refused_after=None)  # full, and nobody was refused: no shortage
    busy_day(pool, 6, refused_after=None)
    found = tried(pool)
    assert (found.shortages, found.leads) == (2, [3 * HOUR - 300, 2 * HOUR - 300])


def polled_every(pool: LicensePool, seconds: int) -> None:
    LicenseServer.objects.filter(pk=pool.mappings.get().feature.server_id).update(
        polling=LicenseServer.Polling.TOOL, poll_seconds=seconds, address="27000@lic"
    )


def test_what_comes_and_goes_between_two_polls_fires_nothing(pool: LicensePool) -> None:
    feature = pool.mappings.get().feature
    poll = T0 + 3600 - T0 % 300
    holding(feature, poll + 10, poll + 250, seats=10)
    holding(feature, poll + HOUR - 10, poll + HOUR + 250, seats=10)
    at_once = {"threshold": 100, "for_seconds": 0, "for_samples": 1}
    assert tried(pool, **at_once).fired == 2
    polled_every(pool, 300)
    found = tried(pool, **at_once)
    ((_name, row),) = found.latest
    assert (found.fired, row.fired_at) == (1, poll + HOUR)


@pytest.mark.parametrize(
    ("values", "polls"),
    [
        pytest.param({"for_seconds": 0, "for_samples": 4}, 3, id="the-fourth-answer-in-a-row"),
        pytest.param({"for_seconds": 900, "for_samples": 1}, 3, id="fifteen-minutes"),
        pytest.param({"for_seconds": 920, "for_samples": 1}, 3, id="polls-are-never-on-time"),
        pytest.param({"for_seconds": 300, "for_samples": 8}, 7, id="the-later-of-both"),
    ],
)
def test_a_tried_rule_waits_for_as_many_answers_as_in_the_present(
    pool: LicensePool, values: dict[str, int], polls: int
) -> None:
    polled_every(pool, 300)
    busy_day(pool, 0, refused_after=3 * HOUR)
    ((_name, row),) = tried(pool, **values).latest
    assert row.fired_at == T0 - T0 % 300 + 300 + polls * 300
    assert tried(pool, **values | {"for_samples": 80}).fired == 0


def test_what_nobody_observed_is_not_said_to_have_never_fired(pool: LicensePool) -> None:
    Coverage.objects.update(source=Coverage.Source.POLLS)
    refusals = sentences(tried(pool, kind=AlertRule.Kind.DENIALS, threshold=3))
    Coverage.objects.all().delete()
    for said in (refusals, sentences(tried(pool))):
        assert said[0].startswith("What this would have done is not known")
        assert not [text for text in said if "never" in text]


def test_a_forecast_is_tried_as_of_pools_that_are_half_full(pool: LicensePool) -> None:
    feature = pool.mappings.get().feature
    for number in range(4):  # rises steeply, and stops below the half
        holding(feature, T0 + number * 300, T0 + 5 * HOUR, person=PersonFactory())
    values = {"kind": AlertRule.Kind.TIME_TO_FULL, "threshold": 240, "for_seconds": 0}
    assert tried(pool, **values).fired == 0


def test_a_rule_on_the_time_to_full_is_ahead_of_a_shortage(pool: LicensePool) -> None:
    feature = pool.mappings.get().feature
    for number in range(10):  # a seat every six minutes: full after an hour
        begin = T0 + number * 360
        holding(feature, begin, T0 + 5 * HOUR, person=PersonFactory())
    refusal(feature, T0 + HOUR + 600, PersonFactory())
    found = tried(pool, kind=AlertRule.Kind.TIME_TO_FULL, threshold=30, for_seconds=0)
    assert (found.fired, found.shortages, found.ahead) == (1, 1, 1)
    assert 600 < (found.median_lead_seconds or 0) < 3600
