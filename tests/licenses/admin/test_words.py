"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from licenses.admin import headline_words, words
from licenses.admin.dashboard import sparkline
from licenses.admin.inventory import tree_order
from licenses.analysis.headlines import Unused


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "never"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (90000, "1 day ago"),
    ],
)
def test_ages(seconds: int | None, expected: str) -> None:
    assert words.ago(seconds) == expected


@pytest.mark.parametrize(
    ("figures", "key", "text"),
    [
        pytest.param((None, 5, 5), "unknown", "use not known", id="no-use"),
        pytest.param((3, None, None), "unknown", "limit not known", id="no-limit"),
        pytest.param((5, 5, 5), "full", "full", id="full"),
        pytest.param((9, 10, 10), "high", "nearly full, 1 seat free", id="nearly"),
        pytest.param((8, 10, None), "free", "2 seats free", id="free"),
        pytest.param((7, 5, 5), "over", "2 over what is allowed", id="over-allowed"),
        pytest.param((7, 5, None), "over", "2 over the limit", id="over-limit"),
        pytest.param((0, 0, 0), "none", "no seats to use", id="nothing-bought"),
        pytest.param((0, 0, None), "none", "no seats to use", id="nothing-served"),
        pytest.param((2, 0, 0), "over", "2 over what is allowed", id="nothing-bought-but-used"),
    ],
)
def test_levels(figures: tuple[int | None, int | None, int | None], key: str, text: str) -> None:
    assert words.level(*figures) == words.Level(key, text)


@pytest.mark.parametrize(
    ("in_use", "limit", "issued", "kept", "key", "text"),
    [
        pytest.param(0, 26, 24, 0, "free", "24 seats free, 24 served", id="fewer-served"),
        pytest.param(24, 26, 24, 0, "full", "full, 24 served", id="all-served-in-use"),
        pytest.param(25, 26, 24, 0, "full", "full, 24 served", id="more-than-served-in-use"),
        pytest.param(3, 20, 30, 2, "free", "15 seats free, 2 kept for others", id="kept"),
        pytest.param(17, 20, 20, 2, "high", "nearly full, 1 seat free, 2 kept for others", id="1"),
        pytest.param(18, 20, 20, 2, "full", "full, 2 kept for others", id="the-rest-is-kept"),
        pytest.param(0, 5, 0, 0, "none", "no seats to use", id="nothing-served"),
        pytest.param(2000, 12000, None, 0, "free", "10,000 seats free", id="thousands"),
    ],
)
def test_levels_heed_what_is_served_and_kept(
    in_use: int, limit: int, issued: int | None, kept: int, key: str, text: str
) -> None:
    found = words.level(in_use, limit, limit, issued=issued, reserved_idle=kept)
    assert found == words.Level(key, text)


@pytest.mark.parametrize(
    ("age", "interval", "key"),
    [
        (660, 300, "fresh"),
        (661, 300, "late"),
        (1861, 300, "stale"),
        (7200, None, "fresh"),
        (90000, None, "stale"),
    ],
)
def test_freshness_depends_on_the_interval(age: int, interval: int | None, key: str) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert words.freshness(now - timedelta(seconds=age), interval, now).key == key
    assert words.freshness(None, interval, now).text == "no data yet"


@pytest.mark.parametrize(
    ("count", "expected"), [(5, "5 bytes"), (3100, "3.1 kB"), (2_000_000_000, "2.0 GB")]
)
def test_sizes(count: int, expected: str) -> None:
    assert words.size(count) == expected


def test_a_sparkline_leaves_unknown_days_open() -> None:
    runs, limit = sparkline([1, 2, None, None, 3], 4)
    assert len(runs) == 2
    assert [len(run) for run in runs] == [2, 2]  # a lone day is drawn as a dot
    assert limit == 1.0
    assert sparkline([None, None], None) == ([], None)


@pytest.mark.parametrize(
    ("change", "more_is_better", "expected"),
    [
        (3, True, ("better", "▲ 3")),
        (3, False, ("worse", "▲ 3")),
        (-3, False, ("better", "▼ 3")),
        (0, True, ("same", "= as before")),
    ],
)
def test_a_trend_says_which_way_is_better(
    change: int, more_is_better: bool, expected: tuple[str, str]
) -> None:
    found = headline_words.trend_words(change, str(abs(change)), more_is_better=more_is_better)
    assert (found.key, found.text) == expected


@pytest.mark.parametrize(
    ("share", "expected"), [(1, "100 %"), (0.999, "99.9 %"), (0.0, "0.0 %"), (0.5, "50.0 %")]
)
def test_a_hundred_percent_is_all_of_it(share: float, expected: str) -> None:
    assert headline_words.percent(share) == expected


def test_a_wait_of_seconds_is_a_minute() -> None:
    assert [headline_words.minutes(seconds) for seconds in (0, 1, 60, 61)] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("spare", "expected", "known"),
    [
        (Unused(4, Decimal(20), "EUR", ""), ("20 EUR", "a year, 4 seats"), True),
        (
            Unused(1, None, "", "no price in the contract"),
            ("cost not known", "1 seat, no price in the contract"),
            False,
        ),
        (Unused(None, None, "", "use not known"), ("not known", "use not known"), False),
        (Unused(0, Decimal(0), "EUR", ""), ("none", "all seats were used"), True),
    ],
)
def test_unused_seats_have_a_price_or_a_reason_why_not(
    spare: Unused, expected: tuple[str, str], known: bool
) -> None:
    found = headline_words.unused_words(spare)
    assert ((found.text, found.note), found.known) == (expected, known)


def test_teams_stand_below_their_parents() -> None:
    pairs = [(1, None, "Works"), (2, 1, "Zeta"), (3, 1, "alpha"), (4, 3, "Deep"), (5, 99, "Art")]
    assert tree_order(pairs) == [(5, 0), (1, 0), (3, 1), (4, 2), (2, 1)]
    assert tree_order([(1, 2, "A"), (2, 1, "B")]) == [(1, 0), (2, 0)]


@pytest.mark.django_db
def test_an_empty_list_of_what_servers_tell_says_how_rows_come(admin_client):
    text = admin_client.get("/admin/licenses/checkout/").text
    assert "connect one" in text
    nothing_fits = admin_client.get("/admin/licenses/checkout/?q=nobody").text
    assert "connect one" not in nothing_fits and "Show all" in nothing_fits
