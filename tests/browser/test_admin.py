"""The admin in a browser: no errors, nothing from outside, no scrolling sideways, live numbers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from licenses.admin.pool_tabs import TABS
from licenses.importing import connection
from licenses.importing.captures import store_unreadable
from licenses.models import Capture, ConnectionCheck, LicensePool, LicenseServer, PoolHour, PoolNow
from licenses.sources.records import Unreadable
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    TeamFactory,
    covered,
    holding,
)
from tests.thorough import usually

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HOUR = 3600
ATTACK = '<img src=x onerror="window.hurt=1">{{ 7*7 }}\'"`'


@pytest.fixture
def pool(transactional_db: None) -> LicensePool:
    """A pool with a day of hours, a gap of six of them, a holder, and names that mean harm."""
    now = int(time.time())
    pool = PoolFactory(name=f"Drawing {ATTACK}", house_rules=ATTACK)
    server = ServerFactory(name="lic-one", zone="UTC")
    feature = FeatureFactory(server=server, name=ATTACK, pool=pool)
    FeatureFactory(server=server, name="UNMAPPED")
    EntitlementFactory(pool=pool, quantity=10)
    Capture.objects.create(
        server=server,
        kind="lmstat",
        source=ATTACK,
        result="timeout",
        detail=ATTACK,
        sha256="a" * 64,
        size=9,
    )
    store_unreadable(Capture.objects.get(), [Unreadable(1, f"10:00 (d) ODD: {ATTACK}", "odd")])
    covered(server, now - 86_400, now)
    start = now // HOUR * HOUR
    for back in range(1, 24):
        if not 6 <= back < 12:
            PoolHour.objects.create(
                pool=pool,
                hour=start - back * HOUR,
                peak=back % 5,
                peak_at=start - back * HOUR,
                limit=10,
                observed_seconds=HOUR,
            )
    holding(feature, now - 600, None, 3, person=PersonFactory(login=ATTACK))
    PoolNow.objects.create(pool=pool, at=now, in_use=3, limit=10, allowed=10, source="polls")
    return pool


def overview(pool: LicensePool) -> str:
    return reverse("admin:licenses_licensepool_overview", args=[pool.pk])


def pages(pool: LicensePool) -> list[str]:
    feature = pool.mappings.get().feature
    moment = f"{datetime.fromtimestamp(time.time() - 300, UTC):%Y-%m-%dT%H:%M:%S}Z"
    return [
        "/admin/",
        reverse("admin:licenses_licensepool_at", args=[pool.pk]) + f"?at={moment}",
        *(f"{overview(pool)}?tab={tab.key}" for tab in TABS),
        reverse("admin:licenses_licenseserver_overview", args=[feature.server_id]),
        "/admin/licenses/licensepool/",
        reverse("admin:licenses_licensepool_change", args=[pool.pk]),
        "/admin/licenses/checkout/",
        reverse("admin:licenses_capture_change", args=[Capture.objects.get().pk]),
        "/admin/licenses/feature/",
        "/admin/licenses/entitlement/add/",
        reverse("admin:licenses_entitlement_correct", args=[pool.entitlements.get().pk]),
        "/admin/licenses/contract/add/",
        "/admin/licenses/channel/add/",
        "/admin/licenses/product/import/",
        "/admin/licenses/alertrule/add/",
        *(reverse("admin:set-up-step", args=[key]) for key in ("features", "pools", "contracts")),
        reverse("admin:licenses_licenseserver_unreadable", args=[feature.server_id]),
    ]


WINDOWS = [(1440, "light"), (390, "light"), (390, "dark"), (1440, "dark")]


@pytest.mark.parametrize(("width", "scheme"), usually(2, WINDOWS))
def test_pages_are_whole_at_every_width(
    width: int, scheme: str, open_window: Any, pool: LicensePool
) -> None:
    window = open_window(width, scheme)
    for path in pages(pool):
        window.open(path)
        assert window.problems == [], path
        page = window.page
        beyond = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beyond <= 0, f"{path} is {beyond} pixels wider than the screen"
        assert page.evaluate("window.hurt") is None, path
        assert page.evaluate("document.documentElement.classList.contains('dark')") == (
            scheme == "dark"
        )


def test_a_script_among_the_words_is_neither_run_nor_overlooked(
    open_window: Any, pool: LicensePool
) -> None:
    window = open_window()
    window.open("/admin/")
    window.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.hurt = 1'}))"
    )
    window.page.wait_for_timeout(200)
    assert window.page.evaluate("window.hurt") is None
    assert any("policy: script-src" in problem for problem in window.problems)


def test_a_phone_shows_the_newest_days_of_a_servers_year(
    open_window: Any, pool: LicensePool
) -> None:
    window = open_window(390)
    server = pool.mappings.get().feature.server_id
    window.open(reverse("admin:licenses_licenseserver_overview", args=[server]))
    days = window.page.locator(".lm-days > g")
    assert days.count() == 365
    for day, seen in ((days.last, True), (days.first, False)):
        box = day.bounding_box()
        assert (0 <= box["x"] <= 390 - box["width"]) is seen


def test_numbers_refresh_without_reload(open_window: Any, pool: LicensePool) -> None:
    window = open_window()
    window.open("/admin/")
    row = window.page.locator(f"tr[data-live-pool='{pool.pk}']")
    assert row.locator("[data-live=in_use]").inner_text() == "3"
    PoolNow.objects.filter(pool=pool).update(in_use=1010, limit=1200, allowed=1200, issued=1010)
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    row.locator("[data-live=words]", has_text="full").wait_for(timeout=5000)
    assert row.locator("[data-live=in_use]").inner_text() == "1,010"
    assert "lm-level-full" in (row.get_attribute("class") or "")
    assert window.problems == []


def test_a_bar_stands_only_where_seats_and_limit_are_known(
    open_window: Any, pool: LicensePool
) -> None:
    unbounded = PoolFactory(name="Limit not known")
    PoolNow.objects.create(pool=unbounded, at=int(time.time()), in_use=1, limit=None, source="log")
    window = open_window()
    window.open("/admin/")

    def bar(of: LicensePool) -> Any:
        return window.page.locator(f"tr[data-live-pool='{of.pk}'] .lm-bar")

    assert bar(pool).is_visible() and not bar(unbounded).is_visible()
    PoolNow.objects.filter(pool=unbounded).update(limit=4)
    PoolNow.objects.filter(pool=pool).update(in_use=None)
    # A table somebody is in is not asked for again: its numbers alone are.
    window.page.locator(f"tr[data-live-pool='{pool.pk}'] a").first.focus()
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    bar(unbounded).wait_for(timeout=5000)
    bar(pool).wait_for(state="hidden", timeout=5000)
    assert window.problems == []


def test_a_pool_that_fills_up_comes_to_the_top_without_reload(
    open_window: Any, pool: LicensePool
) -> None:
    window = open_window()
    window.open("/admin/")
    full = PoolFactory(name="Suddenly full")
    PoolNow.objects.create(pool=full, at=int(time.time()), in_use=4, limit=4, source="log")
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    first = window.page.locator(".lm-pools tbody tr").first
    first.get_by_text("Suddenly full").wait_for(timeout=5000)
    window.page.locator(".lm-card", has_text="Full now").get_by_text("1", exact=True).wait_for()
    assert window.problems == []


def test_cards_are_refreshed_while_one_of_them_has_the_focus(
    open_window: Any, pool: LicensePool
) -> None:
    window = open_window()
    window.open("/admin/")
    link = window.page.locator(".lm-cards-many a").first
    link.focus()
    address = link.get_attribute("href")
    full = PoolFactory(name="Suddenly full")
    PoolNow.objects.create(pool=full, at=int(time.time()), in_use=4, limit=4, source="log")
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    window.page.locator(".lm-card", has_text="Full now").get_by_text("1", exact=True).wait_for(
        timeout=5000
    )
    assert window.page.evaluate("document.activeElement.getAttribute('href')") == address
    assert window.problems == []


def test_a_connection_test_fills_while_one_looks_on(open_window: Any, pool: LicensePool) -> None:
    window = open_window()
    server = pool.mappings.get().feature.server
    LicenseServer.objects.filter(pk=server.pk).update(polling="file", status_path="/nowhere")
    window.open(reverse("admin:licenses_licenseserver_overview", args=[server.pk]))
    window.page.get_by_role("button", name="Test connection").click()
    window.page.get_by_text("waiting for a worker").wait_for(timeout=5000)
    connection.run(ConnectionCheck.objects.get().pk)
    window.page.get_by_text("No such file or directory").wait_for(timeout=8000)
    assert window.problems == []


def test_a_lost_connection_is_said(open_window: Any, pool: LicensePool) -> None:
    window = open_window()
    window.open("/admin/")
    window.page.route("**/admin/live/**", lambda route: route.abort())
    window.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    window.page.get_by_text("no connection: the numbers are old").wait_for(timeout=5000)


def test_a_feature_is_mapped_with_one_click(open_window: Any, pool: LicensePool) -> None:
    window = open_window()
    server = pool.mappings.get().feature.server
    window.open(reverse("admin:licenses_licenseserver_overview", args=[server.pk]))
    window.page.get_by_role("button", name="New pool").click()
    window.page.get_by_text("UNMAPPED feeds the new pool UNMAPPED.").wait_for(timeout=5000)
    assert LicensePool.objects.filter(name="UNMAPPED").exists()
    assert window.problems == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_list_of_several_shows_whole_rows(open_window: Any, pool: Any, width: int) -> None:
    for place in range(9):
        TeamFactory(name=f"Team {place}")
    window = open_window(width)
    window.open(f"/admin/licenses/licensepool/several/?ids={pool.pk}")
    shown, row = window.page.evaluate(
        """() => {
          const list = document.querySelector("select[multiple]");
          return [list.clientHeight, list.options[0].getBoundingClientRect().height];
        }"""
    )
    assert shown >= 4 * row and abs(shown / row - round(shown / row)) < 0.03
