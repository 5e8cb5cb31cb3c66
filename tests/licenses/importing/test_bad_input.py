"""Input that is cut, broken or false, through the whole import: what cannot be read is counted and
shown with its line, and the figures of the rest are right, or bounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from licenses.analysis import rollup
from licenses.analysis.usage import usage
from licenses.importing import mapping, tail
from licenses.importing.files import Wanted, import_file
from licenses.models import (
    Capture,
    Checkout,
    Disagreement,
    Identity,
    LicensePool,
    LicenseServer,
    UnreadableLine,
)
from tests.factories import at

from .told import IN, events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START, END = at("2026-01-05T10:00"), at("2026-01-05T11:00")
DATE = "10:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"
LAST = "11:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"


def out(time: str, user: str, more: str = "") -> str:
    return f'{time} (acmed) OUT: "F1" {user}@pc1  {more}\n'


def back(time: str, user: str, more: str = "") -> str:
    return f'{time} (acmed) IN: "F1" {user}@pc1  {more}\n'


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="srv", zone="UTC", poll_seconds=300)


def sent(server: LicenseServer, folder: Path, text: str | bytes, name: str = "a.log") -> Any:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    (result,) = import_file(server, path, name, Wanted())
    return result.as_dict(server.tzinfo)


def hour(server: LicenseServer) -> Any:
    mapping.create_pools(server)
    rollup.drain()
    return usage(LicensePool.objects.get(), start=START, end=END, by="hour").total


def holdings() -> list[tuple[str, int, int, int | None]]:
    """Return who held how many seats from when to when, in seconds after ten."""
    rows = [
        (
            row.person.identity.login,
            row.seats,
            int(row.taken_at.timestamp()) - START,
            None if row.returned_at is None else int(row.returned_at.timestamp()) - START,
        )
        for row in Checkout.objects.all()
    ]
    return sorted(rows, key=lambda row: (row[2], row[3] is None, row[3]))


@pytest.mark.parametrize("left", range(20, 31))
def test_a_last_line_that_is_cut_is_shown_and_read_when_it_is_whole(
    server: LicenseServer, tmp_path: Path, left: int
) -> None:
    whole = DATE + out("10:00:00", "ann") + back("10:05:00", "ann")
    ending = whole.splitlines(keepends=True)[-1][:left]
    cut = whole[: whole.rindex("10:05:00")] + ending
    told = sent(server, tmp_path, cut)
    assert (told["out"], told["in"], told["unreadable_count"]) == (1, 0, 1)
    assert told["unreadable"][0]["line"] == 3
    assert told["unreadable"][0]["text"] == ending
    assert "ends in the middle" in told["unreadable"][0]["reason"]
    kept = UnreadableLine.objects.get()
    assert (kept.capture.source, kept.line) == ("a.log", 3)
    assert holdings() == [("ann", 1, 0, None)]
    told = sent(server, tmp_path, whole + LAST, "whole.log")
    assert (told["new"], told["known"], told["unreadable_count"]) == (1, 1, 0)
    assert holdings() == [("ann", 1, 0, 300)]
    assert (hour(server).seat_seconds, hour(server).observed_seconds) == (300, 3600)


NAMES = ("Cléo", "Δημήτρης", "李娜", "a\U0001f600b")


def with_names() -> bytes:
    lines = [
        line
        for number, name in enumerate(NAMES)
        for line in (out(f"10:0{number}:00", name), back(f"10:1{number}:00", name))
    ]
    return (DATE + "".join(sorted(lines)) + LAST).encode()


def learned() -> tuple[set[str], int]:
    return set(Identity.objects.values_list("login", flat=True)), len(events_told())


@pytest.mark.once
@pytest.mark.parametrize("size", [*range(1, 9), 33, 47, 64, 101])
def test_half_a_letter_at_the_edge_of_a_piece_is_made_whole(
    server: LicenseServer, tmp_path: Path, settings, size: int
) -> None:
    settings.ITAM_CHUNK_BYTES = size
    told = sent(server, tmp_path, with_names())
    assert told["unreadable_count"] == 0
    assert learned() == (set(NAMES), 2 * len(NAMES))
    assert hour(server).seat_seconds == 600 * len(NAMES)


def test_half_a_letter_at_the_end_of_a_log_that_grows_waits_for_its_other_half(
    server: LicenseServer, tmp_path: Path
) -> None:
    log, text = tmp_path / "debug.log", with_names()
    server.log_path = str(log)
    server.save()
    halves = [place for place in range(len(text)) if text[place] & 0b1100_0000 == 0b1000_0000]
    for end in [*halves[:: len(halves) // 6], len(text)]:
        log.write_bytes(text[:end])
        tail.read_log(server.pk)
    assert not UnreadableLine.objects.exists()
    assert learned() == (set(NAMES), 2 * len(NAMES))


def test_bytes_that_are_no_letters_cost_neither_the_line_nor_the_next(
    server: LicenseServer, tmp_path: Path
) -> None:
    text = DATE + out("10:00:00", "NAME") + back("10:05:00", "NAME") + LAST
    told = sent(server, tmp_path, text.encode().replace(b"NAME", b"Cl\xe9o\xff"))
    assert (told["out"], told["in"]) == (1, 1)
    assert hour(server).seat_seconds == 300


def test_an_in_without_an_out_is_kept_and_possible_since_the_log_begins(
    server: LicenseServer, tmp_path: Path
) -> None:
    text = DATE + out("10:02:00", "bob") + back("10:05:00", "ann") + back("10:20:00", "bob")
    told = sent(server, tmp_path, text + LAST)
    assert (told["out"], told["in"], told["unreadable_count"]) == (1, 2, 0)
    assert len([each for each in events_told() if each.kind == IN]) == 2
    assert holdings() == [("ann", 1, 0, 300), ("bob", 1, 120, 1200)]
    found = hour(server)
    assert (found.peak, found.peak_high, found.seat_seconds) == (1, 2, 1080)


def test_an_out_that_comes_twice_is_two_seats_until_each_is_returned(
    server: LicenseServer, tmp_path: Path
) -> None:
    text = DATE + out("10:00:00", "ann") * 2 + back("10:05:00", "ann")
    sent(server, tmp_path, text + LAST)
    assert holdings() == [("ann", 1, 0, 300), ("ann", 1, 0, None)]
    found = hour(server)
    assert (found.peak, found.seat_seconds) == (2, 300 + 3600)
    sent(server, tmp_path, text + back("10:30:00", "ann") + LAST, "more.log")
    assert holdings() == [("ann", 1, 0, 300), ("ann", 1, 0, 1800)]
    assert (hour(server).peak, hour(server).seat_seconds) == (2, 300 + 1800)


def test_no_seats_are_refused_with_their_line_and_ten_million_are_counted(
    server: LicenseServer, tmp_path: Path
) -> None:
    many = "(10000000 licenses)"
    text = (
        DATE
        + out("10:00:00", "ann", "(0 licenses)")
        + out("10:01:00", "bob", many)
        + back("10:02:00", "ann", "(0 licenses)")
        + back("10:05:00", "bob", many)
        + LAST
    )
    told = sent(server, tmp_path, text)
    assert [row["line"] for row in told["unreadable"]] == [2, 4]
    assert told["unreadable_count"] == UnreadableLine.objects.count() == 2
    assert holdings() == [("bob", 10**7, 60, 300)]
    found = hour(server)
    assert (found.peak, found.seat_seconds) == (10**7, 240 * 10**7)


def test_times_that_run_backwards_lose_no_line_and_are_shown(
    server: LicenseServer, tmp_path: Path
) -> None:
    text = (
        DATE
        + out("10:30:00", "ann")
        + back("10:40:00", "ann")
        + out("10:20:00", "bob")
        + back("10:25:00", "bob")
        + LAST
    )
    told = sent(server, tmp_path, text)
    assert told["notes"] == [
        "line 4: clock moved by -1200 s: the text goes back, and is read as another one from there "
        "on",
        "line 6: clock moved by -1200 s: another text of the log goes on until later, and tells "
        "nothing of the same",
    ]
    _first, second = Capture.objects.order_by("offset")
    assert "line 4: the text goes back, and is read as another one" in second.detail
    assert holdings() == [("bob", 1, 1200, 1500), ("ann", 1, 1800, 2400)]
    # Each may have lasted on until the other pass.
    assert (hour(server).peak, hour(server).peak_high, hour(server).seat_seconds) == (0, 2, 0)


STATUS = """lmutil - Copyright (c) 1989-2026 Made Up, Inc. All Rights Reserved.
Flexible License Manager status on Mon 1/5/2026 10:{minute}

License server status: 27000@srv
    License file(s) on srv: /opt/l.lic:

       srv: license server UP (MASTER) v11.16

Vendor daemon status (on srv):

      acmed: UP v11.16
Feature usage info:

Users of F1:  (Total of 10 licenses issued;  Total of 1 license in use)

  "F1" v2.0, vendor: acmed, expiry: 31-dec-2026
  floating license

    bob pc1 pc1 (v2.0) (srv/27000 101), start Mon 1/5 10:20
"""


def contradicting() -> list[str]:
    """Two logs of one hour that agree on Ann and on nothing else."""
    common = DATE + out("10:00:00", "ann")
    return [
        common + back("10:10:00", "ann") + out("10:20:00", "bob") + back("10:30:00", "bob") + LAST,
        common + back("10:10:00", "ann") + out("10:25:00", "eve") + back("10:26:00", "eve") + LAST,
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1)])
def test_two_logs_that_contradict_each_other_are_both_believed_in_any_order(
    server: LicenseServer, tmp_path: Path, order: Sequence[int]
) -> None:
    notes = []
    for place, number in enumerate(order):
        notes += sent(server, tmp_path, contradicting()[number], f"{place}.log").get("notes", ())
    tells = "another text of the log tells otherwise of the time from 2026-01-05 10:20:00 to "
    lacks = ["2026-01-05 10:30:00: it lacks 2 of", "2026-01-05 10:30:00: it lacks 0 of"]
    for note, words in zip(notes, lacks, strict=False):
        assert note.startswith(tells + words)
        assert "and 2 of its events are not here" in note
    assert len(notes) == len(order) - 1
    assert holdings() == [("ann", 1, 0, 600), ("bob", 1, 1200, 1800), ("eve", 1, 1500, 1560)]
    assert (hour(server).peak, hour(server).seat_seconds) == (2, 600 + 600 + 60)
    sources = Capture.objects.filter(kind=Capture.Kind.LOG).values_list("source", flat=True)
    assert set(sources) >= {"0.log", "1.log"}


@pytest.mark.parametrize("statuses_first", [True, False])
def test_a_status_that_contradicts_the_log_is_shown_beside_it(
    server: LicenseServer, tmp_path: Path, statuses_first: bool
) -> None:
    """The log says that Bob returned at half past; two answers after that show him."""
    texts = [contradicting()[0], STATUS.format(minute=40), STATUS.format(minute=45)]
    for place, text in enumerate(texts[1:] + texts[:1] if statuses_first else texts):
        sent(server, tmp_path, text, f"{place}.txt")
    shown = Disagreement.objects.get()
    assert (shown.kind, shown.person.identity.login) == ("still_shown", "bob")
    assert (shown.seats_logged, shown.seats_shown) == (0, 1)
    assert (int(shown.starts.timestamp()) - START, shown.ends) == (1800, None)
    assert hour(server).peak == 1


def test_requests_that_wait_are_named_and_hold_no_seats(
    server: LicenseServer, tmp_path: Path
) -> None:
    wait = "".join(
        f'10:{minute}:00 (acmed) {kind}: "F1" {user}@pc1  (2 licenses)\n'
        for minute, kind, user in (
            (10, "QUEUED", "bob"),
            (12, "QUEUED", "eve"),
            (14, "DEQUEUED", "bob"),
        )
    )
    told = sent(server, tmp_path, DATE + out("10:05:00", "ann") + wait + LAST)
    assert told["notes"] == [
        "requests for F1 that began to wait: 2; what waits holds no seat, and is not counted"
    ]
    assert told["unreadable_count"] == 0
    assert holdings() == [("ann", 1, 300, None)]
