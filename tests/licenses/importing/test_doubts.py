"""From a line on that may hide seats, a log proves nothing until it is known again what is out."""

from __future__ import annotations

import io
from datetime import date

import pytest

from licenses.analysis.verdict import MonthVerdict, Verdict, verdicts
from licenses.evidence import entries
from licenses.importing.logs import LogImport, blocks
from licenses.models import Boundary, LicensePool, LicenseServer
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory, at

pytestmark = pytest.mark.django_db

START, END = at("2026-03-01T00:00:02"), at("2026-03-01T23:59:59")
BEGIN = """\
0:00:01 (vendord) TIMESTAMP 3/1/2026
0:00:01 (vendord) FlexNet Licensing version v11.16.2.0 started on lic (IBM PC) (3/1/2026)
0:00:02 (vendord) Server started on lic for: cad
8:00:00 (vendord) OUT: "cad" bob@h1
"""
REST = """\
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
        for entry in entries.entries(entries.server_stream(server)[0])
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
