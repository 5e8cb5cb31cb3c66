"""Status texts every five minutes: bounds that hold, gaps for outages, no holding ended by a
failure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import permutations

import pytest

from licenses.analysis.coverage import gaps, observed
from licenses.analysis.holdings import holdings
from licenses.importing import mapping
from licenses.importing.snapshots import store_failure, store_snapshot
from licenses.models import (
    Checkout,
    Coverage,
    Feature,
    Gap,
    LicensePool,
    LicenseServer,
    Sighting,
)
from licenses.simulator import lmstat
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.records import Result
from tests.thorough import usually

from .conftest import NOW, Year

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

STEP = 300
DAY = NOW - 9 * 86400 + 6 * 3600


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="Europe/Berlin")


def answer(server: LicenseServer, year: Year, at: int) -> None:
    text = lmstat.status_text(year.history, year.server, at).encode()
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
    assert snapshot.result == Result.PARSED, snapshot.detail
    store_snapshot(server, snapshot, text, at=at, source="poll")


def seconds(moment: datetime | None) -> int:
    assert moment is not None
    return int(moment.timestamp())


def vouched_for() -> set[tuple[int, int]]:
    """Return the spans that are vouched for, whatever the daemon."""
    return {(seconds(row.starts), seconds(row.ends)) for row in Coverage.objects.all()}


@pytest.mark.once  # there, E10 and E14 have polls and logs of many servers
def test_what_polls_show_is_held_within_the_bounds(server: LicenseServer, year: Year) -> None:
    polls = range(DAY, DAY + 6 * 3600, STEP)
    for at in polls:
        answer(server, year, at)
    rows = list(Checkout.objects.exclude(returned_at=None))
    assert len(rows) > 20
    own = [s for s in year.history.sessions if s.server == year.server]
    for row in rows:
        assert row.method == Checkout.Method.SAMPLED
        matching = [
            s
            for s in own
            if s.start - s.start % 60 == seconds(row.taken_at)
            and s.seats == row.seats
            and seconds(row.returned_after) - 1 <= s.end <= seconds(row.returned_at)
        ]
        assert matching, row
    assert vouched_for() == {(polls[0], polls[-1])}
    assert not Gap.objects.exists()


def test_failed_polls_end_nothing_and_leave_a_gap(server: LicenseServer, year: Year) -> None:
    answer(server, year, DAY)
    held = set(Sighting.objects.filter(gone_at=None).values_list("pk", flat=True))
    assert held
    store_failure(server, Result.TIMEOUT, "no answer", at=DAY + STEP, source="poll")
    down = (
        parse_lmstat(lmstat.SERVER_DOWN.encode(), zone=server.tzinfo, now=DAY)
        if hasattr(lmstat.SERVER_DOWN, "encode")
        else None
    )
    if down:
        assert down[0].result == Result.SERVER_DOWN
    assert set(Sighting.objects.filter(gone_at=None).values_list("pk", flat=True)) == held
    gap = Gap.objects.get()
    assert (gap.cause, gap.ends, seconds(gap.starts)) == ("timeout", None, DAY)
    answer(server, year, DAY + 2 * STEP)
    gap.refresh_from_db()
    assert seconds(gap.ends) == DAY + 2 * STEP
    assert not Coverage.objects.exists(), "no span has two complete answers in a row"
    assert not Checkout.objects.filter(
        returned_at__lte=datetime.fromtimestamp(DAY + STEP, UTC)
    ).exists()


def test_an_answer_that_does_not_add_up_ends_nothing(server: LicenseServer, year: Year) -> None:
    answer(server, year, DAY)
    held = Sighting.objects.filter(gone_at=None).count()
    text = lmstat.status_text(year.history, year.server, DAY + STEP)
    rows = [line for line in text.splitlines(keepends=True) if ", start " not in line]
    (partial,) = parse_lmstat("".join(rows).encode(), zone=server.tzinfo, now=DAY + STEP)
    assert partial.result == Result.PARTIAL
    store_snapshot(server, partial, "".join(rows).encode(), at=DAY + STEP, source="poll")
    assert Sighting.objects.filter(gone_at=None).count() == held
    assert Gap.objects.get().cause == "partial"


def test_an_unchanged_answer_extends_what_is_known(server: LicenseServer, year: Year) -> None:
    text = lmstat.status_text(year.history, year.server, DAY).encode()
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=DAY)
    store_snapshot(server, snapshot, text, at=DAY, source="poll")
    again = store_snapshot(server, snapshot, text + b"\n", at=DAY + STEP, source="poll")
    assert again.unchanged and again.new == 0
    assert vouched_for() == {(DAY, DAY + STEP)}


OTHER = """lmstat - Copyright (c) 1989-2025 Flexera. All Rights Reserved.
Flexible License Manager status on {day:%a} {day.month}/{day.day}/{day.year} {day:%H:%M}

License server status: 27000@berlin
    License file(s) on berlin: /opt/other/license.dat:

berlin: license server UP v11.19.5

Vendor daemon status (on berlin):

     otherd: UP v11.19.5
Feature usage info:

Users of OTHER:  (Total of 1 license issued;  Total of 0 licenses in use)

"""


def answer_of_another(server: LicenseServer, at: int) -> None:
    text = OTHER.format(day=datetime.fromtimestamp(at, server.tzinfo)).encode()
    (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
    assert snapshot.result == Result.PARSED, snapshot.detail
    store_snapshot(server, snapshot, text, at=at, source="poll")


@pytest.mark.parametrize("backwards", [False, True])
def test_an_answer_that_does_not_name_a_daemon_tells_nothing_of_it(
    server: LicenseServer, year: Year, backwards: bool
) -> None:
    ours, others = [DAY, DAY + STEP], [DAY + 2 * STEP, DAY + 3 * STEP, DAY + 4 * STEP]
    for at in sorted([*ours, *others], reverse=backwards):
        if at in ours:
            answer(server, year, at)
        else:
            answer_of_another(server, at)
    mapping.create_pools(server)
    feature = Checkout.objects.filter(returned_at=None).values_list("feature", flat=True)[0]
    pool = LicensePool.objects.get(mappings__feature=feature)
    until = DAY + 5 * STEP
    assert list(observed(pool, DAY, until)) == [(DAY, DAY + STEP)]
    held = holdings(pool, DAY, until)
    assert max(held.returned_at.tolist()) == DAY + STEP + 1, "nobody looked any later"
    (dark,) = gaps(pool, DAY, DAY + 4 * STEP, now=until)
    assert dark[:3] == (DAY + STEP, DAY + 4 * STEP, "vendor_daemon_down")


@pytest.mark.parametrize("order", usually(8, permutations(range(4))))
def test_the_order_of_answers_that_name_different_daemons_changes_no_gap(
    server: LicenseServer, year: Year, order: tuple[int, ...]
) -> None:
    for place in order:
        tell = partial(answer, year=year) if place < 2 else answer_of_another
        tell(server, at=DAY + place * STEP)
    found = Gap.objects.order_by("daemon").values_list("daemon", "starts", "ends")
    assert [(daemon, seconds(start), seconds(end)) for daemon, start, end in found] == [
        (daemon, DAY + STEP, DAY + 2 * STEP)
        for daemon in sorted(set(Feature.objects.values_list("daemon", flat=True)))
    ]


def test_of_two_failures_of_a_second_the_later_may_continue_what_the_earlier_had_ended(
    server: LicenseServer, year: Year
) -> None:
    answer(server, year, DAY)
    for step, result in ((1, Result.TIMEOUT), (2, Result.FAILED), (2, Result.TIMEOUT)):
        store_failure(server, result, "no answer", at=DAY + step * STEP, source="poll")
    (gap,) = Gap.objects.all()
    assert (gap.cause, seconds(gap.starts), gap.ends) == (Gap.Cause.TIMEOUT, DAY, None)


@pytest.mark.once
def test_a_log_that_comes_later_replaces_what_polls_saw(
    server: LicenseServer, year: Year, tmp_path
) -> None:
    from licenses.importing.files import Wanted, import_file
    from licenses.simulator.debug_log import write_debug_log

    for at in range(DAY, DAY + 3 * 3600, STEP):
        answer(server, year, at)
    mapping.create_pools(server)
    path = tmp_path / "late.log"
    with path.open("wb") as out:
        write_debug_log(year.history, year.server, out, DAY - 5 * 86400, DAY + 4 * 3600)
    import_file(server, path, "late.log", Wanted())
    own = [
        s
        for s in year.history.sessions
        if s.server == year.server and DAY <= s.start < DAY + 2 * 3600 and s.end < DAY + 4 * 3600
    ]
    found = Checkout.objects.filter(
        taken_at__gte=datetime.fromtimestamp(DAY, UTC),
        taken_at__lt=datetime.fromtimestamp(DAY + 7200, UTC),
    )
    exact = sorted((s.start, s.end, s.seats) for s in own)
    rows = sorted(
        (seconds(row.taken_at), seconds(row.returned_at), row.seats)
        for row in found
        if row.returned_at is not None
        and seconds(row.returned_at) < DAY + 4 * 3600
        and not row.feature.name.endswith("_C")
    )
    assert set(exact) <= set(rows), "each session is there to the second"
    assert not found.filter(method=Checkout.Method.SAMPLED).exists(), "nothing is held twice"
    assert LicensePool.objects.exists()


ROW = "    ada pc1 pc1 (v1.0) ({host}/27000 101), start Mon 3/2 7:00\n"
STATUS = """\
lmutil - Copyright (c) 1989-2023 Flexera. All Rights Reserved.
Flexible License Manager status on Mon 3/2/2026 {time}

License server status: 27000@lic1
    License file(s) on lic1: /opt/acme/licence.lic:
  lic1: license server UP (MASTER) v11.18

Vendor daemon status (on lic1):
     acmed: UP v11.18
Feature usage info:

Users of CAD:  (Total of 5 licenses issued;  Total of {used} licenses in use)
"""
BLOCK = (
    '\n  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)\n  floating license\n\n'
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_seats_that_go_on_at_another_server_of_a_triad_are_not_known_twice(
    server: LicenseServer, order: tuple[int, ...]
) -> None:
    """The row is another, though it says that it was held before: two answers did not show it."""
    shown = [("8:00", "lic1"), ("8:05", "lic1"), ("8:10", "lic2")]
    for number in order:
        time, host = shown[number]
        text = (STATUS.format(time=time, used=1) + BLOCK + ROW.format(host=host)).encode()
        at = int(datetime(2026, 3, 2, 7, 5 * number, tzinfo=UTC).timestamp())
        (snapshot,) = parse_lmstat(text, zone=server.tzinfo, now=at)
        assert snapshot.result == Result.PARSED, snapshot.detail
        store_snapshot(server, snapshot, text, at=at, source="poll")
    rows = [
        tuple(
            None if moment is None else f"{moment:%H:%M:%S}"
            for moment in (row.taken_at, row.taken_by, row.returned_after)
        )
        for row in Checkout.objects.order_by("taken_at", "taken_within")
    ]
    assert rows == [("06:00:00", "06:00:59", "07:05:01"), ("06:00:00", "07:10:00", None)]
