"""A simulated year as a log: what the product counts is what happened."""

from __future__ import annotations

import io
import json
import random
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from licenses.models import Checkout, Coverage, Denial, EvidenceBlock, PoolHour
from licenses.simulator import truth

from .conftest import Year
from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def run(*args: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command(*args, stdout=out, stderr=io.StringIO())
    text = out.getvalue()
    # One object a line, or one object over several lines.
    return (
        [json.loads(text)]
        if text.startswith("{\n")
        else [json.loads(line) for line in text.splitlines()]
    )


def rows(model: Any, *fields: str) -> list[tuple[Any, ...]]:
    return sorted(model.objects.values_list(*fields), key=repr)


def tables() -> dict[str, Any]:
    """Return what is stored, without the numbers that rows were given."""
    who = ("feature__name", "person__pseudonym", "host__pseudonym", "seats")
    return {
        "events": sorted((tuple(event[1:]) for event in events_told()), key=repr),
        "checkouts": rows(
            Checkout,
            *who,
            "taken_at",
            "taken_within",
            "returned_after",
            "returned_at",
            "method",
            "end_reason",
        ),
        "denials": rows(Denial, *who, "at", "code", "ordinal"),
    }


def import_year(year: Year, *files: Path) -> None:
    run("import_usage", "berlin", *map(str, files), "--zone", "Europe/Berlin", "--create-pools")


def test_a_year_counts_to_what_happened(year: Year) -> None:
    (licence,) = run("import_usage", "berlin", str(year.license_file), "--zone", "Europe/Berlin")
    assert licence["format"] == "license-file" and licence["new"] > 0
    import_year(year, year.log)
    own = [s for s in year.history.sessions if s.server == year.server]
    supplies = year.history.world.servers[year.server]
    compared = full = 0
    for feature in sorted({session.feature for session in own}):
        sessions = [session for session in own if session.feature == feature]
        if any(session.component for session in sessions):
            continue  # a package is a pool of its own here; its components are others
        refused = [
            d for d in year.history.denials if d.server == year.server and d.feature == feature
        ]
        first, last = date(2025, 4, 1), date(2026, 4, 1)
        issued = issued_by_the_file(year, feature)
        edges = truth.boundaries("Europe/Berlin", first, last, "month")
        expected = truth.periods(
            [_unweighted(session) for session in sessions], refused, edges, [(0, issued)]
        )
        (found,) = run(
            "usage",
            feature,
            "--from",
            "2025-04-01",
            "--to",
            "2026-04-01",
            "--by",
            "month",
            "--zone",
            "Europe/Berlin",
            "--format",
            "json",
        )
        assert len(found["periods"]) == 12
        assert found["limit"] == issued
        for want, got in zip(expected, found["periods"], strict=True):
            assert got["peak"] == got["peak_low"] == got["peak_high"] == want.peak
            assert got["seat_seconds"] == want.seat_seconds
            assert got["checkouts"] == want.checkouts
            assert got["denials"] == want.denials
            assert got["people"] == want.people
            assert got["full_seconds"] == want.full_seconds
            assert got["over_seconds"] == want.over_seconds == 0
            compared += want.checkouts
            full += want.full_seconds or 0
    assert supplies.zone == "Europe/Berlin"
    assert compared > 10_000
    assert full > 100_000


def issued_by_the_file(year: Year, feature: str) -> int:
    """Add up the seats of a feature's lines, read here without the product's parser."""
    lines = re.findall(
        rf"^(?:INCREMENT|FEATURE) {feature} \S+ \S+ (permanent|\S+-\d{{4}}) (\d+)",
        year.license_file.read_text(),
        re.M,
    )
    assert lines and all(until == "permanent" or int(until[-4:]) > 2026 for until, _count in lines)
    return sum(int(count) for _until, count in lines)


def _unweighted(session: Any) -> Any:
    return replace(session, weight=1)


@pytest.mark.once  # there, the year of test_true_year.py comes in pieces, two of them twice
def test_a_second_import_changes_nothing(year: Year) -> None:
    import_year(year, year.log)
    before = tables()
    blocks, hours = EvidenceBlock.objects.count(), PoolHour.objects.count()
    (again,) = run("import_usage", "berlin", str(year.log))
    assert again["new"] == 0
    assert again["known"] == again["out"] + again["in"] + again["denied"]
    assert tables() == before
    assert not Checkout.objects.filter(
        returned_at__gt=F("taken_at") + F("feature__max_duration")
    ).exists()
    assert (EvidenceBlock.objects.count(), PoolHour.objects.count()) == (blocks, hours)


@pytest.mark.once
def test_pieces_in_any_order_and_sent_twice_give_the_same_rows(year: Year, tmp_path: Path) -> None:
    import_year(year, year.log)
    whole = tables()
    covered = rows(Coverage, "daemon", "source", "starts", "ends")
    lines = year.log.read_bytes().splitlines(keepends=True)
    stamps = [i for i, line in enumerate(lines) if b"TIMESTAMP" in line]
    chance = random.Random(3)
    cuts = [0, *sorted(chance.sample(stamps, 6)), len(lines)]
    pieces = []
    for number, (a, b) in enumerate(pairwise(cuts)):
        path = tmp_path / f"piece-{number}.log"
        path.write_bytes(b"".join(lines[a:b]).replace(b"\n", b"\r\n" if number % 2 else b"\n"))
        pieces.append(path)
    chance.shuffle(pieces)
    run(
        "import_usage",
        "again",
        *map(str, [*pieces, pieces[0], pieces[3]]),
        "--zone",
        "Europe/Berlin",
    )
    both = tables()
    for name, found in both.items():
        assert len(found) == 2 * len(whole[name])
        assert sorted(set(found), key=repr) == sorted(set(whole[name]), key=repr)
    assert covered
