"""The numbers of a report as the files that lie inside its PDF and beside it."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from functools import lru_cache
from io import StringIO
from types import MappingProxyType
from typing import Any, Final

from licenses.analysis.coverage import percent_down
from licenses.concurrency.periods import OF_AN_HOUR
from licenses.resources import disarm

TABLES: Final = MappingProxyType(
    {
        "daily.csv": "each pool and day",
        "gaps.csv": "every gap",
        "overuse.csv": "every over-use episode",
        "sessions.csv": "the sessions behind the highest peaks",
        "denials.csv": "refusals by code",
        "changes.csv": "changes and corrections",
        "sources.csv": "files read, with totals",
        "servers.csv": "names, host ids and versions of servers",
    }
)
"""What the tables that go with reports hold."""


class Numbers(dict[str, Any]):
    """Numbers as JSON knows them, and the lines that were already made of them.

    The id of a report is made of the text of its numbers, and so is its file: that of hundreds of
    pools is made once. An entry that was replaced since gets a line of its own; nobody changes what
    is within one.
    """

    def __init__(self, entries: Mapping[str, Any], made: Mapping[str, tuple[Any, str]]) -> None:
        super().__init__(entries)
        self._made = made

    def also(self, **more: Any) -> Numbers:
        """Return these and more."""
        return Numbers({**self, **more}, self._made)

    def line(self, key: str) -> str | None:
        """Return the line of an entry, None where it was not made of what the entry is now."""
        value, line = self._made.get(key, (None, None))
        return line if value is self[key] else None


def identified(report: str, letter: str, content: Mapping[str, Any]) -> Numbers:
    """Return the numbers of a report with its name and its id, which is made of them: another
    number, another id."""
    lines = _lines(content)
    fingerprint = hashlib.sha256(_joined(lines)).hexdigest()
    head = {"report": report, "id": f"{letter}-{fingerprint[:16]}"}
    made = {key: (value, lines[key]) for key, value in content.items()}
    return Numbers({**head, **content}, made)


def as_text(numbers: Mapping[str, Any]) -> bytes:
    """Return numbers as JSON in UTF-8: a line for each entry, and for each item of a list.

    The same numbers give the same bytes. One line a pool keeps it fit to be compared by line.
    """
    return _joined(_lines(numbers))


def _lines(numbers: Mapping[str, Any]) -> dict[str, str]:
    lines = {}
    for key, value in numbers.items():
        made = numbers.line(key) if isinstance(numbers, Numbers) else None
        lines[key] = made or f"{_compact(key)}:{_entry(value)}"
    return lines


def _joined(lines: Mapping[str, str]) -> bytes:
    return ("{\n" + ",\n".join(lines.values()) + "\n}\n").encode()


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as RFC 4180 has it, in UTF-8 under its names.

    None, *not known*, is empty and never 0; a flag is true or false; a share is a percentage
    rounded down. A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_field(value) for value in row] for row in rows)
    return text.getvalue().encode()


def utc(moment: int | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, with a Z."""
    if moment is None:
        return None
    hour, second = divmod(moment, 3_600)
    return f"{_utc_hour(hour)}{OF_AN_HOUR[second]}Z"


def utc_of(moment: datetime | None) -> str | None:
    return None if moment is None else utc(int(moment.timestamp()))


# A year has few hours: a table of a year asks for each again and again.
@lru_cache(maxsize=16_384)
def _utc_hour(number: int) -> str:
    return datetime.fromtimestamp(number * 3_600, UTC).isoformat()[:14]


def local_day(moment: int, zone: tzinfo) -> str:
    """Return the day of a moment in the zone."""
    return datetime.fromtimestamp(moment, zone).date().isoformat()


def _field(value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, str):
        return disarm(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return percent_down(value) if isinstance(value, Fraction) else value


def _entry(value: Any) -> str:
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return _compact(value)
    return "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
