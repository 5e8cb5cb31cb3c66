"""Whatever the order, number, cut and packing of the same texts: the same rows."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import rollup
from licenses.importing import derive, facts, mapping, pairing
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.importing.status_rows import StatusRows
from licenses.models import (
    Checkout,
    Coverage,
    Denial,
    Disagreement,
    Event,
    FeatureNow,
    Gap,
    IssuedCount,
    LicenseServer,
    PoolHour,
    Sighting,
)
from tests.thorough import trials

from .scenario import DAY, Scenario, build, clock

pytestmark = pytest.mark.django_db

WHO = ("feature__name", "person__pseudonym", "host__pseudonym", "seats")


class _Undo(Exception):
    pass


def rows(model: Any, *fields: str) -> list[tuple[Any, ...]]:
    return sorted(model.objects.values_list(*fields), key=repr)


def tables() -> dict[str, Any]:
    """Return all that is stored of usage, without the numbers that rows were given."""
    return {
        "events": rows(Event, *WHO, "at", "kind", "ordinal", "reason"),
        "denials": rows(Denial, *WHO, "at", "code", "ordinal"),
        # Of a row still shown the newest answer is the last sighting, whatever is written.
        "rows": [
            (*row[:-2], row[-1] and row[-2], row[-1])
            for row in rows(
                Sighting, *WHO, "row_key", "first_seen", "state", "last_seen", "gone_at"
            )
        ],
        "holdings": rows(
            Checkout,
            *WHO,
            *("taken_at", "taken_by", "returned_after", "returned_at", "method", "state"),
            *("end_reason", "sighting__row_key"),
        ),
        "differences": rows(
            Disagreement, *WHO, "kind", "starts", "ends", "seats_logged", "seats_shown"
        ),
        "coverage": rows(Coverage, "daemon", "source", "starts", "ends"),
        "gaps": rows(Gap, "daemon", "cause", "starts", "ends"),
        "issued": rows(IssuedCount, "feature__name", "count", "starts", "ends"),
        "now": rows(FeatureNow, "feature__name", "at", "issued", "in_use_printed", "held"),
        "hours": rows(
            PoolHour,
            *("pool__name", "hour", "hours", "peak", "peak_high", "peak_at", "seat_seconds"),
            *("full_seconds", "over_seconds", "observed_seconds", "checkouts", "denials", "limit"),
        ),
    }


def pieces(scenario: Scenario, cuts: Sequence[int]) -> list[bytes]:
    """Return the log in pieces of whole lines, each with its date, and the statuses."""
    bounds = {0, len(scenario.lines), *(cut % len(scenario.lines) for cut in cuts)}
    bounds |= set() if scenario.resumes is None else {scenario.resumes}
    texts = []
    for first, last in pairwise(sorted(bounds)):
        part = scenario.lines[first:last]
        head = [] if first == 0 else [f"{clock(part[0].at)} (vend) TIMESTAMP 3/2/2026"]
        texts.append("".join(f"{text}\n" for text in [*head, *(line.text for line in part)]))
    texts += [text for _at, text in scenario.statuses]
    return [text.encode() for text in texts]


def outcome(folder: Path, texts: Sequence[bytes], *, rebuilt: bool = False) -> Any:
    """Import the texts in this order into an empty installation, and return what is stored.

    rebuilt: return it as it was and as it is after a rebuild.
    """
    found: Any = {}
    try:
        # The next morning, so that what is still out does not have the hours of months counted.
        with time_machine.travel(DAY + 30 * 3600, tick=False), transaction.atomic():
            server = LicenseServer.objects.create(name="srv", zone="UTC", poll_seconds=300)
            for index, text in enumerate(texts):
                path = folder / f"{index}.txt"
                path.write_bytes(text)
                import_file(server, path, path.name, Wanted(date=date(2026, 3, 2)))
            mapping.create_pools(server)
            rollup.drain()
            found = tables()
            if rebuilt:
                rebuild()
                found = found, tables()
            raise _Undo
    except _Undo:
        return found


def packed(text: bytes, chance: random.Random) -> bytes:
    """Return a text as it may arrive: with CRLF, with a BOM, in gzip."""
    if chance.random() < 0.3:
        text = text.replace(b"\n", b"\r\n")
    if chance.random() < 0.2:
        text = b"\xef\xbb\xbf" + text
    return gzip.compress(text) if chance.random() < 0.3 else text


ORDERS = 4
"""Ways tried for one set of texts, so that what they are compared with is made once."""


def changed_by_order(folder: Path, seed: int, orders: int = ORDERS) -> set[str]:
    """Send the texts of a history in order, and shuffled, packed and some of them twice; return
    the tables that differ."""
    chance = random.Random(seed)
    texts = pieces(build(seed), _cuts(chance))
    expected = outcome(folder, texts)
    changed = set()
    for _ in range(orders):
        sent = texts + chance.sample(texts, min(2, len(texts)))
        chance.shuffle(sent)
        found = outcome(folder, [packed(text, chance) for text in sent])
        changed |= {table for table, wanted in expected.items() if found[table] != wanted}
    return changed


@pytest.mark.timeout(7200)
def test_order_repetition_and_packing_change_nothing(data_dir: Path) -> None:
    for seed in range(-(-trials("E10") // 2 // ORDERS)):
        assert changed_by_order(data_dir, seed) == set(), seed


@pytest.mark.timeout(7200)
def test_a_rebuild_gives_the_same_rows(data_dir: Path) -> None:
    for seed in range(10**6, 10**6 + trials("E10") // 4):
        chance = random.Random(seed)
        texts = pieces(build(seed), _cuts(chance))
        chance.shuffle(texts)
        kept, rebuilt = outcome(data_dir, texts, rebuilt=True)
        for table, wanted in rebuilt.items():
            assert kept[table] == wanted, (seed, table)


@pytest.mark.parametrize("seed", [863, 1819])
def test_an_answer_between_a_hole_and_a_restart_moves_what_is_known(
    data_dir: Path, seed: int
) -> None:
    """The log comes first: it says that the hole may have ended what the answer still shows."""
    scenario = build(seed)
    restart = next(line.at for line in scenario.lines if "Server started" in line.text)
    scenario.statuses = [row for row in scenario.statuses if row[0] < restart]
    kept, rebuilt = outcome(data_dir, pieces(scenario, []), rebuilt=True)
    assert kept["holdings"] == rebuilt["holdings"]


@pytest.mark.timeout(7200)
def test_a_cut_changes_only_what_the_log_vouches_for(data_dir: Path) -> None:
    for seed in range(2 * 10**6, 2 * 10**6 + -(-trials("E10") // 4 // ORDERS)):
        chance = random.Random(seed)
        scenario = build(seed)
        expected = outcome(data_dir, pieces(scenario, []))
        for _ in range(ORDERS):
            cut = pieces(scenario, _cuts(chance))
            chance.shuffle(cut)
            found = outcome(data_dir, cut)
            for table in ("events", "denials", "rows", "issued", "now"):
                assert found[table] == expected[table], (seed, table)
            assert _known_spans(found) == _known_spans(expected), seed


def only_the_newest_answer_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StatusRows, "_show", lambda *_args, **_more: False)


def pairs_in_order_of_arrival(patch: pytest.MonkeyPatch) -> None:
    """An IN ends what had been read before it, as a reader does that goes through a text once."""
    read = derive._rows

    def rows(sql: str) -> Iterator[tuple[Any, ...]]:
        return read(f"{sql} ORDER BY r.id" if "licenses_event" in sql else sql)

    patch.setattr(derive, "_rows", rows)
    patch.setattr(pairing, "sorted", lambda items, **_key: list(items), raising=False)


def a_text_that_comes_again_counts_again(patch: pytest.MonkeyPatch) -> None:
    """Lines are numbered on from text to text, so none is known by what it says."""
    shared = facts.Repeats()
    patch.setattr(facts.Repeats, "load", lambda _rows: shared)


BROKEN = {
    only_the_newest_answer_counts: {"rows"},
    pairs_in_order_of_arrival: {"holdings"},
    a_text_that_comes_again_counts_again: {"events", "denials"},
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_an_order_that_matters_would_be_noticed(
    broken: Callable[[pytest.MonkeyPatch], None], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    changed = [changed_by_order(data_dir, seed, orders=2) for seed in range(4)]
    assert any(BROKEN[broken] & tables for tables in changed), changed


def _cuts(chance: random.Random) -> list[int]:
    return [chance.randrange(1000) for _ in range(chance.randrange(5))]


def _known_spans(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the holdings without what depends on the time that a log vouches for: until when one
    without an IN is known to have lasted."""
    return [
        (*row[:6], *((row[7:]) if row[10] not in ("not_seen", "restart") else row[8:]))
        for row in found["holdings"]
    ]


def test_the_scenarios_hold_what_they_should() -> None:
    """Lost lines, restarts, failures and contradictions are all among them."""
    many = [build(seed) for seed in range(200)]
    texts = [text for scenario in many for _at, text in scenario.statuses]
    logs = ["\n".join(line.text for line in scenario.lines) for scenario in many]
    assert any("(-15,10" in text for text in texts)
    assert any("(-97,121)" in text for text in texts)
    assert any("Server started" in log for log in logs)
    assert any(log.count("OUT:") != log.count("IN:") for log in logs)
    assert any(scenario.resumes for scenario in many)
    assert datetime.fromtimestamp(DAY, UTC).date() == date(2026, 3, 2)
