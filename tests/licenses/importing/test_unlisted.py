"""Answers tell nothing of a feature that they list no more: not that nobody holds it, nor who."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from licenses.analysis import rollup
from licenses.analysis.coverage import gaps, observed
from licenses.analysis.usage import usage
from licenses.analysis.verdict import Verdict, verdicts
from licenses.evidence.recount.feeding import Fed
from licenses.evidence.recount.told import Server
from licenses.importing.snapshots import store_snapshot
from licenses.models import FeatureNow, LicensePool, LicenseServer, PoolHour
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at
from tests.thorough import one_in, usually
from tests.told import told_of

from .test_doubts import read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

HEAD = """\
Flexible License Manager status on Sun 3/1/2026 {time}
License server status: 27000@lic
lic: license server UP (MASTER) v11.19.5
Vendor daemon status (on lic):
     vendord: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 9 licenses issued;  Total of 0 licenses in use)
"""
SIM = """\
Users of sim:  (Total of 9 licenses issued;  Total of 1 license in use)
  "sim" v1.0, vendor: vendord, expiry: permanent(no expiration date)
  floating license
    bob h1 h1 (v1.0) (lic/27000 1), start Sun 3/1 8:01
"""
DAY, END = at("2026-03-01T00:00"), at("2026-03-02T00:00")


@pytest.fixture
def server() -> LicenseServer:
    server: LicenseServer = ServerFactory(name="lic", poll_seconds=300)
    return server


@pytest.fixture
def pool(server: LicenseServer) -> LicensePool:
    """Of the feature that is not always listed."""
    pool: LicensePool = PoolFactory()
    ask(server, "08:00")
    FeatureFactory(server=server, name="sim", pool=pool)
    return pool


def ask(server: LicenseServer, time: str, listed: str = "", within: int = 0) -> None:
    text = (HEAD + listed).format(time=time[:5]) + "\n" * within  # no two are the same text
    moment = at(f"2026-03-01T{time}")
    (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=moment)
    assert snapshot.result == "parsed", snapshot.detail
    store_snapshot(server, snapshot, text.encode(), at=moment, source="poll", within=within)


def times(start: int, end: int) -> list[str]:
    return [f"08:{minute:02d}" for minute in range(start, end, 5)]


def seen(pool: LicensePool) -> list[tuple[int, int]]:
    """Return the observed minutes of the hour."""
    hour = at("2026-03-01T08:00")
    return [((a - hour) // 60, (b - hour) // 60) for a, b in observed(pool, DAY, END)]


def test_a_feature_is_watched_until_the_newest_answer_that_lists_it(
    server: LicenseServer, pool: LicensePool
) -> None:
    for time in times(5, 20):
        ask(server, time, SIM)
    for time in times(20, 60):
        ask(server, time)
    assert seen(pool) == [(5, 15)]
    told = [gap.detail for gap in gaps(pool, DAY, at("2026-03-01T08:55"), now=END)]
    assert told[-1] == "The server answered, and did not list this feature."


def test_what_was_out_when_a_feature_left_the_list_is_possible_from_then_on(
    server: LicenseServer, pool: LicensePool
) -> None:
    for time in times(5, 20):
        ask(server, time, SIM)
    for time in times(20, 60):
        ask(server, time)
    (period,) = usage(pool, start=at("2026-03-01T08:20"), end=at("2026-03-01T08:50")).periods
    assert (period.seat_seconds, period.peak) == (0, None)
    EntitlementFactory(pool=pool, quantity=0, valid_from="2026-01-01")
    (month,) = verdicts(pool, [(at("2026-03-01T08:16"), at("2026-03-01T08:55"))], now=END)
    assert (month.verdict, month.over_seconds) == (Verdict.NOT_DETERMINABLE, 0)


@pytest.mark.parametrize("order", ["forwards", "backwards", "the listing ones first"])
@pytest.mark.parametrize(
    ("minutes", "watched"),
    [
        pytest.param(30, [(5, 20), (50, 55)], id="longer-than-answers-may-be-apart"),
        pytest.param(15, [(5, 40)], id="no-longer-than-that"),
    ],
)
def test_a_feature_is_not_watched_while_answers_between_two_that_list_it_do_not(
    server: LicenseServer, pool: LicensePool, order: str, minutes: int, watched: list[Any]
) -> None:
    again = 20 + minutes
    told = [(time, SIM) for time in [*times(5, 21), *times(again, again + 6)]]
    told += [(time, "") for time in times(25, again)]
    if order != "the listing ones first":
        told.sort(reverse=order == "backwards")
    for time, listed in told:
        ask(server, time, listed)
        rollup.drain()
    assert seen(pool) == watched
    kept = hours()
    assert observed_in(kept) == 60 * sum(b - a for a, b in watched)
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept
    if minutes == 30:
        told_of = [gap.detail for gap in gaps(pool, DAY, at("2026-03-01T08:52"), now=END)]
        assert told_of[-1] == "The server answered, and did not list this feature."


def seconds(pool: LicensePool) -> list[tuple[int, int]]:
    """Return the observed seconds of the hour."""
    hour = at("2026-03-01T08:00")
    return [(a - hour, b - hour) for a, b in observed(pool, DAY, END)]


def recounted(server: LicenseServer) -> list[tuple[int, int]]:
    """Return the seconds of the hour that answers vouch for, by the evidence."""
    told, hour = Server(), at("2026-03-01T08:00")
    for entry in told_of(server):
        told.add(entry)
    watched = Fed(told, ("", "vendord", "sim", 1, "", "")).watched
    return [(a - hour, b - hour) for a, b in watched]


@pytest.mark.parametrize("order", [*one_in(4, usually(8, permutations(range(4)))), None])
@pytest.mark.parametrize(
    ("others", "again"),
    [
        pytest.param([], 50 * 60 + 59, id="alone"),
        pytest.param([("08:50", 0)], 50 * 60 + 59, id="another-of-its-second"),
        pytest.param([("08:50:20", 0)], 50 * 60 + 20, id="an-exact-one-in-its-minute"),
        pytest.param([("08:50:01", 58)], 50 * 60 + 59, id="another-of-its-minute"),
    ],
)
def test_a_list_that_names_it_again_in_a_minute_may_be_of_its_last_second(
    server: LicenseServer,
    pool: LicensePool,
    order: tuple[int, ...] | None,
    others: list[tuple[str, int]],
    again: int,
) -> None:
    asked = [(time, SIM, 0) for time in times(5, 21)]
    asked += [(time, "", 0) for time in times(25, 50)]
    parts = [
        asked,
        [("08:50", SIM, 59)],
        [(time, SIM, within) for time, within in others],
        [("08:55", SIM, 0), ("08:51", "", 0)],
    ]
    told = [each for place in order or range(4) for each in parts[place]]
    for time, listed, within in told if order else sorted(told):
        ask(server, time, listed, within)
        rollup.drain()
    assert seconds(pool) == [(300, 1200), (again, 3300)] == recounted(server)
    kept = hours()
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept


def test_an_answer_that_comes_late_and_lists_it_closes_the_gap(
    server: LicenseServer, pool: LicensePool
) -> None:
    for time in times(5, 60):
        ask(server, time, SIM if time < "08:20" or time > "08:40" else "")
        rollup.drain()
    assert seen(pool) == [(5, 15), (45, 55)]
    ask(server, "08:31", SIM)
    assert seen(pool) == [(5, 15), (31, 55)]
    ask(server, "08:22", SIM)
    assert seen(pool) == [(5, 55)]


@pytest.mark.parametrize("backwards", [False, True])
def test_an_answer_that_lists_it_again_has_the_hours_counted_again(
    server: LicenseServer, pool: LicensePool, backwards: bool
) -> None:
    told = [(time, SIM) for time in times(5, 20)] + [(time, "") for time in times(20, 30)]
    told.append(("08:30", SIM))
    for time, listed in reversed(told) if backwards else told:
        ask(server, time, listed)
        rollup.drain()
    assert FeatureNow.objects.get(feature__name="sim").at.minute == 30
    kept = hours()
    assert observed_in(kept) == 25 * 60
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept


LOG = """\
8:00:00 (vendord) TIMESTAMP 3/1/2026
8:02:00 (vendord) OUT: "sim" bob@h1
8:08:00 (vendord) IN: "sim" bob@h1
8:10:00 (vendord) TIMESTAMP 3/1/2026
"""


@pytest.mark.parametrize("log_first", [True, False])
def test_answers_do_not_vouch_for_what_only_a_log_tells_of(
    server: LicenseServer, pool: LicensePool, log_first: bool
) -> None:
    """Whoever asks for one feature alone learns nothing of another."""
    if log_first:
        read(server, LOG)
    for time in times(5, 40):
        ask(server, time)
        rollup.drain()
    if not log_first:
        assert seen(pool) == []
        read(server, LOG)
        rollup.drain()
    assert seen(pool) == [(0, 10)]
    kept = hours()
    assert observed_in(kept) == 600
    told = [gap.detail for gap in gaps(pool, DAY, at("2026-03-01T08:30"), now=END)]
    assert told[-1] == "The server answered, and did not list this feature."
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept
    ask(server, "08:40", SIM)
    rollup.drain()
    kept = hours()
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept
    assert observed_in(kept) == 600


def test_answers_before_the_first_that_lists_a_feature_tell_nothing_of_it(
    server: LicenseServer, pool: LicensePool
) -> None:
    for time in times(5, 20):
        ask(server, time)
        rollup.drain()
    assert seen(pool) == []
    (blind,) = usage(pool, start=DAY, end=END).periods
    assert (blind.peak, blind.peak_high, blind.observed_seconds) == (None, None, 0)
    for time in times(20, 40):
        ask(server, time, SIM)
        rollup.drain()
    assert seen(pool) == [(20, 35)]
    EntitlementFactory(pool=pool, quantity=1, valid_from="2026-03-01", valid_to="2026-03-01")
    told = gaps(pool, at("2026-03-01T08:00"), at("2026-03-01T08:35"), now=END)
    assert [gap.detail for gap in told] == ["The server answered, and did not list this feature."]
    ask(server, "08:12", SIM)
    rollup.drain()
    assert seen(pool) == [(12, 35)]
    kept = hours()
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept


IDLE = "Users of sim:  (Total of 9 licenses issued;  Total of 0 licenses in use)\n"


@pytest.mark.parametrize(
    ("told", "listed", "watched"),
    [
        pytest.param("", IDLE, [(0, 55)], id="that-nobody-knows-to-have-been-served"),
        pytest.param("", SIM, [(0, 1), (30, 55)], id="of-which-a-seat-was-taken-before"),
        pytest.param(LOG, IDLE, [(0, 10), (30, 55)], id="of-which-a-log-tells"),
    ],
)
@pytest.mark.parametrize("log_first", [True, False])
def test_a_pool_is_watched_before_answers_list_another_of_its_features(
    server: LicenseServer, told: str, listed: str, watched: list[Any], log_first: bool
) -> None:
    pool: LicensePool = PoolFactory()
    for name in ("cad", "sim"):
        FeatureFactory(server=server, name=name, daemon="vendord", pool=pool)
    if told and log_first:
        read(server, told)
    for time in times(0, 60):
        ask(server, time, listed if time >= "08:30" else "")
        rollup.drain()
    if told and not log_first:
        assert seen(pool) == [(0, 55)]
        read(server, told)
        rollup.drain()
    assert seen(pool) == watched
    kept = hours()
    rollup.mark_dirty([pool.pk], DAY, END)
    rollup.drain()
    assert hours() == kept


def observed_in(rows: list[dict[str, Any]]) -> int:
    return sum(row["observed_seconds"] * row["hours"] for row in rows)


def hours() -> list[dict[str, Any]]:
    return list(PoolHour.objects.order_by("hour").values())
