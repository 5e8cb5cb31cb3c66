"""Telling the formats of FlexNet apart by the beginning of a text."""

from __future__ import annotations

import re
from itertools import islice

from licenses.sources.base import NotRecognised
from licenses.sources.text import decode, text_lines, visible

HEAD = 64 * 1024
LINES = 2000

_FOREIGN = (
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
)
_REPORT_LOG = (
    "binary data, perhaps the daemon's REPORTLOG, which only FlexNet Manager can read; "
    "the debug log of the same daemon can be read"
)

_LMSTAT = re.compile(
    r"(?:lmutil|lmstat) - Copyright|Flexible License Manager status on |License server status: "
    r"|Users of .{1,500}: +(?:\(|Cannot)|NOTE: lmstat -i|Error getting status:|Feature usage info:"
)
_LOG_LINE = re.compile(
    r" {0,2}\d{1,2}:\d\d:\d\d \([^()\s]{1,100}\)|.{0,30}\d\d:\d\d:\d\d \(lmgrd\) "
    # Very old daemons. RLM prints the same time, and the product's version before "by".
    r"|\d{1,2}/\d{1,2} {1,2}\d{1,2}:\d\d(?::\d\d)? "
    r"\((?:lmgrd\) |[^()\s]{1,100}\) (?:OUT|IN|DENIED): (?:\S{1,200} by|\d{1,9} \S{1,200} to) )"
)
_LICENSE = re.compile(
    r"(?:SERVER \S+ \S+|(?:FEATURE|INCREMENT|UPGRADE) \S+ \S+ \S+ \S+ \S+"
    r"|PACKAGE \S+ \S+|(?:VENDOR|DAEMON) [A-Za-z0-9_.-]+|USE_SERVER\s*$)"
)
_OPTIONS = re.compile(
    r"(?:RESERVE|MAX|INCLUDE|EXCLUDE|INCLUDEALL|EXCLUDEALL|INCLUDE_BORROW|EXCLUDE_BORROW|GROUP"
    r"|HOST_GROUP|GROUPCASEINSENSITIVE|BORROW_LOWWATER|MAX_BORROW_HOURS|MAX_OVERDRAFT"
    r"|MAX_CONNECTIONS|LINGER|TIMEOUT|TIMEOUTALL|REPORTLOG|DEBUGLOG|NOLOG|AUTOMATIC_REREAD"
    r"|DAEMON_SELECT_TIMEOUT|FQDN_MATCHING|INCLUDE_ENTITLEMENT|EXCLUDE_ENTITLEMENT"
    r"|ACTIVATION_LOWWATER|ACTIVATION_EXPIRY_DAYS)\s"
)


def refuse_foreign(head: bytes, expected: str) -> None:
    """Raise NotRecognised for bytes that are no text at all."""
    if not head:
        raise NotRecognised("an empty file", expected)
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise NotRecognised(name, expected)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    part = head[:HEAD]
    control = sum(
        part.count(byte) for byte in (b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05")
    )
    # A stray NUL or two happens in text logs that a full disk has cut; more is no text.
    if control > 8 and control * 100 > len(part):
        raise NotRecognised(_REPORT_LOG, expected)
    text = decode(part).lstrip()
    if not text:
        raise NotRecognised("nothing but blanks", expected)
    if text[:100].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise NotRecognised("a web page or XML", expected)
    if text.startswith(("{", "[{")):
        raise NotRecognised(f"JSON, starting with {visible(text[:40])}", expected)


def is_lmstat(head: bytes) -> bool:
    """Whether the text looks like the output of lmstat."""
    return any(_LMSTAT.match(line) for line in _lines(head))


def is_debug_log(head: bytes) -> bool:
    """Whether the text looks like a debug log: lines with a time and a daemon in brackets."""
    return any(_LOG_LINE.match(line) for line in _lines(head, strip=False))


def is_license_file(head: bytes) -> bool:
    """Whether the text looks like a licence file."""
    return any(_LICENSE.match(line) for line in _lines(head))


def is_options_file(head: bytes) -> bool:
    """Whether the text looks like an options file of a vendor daemon."""
    return any(_OPTIONS.match(line) for line in _lines(head))


def _lines(head: bytes, *, strip: bool = True) -> list[str]:
    lines = (line for _, line in islice(text_lines(head[:HEAD]), LINES))
    return [line.strip() if strip else line for line in lines]
