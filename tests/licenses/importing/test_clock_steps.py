"""E13: the clock of a licence server is set by an hour or a day, forth and back, at every place of
a log: no line is lost, nothing lasts less than no time, and each step that shows is evidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from licenses.evidence import entries
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import TAKEN_BY, Checkout, Disagreement, LicenseServer

from .told import events_told

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


@pytest.mark.once
@pytest.mark.parametrize("step", [-HOUR, -DAY, DAY])
def test_a_clock_that_is_set_loses_nothing_and_is_told_once(tmp_path: Path, step: int) -> None:
    for place, server in imported(tmp_path, step):
        assert len(events_told(server.name)) == LINES, place
        (told,) = steps_told(server)
        # What passed between the two lines is not part of the step.
        assert abs(told - step) <= MINUTES * 60, place
        if step == -HOUR:
            assert_held_within_bounds(server, place)
    assert not Checkout.objects.filter(returned_at__lt=F("taken_at")).exists()
    assert not Checkout.objects.filter(returned_after__lt=TAKEN_BY).exists()


def assert_held_within_bounds(server: LicenseServer, place: int) -> None:
    """Each OUT is followed by its IN; a step before an odd line comes between the two."""
    rows = Checkout.objects.filter(feature__server=server)
    assert rows.count() == LINES // 2, place
    assert not rows.filter(returned_at=None).exists(), place
    across = [row for row in rows if row.returned_after != row.returned_at]
    assert len(across) == place % 2, place
    assert all(row.taken_by == row.taken_at < row.returned_at for row in across), place
    assert server_differences(server) == 0, place


def server_differences(server: LicenseServer) -> int:
    return Disagreement.objects.filter(feature__server=server).count()


BACK = """\
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
9:10:00 (acmed) OUT: "F1" u1@pc1
9:50:00 (acmed) OUT: "F1" u2@pc1
10:00:00 (acmed) OUT: "F1" u1@pc1
9:01:00 (acmed) OUT: "F1" u3@pc1
9:30:00 (acmed) IN: "F1" u2@pc1
9:31:00 (acmed) IN: "F1" u1@pc1
10:20:00 (acmed) IN: "F1" u1@pc1
11:00:00 (acmed) IN: "F1" u3@pc1
"""


def holdings(server: LicenseServer) -> list[tuple[str, ...]]:
    rows = Checkout.objects.filter(feature__server=server)
    return [
        tuple(
            f"{moment:%H:%M}"
            for moment in (row.taken_at, row.taken_by, row.returned_after, row.returned_at)
        )
        for row in rows.order_by("taken_at", "returned_at", "person")
    ]


@pytest.mark.parametrize("size", [0, 40, 80, 150])
def test_a_seat_across_a_clock_set_back_is_known_between_the_two_and_possible_until_the_first(
    tmp_path: Path, settings: Any, size: int
) -> None:
    settings.ITAM_CHUNK_BYTES = size or settings.ITAM_CHUNK_BYTES
    path = tmp_path / "debug.log"
    path.write_text(BACK)
    server = LicenseServer.objects.create(name="back", zone="UTC")
    import_file(server, path, path.name, Wanted())
    assert holdings(server) == [
        ("09:01", "09:01", "09:30", "10:00"),
        ("09:01", "09:01", "11:00", "11:00"),
        ("09:10", "09:10", "09:31", "09:31"),
        ("10:00", "10:00", "10:20", "10:20"),
    ]
    assert server_differences(server) == 0


@pytest.mark.once
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_pieces_of_a_log_whose_clock_was_set_back_may_come_in_any_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    lines = BACK.splitlines(keepends=True)
    server = LicenseServer.objects.create(name="back", zone="UTC")
    pieces = lines[:2], lines[:1] + lines[3:5], lines[:1] + lines[2:3] + lines[5:]
    for number in order:
        path = tmp_path / f"debug{number}.log"
        path.write_text("".join(pieces[number]))
        import_file(server, path, path.name, Wanted())
    # For the third piece alone the clock went back from 9:50 to 9:30, within the larger step.
    found = holdings(server)
    assert found[0] == ("09:01", "09:01", "09:30", "10:00")
    assert server_differences(server) == 0
    rebuild_holdings(server)
    assert holdings(server) == found


def test_a_clock_that_is_set_an_hour_forth_looks_like_a_quiet_hour(tmp_path: Path) -> None:
    """Nothing in the text tells the two apart, so nothing is claimed."""
    for place, server in imported(tmp_path, HOUR):
        assert len(events_told(server.name)) == LINES, place
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


RESTARTED = """\
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
9:10:00 (acmed) OUT: "F1" u1@pc1
9:28:00 (acmed) OUT: "F1" u2@pc1
9:30:00 (acmed) Server started on lic1 for: F1
9:40:00 (acmed) OUT: "F1" u3@pc1
9:15:00 (acmed) OUT: "F1" u2@pc1
9:20:00 (acmed) IN: "F1" u3@pc1
10:20:00 (acmed) IN: "F1" u2@pc1
"""


@pytest.mark.parametrize("cuts", [(), (5,), (6,), (7,), (4, 7)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_restart_ends_nothing_that_was_taken_after_the_clock_was_set_back_to_before_it(
    tmp_path: Path, cuts: tuple[int, ...], backwards: bool
) -> None:
    """A piece that begins after the step comes with the line before it, which shows the step."""
    lines = RESTARTED.splitlines(keepends=True)
    ends = [*cuts, len(lines)]
    pieces = [
        lines[:1] + lines[max(first - 1, 1) : end]
        for first, end in zip([1, *cuts], ends, strict=True)
    ]
    server = LicenseServer.objects.create(name="back", zone="UTC")
    for number, piece in enumerate(reversed(pieces) if backwards else pieces):
        path = tmp_path / f"debug{number}.log"
        path.write_text("".join(piece))
        import_file(server, path, path.name, Wanted())
    # Of the two of u2, the one taken first goes on: which is which, the seats in use do not show.
    found = holdings(server)
    assert [row[0] for row in found] == ["09:10", "09:15", "09:15", "09:28"]
    assert found[1:3] == [
        ("09:15", "09:15", "09:20", "09:40"),
        ("09:15", "09:15", "10:20", "10:20"),
    ]
    # What comes after the step vouches until the restart for itself. That may have come after it.
    assert {row[2] for row in (found[0], found[3])} <= {"09:28", "09:30"}
    assert {row[3] for row in (found[0], found[3])} == {"09:40"}
    assert server_differences(server) == 0
    rebuild_holdings(server)
    assert holdings(server) == found


APART = (
    """\
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
9:10:00 (acmed) OUT: "F1" u1@pc1
9:50:00 (acmed) OUT: "F1" u2@pc1
10:00:00 (acmed) OUT: "F1" u3@pc1
""",
    """\
9:20:00 (lmgrd) TIMESTAMP 3/2/2026
9:30:00 (acmed) IN: "F1" u2@pc1
9:31:00 (acmed) IN: "F1" u1@pc1
10:20:00 (acmed) IN: "F1" u3@pc1
""",
)


@pytest.mark.parametrize("size", [0, 60])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0, 1), (1, 0, 1, 0)])
def test_a_clock_set_back_between_two_texts_is_a_step_once_and_counts_as_within_one(
    tmp_path: Path, settings: Any, order: tuple[int, ...], size: int
) -> None:
    settings.ITAM_CHUNK_BYTES = size or settings.ITAM_CHUNK_BYTES
    server = LicenseServer.objects.create(name="back", zone="UTC")
    notes = []
    for number in order:
        path = tmp_path / f"debug{number}.log"
        path.write_text(APART[number])
        (result,) = import_file(server, path, path.name, Wanted())
        notes += result.notes
    assert max(map(abs, steps_told(server))) == 40 * 60
    assert set(steps_told(server)) == {-40 * 60} or size
    assert "clock moved by -2400 s: another text of the log" in notes[-1]
    assert holdings(server) == [
        ("09:10", "09:10", "09:31", "09:31"),
        ("09:20", "09:20", "09:30", "10:00"),
        ("10:00", "10:00", "10:20", "10:20"),
    ]
    assert server_differences(server) == 0
    rebuild_holdings(server)
    assert server_differences(server) == 0


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param((APART[0] + APART[1], APART[0]), id="a-part-of-what-is-known"),
        pytest.param((APART[0], APART[0] + '10:05:00 (acmed) IN: "F1" u3@pc1\n'), id="longer"),
        pytest.param((APART[0], APART[1].replace("acmed", "betad")), id="of-another-daemon"),
        pytest.param((APART[0], APART[1].replace("3/2", "3/3")), id="of-another-day"),
        pytest.param((APART[0], APART[1][:36]), id="without-an-event"),
    ],
)
def test_texts_that_overlap_in_the_same_lines_or_in_none_show_no_step(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    for turn in (texts, texts[::-1]):
        server = LicenseServer.objects.create(name=f"calm{turn == texts}", zone="UTC")
        for number, text in enumerate(turn):
            path = tmp_path / f"debug{number}.log"
            path.write_text(text)
            import_file(server, path, path.name, Wanted())
        within = [-2400] if texts[0].count("TIMESTAMP") == 2 else []
        assert steps_told(server) == within
