from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet.options_file import parse_options_file

ROOT = Path(__file__).parents[4]
FIXTURE = ROOT / "tests/samples/flexnet/options_everything.opt"
REAL = ROOT / "../shared/samples/flexnet-options"


def test_rules_are_read() -> None:
    found = parse_options_file(FIXTURE.read_bytes())
    assert [each[:6] for each in (_fields(rule) for rule in found.rules)] == [
        ("RESERVE", "f1", "", 2, "GROUP", "eng"),
        ("RESERVE", "f1", "VERSION=2.0", 1, "HOST_GROUP", "farm"),
        ("RESERVE", "f2", "EXPDATE=31-dec-2026", 1, "USER", "anna"),
        ("RESERVE", "f3", "VERSION=1", 1, "USER", "Jean Luc"),
        ("MAX", "f1", "", 1, "USER", "bob.smith"),
        ("MAX_OVERDRAFT", "f1", "", 0, "", ""),
        ("EXCLUDE", "f2", "", None, "DISPLAY", "term1"),
        ("EXCLUDE", "f4", "", None, "ALL", ""),
        ("EXCLUDEALL", "", "", None, "INTERNET", "192.0.2.*"),
        ("TIMEOUT", "f1", "", 900, "", ""),
        ("TIMEOUTALL", "", "", 1800, "", ""),
    ]


def _fields(rule: object) -> tuple[object, ...]:
    return tuple(getattr(rule, name) for name in rule.__slots__)  # type: ignore[attr-defined]


def test_groups_named_on_several_lines_have_the_members_of_all() -> None:
    found = parse_options_file(FIXTURE.read_bytes())
    assert found.groups == {"eng": ("anna", "bob.smith", "CORP\\carl", "dora", "erik", "Jean Luc")}
    assert found.host_groups == {"farm": ("node01", "10.1.2.*")}


def test_settings_that_repeat_are_joined() -> None:
    assert parse_options_file(FIXTURE.read_bytes()).settings == {
        "GROUPCASEINSENSITIVE": "ON",
        "NOLOG": "IN QUEUED",
        "REPORTLOG": "+/var/log/flex/acme.rl HIDE_USER",
    }


def test_what_cannot_be_read_is_shown() -> None:
    found = parse_options_file(FIXTURE.read_bytes()).unreadable
    assert [(each.line, each.text) for each in found] == [
        (21, "RESERVE many f1 USER anna"),
        (22, "INCLUDE f1 TEAM eng"),
        (23, "MISSPELT f1"),
    ]
    assert "HOST_GROUP" in found[1].reason


def test_a_mark_does_not_break_the_first_line() -> None:
    found = parse_options_file(b"\xef\xbb\xbfRESERVE 1 f USER anna\r\n")
    assert len(found.rules) == 1


@given(st.binary(max_size=300))
def test_rubbish_never_fails(data: bytes) -> None:
    parse_options_file(data)
    parse_options_file(b"RESERVE " + data)


@given(
    st.lists(
        st.sampled_from(
            [
                "RESERVE",
                "MAX",
                "INCLUDE",
                "TIMEOUT",
                "GROUP",
                "1",
                "f",
                "USER",
                "u",
                '"',
                "\\\n",
                "\n",
            ]
        ),
        max_size=30,
    )
)
def test_shuffled_words_never_fail(words: list[str]) -> None:
    parse_options_file(" ".join(words).encode())


@pytest.mark.skipif(not REAL.exists(), reason="real samples are kept beside the project")
@pytest.mark.parametrize("path", sorted(REAL.glob("*")), ids=lambda path: path.stem)
def test_real_files_are_read_whole(path: Path) -> None:
    assert parse_options_file(path.read_bytes()).unreadable == ()
