"""Features of the usual shape, read all at once, are what the exact reader makes of each line."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.sources.flexnet import lmstat
from licenses.sources.text import text_lines

BERLIN = ZoneInfo("Europe/Berlin")
START = """Flexible License Manager status on Mon 3/16/2026 12:16
License server status: 27000@lic1
lic1: license server UP (MASTER) v11.19.7
Vendor daemon status (on lic1):
acmed: UP v11.19.7
Feature usage info:
"""
HEAD = "Users of f{0}:  (Total of 9 licenses issued;  Total of {1} licenses in use)\n"
BLOCK = '\n  "f{0}" v1.0, vendor: acmed, expiry: 31-dec-2026\n  floating license\n\n'
ROW = "    anna ws1 ws1 (v1.0) (lic1/27000 101), start Mon 3/16 8:13\n"
ODD = (
    *("ws1", "(ws1", "ws1)", "ws1 ws1", "ws1\tx", "ws1\u00a0x", "", "é", "x" * 200, "ws1:0.0"),
    *("/dev/pts/3", "WS1:1", "0.0", "3068", "JavaDisplay", "ws1/dev/tty", ":0", "ws1_2", '"f"'),
)
PARTS = {
    "    anna": ["anna", "\tanna", "    b o b", "    (x", "    NOTE:", "    1 RESERVATION"],
    "anna": [*ODD, "Users of f9:", "\n    anna", "Users\nUsers of x"],
    " ws1 ws1 ": [f" ws1 {odd} " for odd in ODD] + [f" {odd} {odd} " for odd in ODD],
    "(v1.0)": ["(v)", "(1.0)", "(vv1)", "(v 1)", "(v(1)", "(v1.0) (v2)", "v1.0"],
    "lic1/27000 101": ["lic1 101", "lic1/27000", "a/b/c 1", "/1 1", "a/ 1", "a b/1 1", "a/1 1 1"],
    "Mon 3/16": ["Tue 3/16", "mon 3/6", "Mon  3/16", "Mon 13/40", "٣on 3/16", "Mon ٣/16"],
    "8:13": ["24:00", "8:1", "08:60", "2:30", "8.13", "8:13x", "+8:13", "٣:13", "008:13"],
    "8:13\n": [
        f"8:13{tail}\n"
        for tail in (
            *(", 2 licenses", ", 1 license", ", PID: 7", ", 3 licenses, PID:5", ", 2 lic", " "),
            *(", +2 licenses", ", 0 licenses", " (linger: 5 / 60)", ",", ", 2 licenses,", "\n"),
            "\n    q ws7 ws7 (v1.0) (lic1/27000 909) queued for 2 licenses",
            "\n  2 RESERVATIONs for GROUP team one (lic1/27000)",
        )
    ],
    "  floating license\n": [
        *("", "  nodelocked license, locked to \"ID=1\"\n", "  uncounted nodelocked license\n"),
        *("  vendor_string: A,B\n  floating license\n", "  vendor_string: UP\n"),
        "  floating license\n  vendor_string: (x)\n",
    ],
    "31-dec-2026": ["1-jan-0", "permanent(no expiration date)", "31-feb-2026", "soon"],
    "vendor: acmed, ": ["vendor: otherd, ", "vendor: a,b, ", "vendor: " + "a" * 101 + ", "],
    " v1.0,": [" v,", " 1.0,", ' v1.0" v2,', " v1 0,"],
    "Total of 9 ": ["Total of 9  ", "total of 9 ", "Total of 9000000000000 "],
    "(Total": ["(Uncounted, node-locked)\n(Total", "(Error: x) (Total"],
    "in use)": ["in use) ", "in use", "in use)\n  ", "in use)x"],
    "Users of f": ["Users of f g", "Users of f:", "Users of é", "Users of f(", " Users of f"],
    START.partition("\n")[2]: [""],
    "\n\n": [
        "\n\nacmed: UP v11.19.7\nFeature usage info:\n",
        "\n\nLicense server status: 27000@lic2\nlic2: license server UP (MASTER) v1\n",
        "\n\nFlexible License Manager status on Tue 3/17/2026 12:16\n",
        "\n\n----------\n",
        "\n  \n",
        "\n\notherd: The desired vendor daemon is down. (-97,121)\n",
        "\n\nUsers of broken\n",
        "\n\n    2 RESERVATIONs for USER x (lic1/27000)\n",
    ],
}  # fmt: skip


def same(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    reader = lmstat._Reader(BERLIN, None)
    for number, line in text_lines(data):
        reader.line(number, line)
    assert lmstat.parse_lmstat(data, zone=BERLIN) == reader.snapshots()


def report(counts: list[int]) -> str:
    features = [
        HEAD.format(place, count) + (BLOCK.format(place) if count else "\n") + ROW * count + "\n"
        for place, count in enumerate(counts)
    ]
    return START + "".join(features)


CHANGES = [(part, other) for part, others in PARTS.items() for other in others]


@pytest.mark.parametrize("part", PARTS)
def test_any_part_of_a_report_may_be_another(part: str) -> None:
    text = report([2, 0, 1])
    assert part in text
    place = text.rfind(part)
    for other in PARTS[part]:
        same(text[:place] + other + text[place + len(part) :])
        same(text.replace(part, other, 1))
        same(text.replace(part, other))


@given(
    st.lists(st.integers(0, 3), max_size=4),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 9)), max_size=4),
)
def test_reports_with_many_odd_parts_are_read_line_by_line(
    counts: list[int], changes: list[tuple[tuple[str, str], int]]
) -> None:
    text = report(counts)
    for (part, other), number in changes:
        pieces = text.split(part)
        at = number % len(pieces)
        text = part.join(pieces[:at]) + (other if at else "") + part.join(pieces[at:])
    same(text)


def test_usual_features_are_not_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    line = lmstat._Reader.line
    monkeypatch.setattr(
        lmstat._Reader,
        "line",
        lambda self, number, raw: (read.append(raw), line(self, number, raw))[1],
    )
    odd = ROW.replace("ws1 (", "dev one (")
    text = report([2, 0, 3]) + HEAD.format(9, 1) + BLOCK.format(9) + odd
    (found,) = lmstat.parse_lmstat(text.encode(), zone=BERLIN)
    assert [len(feature.holdings) for feature in found.features] == [2, 0, 3, 1]
    assert [each for each in read if each.startswith("Users of")] == [HEAD.format(9, 1).strip()]
