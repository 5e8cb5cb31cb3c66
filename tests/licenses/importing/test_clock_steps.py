"""E13: the clock of a licence server is set by an hour or a day, forth and back, at every place of
a log: no line is lost, nothing lasts less than no time, and each step that shows is evidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import F

from licenses.evidence import entries
from licenses.importing.files import Wanted, import_file
from licenses.models import Checkout, Event, LicenseServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir"), pytest.mark.slow]

HOUR, DAY = 3600, 86_400
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
POINTS = 50
LINES = 200
MINUTES = 7


def log(step: int, place: int) -> str:
    """Return a log of a day, with the date every hour and a half, whose clock is set by `step`
    seconds before the line number `place`."""
    text = [f"{START:%H:%M:%S} (lmgrd) TIMESTAMP {START.month}/{START.day}/{START.year}"]
    for number in range(LINES):
        moment = START + timedelta(minutes=MINUTES * number)
        if number >= place:
            moment += timedelta(seconds=step)
        time = f"{moment:%H:%M:%S}"
        user = f"u{number // 2 % 5}@pc1"
        word = "IN" if number % 2 else "OUT"
        text.append(f'{time} (acmed) {word}: "F1" {user}  ')
        if number % 13 == 0:
            text.append(f"{time} (lmgrd) TIMESTAMP {moment.month}/{moment.day}/{moment.year}")
    return "\n".join(text) + "\n"


def steps_told(server: LicenseServer) -> list[int]:
    stream, _kind = entries.server_stream(server)
    return [entry["body"]["step"] for entry in entries.entries(stream) if entry["kind"] == "clock"]


def imported(folder: Path, step: int) -> Iterator[tuple[int, LicenseServer]]:
    path = folder / "debug.log"
    for point in range(POINTS):
        place = 1 + point * (LINES - 20) // POINTS
        path.write_text(log(step, place))
        server = LicenseServer.objects.create(name=f"s{point}", zone="UTC")
        import_file(server, path, path.name, Wanted())
        yield place, server


@pytest.mark.parametrize("step", [-HOUR, -DAY, DAY])
def test_a_clock_that_is_set_loses_nothing_and_is_told_once(tmp_path: Path, step: int) -> None:
    for place, server in imported(tmp_path, step):
        assert Event.objects.filter(feature__server=server).count() == LINES, place
        (told,) = steps_told(server)
        if step == -HOUR and (START + timedelta(minutes=MINUTES * place)).hour == 0:
            # From after midnight to before it: a quiet day, until a date line puts it right.
            assert told == -DAY, place
        else:
            # What passed between the two lines is not part of the step.
            assert abs(told - step) <= MINUTES * 60, place
    assert not Checkout.objects.filter(returned_at__lt=F("taken_at")).exists()
    assert not Checkout.objects.filter(returned_after__lt=F("taken_by")).exists()


def test_a_clock_that_is_set_an_hour_forth_looks_like_a_quiet_hour(tmp_path: Path) -> None:
    """Nothing in the text tells the two apart, so nothing is claimed."""
    for place, server in imported(tmp_path, HOUR):
        assert Event.objects.filter(feature__server=server).count() == LINES, place
        assert steps_told(server) == [], place
    assert not Checkout.objects.filter(returned_at__lt=F("taken_at")).exists()


def test_a_clock_that_runs_on_is_told_of_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "debug.log"
    path.write_text(log(0, 0))
    server = LicenseServer.objects.create(name="calm", zone="UTC")
    import_file(server, path, path.name, Wanted())
    assert steps_told(server) == []
    lengths = {row.returned_at - row.taken_at for row in Checkout.objects.all()}
    assert lengths == {timedelta(minutes=MINUTES)}
