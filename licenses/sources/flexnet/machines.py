"""On which machine a debug log says to have been written: it does at each start.

    (lmgrd) FlexNet Licensing (v11.16.2.0 build 242525 x64_lsb) started on HOST (linux) (3/4/2026)
    (DAEMON) Server started on HOST for:  F1  F2

A text that names none may be of any machine.
"""

from __future__ import annotations

import codecs
import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple

from licenses.sources.flexnet.log_lines import LINE
from licenses.sources.text import decode_part, visible

LONGEST = 255
_MARK = b"started on "
_MANAGER = re.compile(r"FLEX(?:net|lm)\b.{0,100} started on (\S{1,255}) \(", re.IGNORECASE)
_DAEMON = re.compile(r"Server started on (\S{1,255}) for:")
_BANNER = re.compile(
    rb"(?:[ \t\r]*$|-{5}|  |Server's System Date|pid |SLOG: |Done rereading|Detecting other )"
)
"""What lmgrd writes before the line that names the machine."""
_TELLING_NOTHING = frozenset(("this_host", "localhost"))


class Named(NamedTuple):
    """A machine that a text names. at: byte at which its start begins."""

    at: int
    name: str


def machine_in(daemon: str, message: str) -> str:
    """Return the machine that a line names; "" for any other line."""
    form = _MANAGER if daemon == "lmgrd" else _DAEMON
    found = form.match(message) if "started on " in message else None
    return visible(found[1], LONGEST) if found else ""


def machines(block: bytes, encoding: str = "") -> Iterator[Named]:
    """Yield the machines that whole lines of a log name, in order.

    encoding:  of the text where it is not made of bytes: utf-16-le or utf-16-be.
    """
    if not encoding and block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16-le" if block[:2] == codecs.BOM_UTF16_LE else "utf-16-be"
    if not encoding:
        yield from _in_bytes(block)
        return
    text = block.decode(encoding, "replace").encode()
    for at, name in _in_bytes(text):
        yield Named(len(text[:at].decode().encode(encoding)), name)


def same(one: str, other: str) -> bool:
    """Whether two names may be one machine's: a name with its domain and the same without."""
    short, long = sorted((one.lower().rstrip("."), other.lower().rstrip(".")), key=len)
    return long == short or long.startswith(f"{short}.")


def tells(name: str) -> bool:
    """Whether a name tells one machine from others."""
    if name.lower().partition(".")[0] in _TELLING_NOTHING:
        return False
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return bool(name)
    return False


def _in_bytes(block: bytes) -> Iterator[Named]:
    at = block.find(_MARK)
    while at >= 0:
        start = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        if found := LINE.match(block[start:end].removeprefix(codecs.BOM_UTF8)):
            name = machine_in(decode_part(found["daemon"]), decode_part(found["message"]))
            if name:
                yield Named(_banner(block, start), name)
        at = block.find(_MARK, end)


def _banner(block: bytes, start: int) -> int:
    """Return where the banner begins to which a line belongs."""
    while start > 0:
        before = block.rfind(b"\n", 0, start - 1) + 1
        found = LINE.match(block[before : start - 1])
        if not found or found["daemon"] != b"lmgrd" or not _BANNER.match(found["message"]):
            return start
        start = before
    return start
