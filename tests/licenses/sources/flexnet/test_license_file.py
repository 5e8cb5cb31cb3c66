from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet.license_file import issued_by_feature, parse_license_file

ROOT = Path(__file__).parents[4]
FIXTURE = ROOT / "tests/samples/flexnet/licence_everything.lic"
REAL = ROOT / "../shared/samples/flexnet-licence"


def test_servers_daemons_and_lines_are_read() -> None:
    found = parse_license_file(FIXTURE.read_bytes())
    assert found.servers == (("lic1", 27000),)
    assert found.daemons == ("acmed",)
    assert [(each.kind, each.feature, each.count) for each in found.lines] == [
        ("PACKAGE", "suite", None),
        ("INCREMENT", "suite", 10),
        ("INCREMENT", "suite", 5),
        ("INCREMENT", "suite", 5),
        ("INCREMENT", "old", 7),
        ("INCREMENT", "older", 7),
        ("INCREMENT", "new", 9),
        ("FEATURE", "single", 3),
        ("FEATURE", "single", 4),
        ("FEATURE", "locked", None),
        ("FEATURE", "zero", None),
        ("UPGRADE", "single", 1),
    ]


def test_the_attributes_of_lines_are_read() -> None:
    package, first, *_ = parse_license_file(FIXTURE.read_bytes()).lines
    assert (package.components, package.suite) == (("part_a", "part_b", "part_c"), True)
    assert (first.starts_on, first.expires_on) == (date(2025, 1, 2), date(2026, 12, 31))
    assert (first.duplicate_group, first.borrow_hours, first.serial) == ("UH", 4320, "77-1")
    assert (first.notice, first.issued_on, first.line) == ("Order 12", date(2025, 1, 1), 8)
    single = parse_license_file(FIXTURE.read_bytes()).lines[7]
    assert (single.overdraft, single.user_based, single.borrow_hours) == (2, True, 168)


def test_what_counts_follows_the_rules() -> None:
    found = issued_by_feature(parse_license_file(FIXTURE.read_bytes()))
    counts = {name: [each.count for each in lines] for (_, name), lines in found.items()}
    assert counts == {
        "suite": [10, 5],
        "new": [9],
        "single": [3],
        "locked": [None],
        "zero": [None],
    }


def test_a_superseding_line_spares_lines_of_its_own_date() -> None:
    text = (
        "INCREMENT f d 1 permanent 1 SUPERSEDE ISSUED=01-jan-2025 SIGN=1\n"
        "INCREMENT f d 1 permanent 2 SUPERSEDE ISSUED=01-jan-2025 SIGN=2\n"
        "INCREMENT f d 1 permanent 4 ISSUED=31-dec-2024 SIGN=3\n"
        "INCREMENT f other 1 permanent 8 ISSUED=31-dec-2024 SIGN=4\n"
    )
    effective = parse_license_file(text.encode()).effective
    assert [each.count for each in effective] == [1, 2, 8]


def test_no_key_is_kept_anywhere() -> None:
    shown = repr(parse_license_file(FIXTURE.read_bytes()))
    for secret in ("AAAA", "0123456789", "DEAD", "5ECR", "SECR", "89AB", "4567"):
        assert secret not in shown


def test_what_cannot_be_read_is_shown_without_its_keys() -> None:
    found = parse_license_file(FIXTURE.read_bytes()).unreadable
    assert [(each.line, each.text) for each in found] == [
        (22, "INCREMENT broken"),
        (23, "[key]"),
    ]
    assert "expected an expiry" in found[0].reason


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            'INCREMENT f d 1 permanent 2 NOTICE="a\nb" SN=1\nINCREMENT g d 1 permanent 3\n',
            id="quote over lines",
        ),
        pytest.param(
            "INCREMENT f d 1 \\  # ours\n permanent 2\nINCREMENT g d 1 permanent 3\n",
            id="comment after joint",
        ),
        pytest.param(
            'INCREMENT f d 1 permanent 2 NOTICE="a\nINCREMENT g d 1 permanent 3\n',
            id="quote never closed",
        ),
        pytest.param(
            "INCREMENT f d 1 permanent 2\r\nINCREMENT g d 1 permanent 3", id="crlf, no last end"
        ),
        pytest.param(
            "increment f d 1 permanent 2\nIncrement g d 1 permanent 3\n", id="small letters"
        ),
        pytest.param(
            "INCREMENT f d 1 \\\n# why\npermanent 2\nINCREMENT g d 1 permanent 3\n",
            id="comment between",
        ),
    ],
)
def test_statements_end_where_they_should(text: str) -> None:
    found = parse_license_file(text.encode())
    assert [(each.feature, each.count) for each in found.lines] == [("f", 2), ("g", 3)]


@given(st.binary(max_size=400))
def test_rubbish_never_fails(data: bytes) -> None:
    parse_license_file(data)
    parse_license_file(b"INCREMENT f d 1 permanent 2 " + data)
    parse_license_file(b"PACKAGE f d 1 COMPONENTS=" + data)


@given(
    st.lists(
        st.sampled_from(
            [
                "INCREMENT",
                "FEATURE",
                "f",
                "d",
                "1.0",
                "31-dec-2026",
                "2",
                "31-feb-2026",
                "SUPERSEDE=",
                '"',
                "\\\n",
                "\n",
                "ISSUED=1-jan-0",
                "START=x",
            ]
        ),
        max_size=40,
    )
)
def test_shuffled_words_never_fail(words: list[str]) -> None:
    parse_license_file(" ".join(words).encode())


@pytest.mark.skipif(not REAL.exists(), reason="real samples are kept beside the project")
@pytest.mark.parametrize(
    ("name", "lines", "effective"),
    [
        ("adskflex_packages_sanitised.lic", 60, 60),
        ("two_vendors_overdraft_userbased.lic", 9, 9),
        ("vmwarelm_good.lic", 6, 5),
    ],
)
def test_real_files_are_read_whole(name: str, lines: int, effective: int) -> None:
    found = parse_license_file((REAL / name).read_bytes())
    assert (len(found.lines), len(found.effective), found.unreadable) == (lines, effective, ())
