"""Rows that are read by the block are what the exact reader makes of each line."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet import lmstat
from licenses.sources.flexnet.dates import StartDates
from licenses.sources.records import Snapshot
from licenses.sources.text import text_lines, whole_lines

BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_773_659_760
ROOT = Path(__file__).parents[4]
SAMPLES = sorted((ROOT / "tests/samples/flexnet").glob("*.txt")) + sorted(
    (ROOT / "../shared/samples/flexnet-lmstat").glob("*")
)


def exact(data: bytes, zone: ZoneInfo, now: int | None) -> list[Snapshot]:
    """Read each line by itself."""
    reader = lmstat._Reader(zone, now)
    for number, line in text_lines(data):
        reader.line(number, line)
    return reader.snapshots()


def mixed(odd: str) -> st.SearchStrategy[str]:
    """Return a strategy of pieces of rows, most of them usual."""
    names = st.sampled_from(["anna", "b o b", "c@d", "józef", "NOTE:", "x", odd, ""])
    hosts = st.sampled_from(["ws1", "WS2.example.net", "ws 3", "10.0.0.1", odd])
    displays = st.sampled_from(["ws1", "ws1:0.0", "/dev/tty", "pts/3", "WS1", "two words", ""])
    days = st.sampled_from(
        ["Mon 3/16", "Tue 3/17", "Sun 10/26", "Sun 3/29", "Mon 2/29", "mon 13/40", "Xyz 3/1"]
    )
    times = st.sampled_from(["8:13", "0:00", "2:30", "23:59", "24:00", "7:60", "٣:15", "008:15"])
    ends = st.sampled_from(
        [
            *("", "", ", 2 licenses", ", 1 license", ", PID: 77", ", 3 licenses, PID:5"),
            *(
                ", 0 licenses",
                " ",
                "\u2028",
                " (linger: 5 / 60)",
                " (linger: 7200)",
                ", 2 lic",
                ",",
            ),
        ]
    )
    indents = st.sampled_from(["    ", "", "\t", " " * 70, "\u00a0"])
    versions = st.sampled_from(["(v2023.1)", "(v1.0)", "(2023)", "(v)", "(v 1)"])
    handles = st.sampled_from(["(lic1/27000 101)", "(lic2/27000 7)", "(lic1 101)", "(a/1 1) "])
    return st.builds(
        lambda i, u, h, d, v, k, day, time, end: (
            f"{i}{u} {h} {d} {v} {k}, start {day} {time}{end}".replace("  (", " (")
        ),
        *(indents, names, hosts, displays, versions, handles, days, times, ends),
    )


USUAL = st.builds(
    lambda user, host, number, day, time, end: (
        f"    u{user} ws{host} ws{host} (v1.0) (lic1/27000 {number}), start {day} {time}{end}"
    ),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 999),
    st.sampled_from(["Mon 3/16", "Fri 3/13", "Sun 10/26"]),
    st.sampled_from(["8:13", "2:30", "0:05"]),
    st.sampled_from(["", "", ", 2 licenses"]),
)
HEADINGS = [
    "lmutil - Copyright (c) 1989-2022 Flexera. All Rights Reserved.",
    "Flexible License Manager status on Mon 3/16/2026 12:16",
    "Flexible License Manager status on Thu 3/16/2028 12:16",
    "License server status: 27000@lic1",
    "lic1: license server UP (MASTER) v11.19.7",
    "Vendor daemon status (on lic1):",
    "acmed: UP v11.19.7",
    "otherd: The desired vendor daemon is down. (-97,121)",
    "Feature usage info:",
    "Users of f:  (Total of 9 licenses issued;  Total of 3 licenses in use)",
    "Users of g h:  (Total of 1 license issued;  Total of 1 license in use)",
    "Users of u:  (Uncounted, node-locked)",
    "Users of e:  (Error: 5 licenses, unsupported by licensed server)",
    "Users of cut:  (Total of 9 lic",
    '  "f" v1.0, vendor: acmed, expiry: 31-dec-2026',
    '  "f" v2.0, vendor: otherd, expiry: permanent',
    "  vendor_string: A,B",
    "  floating license",
    "  2 RESERVATIONs for GROUP team one (lic1/27000)",
    "  1 RESERVATION for USER 1 (lic1/27000)",
    "    q1 ws7 ws7 (v1.0) (lic1/27000 909) queued for 2 licenses",
    "License files: x",
    "-" * 30,
    "what is this",
    "",
]
START = "\n".join([*HEADINGS[:2], *HEADINGS[3:7], *HEADINGS[8:10], *HEADINGS[14:15], ""])


@st.composite
def statuses(draw: st.DrawFn) -> bytes:
    """Draw a status: most of its lines usual rows, some odd, parts repeated, ends mixed, cut."""
    line = st.one_of(USUAL, USUAL, USUAL, st.sampled_from(HEADINGS), mixed("("))
    lines = draw(st.lists(line, max_size=40))
    if draw(st.booleans()):
        lines = lines + lines
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]))
    text = (
        (START if draw(st.booleans()) else "") + end.join(lines) + draw(st.sampled_from(["", end]))
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    data = text.encode(encoding, "replace")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from([b"", b"\xff\xe4", b"\x00", b"\x85"])) + data[at:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(statuses(), st.sampled_from([1, 300, 1 << 20]), st.sampled_from([None, NOW]))
def test_reading_by_the_block_is_reading_line_by_line(
    data: bytes, block: int, now: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lmstat, "BLOCK", block)
        patch.setattr(lmstat, "TOGETHER", block)
        assert lmstat.parse_lmstat(data, zone=BERLIN, now=now) == exact(data, BERLIN, now)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"])
def test_samples_by_the_block_are_the_samples_line_by_line(path: Path, zone: str) -> None:
    data = path.read_bytes()
    for text in (data, data * 3, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        found = lmstat.parse_lmstat(text, zone=ZoneInfo(zone), now=NOW)
        assert found == exact(text, ZoneInfo(zone), NOW)


def test_rows_before_any_feature_are_not_rows_but_what_the_exact_reader_says() -> None:
    row = "    u ws ws (v1.0) (lic1/27000 1), start Mon 3/16 8:13\n"
    data = START.replace("Users of", row * 3 + "Users of").encode()
    found = lmstat.parse_lmstat(data, zone=BERLIN)
    assert [each.line for each in found[0].unreadable] == [8, 9, 10]
    assert found == exact(data, BERLIN, None)


def test_very_long_lines_keep_their_number_and_their_reason() -> None:
    long = "    " + "u" * 70_000 + "\n"
    usual = "    u ws ws (v1.0) (lic1/27000 1), start Mon 3/16 8:13\n"
    data = (START + usual + long + usual).encode()
    found = lmstat.parse_lmstat(data, zone=BERLIN)
    assert found == exact(data, BERLIN, None)
    assert found[0].unreadable[0].reason == "longer than 65536 characters"


@given(
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "Pacific/Apia", "UTC"]
    ),
    st.integers(0, 2**31),
    st.lists(
        st.tuples(
            st.sampled_from(["Mon", "sun", "Fri", "Nay"]),
            st.integers(0, 13),
            st.integers(0, 32),
            st.integers(0, 25),
            st.integers(0, 61),
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_starts_by_the_column_are_the_starts_one_by_one(
    zone: str, taken: int, wanted: list[tuple[str, int, int, int, int]]
) -> None:
    starts = StartDates(taken, ZoneInfo(zone))
    days = [f"{weekday} {month}/{day}" for weekday, month, day, _, _ in wanted]
    times = [f"{hour}:{minute:02d}" for *_, hour, minute in wanted]
    moments, guessed = starts.of_columns(days, times)
    alone = StartDates(taken, ZoneInfo(zone))
    assert list(zip(moments, guessed, strict=True)) == [
        alone.start(weekday, month, day, None, hour, minute)
        for weekday, month, day, hour, minute in wanted
    ]


@given(st.text(alphabet="ab \r\n\u2028\x0b", max_size=30))
def test_whole_lines_are_the_lines(text: str) -> None:
    lines = [line for _, line in text_lines(text.encode())]
    assert whole_lines(text.encode()) == "".join(f"{line}\n" for line in lines)
