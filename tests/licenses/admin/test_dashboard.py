"""The dashboard: the fullest first, what needs someone, and what to do on an empty installation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from licenses.admin import dashboard
from licenses.analysis.headlines import FIGURES
from licenses.models import (
    Channel,
    Contract,
    Heartbeat,
    ImportJob,
    LicensePool,
    LicenseServer,
    Notification,
    PollState,
    PoolHeadline,
    PoolHour,
    PoolNow,
    Scope,
)
from reports.models import Report
from tests.factories import FeatureFactory, PoolFactory

from .conftest import NOW, World


def page(client: Client) -> str:
    return client.get("/admin/").content.decode()


def test_an_empty_installation_is_told_the_way(mara: Client) -> None:
    text = page(mara)
    assert "Start the set-up" in text and "There are no pools yet" in text


def test_the_fullest_stand_first(mara: Client, world: World) -> None:
    for name, in_use, limit in (("Half", 5, 10), ("Over nothing", 1, 0), ("Full", 4, 4)):
        pool = PoolFactory(name=name)
        PoolNow.objects.create(pool=pool, at=timezone.now(), in_use=in_use, limit=limit)
    rows = mara.get("/admin/").context["rows"]
    assert [row.pool.name for row in rows][:4] == ["Over nothing", "Full", "Half", "Mine Pool"]
    text = page(mara)
    assert "1 over the limit" in text and "full" in text


def test_numbers_tell_their_age(mara: Client, world: World) -> None:
    assert "1 min ago" in page(mara)
    PoolNow.objects.update(at=timezone.now() - timedelta(hours=9))
    assert "stale, 9 h ago" in page(mara)


def counted(pool: LicensePool, **values: Any) -> None:
    figures = {
        f"{name}{end}": 0 for name in FIGURES for end in ("", "_before") if name != "peak"
    } | values
    PoolHeadline.objects.update_or_create(
        pool=pool, defaults={"at": timezone.now() - timedelta(minutes=5), **figures}
    )


def row_of(client: Client, pool: LicensePool) -> str:
    text = client.get("/admin/live/dashboard/pools/").content.decode()
    start = text.index(f'data-live-pool="{pool.pk}"')
    return re.sub(r"<[^>]+>|\s+", " ", text[start : text.index("</tr>", start)])


def test_three_numbers_stand_beside_those_of_the_month_before(mara: Client, world: World) -> None:
    counted(
        world.mine,
        expected_seconds=1000,
        proven_seconds=993,
        expected_seconds_before=1000,
        proven_seconds_before=1000,
        blocked_seconds=601,
        people_blocked=2,
        blocked_seconds_before=1200,
        logged_seconds=1000,
        logged_seconds_before=1000,
    )
    PoolNow.objects.filter(pool=world.mine).update(peak_12_months=4)
    row = " ".join(row_of(mara, world.mine).split())
    for words in ("99.3 %", "▼ 0.7 points", "11 min", "2 people", "▼ 9 min", "600 EUR", "6 seats"):
        assert words in row, words
    assert "logs, polls and rights, 5 min ago" in row


def test_what_is_not_known_is_not_shown_as_nothing(mara: Client, world: World) -> None:
    row = row_of(mara, world.mine)
    assert row.count("not counted yet") == 3 and "use not known" in row
    counted(world.mine)
    assert "not in use" in row_of(mara, world.mine)


def blocked_card(client: Client) -> Any:
    return client.get("/admin/").context["cards"][4].figure


def test_how_long_people_were_blocked_is_not_known_without_a_log(
    mara: Client, world: World
) -> None:
    counted(world.mine, blocked_seconds=None, people_blocked=None)
    row = " ".join(row_of(mara, world.mine).split())
    assert "not known no log for this time" in row and "refusals in logs" not in row
    card = blocked_card(mara)
    assert (card.text, card.source, card.trend, card.known) == ("not known", "", None, False)


def test_what_was_blocked_has_no_trend_against_time_without_a_log(
    mara: Client, world: World
) -> None:
    logged = dict.fromkeys(("expected_seconds", "logged_seconds"), 1000)
    before = dict.fromkeys(("expected_seconds_before", "logged_seconds_before"), 1000)
    blocked = {"blocked_seconds": 4500, "people_blocked": 1, "blocked_seconds_before": None}
    counted(world.mine, **blocked, **logged)
    row = " ".join(row_of(mara, world.mine).split())
    assert "75 min 1 person refusals in logs, 5 min ago" in row
    assert blocked_card(mara).text == "75 min" and blocked_card(mara).trend is None
    counted(world.other, blocked_seconds=30, blocked_seconds_before=150, **logged, **before)
    assert blocked_card(mara).trend.text == "▼ 2 min"


def test_the_total_of_blocked_minutes_says_that_it_is_rounded_for_itself(
    mara: Client, world: World
) -> None:
    logged = dict.fromkeys(("expected_seconds", "logged_seconds"), 1000)
    for pool in (world.mine, world.other):
        counted(pool, **logged, blocked_seconds=61, people_blocked=1)
    assert "2 min" in row_of(mara, world.mine) and "2 min" in row_of(mara, world.other)
    card = blocked_card(mara)
    assert card.text == "3 min"
    assert card.source == "refusals in logs; rounded up once, as each pool is"


def test_nothing_is_better_because_less_of_it_was_logged(mara: Client, world: World) -> None:
    whole = {"expected_seconds": 1000, "expected_seconds_before": 1000}
    logged = {"logged_seconds": 3, "logged_seconds_before": 1000}
    counted(world.mine, **whole, **logged, blocked_seconds_before=1740)
    row = " ".join(row_of(mara, world.mine).split())
    assert "not known 0.3 % of the time logged" in row and "29 min" not in row
    card = blocked_card(mara)
    assert (card.text, card.trend, card.known) == ("not known", None, False)
    assert card.note == "1 pool to come; 0.3 % of the time logged"
    counted(world.mine, **whole, **logged, blocked_seconds=240, people_blocked=2)
    row = " ".join(row_of(mara, world.mine).split())
    assert "≥ 4 min 2 people; 0.3 % of the time logged refusals in logs" in row
    assert (blocked_card(mara).text, blocked_card(mara).trend) == ("≥ 4 min", None)
    counted(world.mine, **whole, logged_seconds=999, logged_seconds_before=1000)
    card = blocked_card(mara)
    assert (card.text, card.trend.key) == ("0 min", "same")
    assert "99.9 % of the time logged" in card.note


def test_time_that_was_full_is_compared_where_enough_of_it_was_observed(
    mara: Client, world: World
) -> None:
    whole = {"expected_seconds": 1000, "expected_seconds_before": 1000, "peak": 4, "peak_before": 9}
    full = {"full_seconds": 0, "full_seconds_before": 600, "over_seconds_before": 60}
    counted(world.mine, **whole, **full, observed_seconds=3, observed_seconds_before=1000)
    cards = mara.get("/admin/").context["cards"]
    assert cards[0].figure.trend is None and cards[1].figure.trend is None
    assert "▼ 5 seats" not in row_of(mara, world.mine)
    counted(world.mine, **whole, **full, observed_seconds=990, observed_seconds_before=1000)
    cards = mara.get("/admin/").context["cards"]
    trends = [card.figure.trend.text for card in cards[:2]]
    assert trends == ["▼ 10 minutes in 30 days", "▼ 1 minute in 30 days"]
    assert "▼ 5 seats" in row_of(mara, world.mine)


def test_every_number_has_its_source_its_age_and_what_it_was_before(
    mara: Client, world: World
) -> None:
    figures = {"expected_seconds": 1000, "observed_seconds": 990, "full_seconds": 7200, "peak": 9}
    before = {"expected_seconds_before": 1000, "observed_seconds_before": 960, "peak_before": 7}
    figures |= {"logged_seconds": 990}
    before |= {"logged_seconds_before": 960}
    for pool in (world.mine, world.other):
        counted(pool, **figures, **before, year_peak_before=3)
    PoolNow.objects.update(peak_12_months=4, source="log", at=timezone.now())
    context = mara.get("/admin/").context
    (row,) = [row for row in context["rows"] if row.pool == world.mine]
    shown = [card.figure for card in context["cards"]]
    shown += [row.told.peak, row.told.proven, row.told.blocked, row.told.unused]
    for figure in shown:
        assert figure.source and figure.fresh.key == "fresh" and figure.trend, figure
    trends = [figure.trend.text for figure in shown]
    assert trends[0] == "▲ 4 hours in 30 days" and trends[2] == "▲ 3.0 points observed in 30 days"
    assert trends[5] == "▼ 200 EUR" and trends[6] == "▲ 2 seats"


def test_what_was_not_counted_before_has_no_trend(mara: Client, world: World) -> None:
    cards = mara.get("/admin/").context["cards"]
    assert [card.figure.trend for card in cards] == [None] * len(cards)


def test_prices_are_hidden_from_those_who_may_not_see_rights(
    mara: Client, account: Any, world: World
) -> None:
    team_lead = account("lena", "team lead")
    Scope.objects.create(user=team_lead).teams.add(world.team)
    if team_lead.has_perm("licenses.view_entitlement"):
        pytest.skip("team leads see rights")
    client = Client()
    client.force_login(team_lead)
    assert "EUR" not in client.get("/admin/").content.decode()


def test_a_report_that_waits_for_a_signature_is_named(mara: Client, world: World) -> None:
    somebody = User.objects.create(username="preparer")
    ended = int(timezone.now().timestamp()) - 60 * 86_400
    made = timezone.now() - timedelta(days=1)
    values: dict[str, Any] = {
        "name": "compliance",
        "params": {"start": ended - 86_400, "end": ended},
        "as_of": made,
        "requested_at": made,
        "state": "done",
        "sha256": "a" * 64,
    }
    theirs = Report.objects.create(requested_by=somebody, **values)
    mine = Report.objects.create(requested_by=User.objects.get(username="mara"), **values)
    text = page(mara)
    assert f"report {theirs.pk}, version 1 waits for a signature" in text
    assert f"report {mine.pk}, version 1 waits" not in text


@pytest.mark.parametrize("name", ["cards", "pools", "tasks"])
def test_each_part_is_asked_for_again_as_the_page_shows_it(
    name: str, mara: Client, world: World
) -> None:
    answer = mara.get(f"/admin/live/dashboard/{name}/")
    assert answer.status_code == 200
    assert f'data-refresh="/admin/live/dashboard/{name}/"' in page(mara)


def test_a_part_that_is_not_there_is_not_found(mara: Client, world: World) -> None:
    assert mara.get("/admin/live/dashboard/other/").status_code == 404


def test_peaks_of_days_come_from_the_hours(mara: Client, world: World) -> None:
    day = 86_400
    start = 20_000 * day
    for hour, peak in ((start, 2), (start + 3600, 5), (start + 2 * day, 3)):
        PoolHour.objects.create(pool=world.mine, hour=hour, peak=peak, observed_seconds=3600)
    found = dashboard.daily_peaks([world.mine.pk, world.other.pk], start, start + 3 * day)
    assert found == {world.mine.pk: [5, None, 3], world.other.pk: [None, None, None]}


def test_what_needs_someone_is_told(mara: Client, world: World) -> None:
    FeatureFactory(server=world.server, name="NEW")
    LicenseServer.objects.create(name="zoneless")
    failing = LicenseServer.objects.create(name="away", zone="UTC", polling="tool", address="1@h")
    PollState.objects.create(
        server=failing, failures=3, last_result="timeout", last_attempt_at=timezone.now()
    )
    ImportJob.objects.create(server=world.server, file_name="odd.log", state="failed", error="no")
    today = timezone.localdate()
    Contract.objects.filter(number="Mine-1").update(
        valid_to=today + timedelta(days=20), notice_days=10
    )
    PoolFactory(name="Bare")
    text = page(mara)
    for sentence in (
        "1 feature feeds no pool",
        "zoneless has no time zone",
        "away: timeout, 3 times in a row",
        "Import of odd.log failed",
        "Contract Mine Vendor Mine-1",
        "10 days left",
        "1 pool has no feature",
        "1 pool has no entitlement",
    ):
        assert sentence in text, sentence


def test_a_part_that_stands_still_is_said(
    mara: Client, vera: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(minutes=12))
    Heartbeat.objects.create(name="beat", at=timezone.now())
    monkeypatch.setattr("itam.health.broker_problem", lambda **_: "broker: ConnectionError")
    text = page(mara)
    assert "The worker stands still: last heard of 12 minutes ago." in text
    assert "The broker does not answer (ConnectionError)" in text
    assert "scheduler" not in text
    assert "The worker stands still" in page(vera)
    assert "The worker stands still" in mara.get("/admin/licenses/contract/").content.decode()


def test_what_could_not_be_delivered_is_shown(mara: Client, anton: Client, world: World) -> None:
    desk = Channel.objects.create(name="Desk", kind="mail", target="desk@company.example")
    row = {"channel": desk, "recipient": "desk@company.example", "subject": "s", "body": "b"}
    Notification.objects.create(**row, transition="firing", state="failed")
    Notification.objects.create(**row, transition="firing", attempts=4)
    Notification.objects.create(**row, transition="firing", attempts=1)
    text = page(mara)
    assert "Desk: 1 message not delivered" in text
    assert "Desk: 1 message tried again and again" in text
    assert "Desk:" not in page(anton)


@pytest.mark.parametrize(
    ("in_use", "limit"), [(0, 0), (1, 0), (3, 4), (4, 4), (5, 4), (0, 4), (0, None), (None, 4)]
)
@pytest.mark.parametrize(("issued", "kept"), [(None, 0), (0, 0), (3, 0), (9, 0), (4, 1), (4, 4)])
def test_a_pool_is_called_full_where_the_total_and_the_list_count_it_as_full(
    in_use: int | None, limit: int | None, issued: int | None, kept: int, mara: Client
) -> None:
    figures = {"in_use": in_use, "limit": limit, "allowed": limit, "issued": issued}
    if limit is None:
        figures["limit"] = issued
    PoolNow.objects.create(pool=PoolFactory(), at=NOW, reserved_idle=kept, **figures)
    context = mara.get("/admin/").context
    (row,) = context["rows"]
    full = row.level.key in ("full", "over")
    assert full == (context["totals"].full == 1)
    listed = mara.get("/admin/licenses/licensepool/?use=full").context["cl"].result_count
    assert full == (listed == 1)


def test_a_pool_of_which_all_that_is_served_is_in_use_stands_before_one_with_free_seats(
    mara: Client,
) -> None:
    for name, in_use, limit, issued, kept in (
        ("Allowed more", 24, 26, 24, 0),
        ("Nearly", 95, 100, 100, 0),
        ("Kept", 8, 10, 10, 2),
    ):
        figures = {"in_use": in_use, "limit": limit, "issued": issued, "reserved_idle": kept}
        PoolNow.objects.create(pool=PoolFactory(name=name), at=NOW, **figures)
    rows = mara.get("/admin/").context["rows"]
    assert [row.pool.name for row in rows] == ["Allowed more", "Kept", "Nearly"]
    assert [row.level.key for row in rows] == ["full", "full", "high"]
    listed = mara.get("/admin/licenses/licensepool/").context["cl"].result_list
    assert [pool.name for pool in listed] == ["Allowed more", "Kept", "Nearly"]


def test_numbers_of_thousands_are_grouped(mara: Client) -> None:
    PoolNow.objects.create(pool=PoolFactory(), at=NOW, in_use=10_000, limit=12_000)
    text = page(mara)
    assert ">10,000<" in text and ">12,000<" in text and "2,000 seats free" in text
    assert ">10000<" not in text
