"""A night in Berlin on which the clock shows an hour twice: who held what, and what tells of it."""

from __future__ import annotations

import random
from datetime import date, datetime
from zoneinfo import ZoneInfo

from licenses.importing.logs import LogImport
from licenses.importing.snapshots import store_snapshot
from licenses.models import LicenseServer
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import at

ZONE = ZoneInfo("Europe/Berlin")
BEGIN, END = at("2026-10-25T00:00"), at("2026-10-25T02:00")
"""The clock shows 2:00 to 3:00 twice in this time."""
Use = tuple[int, int, str]
"""From when until when somebody held a seat, and who."""
STATUS = """\
Flexible License Manager status on {time:%a %m/%d/%Y %H:%M}
License server status: 27000@lic
lic: license server UP (MASTER) v11.19.5
Vendor daemon status (on lic):
     vend: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 9 licenses issued;  Total of {count} licenses in use)
  "cad" v1.0, vendor: vend, expiry: permanent(no expiration date)
  floating license
"""
ROW = "    {who} h1 h1 (v1.0) (lic/27000 {handle}), start {start:%a %-m/%-d %-H:%M}\n"


def wall(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, ZONE)


def logged(held: list[Use], chance: random.Random) -> list[str]:
    """Return the lines of a log, some of which are lost, and maybe of a start in the middle."""
    lines = [
        line
        for start, end, who in held
        for line in ((start, f'OUT: "cad" {who}@h1'), (end, f'IN: "cad" {who}@h1'))
        if chance.random() < 0.9
    ]
    if chance.random() < 0.3:
        when = chance.randrange(BEGIN - 1800, END + 1800, 60)
        lines.append((when, "Server started on lic for: cad"))
    if chance.random() < 0.2:
        lines.append((chance.randrange(BEGIN, END, 60), 'IN: "cad" ann@'))
    lines += [(at(f"2026-10-25T{hour}"), "TIMESTAMP 10/25/2026") for hour in ("05:00", "11:00")]
    head = "0:00:00 (vend) TIMESTAMP 10/25/2026\n"
    return [head, *(f"{wall(at):%-H:%M:%S} (vend) {text}\n" for at, text in sorted(lines))]


def store(server: LicenseServer, lines: list[str]) -> None:
    run = LogImport(server, source="a.log", first_day=date(2026, 10, 25))
    run.store("".join(lines).encode(), last=True)


def answer(server: LicenseServer, held: list[Use], moment: int) -> None:
    rows = [(start, who) for start, end, who in held if start <= moment < end]
    text = STATUS.format(time=wall(moment), count=len(rows))
    for handle, (start, who) in enumerate(rows):
        text += ROW.format(who=who, handle=handle, start=wall(start))
    (snapshot,) = parse_lmstat(text.encode(), zone=ZONE, now=moment)
    store_snapshot(server, snapshot, text.encode(), at=moment, source="poll")


def night(chance: random.Random) -> list[Use]:
    """Return who held a seat from when until when."""
    held = []
    for _ in range(chance.randrange(2, 8)):
        start = chance.randrange(BEGIN - 3600, END + 1800, 30)
        lasted = chance.choice([60, 600, 2400, 4200, 9000])
        held.append((start, start + lasted, chance.choice(["ann", "bob", "cy"])))
    return held


def asked(chance: random.Random) -> list[int]:
    """Return when the server was asked; never, on some nights."""
    if chance.random() < 0.4:
        return []
    moments = range(BEGIN - 3600, END + 3600, 300)
    return [moment for moment in moments if chance.random() < 0.7]
