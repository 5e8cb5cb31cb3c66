"""A text that goes back tells of the same time again: nothing of it counts twice."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from licenses.importing.files import Wanted, import_file
from licenses.importing.logs import LogImport
from licenses.models import Boundary, Checkout, Denial, Disagreement, LicenseServer
from licenses.sources.flexnet.seams import RETOLD
from tests.thorough import usually

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


SHORT = """\
08:00:00 (lmgrd) TIMESTAMP 3/2/2026
08:01:00 (acmed) OUT: "cad" ann@pc1
08:03:00 (acmed) OUT: "cad" bob@pc2
08:05:00 (acmed) DENIED: "cad" cy@pc3  (Licensed number of users already reached. (-4,342))
08:07:00 (acmed) IN: "cad" bob@pc2
08:09:00 (acmed) OUT: "cad" ann@pc1
08:12:00 (acmed) IN: "cad" ann@pc1
08:13:00 (acmed) IN: "cad" ann@pc1
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("from_line", range(6))
def test_a_log_of_minutes_whose_lines_follow_again_counts_once(
    from_line: int, ends: str, tmp_path: Path
) -> None:
    """Whole or from some line on, twice more, and then with what it went on to tell."""
    lines = SHORT.splitlines()
    again = lines[from_line:]
    more = ['08:20:00 (acmed) OUT: "cad" dee@pc4', '08:30:00 (acmed) IN: "cad" dee@pc4']
    text = "".join(f"{line}{ends}" for line in [*lines, *again, *again, *more])
    once = imported(tmp_path, "once", "".join(f"{line}\n" for line in [*lines, *more]))
    assert len(once) == 8
    assert imported(tmp_path, "again", text) == once
    assert not Boundary.objects.filter(kind=Boundary.Kind.SET_BACK).exists()


def test_a_clock_that_was_set_back_by_minutes_is_one_though_a_line_reads_the_same(
    tmp_path: Path,
) -> None:
    """One line may come again by chance; two, one after the other, do not."""
    same = SHORT.splitlines(keepends=True)[2]
    other = '08:06:00 (acmed) IN: "cad" bob@pc2\n08:20:00 (lmgrd) TIMESTAMP 3/2/2026\n'
    assert len(imported(tmp_path, "s", SHORT + same + other)) == 8
    assert Boundary.objects.filter(kind=Boundary.Kind.SET_BACK).count() == 1


BUSY = """\
08:00:00 (lmgrd) TIMESTAMP 3/2/2026
08:01:00 (acmed) OUT: "cad" ci@b
08:01:00 (acmed) IN: "cad" ci@b
08:05:00 (acmed) OUT: "cam" bob@pc2
08:01:00 (acmed) OUT: "cad" ci@b
08:01:00 (acmed) IN: "cad" ci@b
"""
LINE_BY_LINE = """\
08:00:00 (lmgrd) TIMESTAMP 3/2/2026
08:01:00 (acmed) OUT: "cad" ci@b
08:01:00 (acmed) OUT: "cad" ci@b
08:01:01 (acmed) OUT: "cad" ci@b
08:01:00 (acmed) OUT: "cad" ci@b
08:01:00 (acmed) OUT: "cad" ci@b
"""
ONE_AND_A_BLANK = """\
08:00:00 (lmgrd) TIMESTAMP 3/2/2026
08:05:00 (acmed) OUT: "cad" ci@b

08:07:00 (acmed) IN: "cad" ci@b
08:05:00 (acmed) OUT: "cad" ci@b

08:06:00 (acmed) IN: "cad" ci@b
"""


@pytest.mark.parametrize("more", ["", '08:03:00 (acmed) IN: "cam" bob@pc2\n'])
@pytest.mark.parametrize("log", [BUSY, LINE_BY_LINE, ONE_AND_A_BLANK])
def test_lines_that_come_again_are_events_of_their_own_where_not_all_between_does(
    log: str, more: str, tmp_path: Path
) -> None:
    """A tool that takes a seat and gives it back at once writes the same twice by chance."""
    if log is BUSY and not more:
        log += "08:02:00 (lmgrd) TIMESTAMP 3/2/2026\n"
    events = [line for line in (log + more).splitlines() if "TIMESTAMP" not in line and line]
    assert len(imported(tmp_path, "s", log + more)) == len(events)


def test_a_text_that_goes_back_a_second_again_and_again_is_read_once(tmp_path: Path) -> None:
    text = "08:00:00 (lmgrd) TIMESTAMP 3/2/2026\n"
    for minute in range(55):
        for second in (1, 1, 2, 1, 1):
            text += f'08:{minute:02}:0{second} (acmed) OUT: "cad" ci@b\n'
    assert len(imported(tmp_path, "s", text)) == 275
    assert Checkout.objects.count() == 275


def test_equal_lines_of_one_second_still_count_each(tmp_path: Path) -> None:
    log = (
        "08:00:00 (lmgrd) TIMESTAMP 3/2/2026\n"
        + '08:00:01 (acmed) OUT: "cad" ann@pc1  \n' * 3
        + '08:00:00 (acmed) OUT: "cad" bob@pc1  \n'
        + '08:00:01 (acmed) OUT: "cad" ann@pc1  \n'
    )
    assert len(imported(tmp_path, "s", log)) == 5


def random_log(seed: int, days: int) -> list[tuple[datetime, str]]:
    """Return the lines of a log with seats out at its start and its end, and perhaps a restart."""
    chance = random.Random(f"{seed} {days}")
    start = START + timedelta(hours=8)
    end = start + timedelta(hours=10 if days == 1 else 24 * days)
    lines = []
    for _ in range(chance.randint(4, 10)):
        begin = start + timedelta(
            seconds=chance.randrange(-6 * 3600, (end - start) // timedelta(seconds=1) - 60)
        )
        who = f'"cad" u{chance.randrange(3)}@pc1'
        back = begin + timedelta(seconds=chance.randrange(60, 5 * 3600))
        lines += [(begin, f"(acmed) OUT: {who}  "), (back, f"(acmed) IN: {who}  ")]
        lines.append((begin, f"(acmed) DENIED: {who}  (Licensed number of users. (-4,342))"))
    lines = [line for line in lines if start < line[0] < end]
    stamps = [*range(0, int((end - start).total_seconds()), 5 * 3600)]
    moments = [start + timedelta(seconds=at) for at in stamps] + [end]
    lines += [(at, f"(lmgrd) TIMESTAMP {at.month}/{at.day}/{at.year}") for at in moments]
    if chance.random() < 0.3:
        at = start + (end - start) * chance.random()
        said = f"started on lic1 (linux) ({at.month}/{at.day}/{at.year})"
        lines.append((at, f"(lmgrd) FlexNet Licensing (v11.16.2.0 build 242716 x64_lsb) {said}"))
    return sorted(lines, key=lambda line: (line[0], "TIMESTAMP" not in line[1]))


def written(lines: list[tuple[datetime, str]]) -> str:
    """Return a file with these lines; one that begins with no date gets a line with it."""
    text = "".join(f"{at:%H:%M:%S} {words}\n" for at, words in lines)
    if "TIMESTAMP" not in lines[0][1]:
        at = lines[0][0]
        text = f"{at:%H:%M:%S} (lmgrd) TIMESTAMP {at.month}/{at.day}/{at.year}\n{text}"
    return text


def stored(name: str) -> list[object]:
    """Return all that was made of a server's texts."""
    mine = Checkout.objects.filter(feature__server__name=name)
    holder = ("person__pseudonym", "host__pseudonym", "seats")
    ends = ("taken_at", "taken_within", "returned_after", "returned_at", "end_reason")
    differ = Disagreement.objects.filter(feature__server__name=name)
    denied = Denial.objects.filter(feature__server__name=name)
    return [
        sorted(map(str, mine.values_list(*holder, *ends))),
        sorted(map(str, differ.values_list(*holder, "kind", "starts", "ends"))),
        sorted(map(str, denied.values_list("person__pseudonym", "at", "ordinal"))),
    ]


@pytest.mark.parametrize("days", [1, 2])
@pytest.mark.parametrize("seed", usually(10, range(60)))
def test_files_may_be_joined_in_any_order_and_overlap(
    seed: int, days: int, tmp_path: Path, settings
) -> None:
    lines = random_log(seed, days)
    chance = random.Random(seed)
    settings.ITAM_CHUNK_BYTES = chance.choice([300, 1200, 10**6])
    # Before a restart a piece would vouch for the time until it; what stands twice within a quarter
    # of an hour is two.
    places = [place for place in range(1, len(lines)) if "started" not in lines[place][1]]
    cuts: list[int] = []
    while not cuts or any(
        lines[end - 1][0] - lines[start][0] <= timedelta(seconds=RETOLD)
        for start, end in pairwise([0, *cuts])
    ):
        cuts = sorted(chance.sample(places, 2))
    whole = written(lines)
    first, second, last = (
        written(lines[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)
    )
    ways = {
        "whole": whole,
        "twice": whole + whole,
        "back": last + second + first,
        "again": first + whole + second,
        "over": first + second + second + last,
    }
    events, found = {}, {}
    for name, text in ways.items():
        server = f"{seed}{name}"
        events[name] = imported(tmp_path, server, text)
        # Where no date says from where on lines are of the other file, one of them may be lost.
        lost = Boundary.objects.filter(server__name=server, kind=Boundary.Kind.LOSS)
        if not lost.exists():
            found[name] = stored(server)
    assert events == dict.fromkeys(ways, events["whole"])
    assert found == dict.fromkeys(found, found["whole"])
    assert {"whole", "twice"} <= found.keys()


@pytest.mark.parametrize("stop", range(4))
@pytest.mark.parametrize("seed", [3, 9])
def test_an_import_that_is_cut_off_between_joined_files_goes_on_there(seed: int, stop: int) -> None:
    lines = random_log(seed, 2)
    middle = len(lines) // 2
    text = (written(lines[middle:]) + written(lines) + written(lines[:middle])).encode()
    whole, parts = (
        LicenseServer.objects.create(name=name, zone="UTC") for name in ("whole", "parts")
    )
    told: dict[str, Any] = {"source": "a.log", "first_day": lines[middle][0].date()}
    LogImport(whole, **told).store(text, last=True)
    cursors: list[dict[str, Any]] = []

    def save(cursor: dict[str, Any]) -> None:
        if len(cursors) == stop:
            raise ConnectionError
        cursors.append(json.loads(json.dumps(cursor)))

    with suppress(ConnectionError):
        LogImport(parts, **told, save_cursor=save).store(text, last=True)
    assert len(cursors) == min(stop, 3)
    last = cursors[-1] if cursors else None
    offset = last["parser"]["offset"] if last else 0
    LogImport(parts, **told, cursor=last).store(text[offset:], last=True)
    assert stored("parts") == stored("whole")
