"""Of a changed status only the features are read whose lines changed, and nothing comes out of it
but what the whole text says."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from licenses.sources.flexnet import lmstat
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_memory import StatusMemory

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 16, 12, 0, tzinfo=BERLIN)
SAMPLES = sorted(Path("tests/samples/flexnet").glob("lmstat*.txt"))
ODD = (
    "    anna maria ws1 dev1 (v1.0) (lic1/27000 7), start Mon 3/16 8:13",
    "    b ws2 (v1.0) (lic1/27000 8), start Mon 3/16 8:14, 2 licenses",
    "    2 RESERVATIONs for GROUP mech (lic1/27000)",
    "    c ws3 ws3 (v1.0) (lic1/27000 9) queued for 1 license",
    "    d ws4 ws4 (v1.0) (lic1/27000 9), start Tue 2/29 8:13",
    "    e ws5 ws5 (v1.0) (lic1/27000 9), start Fri 5/16 8:13",
    "Users of broken",
    "  Users of inner:  (Total of 1 license issued;  Total of 0 licenses in use)",
    '  "other" v2.0, vendor: acmed, expiry: 31-dec-2026',
    "acmed: The desired vendor daemon is down. (-97,121)",
    "Feature usage info:",
    "Vendor daemon status (on lic1):",
    "License server status: 27000@lic2",
    "rubbish",
    "\x00\x1b[31m",
    "",
)


def report(when: datetime, features: list[list[str]]) -> bytes:
    lines = [
        f"Flexible License Manager status on {when:%a} {when.month}/{when.day}/{when.year} "
        f"{when.hour}:{when.minute:02d}",
        "License server status: 27000@lic1",
        "lic1: license server UP (MASTER) v11.19.7",
        "Vendor daemon status (on lic1):",
        "acmed: UP v11.19.7",
        "Feature usage info:",
    ]
    return "\n".join([*lines, *(line for feature in features for line in feature), ""]).encode()


def feature(name: str, users: list[int]) -> list[str]:
    return [
        f"Users of {name}:  (Total of 99 licenses issued;  Total of {len(users)} licenses in use)",
        "",
        f'  "{name}" v1.0, vendor: acmed, expiry: 31-dec-2026',
        "  floating license",
        "",
        *(f"    u{n} ws{n} ws{n} (v1.0) (lic1/27000 {n}), start Mon 3/16 8:13" for n in users),
    ]


def compare(memory: StatusMemory, data: bytes, when: datetime, zone: ZoneInfo = BERLIN) -> None:
    now = int(when.timestamp())
    assert memory.parse("a", data, zone=zone, now=now) == parse_lmstat(data, zone=zone, now=now)


def test_only_the_features_with_a_changed_line_are_read(monkeypatch):
    read = []
    head = lmstat.usual_head
    monkeypatch.setattr(
        lmstat,
        "usual_head",
        lambda text, start, end, line: (
            read.append(text[start:end]),
            head(text, start, end, line),
        )[1],
    )
    memory, features = StatusMemory(), [feature(f"f{n}", [n, n + 1]) for n in range(9)]
    now = int(NOON.timestamp())
    memory.parse("a", report(NOON, features), zone=BERLIN, now=now)
    features[4] = feature("f4", [4, 5, 6])
    read.clear()
    (found,) = memory.parse("a", report(NOON, features), zone=BERLIN, now=now)
    assert [text.split("\n")[0][:12] for text in read] == ["Users of f4:"]
    assert found == parse_lmstat(report(NOON, features), zone=BERLIN, now=now)[0]


@pytest.mark.parametrize("seed", range(30))
def test_any_history_of_changes_gives_what_each_text_says(seed):
    dice = random.Random(seed)
    memory, when = StatusMemory(), NOON
    features = [feature(f"f{n}", dice.sample(range(20), 3)) for n in range(5)]
    for _ in range(12):
        when += timedelta(days=dice.choice([0, 0, 1, 25, 40, 300]), minutes=5)
        place = dice.randrange(len(features))
        kind = dice.randrange(5)
        if kind == 0:
            features[place] = feature(f"f{place}", dice.sample(range(20), dice.randrange(4)))
        elif kind == 1:
            features[place].insert(dice.randrange(len(features[place]) + 1), dice.choice(ODD))
        elif kind == 2 and len(features[place]) > 1:
            features[place].pop(dice.randrange(len(features[place])))
        elif kind == 3:
            dice.shuffle(features)
        data = report(when, features)
        compare(memory, data, when)
        compare(memory, data, when)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_each_line_of_a_sample_may_change(sample):
    lines = sample.read_bytes().split(b"\n")
    memory = StatusMemory()
    for place in range(len(lines)):
        changed = [*lines[:place], b"    z ws9 (v1) (l/1 9), start Mon 3/16 8:13", *lines[place:]]
        compare(
            memory, b"\n".join(changed if place % 2 else lines[:place] + lines[place + 1 :]), NOON
        )
        compare(memory, b"\n".join(lines), NOON)
