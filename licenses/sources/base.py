"""What a kind of licence server offers: its formats, the errors they raise, and the shape of a
log's parser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from licenses.sources.records import LogRecord


class SourceError(Exception):
    """A text or a server cannot be used as it is. The message is a sentence for a person."""


class NotRecognised(SourceError):
    """The bytes are in no format that this kind of server writes."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"Found {found}; expected {expected}.")
        self.found = found
        self.expected = expected


class DateNeeded(SourceError):
    """The lines carry a time of day alone, and nothing says which day the first one is."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"Line {line} has a time but no date, and no date line comes before it; "
            "expected the date of the first line."
        )
        self.line = line


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a kind of server."""

    name: str
    """As on the command line: debug-log, lmstat, ..."""
    label: str
    """For people."""
    yields: str
    """events, snapshot, issued or rules."""
    detect: Callable[[bytes], bool]
    """Whether the beginning of a text (64 KB are plenty) looks like this format."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A technology of licence servers. Formats are tried in order: the most telling first."""

    name: str
    label: str
    formats: tuple[Format, ...]


class LogParser(Protocol):
    """Reads an event log in blocks of any size, and can stop and go on at `offset`."""

    offset: int
    """Bytes of whole lines consumed, from the start of the text."""
    lines: int
    """Whole lines consumed."""
    first_at: int | None
    last_at: int | None
    counts: dict[str, int]

    def feed(self, block: bytes) -> Iterator[LogRecord]:
        """Read the next bytes; what follows the last newline is kept for the next call."""

    def finish(self) -> Iterator[LogRecord]:
        """Read a last line that has no newline."""

    def state(self) -> dict[str, Any]:
        """Return what a new parser needs to go on at `offset`; fit for JSON."""

    def take_spans(self) -> list[tuple[int, int]]:
        """Return the time vouched for since the last call, as half-open spans in order."""

    def take_alone(self) -> list[int]:
        """Return the single seconds heard since the last call, without a line just before or after:
        spans without length, after `take_spans`."""
