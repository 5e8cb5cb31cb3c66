"""The shape of a line: the same for lines of one kind, and without names."""

from __future__ import annotations

import pytest

from licenses.sources.shapes import safe_shape, shape, shape_digest

LINES = [
    '10:00:01 (vendord) WEIRD: "CAD" mia@host1 lost connection to 10.1.2.3',
    '23:59:59 (vendord) WEIRD: "SIM" bob@pc77  lost connection to 10.9.9.9',
]


def test_lines_that_differ_in_names_and_numbers_have_one_shape() -> None:
    assert shape(LINES[0]) == shape(LINES[1])
    assert shape(LINES[0]) == '#:#:# (vendord) WEIRD: "…" …@… lost connection to #.#.#.#'
    assert shape_digest(LINES[0], "odd") == shape_digest(LINES[1], "odd")
    assert shape_digest(LINES[0], "odd") != shape_digest(LINES[0], "longer than 100 bytes")


def test_other_words_make_another_shape() -> None:
    assert shape("server started") != shape("server stopped")


@pytest.mark.parametrize(
    "line",
    [
        "10:00 (acmed) OUT: CAD mara on wks-berlin",
        "MARA at WKS in C:\\Users\\Mara\\x and /home/mara/x",
        "mara's host mara.example.com 'Mara Muster' [MARA] x",
        "mara@wks1 mara7 MARA7 (MARA) MARA: hello",
    ],
)
def test_nothing_that_could_be_a_name_is_left(line: str) -> None:
    found = safe_shape(line).lower()
    for name in ("mara", "wks", "berlin", "muster", "example", "acmed"):
        assert name not in found


def test_what_logs_are_made_of_is_left() -> None:
    assert safe_shape("12:00 (acmed) WEIRD: connection to server lost, mia gave up") == (
        "#:# (…) WEIRD: connection to server lost, … up"
    )
