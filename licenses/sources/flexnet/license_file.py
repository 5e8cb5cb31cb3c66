"""Licence files: what a server is allowed to serve. Facts only; keys and signatures are dropped as
they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from licenses.sources.flexnet.dates import expiry, is_expiry
from licenses.sources.records import Issued, LicenseFile
from licenses.sources.text import UnreadableLines, text_lines, visible

STATEMENT_CAP = 262_144
"""Characters of one joined statement; a suite with a thousand components stays far below."""

_COUNTED = {"FEATURE", "INCREMENT", "UPGRADE"}
_IGNORED = {"USE_SERVER", "FEATURESET", "PASSCODE", "FIPS_MODE"}
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_SECRET = re.compile(r"(?:SIGN\d?|CK|KEY|ck|sign\d?|key|V\d_SIGN)$")
_HEX = re.compile(r"[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{4}(?:[ \t]+[0-9A-Fa-f]{4})+")
_COUNT = re.compile(r"\d{1,9}")


class _Wrong(ValueError):
    """A statement that cannot be read; the message says what was expected, without its text."""


@dataclass
class _Statement:
    line: int
    words: list[str]
    text: str
    """Used to tell that a statement comes twice, and forgotten with it."""


@dataclass
class _Reading:
    servers: list[tuple[str, int | None]] = field(default_factory=list)
    host_ids: list[str] = field(default_factory=list)
    daemons: list[str] = field(default_factory=list)
    lines: list[Issued] = field(default_factory=list)
    repeated: set[int] = field(default_factory=set)
    """Lines that repeat another one, signature and all: the server counts them once."""


def parse_license_file(data: bytes) -> LicenseFile:
    """Return the facts of a licence file, as written and after the rules that make lines effective.

    Unreadable lines carry their keyword and feature alone: anything further might be a key.
    """
    reading, unreadable, count = _Reading(), UnreadableLines(), 0
    seen: set[str] = set()
    for statement in _statements(data):
        if isinstance(statement, int):
            count = statement
            continue
        try:
            issued = _read(statement, reading)
        except (_Wrong, ValueError, OverflowError) as error:
            text = redact(" ".join(statement.words[:2]))
            reason = str(error) if isinstance(error, _Wrong) else "expected a date that exists"
            unreadable.add(statement.line, text, reason)
            continue
        if issued is not None:
            if statement.text in seen:
                reading.repeated.add(issued.line)
            seen.add(statement.text)
            reading.lines.append(issued)
    return LicenseFile(
        servers=tuple(reading.servers),
        daemons=tuple(dict.fromkeys(reading.daemons)),
        lines=tuple(reading.lines),
        effective=_effective(reading.lines, reading.repeated),
        unreadable=unreadable.kept(),
        line_count=count,
        host_ids=tuple(reading.host_ids),
    )


def issued_by_feature(file: LicenseFile) -> dict[tuple[str, str], list[Issued]]:
    """Return the effective lines that carry seats, by (daemon, feature). Add their counts up.

    A PACKAGE carries none: the line with the package's name does.
    """
    found: dict[tuple[str, str], list[Issued]] = {}
    for line in file.effective:
        if line.kind != "PACKAGE":
            found.setdefault((line.daemon, line.feature), []).append(line)
    return found


def redact(text: str) -> str:
    """Return *text* fit to be shown: no hexadecimal runs that may be part of a key, no control
    characters."""
    return visible(_HEX.sub("[key]", text), 200)


def _statements(data: bytes) -> Iterator[_Statement | int]:
    """Yield the statements, and at last the number of lines.

    A backslash at the end of a line, or a quote that is still open, joins the next line. A comment
    may follow the
    backslash in files written by hand. A keyword at the start of a line ends a quote that nobody
    closed.
    """
    parts: list[str] = []
    begin, number, size, quoted, joined = 0, 0, 0, False, False
    for number, raw in text_lines(data):
        line = raw.strip()
        starts = line.split(None, 1)[0].upper() if line else ""
        keyword = starts in _KEYWORDS and not raw[:1].isspace()
        if parts and (not (joined or quoted) or keyword or size > STATEMENT_CAP):
            yield from _joined(parts, begin)
            parts, quoted = [], False
        if line.startswith("#") and not quoted:
            continue
        if not parts:
            if not line:
                continue
            begin, size = number, 0
        joined, line = _without_joint(line)
        quoted ^= line.count('"') % 2 == 1
        size += len(line)
        parts.append(line)
    if parts:
        yield from _joined(parts, begin)
    yield number


def _without_joint(line: str) -> tuple[bool, str]:
    """Return (whether the line is joined to the next, the line without the backslash)."""
    if line.endswith("\\"):
        return True, line[:-1]
    before, backslash, after = line.rpartition("\\")
    if backslash and after.lstrip().startswith("#"):
        return True, before
    return False, line


def _joined(parts: list[str], begin: int) -> Iterator[_Statement]:
    text = " ".join(part.strip() for part in parts)
    words = _TOKEN.findall(text)
    if words:
        yield _Statement(begin, words, " ".join(text.split()))


def _read(statement: _Statement, reading: _Reading) -> Issued | None:
    """Return the seats of a statement; note servers and daemons; None for statements without
    seats."""
    keyword, *rest = statement.words
    keyword = keyword.upper()
    if keyword == "SERVER":
        if len(rest) < 2:
            raise _Wrong("expected SERVER HOST HOSTID [PORT]")
        port = rest[2] if len(rest) > 2 else ""
        reading.servers.append(
            (visible(rest[0], 255), int(port) if _COUNT.fullmatch(port) else None)
        )
        reading.host_ids.append(visible(rest[1], 255))
    elif keyword in ("VENDOR", "DAEMON"):
        if not rest:
            raise _Wrong(f"expected the name of a daemon after {keyword}")
        reading.daemons.append(visible(rest[0], 255))
    elif keyword in _COUNTED:
        return _counted(keyword, rest, statement.line)
    elif keyword == "PACKAGE":
        return _package(rest, statement.line)
    elif keyword not in _IGNORED:
        raise _Wrong("expected SERVER, VENDOR, FEATURE, INCREMENT, UPGRADE, PACKAGE or USE_SERVER")
    return None


def _counted(keyword: str, words: list[str], line: int) -> Issued:
    # UPGRADE has the version that it replaces before the new one.
    need = 6 if keyword == "UPGRADE" else 5
    if len(words) < need:
        raise _Wrong(f"expected {keyword} FEATURE DAEMON VERSION EXPIRY COUNT")
    feature, daemon, *_, version, ends, count = words[:need]
    if not is_expiry(ends):
        raise _Wrong("expected an expiry such as 31-dec-2026 or permanent as the fifth word")
    uncounted = count.lower() == "uncounted"
    if not uncounted and not _COUNT.fullmatch(count):
        raise _Wrong("expected a number of licences or uncounted after the expiry")
    seats = None if uncounted or int(count) == 0 else int(count)
    return _issued(keyword, feature, daemon, version, seats, expiry(ends), words[need:], line)


def _package(words: list[str], line: int) -> Issued:
    if len(words) < 3:
        raise _Wrong("expected PACKAGE NAME DAEMON VERSION COMPONENTS=...")
    package, daemon, version, *rest = words
    found = _issued("PACKAGE", package, daemon, version, None, None, rest, line)
    if not found.components:
        raise _Wrong('expected COMPONENTS="..." in a PACKAGE')
    return found


def _issued(
    kind: str,
    feature: str,
    daemon: str,
    version: str,
    count: int | None,
    expires_on: date | None,
    words: Sequence[str],
    line: int,
) -> Issued:
    facts = _attributes(words)
    overdraft, borrow = facts.get("OVERDRAFT", ""), facts.get("BORROW")
    supersedes = facts.get("SUPERSEDE")
    return Issued(
        kind=kind,
        feature=visible(feature, 255),
        daemon=visible(daemon, 255),
        version=visible(version, 100).removeprefix("v"),
        count=count,
        starts_on=_date(facts.get("START")),
        expires_on=expires_on,
        issued_on=_date(facts.get("ISSUED")),
        overdraft=int(overdraft) if _COUNT.fullmatch(overdraft) else 0,
        supersedes=None if supersedes is None else tuple(supersedes.split()),
        node_locked=visible(facts.get("HOSTID", ""), 255),
        user_based="USER_BASED" in facts,
        duplicate_group=visible(facts.get("DUP_GROUP", ""), 50),
        borrow_hours=_hours(borrow),
        components=tuple(
            visible(each.partition(":")[0], 255) for each in facts.get("COMPONENTS", "").split()
        ),
        suite=facts.get("OPTIONS", "").upper().startswith("SUITE"),
        notice=visible(facts.get("NOTICE", "")),
        serial=visible(facts.get("SN", ""), 255),
        line=line,
    )


def _attributes(words: Sequence[str]) -> dict[str, str]:
    """Return the attributes by name in capitals, signatures left out. A word alone has an empty
    value."""
    facts: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and _HEX.fullmatch(name):
            continue  # the key of old files stands alone
        if not _SECRET.match(name):
            facts.setdefault(name.upper(), " ".join(value.strip('"').split()))
    return facts


def _date(text: str | None) -> date | None:
    return expiry(text) if text else None


def _hours(text: str | None) -> int | None:
    """Return the hours for which a seat may be borrowed: 168 where BORROW names none, None without
    BORROW."""
    if text is None:
        return None
    return int(text) if _COUNT.fullmatch(text) else 168


def _effective(lines: Sequence[Issued], repeated: set[int]) -> tuple[Issued, ...]:
    """Return the lines that count: INCREMENTs add up, of FEATUREs of one name the first counts.

    SUPERSEDE removes the lines of its own name, or of the names it lists, that were issued earlier;
    a line without
    ISSUED counts as earlier than any with it. An UPGRADE changes the version of seats that are
    counted already.
    """
    kept = [each for each in lines if each.line not in repeated and each.kind != "UPGRADE"]
    newest: dict[tuple[bool, str, str], date] = {}
    for each in kept:
        if each.supersedes is None or each.issued_on is None:
            continue
        for name in each.supersedes or (each.feature,):
            key = (each.kind == "PACKAGE", each.daemon, name)
            newest[key] = max(newest.get(key, date.min), each.issued_on)
    result: list[Issued] = []
    features: set[tuple[str, str]] = set()
    for each in kept:
        limit = newest.get((each.kind == "PACKAGE", each.daemon, each.feature))
        if limit is not None and (each.issued_on or date.min) < limit:
            continue
        if each.kind == "FEATURE":
            if (each.daemon, each.feature) in features:
                continue
            features.add((each.daemon, each.feature))
        result.append(each)
    return tuple(result)


_KEYWORDS = _COUNTED | _IGNORED | {"SERVER", "VENDOR", "DAEMON", "PACKAGE"}
