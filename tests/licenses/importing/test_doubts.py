"""From a line on that may hide seats, a log proves nothing until it is known again what is out."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from licenses.analysis.verdict import MonthVerdict, Verdict, verdicts
from licenses.importing.logs import LogImport
from licenses.importing.pieces import blocks
from licenses.importing.snapshots import store_snapshot
from licenses.models import Boundary, Disagreement, LicensePool, LicenseServer, PoolFeature
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at
from tests.told import told_of

pytestmark = pytest.mark.django_db

START, END = at("2026-03-01T00:00:02"), at("2026-03-01T23:59:59")
BEGIN = """\
0:00:01 (vendord) TIMESTAMP 3/1/2026
0:00:01 (vendord) FlexNet Licensing version v11.16.2.0 started on lic (IBM PC) (3/1/2026)
0:00:02 (vendord) Server started on lic for: cad
6:00:01 (vendord) TIMESTAMP 3/1/2026
8:00:00 (vendord) OUT: "cad" bob@h1
"""
REST = """\
12:00:01 (vendord) TIMESTAMP 3/1/2026
18:00:01 (vendord) TIMESTAMP 3/1/2026
23:59:58 (vendord) OUT: "cad" zoe@h9
23:59:59 (vendord) IN: "cad" zoe@h9
"""
FINISH = f'10:00:00 (vendord) IN: "cad" bob@h1\n{REST}'
AGAIN = """\
9:30:00 (vendord) FlexNet Licensing version v11.16.2.0 started on lic (IBM PC) (3/1/2026)
9:30:00 (vendord) Server started on lic for: cad
"""


@pytest.fixture
def pool() -> LicensePool:
    pool: LicensePool = PoolFactory()
    FeatureFactory(server=ServerFactory(name="lic"), name="cad", pool=pool)
    EntitlementFactory(pool=pool, quantity=2)
    return pool


def read(server: LicenseServer, text: str, size: int = 0) -> None:
    wanted = LogImport(server, source="a.log", first_day=date(2026, 3, 1))
    for block, last in blocks(io.BytesIO(text.encode()), size):
        wanted.store(block, last=last)


def judged(pool: LicensePool) -> MonthVerdict:
    (month,) = verdicts(pool, [(START, END)], now=at("2026-04-01"))
    return month


def doubts() -> list[tuple[str, int]]:
    rows = Boundary.objects.filter(kind=Boundary.Kind.DOUBT).order_by("at", "daemon")
    return [(row.daemon, int(row.at.timestamp())) for row in rows]


@pytest.mark.parametrize(
    ("line", "daemon"),
    [
        pytest.param('9:00:00 (vendord) OUT: "ca', "vendord", id="half-a-line"),
        pytest.param('9:x0:00 (vendord) OUT: "cad" mia@h1 (5 licenses)', "", id="no-time"),
        pytest.param("\0" * 40, "", id="lost-with-the-power"),
        pytest.param("9:00:00 (vendord) OUT: " + "x" * 70_000, "", id="too-long"),
        pytest.param(
            '9:00:00 (vendord) UPGRADE: "cad" bob@h1 (5 licenses)', "vendord", id="upgrade"
        ),
    ],
)
def test_what_a_line_may_hide_is_not_proven_away(pool: LicensePool, line: str, daemon: str) -> None:
    server = LicenseServer.objects.get()
    read(server, f"{BEGIN}{line}\n{FINISH}")
    month = judged(pool)
    assert (month.verdict, month.coverage) == (Verdict.AS_OBSERVED, 1)
    since = at("2026-03-01T09:00") if daemon else at("2026-03-01T08:00")
    assert doubts() == [(daemon, since)]
    assert month.proven_seconds == since - START
    told = [
        (entry["event_time"], entry["body"]["daemon"])
        for entry in told_of(server)
        if entry["body"].get("what") == "log doubt"
    ]
    assert told == [(since, daemon)]


@pytest.mark.parametrize(
    "line",
    [
        '9:00:00 (vendord) IN: "ca',
        '9:00:00 (vendord) DENIED: "ca',
        "9:00:00 (vendord) some talk of the daemon",
        "talk without a time",
        '9:00:00 (otherd) OUT: "ca',
    ],
)
def test_what_can_hide_no_seat_of_the_daemon_leaves_the_proof(pool: LicensePool, line: str) -> None:
    read(LicenseServer.objects.get(), f"{BEGIN}{line}\n{FINISH}")
    assert judged(pool).verdict == Verdict.PROVEN


def test_from_the_next_start_on_with_nothing_out_the_log_proves_again(pool: LicensePool) -> None:
    read(LicenseServer.objects.get(), f'{BEGIN}9:00:00 (vendord) OUT: "ca\n{AGAIN}{REST}')
    month = judged(pool)
    assert month.verdict == Verdict.AS_OBSERVED
    assert month.proven_seconds == END - START - 1800


def test_a_return_of_what_was_never_taken_leaves_what_is_before_it_unproven(
    pool: LicensePool,
) -> None:
    read(LicenseServer.objects.get(), f'{BEGIN}9:00:00 (vendord) IN: "cad" mia@h1\n{FINISH}')
    month = judged(pool)
    assert month.verdict == Verdict.AS_OBSERVED
    assert month.proven_seconds == END - at("2026-03-01T09:00:01")


def test_a_server_that_logs_no_out_proves_nothing(pool: LicensePool) -> None:
    lines = (BEGIN + FINISH).splitlines(keepends=True)
    read(LicenseServer.objects.get(), "".join(line for line in lines if " OUT: " not in line))
    month = judged(pool)
    assert (month.verdict, month.peak) == (Verdict.AS_OBSERVED, 0)


def test_a_return_after_a_later_start_leaves_the_proof_of_what_was_before(
    pool: LicensePool,
) -> None:
    later = AGAIN.replace("9:30", "1:30").replace("3/1", "3/2")
    lone = '2:00:00 (vendord) IN: "cad" mia@h1\n'
    read(
        LicenseServer.objects.get(),
        f"{BEGIN}{FINISH}0:00:01 (vendord) TIMESTAMP 3/2/2026\n{later}{lone}",
    )
    assert Disagreement.objects.get().starts == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert judged(pool).verdict == Verdict.PROVEN


def test_doubts_do_not_depend_on_how_the_text_is_cut_or_how_often_it_comes(
    pool: LicensePool,
) -> None:
    server = LicenseServer.objects.get()
    text = BEGIN + 'x 9:00:00 (vendord) OUT: "cad" mia@h1\n' + FINISH
    read(server, text)
    whole = doubts()
    read(server, text)
    assert doubts() == whole == [("", at("2026-03-01T08:00"))]
    other = FeatureFactory(server=ServerFactory(name="other")).server
    read(other, text, size=64)
    assert doubts() == whole * 2


STATUS = """\
Flexible License Manager status on Sun 3/1/2026 {time}
License server status: 27000@lic
lic: license server UP v11.19.5
Vendor daemon status (on lic):
     vendord: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 9 licenses issued;  Total of {held} licenses in use)
  "cad" v1.0, vendor: vendord, expiry: permanent(no expiration date)
  floating license
"""


def ask(server: LicenseServer, time: str, *holders: str, row: str = "") -> None:
    """Store a complete answer of that time. holders: person, machine and since when, each."""
    text = STATUS.format(time=time, held=len(holders))
    for number, holder in enumerate(holders):
        who, host, since = holder.split()
        text += f"    {who} {host} {host} (v1.0) (lic/27000 {number}), start Sun 3/1 {since}{row}\n"
    moment = at(f"2026-03-01T{time}")
    (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=moment)
    assert snapshot.result == "parsed", snapshot.detail
    store_snapshot(server, snapshot, text.encode(), at=moment, source="poll")


@pytest.mark.parametrize("log_first", [True, False])
def test_a_seat_that_the_log_never_saw_taken_leaves_the_time_between_answers_unproven(
    pool: LicensePool, data_dir: None, log_first: bool
) -> None:
    server = LicenseServer.objects.get()
    if log_first:
        read(server, BEGIN + FINISH)
        assert judged(pool).verdict == Verdict.PROVEN
    for minute in (50, 55):
        ask(server, f"08:{minute}", "bob h1 8:00")
    for minute in (0, 5):
        ask(server, f"09:0{minute}", "bob h1 8:00", "mia h2 8:57")
    ask(server, "09:10", "bob h1 8:00")
    if not log_first:
        read(server, BEGIN + FINISH)
    (row,) = Disagreement.objects.all()
    assert row.kind == Disagreement.Kind.NOT_IN_LOG
    month = judged(pool)
    assert (month.verdict, month.peak) == (Verdict.AS_OBSERVED, 2)
    # Where within a row of answers they lie is not kept: it ends with the row, and begins with it.
    assert month.proven_seconds == END - START - 20 * 60


def with_another_daemon(text: str) -> str:
    """Let another daemon of the server, which lends fem, begin and end with it."""
    lines = text.splitlines(keepends=True)
    beside = [line.replace("vendord", "otherd").replace("cad", "fem") for line in lines]
    return "".join([*lines[:3], *beside[1:3], *lines[3:], *beside[-2:]])


def lacks_the_out_of_a_return(server: LicenseServer) -> None:
    text = f'{BEGIN}9:00:00 (vendord) IN: "cad" mia@h1\n{FINISH}'
    read(server, with_another_daemon(text))


def lacks_all_outs(server: LicenseServer) -> None:
    lines = with_another_daemon(BEGIN + FINISH).splitlines(keepends=True)
    read(server, "".join(line for line in lines if '(vendord) OUT: "' not in line))


def lacks_what_an_answer_shows(server: LicenseServer) -> None:
    read(server, with_another_daemon(BEGIN + FINISH))
    ask(server, "08:50", "bob h1 8:00")
    ask(server, "09:00", "bob h1 8:00", "mia h2 8:57")
    ask(server, "09:10", "bob h1 8:00")


@pytest.mark.parametrize(
    "lacking", [lacks_the_out_of_a_return, lacks_all_outs, lacks_what_an_answer_shows]
)
@pytest.mark.parametrize("mapped", [True, False])
def test_a_log_that_lacks_seats_of_one_feature_proves_no_other_of_its_daemon(
    pool: LicensePool,
    data_dir: None,
    lacking: Callable[[LicenseServer], None],
    mapped: bool,
) -> None:
    server = LicenseServer.objects.get()
    same, apart = PoolFactory(), PoolFactory()
    for other, name, daemon in [(same, "cam", "vendord"), (apart, "fem", "otherd")]:
        FeatureFactory(server=server, name=name, daemon=daemon, pool=other)
        EntitlementFactory(pool=other, quantity=2)
    lacking(server)
    unproven = judged(pool).proven_seconds
    assert 0 <= unproven < END - START
    if not mapped:
        PoolFeature.objects.filter(pool=pool).delete()
    month = judged(same)
    assert (month.verdict, month.proven_seconds) == (Verdict.AS_OBSERVED, unproven)
    assert judged(apart).verdict == Verdict.PROVEN


def test_a_seat_that_a_log_tells_of_leaves_the_proof(pool: LicensePool, data_dir: None) -> None:
    server = LicenseServer.objects.get()
    read(server, BEGIN + FINISH)
    for minute in (50, 55):
        ask(server, f"08:{minute}", "bob h1 8:00")
    assert judged(pool).verdict == Verdict.PROVEN
