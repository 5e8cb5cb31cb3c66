from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.text import LINE_CAP, LineReader, decode, text_lines, visible


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("Łódź".encode(), "Łódź", id="utf-8"),
        pytest.param("\ufeffa".encode(), "a", id="utf-8 with a mark"),
        pytest.param("Käse".encode("cp1252"), "Käse", id="cp1252"),
        pytest.param("é ".encode() + "é".encode("cp1252"), "é é", id="both in one text"),
        pytest.param(b"a\x81b", "a\x81b", id="a byte that cp1252 does not have"),
        pytest.param("Łódź".encode("utf-16"), "Łódź", id="utf-16 with a mark"),
        pytest.param("\ufeffŁódź".encode("utf-16-be"), "Łódź", id="utf-16 the other way round"),
        pytest.param(b"\xff\xfea", "\ufffd", id="half a unit of utf-16"),
    ],
)
def test_bytes_are_decoded_whatever_they_are(data: bytes, text: str) -> None:
    assert decode(data) == text


@given(st.binary())
def test_decoding_never_fails(data: bytes) -> None:
    assert isinstance(decode(data), str)


def test_control_and_direction_characters_are_spelled_out() -> None:
    assert visible("a\x00b\x1b[31m\u202ec\t") == "a\\x00b\\x1b[31m\\u202ec\\t"


def test_long_text_is_cut_for_showing() -> None:
    assert visible("x" * 1000) == "x" * 500


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(b"a\nb\n", ["a", "b"], id="lf"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="crlf"),
        pytest.param(b"a\r\r\nb\r\n", ["a", "b"], id="crlf converted twice"),
        pytest.param(b"a\r\nb\nc", ["a", "b", "c"], id="mixed, last without an end"),
        pytest.param(b"a\rb\r", ["a", "b"], id="cr alone"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_a_text_is_cut_at_every_kind_of_line_end(data: bytes, lines: list[str]) -> None:
    assert [line for _, line in text_lines(data)] == lines


def test_a_line_over_the_cap_comes_out_just_over_it() -> None:
    lines = list(text_lines(b"x" * (LINE_CAP + 500) + b"\nnext\n"))
    assert [(number, len(line)) for number, line in lines] == [(1, LINE_CAP + 1), (2, 4)]


@given(
    st.lists(st.text(max_size=8), max_size=8),
    st.lists(st.integers(1, 7), min_size=1),
    st.booleans(),
)
def test_any_block_boundary_gives_the_same_lines_and_offset(
    words: list[str], steps: list[int], wide: bool
) -> None:
    text = "".join(word.replace("\n", "").replace("\ufeff", "") + "\n" for word in words)
    data = text.encode("utf-16" if wide else "utf-8", "replace") if text else b""
    whole, pieces = LineReader(), LineReader()
    expected = whole.feed(data + b"") if data else []
    found: list[bytes] = []
    at, turn = 0, 0
    while at < len(data):
        step = steps[turn % len(steps)]
        found += pieces.feed(data[at : at + step])
        at, turn = at + step, turn + 1
    assert found == expected
    assert pieces.offset == whole.offset == (len(data) if words else 0)


def test_the_last_line_without_a_newline_is_kept_for_the_end() -> None:
    reader = LineReader()
    assert reader.feed(b"a\nhal") == [b"a"]
    assert reader.feed(b"f") == []
    assert reader.offset == 2
    assert reader.finish() == b"half"
    assert reader.finish() is None


def test_a_huge_line_takes_flat_memory_and_keeps_the_offset_right() -> None:
    reader = LineReader()
    block = b"x" * (1 << 20)
    for _ in range(64):
        assert reader.feed(block) == []
        assert len(reader._carry) <= 2 * LINE_CAP + 3
    (long,) = reader.feed(b"\n")
    assert len(long) > LINE_CAP
    assert reader.offset == 64 * len(block) + 1
    assert reader.feed(b"next\n") == [b"next"]


def test_a_huge_line_of_utf_16_does_not_fall_out_of_step() -> None:
    reader = LineReader()
    data = ("x" * 200_001 + "\nnext\n").encode("utf-16")
    found = [line for at in range(0, len(data), 777) for line in reader.feed(data[at : at + 777])]
    assert len(found[0]) > LINE_CAP
    assert found[1:] == [b"next"]
    assert reader.offset == len(data)
