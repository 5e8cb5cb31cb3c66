"""The grammar of a line of a FlexNet debug log, as functions without memory.

    line  := time " (" daemon ") " message
    OUT: "F" USER@HOST  [data] (N licenses)
    IN: "F" USER@HOST  [data] (N licenses) (INACTIVE|SHUTDOWN|...)
    DENIED: "F" USER@HOST  [data] ["vVER"](reason. (code,minor[:system ["text"]]))
    UNSUPPORTED: "F" (KEY OR TAG ) USER@HOST  (reason. (code,minor))

Very old daemons: time := MM/DD HH:MM, and

    OUT: F by USER[@HOST] (N licenses)
    IN: F by USER[@HOST] (N licenses) (used: D:HH:MM:SS), also "IN server died: ..."
    DENIED: N F to USER[@HOST] (MM/DD/YY HH:MM)

Seen in logs of versions 10.8 to 11.18. Nothing here searches with a pattern that can go back over
its steps.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from licenses.sources.clock import FIRST_DAY, LAST_DAY
from licenses.sources.text import decode_part

LINE = re.compile(
    rb"(?:(?P<date>\d{1,4}[-/]\d{1,2}[-/]\d{1,4})[ T]|(?P<month>\d{1,2})/(?P<day>\d{1,2}) )? {0,2}"
    rb"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)"
    rb"(?::(?P<second>[0-5]\d)(?:\.\d{1,6})?)?(?(second)|(?(month)|(?!))) "
    rb"\((?P<daemon>[^()\s]{1,100})\) ?(?P<message>.*)",
    re.DOTALL,
)
HEAD = re.compile(rb" ?\((?P<daemon>[^()\s]{1,100})\) (?P<kind>OUT|IN|DENIED): ")
STAMP = re.compile(rb" ?(\d{1,2}):([0-5]\d):([0-5]\d) ?")
_KINDS = (
    *(b"OUT", b"IN server died", b"IN", b"DENIED"),
    *(b"UNSUPPORTED", b"QUEUED", b"DEQUEUED", b"UPGRADE"),
)
EVENT = re.compile(rb"(?P<kind>%b): ?(?P<rest>.*)" % b"|".join(_KINDS), re.DOTALL)
_HEAD_CUT = re.compile(rb" ?\d{1,2}(?::\d{0,2}(?::\d{0,2}(?: (?:\([^()\s]{0,100})?)?)?)?")
UNTIMED = re.compile(rb"\s*$|[ \t]+[^\s\d]|#|Shut down FlexNet ")
"""Text that is known to stand without a time: the rest of a message, by blanks before it, a
comment, and the last word of a server that stops."""
LOOKS_LIKE_EVENT = re.compile(rb"(?:^|[\s)])(?:%b): \"?[^\s\"]" % b"|".join(_KINDS))

_LIKE_EVENT = re.compile(r"[^\s\"]{1,40} ?\"[^\"]{1,255}\" ?[^\s@][^@]{0,255}@[^\s@]")
_SEATS = re.compile(r"(\d{1,9}) licenses?")
_ANY_SEATS = re.compile(r"[-+]?\d+ licenses?")
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_CODE = re.compile(r"-?\d{1,5}")
_MONTHS = {
    month: number
    for number, month in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_TIMESTAMP = re.compile(r"TIMESTAMP (\d{1,2})/(\d{1,2})/(\d{4})\s*$")
_DATE_LINE = re.compile(r"TIMESTAMP(?:\s|$)")
_LONG_DATE = re.compile(
    r"(?:Server's System Date and Time|\(@[^@\s]{1,100}-SLOG@\) (?:Start-Date|Time)): +"
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{4}) (\d{1,2}):(\d\d):(\d\d)"
)
_STARTED_ON = re.compile(
    r"started on (\S{1,255}) \([^()]{0,100}\) \((\d{1,2})/(\d{1,2})/(\d{4})\)\s*$"
)
_RESERVING = re.compile(
    r"RESERVING (\d{1,9}) (\S+) licenses? for "
    r"(USER_GROUP|HOST_GROUP|GROUP|USER|HOST|DISPLAY|INTERNET|PROJECT) (\S.*)"
)


class NotAnEvent(ValueError):
    """What stands where an event should be. The message says what was expected."""


class Who(NamedTuple):
    user: str
    host: str


class Tail(NamedTuple):
    """What follows USER@HOST in a line OUT, IN, QUEUED or DEQUEUED."""

    seats: int
    data: str
    reason: str


class Refusal(NamedTuple):
    """What follows USER@HOST in a line DENIED or UNSUPPORTED."""

    seats: int
    code: int | None
    minor: str
    reason: str
    version: str
    data: str


def split_feature(rest: str) -> tuple[str, str]:
    """Return (feature, what follows) of the text behind the event's word. Some daemons print no
    quotes."""
    rest = rest.lstrip(" ")
    if rest.startswith('"'):
        feature, quote, rest = rest[1:].partition('"')
        if not quote:
            raise NotAnEvent("expected a quote that closes the feature's name")
    else:
        feature, _, rest = rest.partition(" ")
    if not feature.strip():
        raise NotAnEvent("expected the name of a feature")
    return feature, rest


def read_feature(part: bytes) -> str:
    """Return the name between two quotes."""
    feature = decode_part(part)
    if not feature.strip():
        raise NotAnEvent("expected the name of a feature")
    return feature


def split_who(rest: str) -> tuple[Who, str]:
    """Return (user and host, what follows). The host follows the last @ before the double blank."""
    rest = rest.lstrip(" ")
    at = rest.find("@")
    if at < 0:
        raise NotAnEvent("expected USER@HOST")
    gap = rest.find("  ", at)
    if gap >= 0:
        return read_who(rest[:gap]), rest[gap:]
    # One blank or none: what follows begins with a bracket.
    opening = [found for found in (rest.find(" (", at), rest.find(" [", at)) if found >= 0]
    end = min(opening, default=len(rest.rstrip(" ")))
    return read_who(rest[:end]), rest[end:]


def split_old(kind: str, rest: str) -> tuple[str, Who, int, str] | None:
    """Return (feature, user and host, seats, what follows) of an event of very old daemons.

    None for the form of all others. The host is empty where the line names none.
    """
    seats = "1"
    if kind == "DENIED":
        seats, _, rest = rest.partition(" ")
    feature, _, rest = rest.partition(" ")
    word = "to " if kind == "DENIED" else "by "
    if feature.startswith('"') or not rest.startswith(word) or not _COUNT.fullmatch(seats):
        return None
    who, opening, rest = rest.removeprefix(word).partition(" (")
    user, at, host = who.strip().rpartition("@")
    if not at:
        user, host = host, ""
    user = _in_words(user)
    if not feature or not user:
        raise NotAnEvent("expected a feature and a user")
    return feature, Who(user, host), max(int(seats), 1), opening + rest


def read_who(text: str) -> Who:
    """Return the user, who may hold blanks and @, and the host, which may not."""
    user, at, host = text.strip().rpartition("@")
    user = _in_words(user)
    if not at or not user or not host or " " in host or "\t" in host:
        raise NotAnEvent("expected USER@HOST")
    return Who(user, host)


def _in_words(user: str) -> str:
    """Return a user with one blank between words: a status does not tell how many there are."""
    return " ".join(user.split())


def read_tail(rest: str) -> Tail:
    """Return seats, checkout data and the word of a return; an unknown word changes nothing."""
    rest, data = _split_data(_without_verbose(rest).strip())
    seats, word = 1, ""
    while rest.startswith("("):
        group, closing, rest = rest[1:].partition(")")
        if not closing:
            raise NotAnEvent("expected a bracket that closes")
        if found := _SEATS.fullmatch(group.strip()):
            seats = int(found[1])
        elif _ANY_SEATS.fullmatch(group.strip()):
            raise NotAnEvent("expected a number of licences that a server can lend")
        elif not word and not group.startswith("used:"):
            word = group.strip().lower()
        rest = rest.lstrip()
    if seats < 1:
        raise NotAnEvent("expected one licence or more")
    return Tail(seats, data, word)


def read_refusal(rest: str) -> Refusal:
    """Return the reason and its code. The text differs between versions; the number does not."""
    rest, data = _split_data(_without_verbose(rest).strip())
    seats, version = 1, ""
    if rest.startswith("("):
        group, _, after = rest[1:].partition(")")
        if found := _SEATS.fullmatch(group.strip()):
            seats, rest = max(int(found[1]), 1), after.lstrip()
    if rest.startswith('"'):
        version, _, rest = rest[1:].partition('"')
        rest = rest.lstrip()
    code, minor, reason = None, "", rest
    opening = rest.rfind("(-")
    if opening >= 0:
        number, _, system = rest[opening + 1 :].partition(",")
        number = number.rstrip(") ")
        if _CODE.fullmatch(number):
            code, minor = int(number), _unwrap(system)
            reason = rest[:opening]
    reason = reason.strip()
    if reason.startswith("("):
        reason = reason[1:].removesuffix(")").strip()
    return Refusal(seats, code, minor, reason, version, data)


def skip_key(rest: str) -> str:
    """Return what follows the bracket with a key's hash or a tag that UNSUPPORTED lines carry."""
    rest = rest.lstrip(" ")
    if rest.startswith("("):
        _, closing, rest = rest.partition(")")
        if not closing:
            raise NotAnEvent("expected a bracket that closes")
    return rest


def may_become_event(line: bytes) -> bool:
    """Whether a line breaks off so early that an event could have followed: in its time, in the
    daemon's name, or before the kind of what it tells is complete."""
    found = LINE.match(line)
    if found is None:
        return _HEAD_CUT.fullmatch(line) is not None
    return any(kind.startswith(found["message"]) for kind in _KINDS)


def is_whole(rest: str) -> bool:
    """Whether what follows USER@HOST is surely the end of a line: a round bracket closes it, or the
    mark of the verbose form. A number of seats may follow anything else."""
    rest = rest.strip()
    return rest.endswith((")", "^")) and rest.count("(") <= rest.count(")")


def of_manager(lines: bytes) -> bool:
    """Whether any of these whole lines is one that lmgrd wrote."""
    name = b"(lmgrd)"
    at = lines.find(name)
    while at >= 0:
        start = lines.rfind(b"\n", 0, at) + 1
        found = LINE.match(lines[start : at + len(name)])
        if found and found["daemon"] == b"lmgrd":
            return True
        end = lines.find(b"\n", at)
        at = lines.find(name, end) if end >= 0 else -1
    return False


def stated_date(message: str) -> date | None:
    """Return the date that a date line states for the moment at which it was written."""
    if found := _TIMESTAMP.match(message):
        return _date(found[3], found[1], found[2])
    if "ate" not in message and "Time" not in message:
        return None
    if (found := _LONG_DATE.match(message)) and (month := _MONTHS.get(found[1].lower())):
        return _date(found[3], str(month), found[2])
    return None


def wrong_date(message: str) -> str | None:
    """Return what stands for the date in a line that states one, where it cannot be read, or does
    not exist; None for other lines."""
    if started := started_on(message):
        return message[message.rindex("(") + 1 : message.rindex(")")] if not started[1] else None
    if not _DATE_LINE.match(message) and not _LONG_DATE.match(message):
        return None
    return None if stated_date(message) else message.partition(" ")[2].strip()


def started_on(message: str) -> tuple[str, date | None] | None:
    """Return (host, date) of the line in which the licence manager says that it started."""
    if "started on" not in message or not (found := _STARTED_ON.search(message)):
        return None
    return found[1], _date(found[4], found[2], found[3])


def is_like_event(message: str) -> bool:
    """Whether a line that is no known event names a feature and USER@HOST as events do."""
    return '"' in message and "@" in message and _LIKE_EVENT.match(message) is not None


def prefix_date(text: str) -> date | None:
    """Return the date before the time on each line of some logs: year first, or month/day/year."""
    parts = re.split(r"[-/]", text)
    if len(parts[0]) == 4:
        return _date(parts[0], parts[1], parts[2])
    return _date(parts[2], parts[0], parts[1]) if len(parts[2]) == 4 else None


def day_near(month: int, day: int, near: date) -> date | None:
    """Return the date of a month and day that stands closest to another date; None for none."""
    years = (near.year - 1, near.year, near.year + 1)
    found = [_date(str(year), str(month), str(day)) for year in years]
    known = [each for each in found if each is not None]
    return min(known, key=lambda each: abs((each - near).days), default=None)


def reservation(message: str) -> tuple[int, str, str, str] | None:
    """Return (seats, feature, type of holder, holder) of the echo of a RESERVE line. The key's
    hash is left out."""
    if not (found := _RESERVING.match(message)):
        return None
    return int(found[1]), found[2].partition("/")[0], found[3], found[4].strip()


def _date(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if FIRST_DAY <= found.toordinal() < LAST_DAY else None


def _split_data(rest: str) -> tuple[str, str]:
    """Return (what follows, checkout data) of a text that may start with the data in square
    brackets."""
    if not rest.startswith("["):
        return rest, ""
    for find in (rest.find, rest.rfind):
        end = find("]")
        after = rest[end + 1 :].lstrip()
        if end > 0 and (not after or after[0] in '("'):
            return after, rest[1:end].strip()
    raise NotAnEvent("expected a square bracket that closes")


def _without_verbose(rest: str) -> str:
    return rest.partition("^^^")[0]


def _unwrap(system: str) -> str:
    """Return the text without the two brackets that close the code and the reason."""
    for _ in range(2):
        system = system.rstrip().removesuffix(")")
    return system.strip()
