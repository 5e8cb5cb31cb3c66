"""The rows under a feature in the output of lmstat: who holds seats, who waits, what is reserved.

Rows are read from the right, because only their end has a fixed shape: the user, the display and
the checkout data at
the left may hold blanks, or be missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

from licenses.sources.flexnet.dates import StartDates
from licenses.sources.records import Holding, Reservation, Waiting

_START = re.compile(
    r"(?:(?P<weekday>[A-Za-z]{3}) )?(?P<month>\d{1,2})/(?P<day>\d{1,2})(?:/(?P<year>\d{4}|\d{2}))? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?P<tail>(?:[, (].*)?)$"
)
_USUAL_TEXT = (
    r"([^\s(][^(\n]{0,500}) \(v?([^()\s]{1,100})\) "
    r"\(([^()\s]{1,255}/[^()\s]{1,50} [^()\s]{1,50})\)"
    r", start ([A-Za-z]{3} \d{1,2}/\d{1,2}) (\d{1,2}:\d\d)"
    r"(?:, (\d{1,9}) licenses?)?(?:, PID: ?(\d{1,10}))?"
)
_USUAL = re.compile(_USUAL_TEXT)
"""Nearly every row, in one step: identity, version, handle, day, time, seats, process. What it does
not match goes through the exact grammar below."""
_LINES = re.compile(r"[ \t]{0,64}" + _USUAL_TEXT + r"\n|(.*)\n")
"""Each line of a text: the parts of a usual row, or else the line as it stands."""
_SEATS = re.compile(r", (\d{1,9}) licenses?(?=[, (]|$)")
_PID = re.compile(r", PID: ?(\d{1,10})(?=[, (]|$)")
_LINGER = re.compile(r"\(linger: ?(\d{1,12})(?: ?/ ?(\d{1,12}))? ?\)")
_HANDLE = re.compile(r"[^()\s]+/[^()\s]+ [^()\s]+")
_QUEUED = re.compile(r"(\d{1,9}) licenses?")
_RESERVATION = re.compile(
    r"(\d{1,9}) RESERVATIONs? for "
    r"(USER|HOST|GROUP|HOST_GROUP|DISPLAY|INTERNET|PROJECT|USER_GROUP) (\S.*) \(([^()\s]+)\)"
)
_DISPLAY = re.compile(
    r"(?:/dev/\S+|pts/\d+|tty\S{0,8}|[^\s:]{0,255}:\d{1,5}(?:\.\d{1,3})?|JavaDisplay)"
)
_HOST_DISPLAY = re.compile(r"(?::?\d{1,3}(?:\.\d{1,3})?)?")
_PLAIN = re.compile(r"^(\S+) (\S+) (\2(?::?\d{1,3}(?:\.\d{1,3})?)?)$|^(.*)$", re.MULTILINE)
"""Nearly every identity: a user, a host, and a display that is the host with a number at most; or
else the text as it stands."""
_MAX_WORDS = 64


class RowError(ValueError):
    """A row that cannot be read; the message says what was expected."""


class Identity(NamedTuple):
    """Who a row is about."""

    user: str
    host: str
    display: str = ""
    data: str = ""
    ambiguous: bool = False


def read_reservation(text: str, line: int) -> Reservation | None:
    """Return the reservation, or None where the row is another one: a user may be called "1"."""
    if not (found := _RESERVATION.fullmatch(text)):
        return None
    return Reservation(int(found[1]), found[2], found[3].strip(), line)


def split_identity(text: str) -> tuple[str, str, str]:
    """Return (identity, version, handle) of what stands left of the start."""
    text = text.rstrip()
    opening = text.rfind(" (")
    handle = text[opening + 2 : -1]
    if opening < 0 or not text.endswith(")") or not _HANDLE.fullmatch(handle):
        raise RowError("expected (HOST/PORT HANDLE) before the start")
    text = text[:opening].rstrip()
    opening = text.rfind(" (")
    version = text[opening + 2 : -1]
    if opening < 0 or not text.endswith(")") or not version or "(" in version:
        raise RowError("expected (vVERSION) before the handle")
    identity = text[:opening].strip()
    if not identity:
        raise RowError("expected a user before the version")
    return identity, version.removeprefix("v"), handle


class Row(NamedTuple):
    """A holding whose identity is not yet split; see `Holding`."""

    identity: str
    version: str
    handle: str
    started_at: int | None
    seats: int
    pid: int | None
    linger_left: int | None
    linger_total: int | None
    start_guessed: bool
    line: int


Parts = tuple[str, ...]
"""Identity, version, handle, day, time, seats and process of a usual row, and an empty text; or
seven empty texts, and the line."""


def split_lines(text: str, start: int, end: int) -> list[Parts]:
    """Return the parts of each line of text[start:end], which begins a line and ends with one."""
    found: list[Parts] = _LINES.findall(text, start, end)
    return found


def usual_rows(found: Sequence[Parts], line: int, starts: StartDates) -> Iterable[Row]:
    """Return what `usual_holding` makes of each of these lines, which are all usual rows.

    line: number of the first.
    """
    identities, versions, handles, days, times, seats, pids, _ = zip(*found, strict=True)
    started, guessed = starts.of_columns(days, times)
    columns = zip(
        identities,
        versions,
        handles,
        started,
        [int(text) if text else 1 for text in seats],
        [int(text) if text else None for text in pids],
        repeat(None),
        repeat(None),
        guessed,
        range(line, line + len(found)),
        strict=False,
    )
    # What a named tuple's own constructor does, without a call of Python for each row.
    return map(tuple.__new__, repeat(Row), columns)


def usual_holding(text: str, line: int, starts: StartDates) -> Row | None:
    """Return what `read_holding` returns, quickly; None for rows of another shape."""
    if not (found := _USUAL.fullmatch(text)):
        return None
    identity, version, handle, day, time, seats, pid = found.groups()
    started_at, guessed = starts.of_text(day, time)
    count, process = int(seats) if seats else 1, int(pid) if pid else None
    return Row(identity, version, handle, started_at, count, process, None, None, guessed, line)


def read_holding(text: str, line: int, starts: StartDates) -> Row | None:
    """Return the row; None where it has no start."""
    at = text.rfind(", start ")
    if at < 0:
        return None
    identity, version, handle = split_identity(text[:at])
    found = _START.match(text[at + 8 :].rstrip())
    if not found:
        raise RowError("expected a start such as Mon 3/16 8:13")
    tail = found["tail"]
    if tail.count("(") != tail.count(")") or tail.endswith(","):
        raise RowError("the row is cut")
    seats, pid, linger = _SEATS.search(tail), _PID.search(tail), _LINGER.search(tail)
    started_at, guessed = starts.start(
        found["weekday"] or "",
        int(found["month"]),
        int(found["day"]),
        int(found["year"]) if found["year"] else None,
        int(found["hour"]),
        int(found["minute"]),
    )
    left, total = None, None
    if linger:
        # "(linger: left / total)", or "(linger: total)" by older daemons.
        left = int(linger[1]) if linger[2] else None
        total = int(linger[2] or linger[1])
    count, process = int(seats[1]) if seats else 1, int(pid[1]) if pid else None
    return Row(identity, version, handle, started_at, count, process, left, total, guessed, line)


def read_waiting(text: str, line: int) -> tuple[str, Waiting] | None:
    """Return the identity and the queued request without it; None for other rows."""
    at = text.rfind(" queued for ")
    if at < 0 or not (found := _QUEUED.fullmatch(text[at + 12 :].strip())):
        return None
    identity, _, _ = split_identity(text[:at].removesuffix(","))
    return identity, Waiting("", "", "", int(found[1]), line)


def plain_identities(texts: Collection[str]) -> dict[str, Identity | None]:
    """Split each identity that its own words settle; None where only other rows can help."""
    if not texts:
        return {}
    # All in one step. None holds the end of a line, as each was a part of one.
    users, hosts, displays, others = zip(*_PLAIN.findall("\n".join(texts)), strict=True)
    columns = zip(users, hosts, displays, repeat(""), repeat(False), strict=False)
    # What a named tuple's own constructor does, without a call of Python for each row.
    plain = map(tuple.__new__, repeat(Identity), columns)
    found: dict[str, Identity | None] = dict(zip(texts, plain, strict=True))
    for text in filter(None, others):
        found[text] = _by_display(text)
    return found


def _by_display(text: str) -> Identity | None:
    words = text.split()
    if len(words) == 1:
        return Identity(words[0], "")
    if len(words) == 2:
        return Identity(words[0], words[1])
    if len(words) > _MAX_WORDS:
        return None
    for at in range(len(words) - 2, 0, -1):
        host, display = words[at].lower(), words[at + 1].lower()
        if display.startswith(host) and _HOST_DISPLAY.fullmatch(display[len(host) :]):
            return _identity(words, at)
    for at in range(len(words) - 1, 1, -1):
        if _DISPLAY.fullmatch(words[at]):
            return _identity(words, at - 1)
    return None


def displays_settle(hosts: Sequence[str], displays: Sequence[str]) -> bool:
    """Whether `plain_identities` splits each "USER HOST DISPLAY", of three words, as it stands."""
    if all(map(str.startswith, displays, hosts)):
        return all(map(_HOST_DISPLAY.fullmatch, set(map(str.removeprefix, displays, hosts))))
    pairs = set(zip(hosts, displays, strict=True))
    return all(_by_display(f"- {host} {display}") for host, display in pairs)


def names(row: Holding) -> tuple[str, ...]:
    """Return user, host, display and data of a row; where its own words leave open which is which,
    all of them as one, so that it stays the same whatever other rows of a report tell."""
    parts = (row.user, row.host, row.display, row.data)
    if row.host and row.host == row.display:
        return parts
    text = " ".join(filter(None, parts))
    return parts if plain_identities([text])[text] else (text,)


def guessed_identity(text: str, hosts: frozenset[str]) -> Identity:
    """Split an identity by a host that other rows of the report name; else take one word for each
    part."""
    words = text.split()
    for at in range(1, min(len(words), _MAX_WORDS)):
        if words[at].lower() in hosts:
            return _identity(words, at)
    split = _identity(words, 1)
    return split if len(words) <= 3 else split._replace(ambiguous=True)


def known_hosts(identities: Iterable[Identity | None]) -> frozenset[str]:
    """Return the hosts of rows that are settled, in lower case."""
    return frozenset(each.host.lower() for each in identities if each and each.host)


def _identity(words: list[str], host: int) -> Identity:
    """Return the identity whose host is the word at *host*; a host never holds a blank."""
    rest = words[host + 1 :]
    # What follows the display is checkout data. A display of several words is obfuscated, and holds
    # no "=".
    data = 1
    if len(rest) > 1 and not _is_display(rest[0], words[host]):
        data = next((at for at, word in enumerate(rest) if at and _is_data(word)), len(rest))
    return Identity(
        " ".join(words[:host]), words[host], " ".join(rest[:data]), " ".join(rest[data:])
    )


def _is_display(word: str, host: str) -> bool:
    if _DISPLAY.fullmatch(word):
        return True
    return word.lower().startswith(host.lower()) and bool(
        _HOST_DISPLAY.fullmatch(word[len(host) :])
    )


def _is_data(word: str) -> bool:
    return word.isdigit() or "=" in word[1:-1] or ":" in word[1:-1]
