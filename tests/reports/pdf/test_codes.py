"""A QR code as an independent reader read it."""

import hashlib

from reports.pdf.codes import QUIET, Code, modules

HEAD = f"maker/1\n365\n{'A' * 43}=\n\n\u2014 maker/1 {'B' * 92}\n"


def packed(text):
    return "".join("1" if dark else "0" for row in modules(text) for dark in row)


def test_the_code_of_a_head_is_the_one_that_a_scanner_read():
    # zxing-cpp 3.0 read exactly this matrix back as HEAD.
    assert hashlib.sha256(packed(HEAD).encode()).hexdigest() == (
        "d35d3fcb2a729471459ee4859a2be8482ea603a9305d0dbed107fc5c5b64fb87"
    )


def test_another_text_gives_another_code():
    assert packed(HEAD) != packed(HEAD.replace("365", "366"))


def test_the_three_corners_are_marked():
    rows = modules("x")
    finder = [True] + [False] * 5 + [True]
    for row, column in ((1, 0), (1, len(rows) - 7), (len(rows) - 6, 0)):
        assert rows[row][column : column + 7] == finder


def test_the_square_leaves_a_quiet_zone(read_back):
    code = Code("x", module=2)
    assert code.wrap(100, 100) == ((21 + 2 * QUIET) * 2,) * 2
    content = read_back([Code("x", module=2)]).pages[0].get_contents().get_data().decode("latin-1")
    assert " re" in content
