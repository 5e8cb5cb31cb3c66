from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from licenses.sources.flexnet import lmstat_memory
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_memory import StatusMemory
from licenses.sources.records import Snapshot

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 16, 12, 0, tzinfo=BERLIN)


def status(when: datetime, *started: datetime, mark: str = "f", end: str = "\n") -> bytes:
    rows = [
        f"    u{place} h{place} (v1.0) (lic1/27000 {place}), start {start:%a} "
        f"{start.month}/{start.day} {start.hour}:{start.minute:02d}"
        for place, start in enumerate(started)
    ]
    lines = [
        "lmutil - Copyright (c) 1989-2022 Flexera. All Rights Reserved.",
        f"Flexible License Manager status on {when:%a} {when.month}/{when.day}/{when.year} "
        f"{when.hour}:{when.minute:02d}",
        "License server status: 27000@lic1",
        "lic1: license server UP (MASTER) v11.19.7",
        "Vendor daemon status (on lic1):",
        "acmed: UP v11.19.7",
        "Feature usage info:",
        f"Users of {mark}:  (Total of 9 licenses issued;  Total of {len(rows)} licenses in use)",
        f'  "{mark}" v1.0, vendor: acmed, expiry: 31-dec-2026',
        "  floating license",
        *rows,
        "",
    ]
    return end.join(lines).encode()


class Reader:
    """Reads with a memory, and tells whether the text was parsed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int = 1 << 20) -> None:
        self.memory, self.parsed = StatusMemory(limit), 0
        monkeypatch.setattr(lmstat_memory, "parse_lmstat", self._parse)

    def _parse(self, data: bytes, **options: Any) -> list[Snapshot]:
        self.parsed += 1
        return parse_lmstat(data, **options)

    def parses(self, data: bytes, when: datetime, key: str = "a", zone: ZoneInfo = BERLIN) -> bool:
        """Read; what comes is always what parse_lmstat says."""
        now, before = int(when.timestamp()), self.parsed
        found = self.memory.parse(key, data, zone=zone, now=now)
        assert found == parse_lmstat(data, zone=zone, now=now)
        return self.parsed > before


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(monkeypatch)


def test_a_status_that_says_the_same_later_is_not_parsed(reader: Reader) -> None:
    began = NOON - timedelta(hours=3)
    assert reader.parses(status(NOON, began), NOON)
    later = NOON + timedelta(minutes=5)
    assert not reader.parses(status(later, began), later)
    assert not reader.parses(status(later, began), later + timedelta(minutes=3))


def test_any_other_change_is_parsed(reader: Reader) -> None:
    began = NOON - timedelta(hours=3)
    reader.parses(status(NOON, began), NOON)
    assert reader.parses(status(NOON, began, began), NOON)
    assert reader.parses(status(NOON, began, mark="g"), NOON)
    assert reader.parses(status(NOON, began, end="\r\n"), NOON)
    assert reader.parses(status(NOON, began, end="\r\n"), NOON, zone=ZoneInfo("UTC"))
    assert reader.parses(status(NOON, began, end="\r\n"), NOON, key="b", zone=ZoneInfo("UTC"))


def test_an_earlier_answer_is_parsed(reader: Reader) -> None:
    reader.parses(status(NOON), NOON)
    earlier = NOON - timedelta(minutes=5)
    assert reader.parses(status(earlier), NOON)


def test_starts_whose_year_may_become_another_are_parsed(reader: Reader) -> None:
    long_ago = NOON - timedelta(days=301)
    reader.parses(status(NOON, long_ago), NOON)
    assert reader.parses(status(NOON, long_ago), NOON)
    lately = NOON - timedelta(days=299)
    reader.parses(status(NOON, lately), NOON)
    assert not reader.parses(status(NOON, lately), NOON)
    assert reader.parses(status(NOON + timedelta(days=31), lately), NOON + timedelta(days=31))


@pytest.mark.parametrize(("days", "kept"), [(100, True), (290, False), (301, False)])
def test_a_start_of_a_feature_without_a_change_may_have_grown_too_old(
    reader: Reader, days: int, kept: bool
) -> None:
    began, later = NOON - timedelta(days=days), NOON + timedelta(days=20)
    reader.parses(two(NOON, began, NOON), NOON)
    assert reader.parses(two(later, began, later), later)
    assert reader.parses(two(later, began, later), later) is not kept


def test_a_start_whose_year_is_a_guess_is_looked_for_again(reader: Reader) -> None:
    data = status(NOON, NOON).replace(f"start {NOON:%a}".encode(), b"start Xyz")
    assert reader.parses(data, NOON)
    assert reader.parses(data, NOON)


def test_an_old_start_that_adds_to_a_feature_known_from_before_is_noticed(reader: Reader) -> None:
    old = status(NOON, NOON - timedelta(days=301))
    row = next(line for line in old.split(b"\n") if b", start " in line)
    reader.parses(status(NOON, NOON), NOON)
    data = status(NOON, NOON) + b"Users of nobody can tell what\n" + row + b"\n"
    assert reader.parses(data, NOON)
    assert reader.parses(data, NOON)


def two(when: datetime, first: datetime, second: datetime) -> bytes:
    """Return a status of two features, with a row each."""
    other = status(when, second, mark="g")
    return status(when, first) + other[other.index(b"Users of") :]


def test_a_text_without_a_date_of_its_own_or_with_two_is_parsed(reader: Reader) -> None:
    twice = status(NOON) + status(NOON)
    none = b"\n".join(line for line in status(NOON).split(b"\n") if b"status on" not in line)
    for data in (twice, none, b"", b"\xff\xfe" + status(NOON).decode().encode("utf-16-le")):
        assert reader.parses(data, NOON)
        assert reader.parses(data, NOON)


def test_the_servers_asked_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(monkeypatch, limit=2 * len(status(NOON)))
    for key in "abc":
        reader.parses(status(NOON), NOON, key)
    assert not reader.parses(status(NOON), NOON, "c")
    assert reader.parses(status(NOON), NOON, "a")


@pytest.mark.parametrize("seed", range(20))
def test_years_of_answers_come_out_as_if_each_was_parsed(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Over new years, leap days and shifts of clocks; some starts are printed for years."""
    chance, reader = random.Random(seed), Reader(monkeypatch)
    when, held = NOON, [NOON]
    spared = 0
    for _ in range(80):
        when += timedelta(minutes=chance.choice((5, 5, 5, 5, 60, 60, 1440, 40_000, 500_000)))
        if chance.random() < 0.4:
            held = [h for h in held if chance.random() < (0.9 if seed % 2 else 0.1)]
            held += [when - timedelta(minutes=chance.randrange(-2000, 3000))]
        spared += not reader.parses(status(when, *held), when)
    assert spared > 5 or seed % 2
