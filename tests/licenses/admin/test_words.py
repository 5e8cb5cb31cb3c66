"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from licenses.admin import words
from licenses.admin.dashboard import _spare, sparkline
from licenses.admin.inventory import tree_order


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
        pytest.param((0, 0, 0), "full", "full", id="nothing-bought"),
        pytest.param((2, 0, 0), "over", "2 over what is allowed", id="nothing-bought-but-used"),
    ],
)
def test_levels(figures: tuple[int | None, int | None, int | None], key: str, text: str) -> None:
    assert words.level(*figures) == words.Level(key, text)


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
    ("lines", "expected"),
    [
        pytest.param([(10, Decimal(5), "EUR")], ("4", "20 EUR"), id="one-price"),
        pytest.param(
            [(3, Decimal(9), "EUR"), (7, Decimal(1), "EUR")], ("4", "4 EUR"), id="cheapest-first"
        ),
        pytest.param([(10, None, "EUR")], ("4", ""), id="no-price"),
        pytest.param([(5, Decimal(1), "EUR"), (5, Decimal(1), "USD")], ("4", ""), id="currencies"),
        pytest.param([(6, Decimal(5), "EUR")], ("0", ""), id="none-spare"),
    ],
)
def test_spare_seats_are_priced_from_the_cheapest_line(
    lines: list[tuple[int, Decimal | None, str]], expected: tuple[str, str]
) -> None:
    assert _spare(lines, 6) == expected


def test_teams_stand_below_their_parents() -> None:
    pairs = [(1, None, "Works"), (2, 1, "Zeta"), (3, 1, "alpha"), (4, 3, "Deep"), (5, 99, "Art")]
    assert tree_order(pairs) == [(5, 0), (1, 0), (3, 1), (4, 2), (2, 1)]
    assert tree_order([(1, 2, "A"), (2, 1, "B")]) == [(1, 0), (2, 0)]
