"""A log that grows: read from where it was read last, whatever happens to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from licenses.importing.tail import read_log
from licenses.models import Checkout, Gap, LicenseServer, LogCursor

from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

HEAD = "10:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"


def out(minute: int, who: str = "ann") -> str:
    return f'10:{minute:02}:00 (acmed) OUT: "F1" {who}@pc1  \n'


def back(minute: int, who: str = "ann") -> str:
    return f'10:{minute:02}:00 (acmed) IN: "F1" {who}@pc1  \n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "debug.log"
    path.write_text(HEAD + out(1))
    return path


@pytest.fixture
def server(log: Path) -> LicenseServer:
    return LicenseServer.objects.create(name="plant", zone="UTC", log_path=str(log))


def grow(log: Path, text: str) -> None:
    with log.open("a") as stream:
        stream.write(text)


def test_what_was_added_is_read_and_nothing_twice(server: LicenseServer, log: Path) -> None:
    assert read_log(server.pk) == 1
    assert read_log(server.pk) == 0
    grow(log, back(5) + out(6))
    assert read_log(server.pk) == 1
    assert len(events_told()) == 3
    assert Checkout.objects.filter(returned_at=None).count() == 1


def test_a_line_still_being_written_waits_for_its_end(server: LicenseServer, log: Path) -> None:
    grow(log, back(5)[:20])
    read_log(server.pk)
    assert len(events_told()) == 1
    grow(log, back(5)[20:])
    read_log(server.pk)
    assert len(events_told()) == 2


def test_a_log_that_starts_anew_is_read_from_its_start(server: LicenseServer, log: Path) -> None:
    grow(log, back(5))
    read_log(server.pk)
    log.rename(log.with_suffix(".1"))
    log.write_text(
        "11:00:00 (lmgrd) TIMESTAMP 1/5/2026\n" + out(59, "ben").replace("10:59", "11:59")
    )
    read_log(server.pk)
    assert len(events_told()) == 3
    assert Gap.objects.filter(cause="log_rotated").exists()


def test_a_log_cut_short_in_place_is_read_from_its_start(server: LicenseServer, log: Path) -> None:
    grow(log, back(5) + out(6) + back(7))
    read_log(server.pk)
    log.write_text(HEAD.replace("10:00:00", "12:00:00"))
    read_log(server.pk)
    assert LogCursor.objects.get().offset == len(HEAD)


def test_a_log_without_any_date_waits_and_says_so(server: LicenseServer, log: Path) -> None:
    log.write_text(out(1))
    assert read_log(server.pk) == 0
    assert not events_told()
    assert "date" in LogCursor.objects.get().detail
    log.write_text(out(1) + HEAD.replace("10:00:00", "10:30:00"))
    read_log(server.pk)
    assert len(events_told()) == 1


def test_a_missing_log_is_told_and_stops_nothing(server: LicenseServer, log: Path) -> None:
    log.unlink()
    assert read_log(server.pk) == 0
    assert "No such file" in LogCursor.objects.get().detail
