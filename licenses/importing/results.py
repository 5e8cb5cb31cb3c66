"""What an import of one file came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from licenses.sources import records

from .otherwise import Otherwise

SHOWN = 20


@dataclass
class FileResult:
    """What an import of one file came to."""

    file: str
    format: str
    lines: int = 0
    out: int = 0
    returned: int = 0
    denied: int = 0
    new: int = 0
    known: int = 0
    unreadable: list[records.Unreadable] = field(default_factory=list)
    unreadable_count: int = 0
    starts: int | None = None
    ends: int | None = None
    notes: list[str] = field(default_factory=list)
    queued: Counter[str] = field(default_factory=Counter)
    """Requests that began to wait, by feature."""

    def count_unreadable(self, lines: list[records.Unreadable]) -> None:
        self.unreadable_count += len(lines)
        self.unreadable += lines[: SHOWN - len(self.unreadable)]

    def count_others(self, items: list[records.LogRecord]) -> None:
        """Count who began to wait, and tell of what bears on the figures or is not counted."""
        for item in items:
            if isinstance(item, records.Queue):
                self.queued[item.feature] += item.entered
            elif isinstance(item, records.ClockStep) and len(self.notes) < SHOWN:
                self.notes.append(
                    f"line {item.line}: clock moved by {item.seconds} s: {item.reason}"
                )
            elif isinstance(item, records.Upgrade) and len(self.notes) < SHOWN:
                self.notes.append(
                    f"line {item.line}: a checkout of {item.feature} was changed while it ran "
                    f"({item.seats} seats named); it is counted with the seats it was taken with"
                )

    def as_dict(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return the object that `import_usage` prints and the API answers."""

        def iso(seconds: int | None) -> str | None:
            return None if seconds is None else datetime.fromtimestamp(seconds, zone).isoformat()

        return {
            "file": self.file,
            "format": self.format,
            "lines": self.lines,
            "out": self.out,
            "in": self.returned,
            "denied": self.denied,
            "new": self.new,
            "known": self.known,
            "unreadable": [
                {"line": line.line, "text": line.text, "reason": line.reason}
                for line in self.unreadable
            ],
            "unreadable_count": self.unreadable_count,
            "from": iso(self.starts),
            "to": iso(self.ends),
            **({"notes": notes} if (notes := [*self.notes, *self._of_queues()]) else {}),
        }

    def _of_queues(self) -> list[str]:
        return [
            f"requests for {feature} that began to wait: {count}; what waits holds no seat, and is "
            "not counted"
            for feature, count in sorted((+self.queued).items())[:SHOWN]
        ]


def meets(at: int, zone: tzinfo) -> str:
    """Return the note of a text that ends or begins in the second in which another does."""
    return (
        f"another text of the log ends or begins in the same second, "
        f"{_local(at, zone)}, with an equal line: the two were taken for one. If the "
        f"log was cut there, a line is missing; import the two as one text"
    )


def tells_otherwise(found: Otherwise, zone: tzinfo) -> str:
    """Return the note of a text that differs from others of its time."""
    return (
        f"another text of the log tells otherwise of the time from {_local(found.start, zone)} to "
        f"{_local(found.end, zone)}: it lacks {found.mine} of the events here, and {found.theirs} "
        f"of its events are not here; all of them are counted"
    )


def _local(at: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M:%S}"
