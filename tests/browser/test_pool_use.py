"""The chart of a pool's use in a browser: gaps stay open, a drag zooms, a click leads to the
moment."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from django.urls import reverse

from licenses.analysis.rollup import rollup
from licenses.models import LicensePool
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    covered,
    holding,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

HOUR = 3600
PLOT = "document.querySelector('[data-chart]').plot"


@pytest.fixture
def now() -> int:
    return int(time.time()) // HOUR * HOUR


@pytest.fixture
def pool(transactional_db: None, now: int) -> LicensePool:
    """A pool with a day of use by the hour, and six hours in it that nobody observed."""
    pool = PoolFactory(name="Drawing")
    feature = FeatureFactory(server=ServerFactory(zone="UTC"), name="DRAW", pool=pool)
    EntitlementFactory(pool=pool, quantity=10)
    covered(feature.server, now - 24 * HOUR, now - 12 * HOUR)
    covered(feature.server, now - 6 * HOUR, now)
    holding(feature, now - 24 * HOUR, now - 13 * HOUR, 2, person=PersonFactory(login="ann"))
    holding(feature, now - 3 * HOUR, now - HOUR, 7, person=PersonFactory(login="ben"))
    rollup(pool, now - 24 * HOUR, now)
    return pool


def use(pool: LicensePool, **query: int) -> str:
    address = reverse("admin:licenses_licensepool_overview", args=[pool.pk]) + "?tab=use"
    return address + "".join(f"&{name}={value}" for name, value in query.items())


def view(window: Any) -> tuple[int, int]:
    asked = parse_qs(urlparse(window.page.url).query)
    return int(asked["from"][0]), int(asked["to"][0])


def idle(window: Any) -> None:
    window.until("document.querySelector('[data-chart]').getAttribute('aria-busy') === 'false'")


def test_the_axis_is_as_wide_as_its_numbers(open_window: Any, pool: LicensePool, now: int) -> None:
    EntitlementFactory(pool=pool, quantity=1_000_000)
    window = open_window()
    window.open(use(pool, **{"from": now - 24 * HOUR, "to": now}))
    window.page.locator(".uplot canvas").first.wait_for(timeout=5000)
    idle(window)
    axis = window.page.evaluate(
        f"""() => {{
          const plot = {PLOT}, axis = plot.axes[1];
          const longest = axis._values.reduce((one, two) => (two.length > one.length ? two : one));
          plot.ctx.font = axis.font[0];
          const width = plot.ctx.measureText(longest).width / devicePixelRatio;
          return {{ longest, needs: width + axis.ticks.size + axis.gap, size: axis._size }};
        }}"""
    )
    assert axis["longest"] == "1,000,000"
    assert axis["size"] >= axis["needs"]
    assert window.problems == []


def test_numbers_beside_the_chart_are_grouped_as_on_its_axis(
    open_window: Any, pool: LicensePool, now: int
) -> None:
    feature = pool.mappings.get().feature
    holding(feature, now - 24 * HOUR, now - HOUR, 12_000, person=PersonFactory(login="cid"))
    rollup(pool, now - 24 * HOUR, now)
    window = open_window()
    window.open(use(pool, **{"from": now - 24 * HOUR, "to": now}))
    idle(window)
    marks = "document.querySelectorAll('[data-pattern] [data-mark]')"
    window.until(f"[...{marks}].every((mark) => mark.innerText)")
    told = window.page.locator("[data-chart-peaks] li").first.inner_text()
    assert told.startswith("12,007 of 10 ")
    assert window.page.locator("[data-heat] td a", has_text="12,007").count()
    told = window.page.evaluate(f"[...{marks}].map((mark) => mark.innerText)")
    assert told == ["12,007", "12,007"]


def test_the_chart_joins_no_gap(open_window: Any, pool: LicensePool, now: int) -> None:
    window = open_window()
    window.open(use(pool, **{"from": now - 24 * HOUR, "to": now}))
    window.page.locator(".uplot canvas").first.wait_for(timeout=5000)
    idle(window)
    peaks = window.page.evaluate(f"{PLOT}.data[1]")
    ends = window.page.evaluate(f"{PLOT}.data[0]")
    level = dict(zip(ends, peaks, strict=True))
    assert level[now - 12 * HOUR] is None and level[now - 7 * HOUR] is None
    assert (level[now - 23 * HOUR], level[now - 2 * HOUR]) == (2, 7)
    assert level[now - 5 * HOUR] == 0
    window.page.get_by_role("button", name="12 months").click()
    window.until(f"{PLOT}.data[0].length > 1000")
    assert window.page.locator("[data-span=year][aria-pressed=true]").count() == 1
    assert window.problems == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_drag_zooms_and_a_click_leads_to_who_held_seats(
    width: int, open_window: Any, pool: LicensePool, now: int
) -> None:
    window = open_window(width)
    window.open(use(pool, **{"from": now - 24 * HOUR, "to": now}))
    idle(window)
    window.page.locator("[data-chart] .u-over").scroll_into_view_if_needed()
    box = window.page.locator("[data-chart] .u-over").bounding_box()
    mouse = window.page.mouse
    middle = box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * 0.8, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] - 2, middle, steps=4)
    mouse.up()
    window.until(f"!location.search.includes('from={now - 24 * HOUR}')")
    idle(window)
    first, last = view(window)
    assert last - first < 6 * HOUR and first > now - 7 * HOUR
    window.page.locator("[data-chart] .u-over").scroll_into_view_if_needed()
    box = window.page.locator("[data-chart] .u-over").bounding_box()
    peak = box["x"] + box["width"] * (now - 2 * HOUR - first) / (last - first)
    mouse.click(peak, middle)
    window.page.wait_for_url("**/at/?at=*")
    (asked,) = parse_qs(urlparse(window.page.url).query)["at"]
    moment = datetime.fromisoformat(asked).timestamp()
    assert now - 3 * HOUR <= moment < now - HOUR
    window.page.get_by_role("rowheader", name="ben").first.wait_for(timeout=5000)
    window.page.get_by_text("No log of that moment was read.").first.wait_for(timeout=5000)
    assert window.problems == []


def test_the_highest_moments_are_links_for_the_keyboard(
    open_window: Any, pool: LicensePool, now: int
) -> None:
    window = open_window()
    window.open(use(pool, **{"from": now - 24 * HOUR, "to": now}))
    window.page.get_by_role("link", name="7 of 10 on").first.click()
    window.page.wait_for_url("**/at/?at=*")
    assert window.page.get_by_role("rowheader", name="ben").count() >= 1


def test_the_view_goes_down_to_a_minute(open_window: Any, pool: LicensePool, now: int) -> None:
    window = open_window()
    window.open(use(pool, **{"from": now - 2 * HOUR - 120, "to": now - 2 * HOUR}))
    idle(window)
    for _ in range(3):
        window.page.get_by_role("button", name="Zoom in").click()
        idle(window)
    first, last = view(window)
    assert last - first == 60
    assert window.page.evaluate(f"{PLOT}.data[1]") == [7] * 60
    assert window.problems == []


def test_unknown_time_and_a_lost_connection_are_said(
    open_window: Any, pool: LicensePool, now: int
) -> None:
    window = open_window()
    window.open(use(pool, **{"from": now - 9 * HOUR, "to": now - 8 * HOUR}))
    window.page.get_by_text("Nothing is known of this time.").wait_for(timeout=5000)
    window.page.route("**/live/pools/**", lambda route: route.abort())
    window.page.get_by_role("button", name="Earlier").click()
    window.page.get_by_text("The chart could not be read.").wait_for(timeout=5000)


def test_the_pattern_is_a_table_with_its_numbers(open_window: Any, pool: LicensePool) -> None:
    window = open_window()
    window.open(use(pool))
    table = window.page.locator(".lm-heat")
    table.wait_for(timeout=5000)
    assert table.locator("tbody tr").count() == 24
    assert table.get_by_role("link", name="at most 7 in use").count() >= 1
    assert table.locator("td", has_text="–").count() > 20
    window.page.get_by_role("button", name="Refusals").click()
    assert table.locator("td", has_text="0").count() > 10
    assert window.page.locator("[data-mark='99']").inner_text() == "7"
    assert window.problems == []
