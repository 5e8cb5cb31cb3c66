"""The fast reading of a debug log against the definition, which reads it line by line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licenses.sources.flexnet import debug_log
from licenses.sources.flexnet.byte_names import ByteNames, words_of
from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.line_parser import LineParser
from licenses.sources.flexnet.log_columns import PADDING
from licenses.sources.flexnet.log_dates import first_line_date
from licenses.sources.records import LogRecord
from licenses.sources.text import LineReader
from tests.licenses.importing.conftest import Year
from tests.licenses.importing.conftest import year as year

BERLIN = ZoneInfo("Europe/Berlin")
REAL = Path(__file__).parents[4] / "../shared/samples/flexnet-log"


def slowly(data: bytes, day: date) -> tuple[list[LogRecord], dict[str, Any]]:
    """Read a text by the definition alone: (records, state)."""
    reader, lines = LineReader(), LineParser(zone=BERLIN, date=day)
    out: list[LogRecord] = []
    number = 0
    for line in reader.feed(data):
        number += 1
        if line:
            lines.read(line, number, out)
    own = {"offset": reader.offset, "encoding": reader.encoding, "lines": number}
    return out, own | lines.state()


def quickly(data: bytes, day: date, cuts: list[int]) -> tuple[list[LogRecord], dict[str, Any]]:
    """Read a text in blocks of these sizes, in turn."""
    parser = DebugLogParser(zone=BERLIN, date=day)
    out: list[LogRecord] = []
    place = turn = 0
    while place < len(data):
        size = cuts[turn % len(cuts)]
        out += parser.read(data[place : place + size]).records()
        place, turn = place + size, turn + 1
    return out, parser.state()


# --- Generated logs ------------------------------------------------------------------------------

NAME = st.text(st.sampled_from("abXY09._-$äß日\\"), min_size=1, max_size=12)
USER = st.one_of(
    NAME,
    st.sampled_from(
        ["Jean Luc", "a@b", 'q"uote', "", "two  blanks", " lead", "tab\tbed", "x" * 90]
    ),
)
FEATURE = st.one_of(
    st.sampled_from(["F", "F2", "a_feature_of_24_letters__", "", "  ", "f f"]), NAME
)
HOST = st.one_of(NAME, st.sampled_from(["h", "pc one", "", "z" * 120]))
TAIL = st.sampled_from(
    [
        "",
        "",
        "",
        " ",
        "(2 licenses) ",
        "(0 licenses)",
        "(3 licenses) (INACTIVE)",
        "(SHARED)",
        "[APP] (5 licenses)",
        "[x  y]",
        "(cut",
        '"v1.0"(Not this version. (-25,334))',
        "(Licensed number of users already reached. (-4,342))",
        "^^^ 1.0 u 10.0.0.1 ^^^",
        "\r",
        "  ",
        "(" + "x" * 120 + ")",
    ]
)
KIND = st.sampled_from(["OUT"] * 6 + ["IN"] * 6 + ["DENIED", "UNSUPPORTED", "QUEUED", "UPGRADE"])
DAEMON = st.sampled_from(["vend", "vend", "vend", "other", "a-daemon-with-a-long-name-" * 2])
GAP = st.sampled_from(["  ", "  ", "  ", "  ", " ", "", "   "])
MESSAGE = st.sampled_from(
    [
        "TIMESTAMP 3/30/2025",
        "TIMESTAMP 3/31/2025",
        "TIMESTAMP 4/2/2025",
        "daemon shutdown requested - shutting down",
        "Server started on srv1 for:\tF",
        "EXITING DUE TO SIGNAL 15",
        "FlexNet Licensing version v11.18 build 1",
        "SUITE (consisting of: A B)",
        "talk",
        '"',
        "OUT: F u@h  (2 licenses)",
    ]
)


def stamp(tod: int, form: int) -> str:
    hour, rest = divmod(tod, 3600)
    text = f"{rest // 60:02}:{rest % 60:02}"
    forms = (
        f"{hour:2}",
        f"{hour:02}",
        f"{hour}",
        f"  {hour}",
        f"2025-03-30 {hour:02}",
        f"{hour + 9:2}",
    )
    return f"{forms[form]}:{text}"


TIME = st.builds(
    stamp,
    st.one_of(
        st.integers(0, 86_399),
        st.sampled_from([0, 1, 300, 599, 600, 601, 7199, 7200, 9000, 10_800, 85_800, 86_399]),
    ),
    st.sampled_from([0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5]),
)
EVENT = st.builds(
    lambda time, daemon, kind, feature, user, host, gap, tail: (
        f'{time} ({daemon}) {kind}: "{feature}" {user}@{host}{gap}{tail}'
    ),
    TIME,
    DAEMON,
    KIND,
    FEATURE,
    USER,
    HOST,
    GAP,
    TAIL,
)
OTHER = st.builds(
    lambda time, daemon, message: f"{time} ({daemon}) {message}",
    TIME,
    st.sampled_from(["vend", "lmgrd", "other"]),
    MESSAGE,
)
RUBBISH = st.sampled_from(
    ["", "no time", ' 1:00:00 (vend)OUT: "F" u@h  ', "9:99:00 (vend) IN: x", "\0"]
)
REGULAR = st.builds(
    lambda time, kind, number: (
        f'{stamp(time, number % 3)} (vend) {kind}: "F{number % 4}" u{number}@h  '
    ),
    st.integers(0, 86_399),
    st.sampled_from(["OUT", "IN"]),
    st.integers(0, 8),
)
LINES = st.lists(
    st.one_of(
        st.lists(REGULAR, min_size=1, max_size=12).map(lambda lines: "\n".join(sorted(lines))),
        EVENT,
        EVENT,
        OTHER,
        RUBBISH,
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(
    LINES,
    st.integers(1, 3),
    st.lists(st.integers(20, 900), min_size=1, max_size=6),
    st.sampled_from(["\n", "\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8", "cp1252", "utf-16"]),
    st.sampled_from([100, 400, 1 << 20]),
)
@example(  # no line of the first block has a head that columns can tell
    [f" 0:00:00 ({'a-daemon-with-a-long-name-' * 2}) OUT: \"F\" 0@0  (0 licenses)"],
    1, [20], "\n", "utf-8", 100,
)  # fmt: skip
def test_columns_say_what_the_definition_says(
    lines: list[str], times: int, cuts: list[int], ending: str, encoding: str, piece: int
) -> None:
    text = "".join(line + "\n" for line in lines * times).replace("\n", ending)
    data = text.encode(encoding, "replace")
    day = date(2025, 3, 29)
    before, debug_log.PIECE = debug_log.PIECE, piece
    try:
        assert quickly(data, day, cuts) == slowly(data, day)
        assert quickly(data, day, [len(data)]) == slowly(data, day)
    finally:
        debug_log.PIECE = before


def test_regular_lines_are_read_as_columns_and_their_first_one_by_the_definition() -> None:
    line = ' 1:00:00 (vend) {}: "F" u@h  (2 licenses)\n'
    text = "".join(line.format(kind) for kind in ("OUT", "IN", "DENIED")) * 5
    piece = DebugLogParser(zone=BERLIN, date=date(2025, 1, 6)).read(text.encode())
    assert len(piece.events) == 12
    assert piece.events.line.tolist() == list(range(4, 16))
    assert len(piece.others) == 3
    assert [record.line for record in piece.records()] == list(range(1, 16))  # type: ignore[union-attr]


def test_states_go_through_json() -> None:
    parser = DebugLogParser(zone=BERLIN, date=date(2025, 1, 6))
    parser.read(b' 1:00:00 (vend) OUT: "F" u@h  \n' * 5)
    assert json.loads(json.dumps(parser.state()))["lines"] == 5


def test_a_simulated_year_is_read_as_the_definition_reads_it(year: Year) -> None:
    data, day = year.log.read_bytes(), date(2025, 4, 1)
    expected = slowly(data, day)
    assert quickly(data, day, [1 << 21]) == expected
    assert quickly(data, day, [70_001]) == expected


@pytest.mark.skipif(not REAL.exists(), reason="real samples are kept beside the project")
@pytest.mark.parametrize("path", sorted(REAL.glob("*")), ids=lambda path: path.stem)
def test_a_real_log_is_read_as_the_definition_reads_it(path: Path) -> None:
    data = path.read_bytes()
    with path.open("rb") as stream:
        day = first_line_date(stream) or date(2025, 1, 6)
    assert quickly(data, day, [1 << 20]) == slowly(data, day)
    assert quickly(data, day, [5_003]) == slowly(data, day)


# --- Numbers of pieces ---------------------------------------------------------------------------


def encode(names: ByteNames, pieces: list[bytes]) -> list[int]:
    data = b"|".join(pieces) + PADDING
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    starts = np.cumsum(lengths + 1) - lengths - 1
    return names.encode(data, words_of(data), starts, lengths).tolist()


@given(st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=30), max_size=4))
def test_a_piece_keeps_its_number_and_no_two_pieces_share_one(blocks: list[list[bytes]]) -> None:
    names, numbers = ByteNames(5), {}
    for block in blocks:
        for piece, code in zip(block, encode(names, block), strict=True):
            assert numbers.setdefault(piece, code) == code
            assert names.texts[code] == piece
    assert len(set(numbers.values())) == len(numbers)


def test_thousands_of_pieces_are_told_apart() -> None:
    names = ByteNames(4)
    pieces = [f"user{number}@pc{number % 7}".encode() for number in range(20_000)]
    codes = encode(names, pieces)
    assert codes == list(range(20_000))
    assert encode(names, pieces[::-1]) == codes[::-1]


def test_a_piece_that_is_too_long_gets_no_number() -> None:
    assert encode(ByteNames(3), [b"x" * 24, b"x" * 25]) == [0, -1]


def test_pieces_made_to_collide_are_told_apart_and_the_log_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        ByteNames,
        "_hash",
        staticmethod(lambda _columns, lengths: np.zeros_like(lengths, np.uint64)),
    )
    assert encode(ByteNames(3), [b"one", b"two", b"one"]) == [0, -1, 0]
    data = "".join(
        f' 1:00:{second:02} (vend) OUT: "F{second % 3}" u{second % 5}@h  \n' for second in range(60)
    ).encode()
    assert quickly(data, date(2025, 1, 6), [500]) == slowly(data, date(2025, 1, 6))
