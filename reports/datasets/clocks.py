"""How the clocks stood over a period: what the readings of each day said, and each step of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from licenses.evidence import entries
from licenses.models import LicenseServer

KINDS: Final = ("clock", "clock_reading")
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of one polled server and of the machine that asked it; None: not known.

    days, without:       days (UTC) of the period up to the as-of time, and those without a reading.
    kept, loose, untold: readings at which the kernel said that its clock is kept right, that it is
                         not, and nothing.
    ntp_from_us, ntp_to_us:  the network's time was ahead of our clock by something between the two.
    ntp_error_us:        our clock was off by at most that, whenever the kernel said so.
    server_from, server_to:  the server's clock was ahead of ours by something between the two, in
                         seconds.
    steps, step:         how often a clock was set, ours or that of a log, and the most by which.
    stalled:             readings at which our clock had not gone on as the machine's time did.
    """

    server: str
    days: int
    without: int
    kept: int
    loose: int
    untold: int
    ntp_from_us: int | None
    ntp_to_us: int | None
    ntp_error_us: int | None
    server_from: int | None
    server_to: int | None
    steps: int
    step: int | None
    stalled: int


def load_clocks(
    servers: Collection[LicenseServer], start: int, end: int, as_of: datetime
) -> tuple[Clocks, ...]:
    """Return the clocks of each server by what was recorded before *as_of*, in the servers' order.
    One query, and the entries of the servers are unpacked."""
    told: dict[str, list[Mapping[str, Any]]] = {entries.joint_stream(row): [] for row in servers}
    by_name = told | {
        entries.server_stream(row)[0]: told[entries.joint_stream(row)] for row in servers
    }
    for entry in entries.of_kinds(by_name, KINDS, as_of):
        if start <= entry["event_time"] < end:
            by_name[entry["stream"]].append(entry)
    last = min(end, int(as_of.timestamp()))
    days = max(-(-last // DAY) - start // DAY, 0)
    names = [row.name for row in servers]
    return tuple(_clocks(name, days, rows) for name, rows in zip(names, told.values(), strict=True))


def _clocks(server: str, days: int, rows: Iterable[Mapping[str, Any]]) -> Clocks:
    readings = [row for row in rows if row["kind"] == "clock_reading"]
    said = [row["body"] for row in readings]
    moved = [row["body"]["step"] for row in rows if row["kind"] == "clock"]
    seen = {row["event_time"] // DAY for row in readings}
    kept = [body.get("synchronised") for body in said]

    def of(name: str) -> list[int]:
        return [body[name] for body in said if name in body]

    return Clocks(
        server=server,
        days=days,
        without=days - len(seen),
        kept=kept.count(1),
        loose=kept.count(0),
        untold=kept.count(None),
        ntp_from_us=min(of("ntp_offset_us"), default=None),
        ntp_to_us=max(of("ntp_offset_us"), default=None),
        ntp_error_us=max(of("ntp_error_us"), default=None),
        server_from=min(of("server_offset_from"), default=None),
        server_to=max(of("server_offset_to"), default=None),
        steps=len(moved),
        step=max(moved, key=abs, default=None),
        stalled=of("ran_on").count(0),
    )
