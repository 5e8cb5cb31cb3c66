"""clock.csv says how clocks stood, and leaves empty what nobody knows."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import pytest

from reports.packs.clocks import NAMES, clock

pytestmark = pytest.mark.once


def row(kind: str, **body: object) -> dict[str, str]:
    entry = {"body": body, "event_time": 0, "kind": kind, "stream": "server/a"}
    other = {"body": {}, "event_time": 0, "kind": "server", "stream": "server/a"}
    text = clock([other, entry], ZoneInfo("UTC")).decode()
    (found,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (found["collector"], found["at"]) == ("server/a", "1970-01-01T00:00:00Z")
    return {name: found[name] for name in NAMES[3:]}


NOTHING = dict.fromkeys(NAMES[3:], "")


def test_a_step_is_told_with_its_reason() -> None:
    told = {"step_s": "-90", "monotonic_ok": "false", "reason": "set back"}
    assert row("clock", step=-90, reason="set back", line=7) == NOTHING | told


def test_a_reading_leaves_empty_what_nobody_knows() -> None:
    assert row("clock_reading") == NOTHING | {"reason": "reading of the day"}


def test_a_reading_tells_what_is_known_as_numbers() -> None:
    body = {
        "ntp_error_us": 1500, "ntp_offset_us": -250, "ran_on": 1, "synchronised": 1,
        "server_offset_from": -45, "server_offset_to": 16,
    }  # fmt: skip
    assert row("clock_reading", **body) == {
        "ntp_synchronised": "true", "ntp_offset_ms": "-0.25", "ntp_error_ms": "1.5",
        "server_offset_s": "-45", "server_offset_to_s": "16", "step_s": "",
        "monotonic_ok": "true", "reason": "reading of the day",
    }  # fmt: skip
