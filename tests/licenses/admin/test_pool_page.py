"""A pool's page: its figures in words, what to do next, its mappings and its report."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from licenses.admin import pool_page, pool_refusals, pool_tabs
from licenses.models import (
    Correction,
    DirtySpan,
    LicensePool,
    LicenseServer,
    PoolFeature,
    PoolHour,
    PoolNow,
    UndoStep,
)
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    HostFactory,
    IssuedCountFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
)
from tests.unguarded import unguarded

from .conftest import NOW, World


def page(client: Client, pool: LicensePool, tab: str = "now") -> str:
    path = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
    answer = client.get(path, {"tab": tab})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_pool_that_nothing_feeds_is_not_said_to_be_without_gaps(mara: Client, db: None) -> None:
    pool = PoolFactory()
    assert "Not known: no source was expected to tell of this pool." in page(mara, pool, "use")
    feature = FeatureFactory(pool=pool)
    now = int(time.time())
    covered(feature.server, now - 31 * 86_400, now)
    told = page(mara, pool, "use")
    assert "no source was expected" not in told and "check_circle" in told


def test_a_bare_pool_says_what_to_do(mara: Client, db: None) -> None:
    pool = PoolFactory(name="Bare")
    text = page(mara, pool) + page(mara, pool, "settings")
    for sentence in (
        "No feature feeds this pool",
        "No entitlement is on record",
        "needs an entitlement and data",
        "Nobody ever looked",
        "By no feature yet",
        "no data yet",
    ):
        assert sentence in text, sentence


def test_a_server_without_zone_is_told(mara: Client, world: World) -> None:
    with unguarded():
        LicenseServer.objects.filter(pk=world.server.pk).update(zone="")
    assert "shared has no time zone" in page(mara, world.mine)


def test_drift_between_what_is_allowed_and_served_is_told(mara: Client, world: World) -> None:
    PoolNow.objects.filter(pool=world.mine).update(issued=8, allowed=10, limit=10)
    assert "10 allowed, 8 served: they differ" in page(mara, world.mine)


def test_unused_seats_are_priced_for_who_may_see_rights(
    mara: Client, vera: Client, world: World
) -> None:
    PoolHour.objects.create(pool=world.mine, hour=NOW - 7200, peak=4, observed_seconds=3600)
    assert "seats above the peak: 600 EUR a year" in page(mara, world.mine)
    text = page(vera, world.mine)
    assert "EUR" not in text and "?tab=rights" not in text
    assert "Rights over time" in page(mara, world.mine, "rights")
    assert "Rights over time" not in page(vera, world.mine, "rights")


def test_refusals_are_told_in_words_and_as_episodes(mara: Client, world: World) -> None:
    assert "1 time someone found no seat" in page(mara, world.mine, "denials")
    assert pool_refusals.refusal_words("no_seat") == "All seats were in use"
    assert pool_refusals.refusal_words("of_old") == "of old"


def test_every_tab_opens_and_an_unknown_one_is_the_first(mara: Client, world: World) -> None:
    for tab in pool_tabs.TABS:
        text = page(mara, world.mine, tab.key)
        assert f'<a href="?tab={tab.key}" aria-current="page">' in text
    assert '<a href="?tab=now" aria-current="page">' in page(mara, world.mine, "nothing")


def test_a_pool_with_more_holders_than_a_page_shows_says_how_many(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_tabs, "MOST_HOLDERS", 0)
    text = page(mara, world.mine)
    assert "more row" in text and f"/checkout/?pool={world.mine.pk}" in text


def test_times_are_the_readers_and_days_the_pools(mara: Client, world: World) -> None:
    midnight = at("2026-01-01T05:00")  # in New York
    with unguarded():
        LicensePool.objects.filter(pk=world.mine.pk).update(zone="America/New_York")
    EntitlementFactory(pool=world.mine, valid_from=date(2026, 1, 1), valid_to=None)
    with unguarded():
        PoolFeature.objects.filter(pool=world.mine).update(mapped_from=midnight)
    mara.cookies["itam-zone"] = "Asia/Kolkata"
    text = page(mara, world.mine)
    assert "24 Nov 2026 13:30" in text  # held since 08:00 UTC
    assert "Times are Asia/Kolkata." in text
    assert "Days, months and hours of the week are those of the pool, America/New_York." in text
    path = reverse("admin:live-pool-holders", args=[world.mine.pk])
    assert "24 Nov 2026 13:30" in mara.get(path).content.decode()
    use = reverse("admin:live-pool-use", args=[world.mine.pk])
    assert mara.get(use, {"from": NOW - 3600, "to": NOW}).json()["zone"] == "Asia/Kolkata"
    assert "1 Jan 2026" in page(mara, world.mine, "rights")
    assert "from 1 Jan 2026" in page(mara, world.mine, "settings")
    mara.cookies["itam-zone"] = "Pacific/Honolulu"
    assert "1 Jan 2026" in page(mara, world.mine, "rights")
    assert "from 1 Jan 2026" in page(mara, world.mine, "settings")
    mara.cookies["itam-zone"] = "America/New_York"
    assert "those of the pool" not in page(mara, world.mine)


def test_the_chart_tells_unknown_from_zero(mara: Client, world: World) -> None:
    PoolHour.objects.create(pool=world.mine, hour=NOW - 7200, peak=0, observed_seconds=3600)
    PoolHour.objects.create(
        pool=world.mine, hour=NOW - 3600, peak=4, peak_at=NOW - 600, observed_seconds=1800
    )
    address = f"/admin/live/pools/{world.mine.pk}/use/"
    month = mara.get(address, {"from": NOW - 30 * 86400, "to": NOW}).json()
    assert (month["step"], month["peak"][-3:]) == (3600, [None, 0, 4])
    assert (month["time"][-1], month["end"][-1]) == (NOW - 3600, NOW)
    assert month["peak_at"][-1] == NOW - 600 and month["limit"][-1] == 10
    year = mara.get(address, {"from": NOW - 365 * 86400, "to": NOW}).json()
    assert len(year["time"]) <= 1500 and year["peak"][-1] == 4
    minute = mara.get(address, {"from": NOW - 60, "to": NOW}).json()
    assert (minute["step"], minute["peak"]) == (1, [3] * 60)
    assert not minute["gaps"]


@pytest.mark.parametrize("span", [{}, {"from": "x", "to": "y"}, {"from": 9, "to": 9}, {"from": 1}])
def test_a_chart_of_no_span_is_refused(span: dict[str, Any], mara: Client, world: World) -> None:
    assert mara.get(f"/admin/live/pools/{world.mine.pk}/use/", span).status_code == 400


def test_the_pattern_is_kept_and_says_how_old_it_is(mara: Client, world: World) -> None:
    address = f"/admin/live/pools/{world.mine.pk}/pattern/"
    with time_machine.travel(NOW, tick=False):
        found = mara.get(address).json()
    assert (found["limit"], found["age_seconds"]) == (10, 0)
    assert found["load_duration"]["observed_seconds"] == 86_400
    assert [mark["seats"] for mark in found["load_duration"]["marks"]] == [3, 3]
    with time_machine.travel(NOW + 60, tick=False):
        assert mara.get(address).json()["age_seconds"] == 60


def test_the_report_is_asked_for_in_the_pools_zone(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def request_report(*given: Any) -> Any:
        asked.extend(given)
        return world.mine  # any row with a page of its own

    monkeypatch.setattr(pool_page.deeds, "optional", lambda _: request_report)
    with unguarded():
        LicensePool.objects.filter(pk=world.mine.pk).update(zone="Europe/Berlin")
    path = reverse("admin:licenses_licensepool_report", args=[world.mine.pk])
    mara.post(path, {"from": "2025-11-01", "to": "2026-11-01"})
    name, pools, start, end, zone, user = asked
    assert (name, pools, zone) == ("compliance", [world.mine], ZoneInfo("Europe/Berlin"))
    assert (start, end) == (at("2025-10-31T23:00"), at("2026-10-31T23:00"))
    assert user.username == "mara"


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-01-01", "2026-01-01", "is not after"),
        ("yesterday", "2026-01-01", "Enter a valid date"),
    ],
)
def test_a_report_over_nothing_is_refused(
    first: str, last: str, message: str, mara: Client, world: World
) -> None:
    path = reverse("admin:licenses_licensepool_report", args=[world.mine.pk])
    text = mara.post(path, {"from": first, "to": last}).content.decode()
    assert message in text
    for name, value in (("from", first), ("to", last)):
        assert re.search(rf'<input[^>]*name="{name}" value="{value}"', text)


def test_a_viewer_asks_for_no_report(vera: Client, world: World) -> None:
    path = reverse("admin:licenses_licensepool_report", args=[world.mine.pk])
    assert "Compliance PDF" not in page(vera, world.mine)
    assert vera.post(path, {"from": "2025-11-01", "to": "2026-11-01"}).status_code == 403


def form(pool: LicensePool, *rows: dict[str, Any]) -> dict[str, Any]:
    data = {
        "product": pool.product_id,
        "name": pool.name,
        "zone": pool.zone,
        "episode_gap_minutes": 15,
        "mappings-TOTAL_FORMS": len(rows),
        "mappings-INITIAL_FORMS": sum("id" in row for row in rows),
    }
    for place, row in enumerate(rows):
        data |= {f"mappings-{place}-{name}": value for name, value in row.items()}
    return data


def test_a_mapping_added_in_the_form_has_author_and_hours_counted_again(
    mara: Client, world: World
) -> None:
    feature = FeatureFactory(server=world.server)
    kept = PoolFeature.objects.get(pool=world.mine)
    rows = [
        {"id": kept.pk, "pool": world.mine.pk, "feature": kept.feature_id, "weight": 1},
        {"pool": world.mine.pk, "feature": feature.pk, "weight": 2},
    ]
    path = reverse("admin:licenses_licensepool_change", args=[world.mine.pk])
    assert mara.post(path, form(world.mine, *rows)).status_code == 302
    mapping = PoolFeature.objects.get(feature=feature)
    assert (mapping.weight, mapping.recorded_by.username) == (2, "mara")
    assert DirtySpan.objects.filter(pool=world.mine).exists()


def test_the_past_of_a_mapping_changes_with_a_reason_and_a_second_person_approves_it(
    mara: Client, account: Callable[..., User], world: World
) -> None:
    kept = PoolFeature.objects.get(pool=world.mine)
    row = {"id": kept.pk, "pool": world.mine.pk, "feature": kept.feature_id, "weight": 3}
    path = reverse("admin:licenses_licensepool_change", args=[world.mine.pk])
    approve = reverse("admin:licenses_licensepool_approve", args=[world.mine.pk])
    refused = mara.post(path, form(world.mine, row))
    assert refused.status_code == 200
    assert "Say why: this changes what counts in the past." in refused.content.decode()
    kept.refresh_from_db()
    assert kept.weight == 1
    why = {"code": "wrong_mapping", "reason": "Three tokens each."}
    assert mara.post(path, form(world.mine, row | why)).status_code == 302
    (change,) = world.mine.mapping_changes.all()
    assert (change.reason, change.correction.code) == (why["reason"], why["code"])
    assert approve not in mara.get(path).content.decode()
    mara.post(approve)
    assert not Correction.objects.exclude(approved_at=None).exists()
    boss = account("boss", "manager")
    mara.force_login(boss)
    assert approve in mara.get(path).content.decode()
    assert "Three tokens each." in mara.get(approve).content.decode()
    assert mara.post(approve).status_code == 302
    assert Correction.objects.get().approved_by == boss
    assert approve not in mara.get(path).content.decode()


def test_what_was_changed_of_a_mapping_can_be_taken_back(mara: Client, world: World) -> None:
    kept = PoolFeature.objects.get(pool=world.mine)
    row = {"id": kept.pk, "pool": world.mine.pk, "feature": kept.feature_id, "weight": 3}
    why = {"code": "wrong_mapping", "reason": "Three tokens each."}
    path = reverse("admin:licenses_licensepool_change", args=[world.mine.pk])
    sent = form(world.mine, row | why) | {"on_status": "on"}
    sent["owner_teams"] = [team.pk for team in world.mine.owner_teams.all()]
    told = mara.post(path, sent, follow=True).content.decode()
    step = UndoStep.objects.get()
    assert f'action="{reverse("admin:undo", args=[step.pk])}"' in told
    mara.post(reverse("admin:undo", args=[step.pk]))
    kept.refresh_from_db()
    assert kept.weight == 1
    # A pool and its mappings that are changed at once go back at once.
    name = world.mine.name
    told = mara.post(path, sent | {"name": "Mine, renamed"}, follow=True).content.decode()
    step = UndoStep.objects.latest("pk")
    assert f'action="{reverse("admin:undo", args=[step.pk])}"' in told
    mara.post(reverse("admin:undo", args=[step.pk]))
    kept.refresh_from_db()
    assert (LicensePool.objects.get(pk=world.mine.pk).name, kept.weight) == (name, 1)


def test_a_feature_that_feeds_another_pool_is_refused_in_words(mara: Client, world: World) -> None:
    foreign = PoolFeature.objects.filter(pool=world.other).first()
    path = reverse("admin:licenses_licensepool_add")
    fresh = LicensePool(product=world.mine.product, name="Fresh", zone="UTC")
    text = mara.post(
        path, form(fresh, {"feature": foreign.feature_id, "weight": 1})
    ).content.decode()
    assert "already feeds the pool Other Pool" in text
    twice = {"feature": FeatureFactory(server=world.server).pk, "weight": 1}
    text = mara.post(path, form(fresh, twice, twice | {"weight": 7})).content.decode()
    row = text[text.index('name="mappings-1-feature"') :]
    assert "already feeds a pool at that time" in row[: row.index('name="mappings-1-weight"')]
    assert re.search(r'name="mappings-1-weight" value="7"', row) and 'value="Fresh"' in text
    assert not LicensePool.objects.filter(name="Fresh").exists()
    assert not PoolFeature.objects.filter(feature=twice["feature"]).exists()


def test_what_contract_and_file_say_stands_side_by_side(mara: Client, db: None) -> None:
    pool = PoolFactory()
    EntitlementFactory(pool=pool, quantity=30)
    IssuedCountFactory(feature=FeatureFactory(pool=pool), count=25)
    assert "Contracts say 30 since 2026-01-01, the licence file says 25." in page(
        mara, pool, "rights"
    )
    other = PoolFactory()
    EntitlementFactory(pool=other, quantity=25)
    IssuedCountFactory(feature=FeatureFactory(pool=other), count=25)
    assert "the licence file says" not in page(mara, other, "rights")


def test_a_gap_in_which_no_over_use_was_possible_says_so(mara: Client, db: None) -> None:
    now = int(time.time())
    feature = FeatureFactory(pool=(pool := PoolFactory()))
    EntitlementFactory(pool=pool, quantity=25)
    IssuedCountFactory(feature=feature, count=25)
    covered(feature.server, now - 86_400, now - 7200)
    covered(feature.server, now - 3600, now)
    sentence = "No over-use was possible: at most 25 seats could be issued."
    assert sentence in page(mara, pool, "use")
    IssuedCountFactory(feature=feature, count=1)
    assert sentence.replace("25", "26") not in page(mara, pool, "use")


def test_odd_holdings_are_marked_in_words_on_the_page_in_the_api_and_in_files(
    mara: Client, world: World
) -> None:
    ada = PersonFactory()
    for name in ("pc1", "pc2"):
        holding(world.my_feature, NOW - 9 * 86_400, None, person=ada, host=HostFactory(name=name))
    covered(world.server, NOW - 30 * 86_400, NOW - 86_400)
    said = ("more than a day", "overnight", "two hosts", "host gone?")
    text = page(mara, world.mine)
    for word in said:
        assert text.count(f">{word}</span>") == 2
    assert "midnight to 5:00" in text
    odd, _, fresh = mara.get(f"/api/v1/pools/{world.mine.pk}/holders/").json()["holders"]
    assert odd["marks"] == ["long", "overnight", "two_hosts", "host_gone"] and not fresh["marks"]
    place = f"?pool={world.mine.pk}"
    assert ", ".join(said) in mara.get(f"/admin/licenses/checkout/{place}").content.decode()
    rows = (
        mara.get(f"/admin/licenses/checkout/as-file/csv/{place}").getvalue().decode().splitlines()
    )
    assert "Marks" in rows[0] and sum(", ".join(said) in row for row in rows) == 2
    book = mara.get(f"/admin/licenses/checkout/as-file/xlsx/{place}").getvalue()
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert cells.count(", ".join(said)) == 2


def test_a_name_with_markup_in_it_is_told_and_not_drawn_beside_what_stays(
    mara: Client, world: World
) -> None:
    LicensePool.objects.filter(pk=world.mine.pk).update(name='<img src=x onerror="hurt()">')
    text = mara.get(f"/admin/licenses/licensepool/{world.mine.pk}/change/").content.decode()
    assert "On record of &lt;img src=x" in text and "<img src=x" not in text
