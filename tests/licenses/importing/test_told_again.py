"""A text that goes back tells of the same time again: nothing of it counts twice."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licenses.importing.files import Wanted, import_file
from licenses.models import Checkout, Denial, LicenseServer

from .told import Told, events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 48
HOLDINGS = 60


def day_log() -> str:
    """Return a log of two days with its dates every six hours, some of its lines equal."""
    chance = random.Random(5)
    lines = [
        (START + timedelta(hours=hour, seconds=30), "(lmgrd) TIMESTAMP {0.month}/{0.day}/{0.year}")
        for hour in range(0, HOURS + 1, 6)
    ]
    for _ in range(HOLDINGS):
        begin = START + timedelta(seconds=chance.randrange(60, 40 * 3600))
        end = begin + timedelta(seconds=chance.randrange(60, 7 * 3600))
        who = f'"cad" u{chance.randrange(4)}@pc1'
        for _twice in range(chance.choice([1, 1, 2])):
            lines += [(begin, f"(acmed) OUT: {who}  "), (end, f"(acmed) IN: {who}  ")]
        refusal = f"(acmed) DENIED: {who}  (Licensed number of users already reached. (-4,342))"
        lines.append((begin + timedelta(seconds=1), refusal))
    lines.sort(key=lambda line: line[0])
    return "".join(f"{at:%H:%M:%S} {text.format(at)}\n" for at, text in lines)


def imported(folder: Path, name: str, *texts: str) -> list[Told]:
    """Return the events that a server's texts tell of, without its name."""
    server = LicenseServer.objects.create(name=name, zone="UTC")
    for number, text in enumerate(texts):
        path = folder / f"{name}{number}.log"
        path.write_text(text)
        import_file(server, path, path.name, Wanted())
    return [each._replace(server="") for each in events_told(name)]


@pytest.mark.parametrize("chunk", [700, 4000, 10**6])
def test_a_log_that_stands_twice_in_one_text_counts_once(
    chunk: int, tmp_path: Path, settings
) -> None:
    text = day_log()
    once = imported(tmp_path, "once", text)
    settings.ITAM_CHUNK_BYTES = chunk
    assert imported(tmp_path, "twice", text + text) == once
    assert imported(tmp_path, "apart", text, text) == once
    counts = [
        (
            Checkout.objects.filter(feature__server__name=name).count(),
            Denial.objects.filter(feature__server__name=name).count(),
        )
        for name in ("once", "twice", "apart")
    ]
    assert counts == [counts[0]] * 3
    assert counts[0][1] == HOLDINGS


def test_pieces_of_a_log_in_one_text_count_once_though_none_begins_with_its_date(
    tmp_path: Path,
) -> None:
    lines = day_log().splitlines(keepends=True)
    third = len(lines) // 3
    first, second, last = lines[:third], lines[third : 2 * third], lines[2 * third :]
    found = imported(tmp_path, "twice", "".join([*first, *second, *second, *last]))
    assert found == imported(tmp_path, "once", "".join(lines))


def test_equal_lines_of_one_second_still_count_each(tmp_path: Path) -> None:
    log = (
        "08:00:00 (lmgrd) TIMESTAMP 3/2/2026\n"
        + '08:00:01 (acmed) OUT: "cad" ann@pc1  \n' * 3
        + '08:00:00 (acmed) OUT: "cad" bob@pc1  \n'
        + '08:00:01 (acmed) OUT: "cad" ann@pc1  \n'
    )
    assert len(imported(tmp_path, "s", log)) == 5
