"""clock.csv of a pack: how the clocks stood on each day, and each step of one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from reports.datasets.clocks import KINDS
from reports.datasets.files import as_csv, utc

NAMES = (
    "collector", "at", "zone", "ntp_synchronised", "ntp_offset_ms", "ntp_error_ms",
    "server_offset_s", "server_offset_to_s", "step_s", "monotonic_ok", "reason",
)  # fmt: skip


def clock(told: Iterable[dict[str, Any]], zone: ZoneInfo) -> bytes:
    """Return the table. told: entries, of which those on clocks count."""
    rows = [_row(entry, zone) for entry in told if entry["kind"] in KINDS]
    return as_csv(NAMES, rows)


def _row(entry: dict[str, Any], zone: ZoneInfo) -> tuple[Any, ...]:
    body, stepped = entry["body"], entry["kind"] == "clock"
    return (
        entry["stream"],
        utc(entry["event_time"]),
        str(zone),
        _flag(body.get("synchronised")),
        _milliseconds(body.get("ntp_offset_us")),
        _milliseconds(body.get("ntp_error_us")),
        body.get("server_offset_from"),
        body.get("server_offset_to"),
        body.get("step"),
        False if stepped else _flag(body.get("ran_on")),
        body.get("reason", "" if stepped else "reading of the day"),
    )


def _flag(said: int | None) -> bool | None:
    return None if said is None else bool(said)


def _milliseconds(microseconds: int | None) -> Decimal | None:
    return None if microseconds is None else Decimal(microseconds) / 1000
