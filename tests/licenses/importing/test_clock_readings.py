"""Once a day it is written how our clock and a server's stand, as far as that is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from itam import kernel_clock
from licenses.evidence import entries
from licenses.importing import polling
from licenses.models import LicenseServer
from tests.factories import at

from .test_polling import DOWN, make, status, tool

__all__ = ["tool"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def readings(server: LicenseServer) -> list[dict[str, Any]]:
    stream, _kind = entries.server_stream(server)
    return [row for row in entries.entries(stream) if row["kind"] == "clock_reading"]


def ask(server: LicenseServer, when: str, text: str | None = None, *, seconds: int = 0) -> int:
    """Poll at a time of ours; the server prints its own, so many seconds on."""
    now = at(when)
    with time_machine.travel(datetime.fromtimestamp(now + seconds, UTC), tick=False):
        said = status(server.name) if text is None else text
    where = server.status_path or str(Path(polling.settings.ITAM_LMUTIL).parent / server.name)
    Path(where).write_text(said)
    with time_machine.travel(datetime.fromtimestamp(now, UTC), tick=False):
        polling.poll([server.pk], force=True)
    return now


def test_the_first_complete_answer_of_each_day_tells_how_the_clocks_stand(tool: Path) -> None:
    server = make("h1")
    ask(server, "2026-03-02T00:01", DOWN)
    first = ask(server, "2026-03-02T00:06")
    ask(server, "2026-03-02T00:11")
    ask(server, "2026-03-02T23:59")
    second = ask(server, "2026-03-03T00:04")
    assert [row["event_time"] for row in readings(server)] == [first, second]


@pytest.mark.parametrize("ahead", [-3_600, -70, 0, 42, 86_400])
def test_the_true_difference_to_a_servers_clock_lies_within_its_bounds(
    tool: Path, ahead: int
) -> None:
    server = make("h1")
    ask(server, "2026-03-02T08:00:17", seconds=ahead)
    (row,) = readings(server)
    low, high = row["body"]["server_offset_from"], row["body"]["server_offset_to"]
    assert low <= ahead <= high
    assert high - low <= 63  # the printed minute, the second of ours, and how long it took


def test_a_file_tells_when_it_was_written_and_nothing_of_the_servers_clock(
    tool: Path, tmp_path: Path
) -> None:
    server = LicenseServer.objects.create(
        name="h2", polling="file", zone="UTC", status_path=str(tmp_path / "status.txt")
    )
    ask(server, "2026-03-02T08:00")
    (row,) = readings(server)
    assert "server_offset_from" not in row["body"]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (None, {}),
        (kernel_clock.Kept(False, None, None), {"synchronised": 0}),
        (kernel_clock.Kept(True, None, 900), {"synchronised": 1, "ntp_error_us": 900}),
        (
            kernel_clock.Kept(True, -5, 900),
            {"synchronised": 1, "ntp_error_us": 900, "ntp_offset_us": -5},
        ),
    ],
)
def test_what_the_kernel_knows_is_written_and_nothing_more(
    tool: Path, monkeypatch: pytest.MonkeyPatch, kept: Any, expected: dict[str, int]
) -> None:
    monkeypatch.setattr(kernel_clock, "kept", lambda: kept)
    server = make("h1")
    ask(server, "2026-03-02T08:00")
    (row,) = readings(server)
    names = ("synchronised", "ntp_error_us", "ntp_offset_us")
    assert {name: row["body"][name] for name in names if name in row["body"]} == expected
