"""Whatever the order, number, cut and packing of the same texts: the same rows."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import rollup
from licenses.importing import pairing
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.importing.repeats import Repeats
from licenses.importing.status_rows import StatusRows
from licenses.models import (
    Checkout,
    Coverage,
    Denial,
    Disagreement,
    Feature,
    FeatureNow,
    Gap,
    IssuedCount,
    LicensePool,
    LicenseServer,
    PoolFeature,
    PoolHour,
    Sighting,
)
from tests.factories import ProductFactory
from tests.thorough import trials

from .scenario import DAY, SELDOM, Scenario, build, clock
from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WHO = ("feature__name", "person__pseudonym", "host__pseudonym", "seats")
TABLES: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "denials": (Denial, "feature__server", (*WHO, "at", "code", "ordinal")),
    "rows": (
        Sighting,
        "feature__server",
        (
            *(*WHO, "row_key", "first_seen", "state", "disputed_from", "disputed_to"),
            *("last_seen", "gone_at"),
        ),
    ),
    "holdings": (
        Checkout,
        "feature__server",
        (
            *(*WHO, "taken_at", "taken_within", "returned_after", "returned_at", "method", "state"),
            *("end_reason", "sighting__row_key"),
        ),
    ),
    "differences": (
        Disagreement,
        "feature__server",
        (*WHO, "kind", "starts", "ends", "seats_logged", "seats_shown"),
    ),
    "coverage": (Coverage, "server", ("daemon", "source", "starts", "ends")),
    "gaps": (Gap, "server", ("daemon", "cause", "starts", "ends")),
    "issued": (IssuedCount, "feature__server", ("feature__name", "count", "starts", "ends")),
    "now": (
        FeatureNow,
        "feature__server",
        ("feature__name", "at", "issued", "in_use_printed", "held"),
    ),
    "hours": (
        PoolHour,
        "pool__mappings__feature__server",
        (
            *("pool__mappings__feature__name", "hour", "hours", "peak", "peak_high", "peak_at"),
            *("seat_seconds", "full_seconds", "over_seconds", "observed_seconds", "checkouts"),
            *("denials", "limit"),
        ),
    ),
}
"""What is compared of each table: the model, its way to the server, and the columns, without the
numbers that rows were given."""


class _Undo(Exception):
    pass


def tables(servers: Sequence[LicenseServer]) -> list[dict[str, Any]]:
    """Return all that is stored of the usage of each server."""
    found: dict[int, dict[str, Any]] = {server.pk: {} for server in servers}
    for name, (model, way, fields) in TABLES.items():
        for told in found.values():
            told[name] = []
        for server, *row in model.objects.order_by().values_list(way, *fields):
            if name == "rows" and row[-1] is None:
                # Of a row still shown the newest answer is the last sighting, whatever is written.
                row[-2] = None
            found[server][name].append(tuple(row))
        for told in found.values():
            told[name].sort(key=repr)
    names = {server.name: server.pk for server in servers}
    for told in found.values():
        told["events"] = []
    for event in events_told():
        found[names[event.server]]["events"].append(event[1:])
    return list(found.values())


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


def outcomes(
    folder: Path, sent: Sequence[Sequence[bytes]], *, rebuilt: bool = False
) -> list[dict[str, Any]]:
    """Import texts into as many servers of an empty installation as there are rows of them, each
    row in its order, all servers by turns; return what is stored of each server.

    Servers share people and machines and nothing else, so one knows nothing of what another sent.

    rebuilt: return it as it is after a rebuild too, for each server once more.
    """
    found: list[dict[str, Any]] = []
    try:
        # The next morning, so that what is still out does not have the hours of months counted.
        with time_machine.travel(DAY + 30 * 3600, tick=False), transaction.atomic():
            servers = [
                LicenseServer.objects.create(name=f"srv{number}", zone="UTC", poll_seconds=300)
                for number in range(len(sent))
            ]
            path = folder / "text.txt"
            for texts in zip_longest(*sent):
                for server, text in zip(servers, texts, strict=True):
                    if text is not None:
                        path.write_bytes(text)
                        import_file(server, path, path.name, Wanted(date=date(2026, 3, 2)))
            _make_pools(servers)
            rollup.drain()
            found = tables(servers)
            if rebuilt:
                rebuild()
                found += tables(servers)
            raise _Undo
    except _Undo:
        return found


def _make_pools(servers: Sequence[LicenseServer]) -> None:
    """Have each feature of the servers feed a pool of its own."""
    features = list(Feature.objects.filter(server__in=servers).order_by("pk"))
    product = ProductFactory()
    pools = LicensePool.objects.bulk_create(
        LicensePool(product=product, name=f"pool {feature.pk}", zone="UTC") for feature in features
    )
    PoolFeature.objects.bulk_create(
        PoolFeature(pool=pool, feature=feature)
        for pool, feature in zip(pools, features, strict=True)
    )
    rollup.mark_dirty([pool.pk for pool in pools])


def packed(text: bytes, chance: random.Random) -> bytes:
    """Return a text as it may arrive: with CRLF, with a BOM, in gzip."""
    if chance.random() < 0.3:
        text = text.replace(b"\n", b"\r\n")
    if chance.random() < 0.2:
        text = b"\xef\xbb\xbf" + text
    return gzip.compress(text) if chance.random() < 0.3 else text


ORDERS = 9
"""Ways tried for one set of texts, so that what they are compared with is made once."""
PARTS = 4
"""Tests that one aim's trials are parted into, so that several processes share them."""


def changed_by_order(folder: Path, seed: int, orders: int = ORDERS) -> set[str]:
    """Send the texts of a history in order, and shuffled, packed and some of them twice; return
    the tables that differ."""
    chance = random.Random(seed)
    texts = pieces(build(seed, SELDOM), _cuts(chance))
    ways = []
    for _ in range(orders):
        sent = texts + chance.sample(texts, min(2, len(texts)))
        chance.shuffle(sent)
        ways.append([packed(text, chance) for text in sent])
    expected, *found = outcomes(folder, [texts, *ways])
    return {table for told in found for table, wanted in expected.items() if told[table] != wanted}


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_order_repetition_and_packing_change_nothing(data_dir: Path, part: int) -> None:
    for seed in range(-(-trials("E10") // 2 // ORDERS))[part::PARTS]:
        assert changed_by_order(data_dir, seed) == set(), seed


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_rebuild_gives_the_same_rows(data_dir: Path, part: int) -> None:
    seeds = range(10**6, 10**6 + -(-trials("E10") // 4))[part::PARTS]
    for first in range(0, len(seeds), ORDERS):
        some = seeds[first : first + ORDERS]
        assert changed_by_rebuild(data_dir, some) == [], some


def changed_by_rebuild(folder: Path, seeds: Sequence[int]) -> list[tuple[int, str]]:
    """Send each seed's texts in some order to a server of its own; return seed and name of the
    tables that a rebuild changes."""
    sent = []
    for seed in seeds:
        chance = random.Random(seed)
        texts = pieces(build(seed, SELDOM), _cuts(chance))
        chance.shuffle(texts)
        sent.append(texts)
    found = outcomes(folder, sent, rebuilt=True)
    kept, rebuilt = found[: len(seeds)], found[len(seeds) :]
    return [
        (seed, table)
        for seed, before, after in zip(seeds, kept, rebuilt, strict=True)
        for table in before
        if before[table] != after[table]
    ]


@pytest.mark.parametrize("seed", [863, 1819])
def test_an_answer_between_a_hole_and_a_restart_moves_what_is_known(
    data_dir: Path, seed: int
) -> None:
    """The log comes first: it says that the hole may have ended what the answer still shows."""
    scenario = build(seed)
    restart = next(line.at for line in scenario.lines if "Server started" in line.text)
    scenario.statuses = [row for row in scenario.statuses if row[0] < restart]
    kept, rebuilt = outcomes(data_dir, [pieces(scenario, [])], rebuilt=True)
    assert kept["holdings"] == rebuilt["holdings"]


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_cut_changes_only_what_the_log_vouches_for(data_dir: Path, part: int) -> None:
    for seed in range(2 * 10**6, 2 * 10**6 + -(-trials("E10") // 4 // ORDERS))[part::PARTS]:
        chance = random.Random(seed)
        scenario = build(seed, SELDOM)
        ways = []
        for _ in range(ORDERS):
            cut = pieces(scenario, _cuts(chance))
            chance.shuffle(cut)
            ways.append(cut)
        expected, *others = outcomes(data_dir, [pieces(scenario, []), *ways])
        for found in others:
            for table in ("events", "denials", "rows", "issued", "now"):
                assert found[table] == expected[table], (seed, table)
            parted = _parted(found) | _parted(expected)
            assert _known_spans(found, parted) == _known_spans(expected, parted), seed


def only_the_newest_answer_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StatusRows, "_show", lambda *_args, **_more: False)


def pairs_in_order_of_arrival(patch: pytest.MonkeyPatch) -> None:
    """An IN ends what had been read before it, as a reader does that goes through a text once."""
    patch.setattr(pairing, "sorted", lambda items, **_key: list(items), raising=False)


def a_text_that_comes_again_counts_again(patch: pytest.MonkeyPatch) -> None:
    """Lines are numbered on from text to text, so none is known by what it says."""
    shared = Repeats()
    patch.setattr(Repeats, "load", lambda _rows: shared)


NOTICING = (5, 8, 0, 1)
"""Histories in which at least one of these is noticed; a few ways of one do not show each."""
BROKEN = {
    only_the_newest_answer_counts: {"rows"},
    pairs_in_order_of_arrival: {"holdings"},
    a_text_that_comes_again_counts_again: {"events", "denials"},
}


@pytest.mark.once
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_an_order_that_matters_would_be_noticed(
    broken: Callable[[pytest.MonkeyPatch], None], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    changed = (changed_by_order(data_dir, seed, orders=3) for seed in NOTICING)
    assert any(BROKEN[broken] & tables for tables in changed)


def _cuts(chance: random.Random) -> list[int]:
    return [chance.randrange(1000) for _ in range(chance.randrange(5))]


WITHOUT_AN_IN = {"not_seen": "restart", "restart": "restart", "lost": "", "": ""}
"""Where no log vouches up to a restart, an answer in between may end what it does not show; and who
is still out is known to be so until then, whether or not a log goes on later."""


def _seat(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:4], row[11])


def _parted(found: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Return the seats on which answers contradict each other where no log vouches."""
    return {_seat(row) for row in found["holdings"] if row[8] == Checkout.Method.CONTINUED}


def _known_spans(found: dict[str, Any], parted: set[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the holdings without what depends on the time that a log vouches for: until when one
    without an IN is known to have lasted, and what ended it; whether answers that contradict each
    other part it in two, as they do where the log had ended by then; and what is possible since the
    log is heard of."""
    spans = [
        (*row[:6], *row[8:10], *([] if _seat(row) in parted else [WITHOUT_AN_IN[row[10]]]), row[11])
        if row[10] in WITHOUT_AN_IN
        else (*row[:6], *row[7:])
        for row in found["holdings"]
        if row[8] not in (Checkout.Method.CONTINUED, Checkout.Method.RETURNED)
    ]
    return sorted(spans, key=repr)


def test_the_scenarios_hold_what_they_should() -> None:
    """Lost lines, restarts, failures and contradictions are all among them."""
    many = [build(seed, SELDOM) for seed in range(200)]
    texts = [text for scenario in many for _at, text in scenario.statuses]
    logs = ["\n".join(line.text for line in scenario.lines) for scenario in many]
    assert any("(-15,10" in text for text in texts)
    assert any("(-97,121)" in text for text in texts)
    assert any("Server started" in log for log in logs)
    assert any(log.count("OUT:") != log.count("IN:") for log in logs)
    assert any(scenario.resumes for scenario in many)
    assert datetime.fromtimestamp(DAY, UTC).date() == date(2026, 3, 2)
