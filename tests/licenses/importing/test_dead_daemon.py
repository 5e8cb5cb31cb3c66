"""A daemon that is down while another one serves holds no seats, and nobody vouches for it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from licenses.importing import coverage
from licenses.importing.logs import LogImport
from licenses.importing.pieces import blocks
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Checkout, LicenseServer
from tests.factories import ServerFactory, at

pytestmark = pytest.mark.django_db

LINES = [
    "08:00:00 (lmgrd) TIMESTAMP 6/2/2026",
    "08:00:01 (one) Server started on lic for: F",
    "08:00:01 (two) Server started on lic for: G",
    '08:10:00 (one) OUT: "F" ann@pc  ',
    '08:20:00 (one) OUT: "F" bob@pc  ',
    '08:30:00 (two) OUT: "G" zoe@pc  ',
    "09:00:00 (lmgrd) one exited with status 139 signal = 11",
    '09:00:02 (one) IN: "F" bob@pc  (SHUTDOWN)',
    '11:00:00 (two) IN: "G" zoe@pc  ',
    "14:00:00 (lmgrd) TIMESTAMP 6/2/2026",
    "16:59:00 (two) talk",
    "17:00:00 (lmgrd) Started one (internet tcp_port 1234 pid 99)",
    "17:00:02 (one) Server started on lic for: F",
    '17:10:00 (one) OUT: "F" cy@pc  ',
    '18:00:00 (one) IN: "F" cy@pc  ',
    "20:00:00 (lmgrd) TIMESTAMP 6/2/2026",
]


def T(time: str) -> int:
    return at(f"2026-06-02T{time}")


def read(server: LicenseServer, lines: list[str], size: int = 0) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    run = LogImport(server, source="a.log", first_day=datetime(2026, 6, 2, tzinfo=UTC).date())
    for block, last in blocks(io.BytesIO(text), size):
        run.store(block, last=last)


def held() -> dict[str, tuple[str | None, str | None, str]]:
    def time(moment: datetime | None) -> str | None:
        return moment and f"{moment:%H:%M:%S}"

    return {
        row.person.identity.login: (
            time(row.returned_after),
            time(row.returned_at),
            row.end_reason,
        )
        for row in Checkout.objects.all()
    }


ENDS = {
    "ann": ("09:00:00", "09:00:00", "restart"),
    "bob": ("09:00:02", "09:00:02", "shutdown"),
    "cy": ("18:00:00", "18:00:00", "returned"),
    "zoe": ("11:00:00", "11:00:00", "returned"),
}


@pytest.mark.parametrize("size", [0, 200])
def test_what_it_held_ends_with_it_and_it_is_not_observed(size: int) -> None:
    server = ServerFactory()
    read(server, LINES, size)
    spans = coverage.log_spans(server)
    assert list(coverage.of_daemon(spans, "one")) == [
        (T("08:00:01"), T("09:00:00")),
        (T("17:00:02"), T("20:00:00")),
    ]
    assert list(coverage.of_daemon(spans, "two")) == [(T("08:00:01"), T("20:00:00"))]
    assert held() == ENDS


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_its_end_may_stand_in_another_piece_of_the_log(order: tuple[int, int]) -> None:
    server = ServerFactory()
    pieces = [LINES[:8], LINES[9:]]
    for place in order:
        read(server, pieces[place])
    before = held()
    assert {who: before[who] for who in ("ann", "bob", "cy")} == {
        who: ENDS[who] for who in ("ann", "bob", "cy")
    }
    rebuild_holdings(server)
    assert held() == before


def test_a_daemon_that_stays_down_holds_until_then() -> None:
    read(ServerFactory(), LINES[:11])
    assert held()["ann"] == (None, None, "")
    server = LicenseServer.objects.get()
    assert list(coverage.of_daemon(coverage.log_spans(server), "one")) == [
        (T("08:00:01"), T("09:00:00"))
    ]


def test_what_was_taken_after_an_end_counts_until_the_start_after_it() -> None:
    lines = [
        line for line in LINES if "Started one" not in line and "17:00:02" not in line
    ]  # a start that the log lacks
    again = ["19:00:00 (two) talk", "19:00:01 (one) Server started on lic for: F", LINES[-1]]
    lines = [line for line in lines if 'IN: "F" cy' not in line][:-1] + again
    read(ServerFactory(), lines)
    assert held()["ann"] == ("09:00:00", "09:00:00", "restart")
    assert held()["cy"] == ("19:00:01", "19:00:01", "restart")
