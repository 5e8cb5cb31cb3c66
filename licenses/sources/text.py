"""Bytes to text and lines, for input that nobody controls. Nothing here fails, whatever the
bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from licenses.sources.records import Unreadable

LINE_CAP = 65_536
"""Bytes of a line that are read. No real line comes near; what is longer is damage or an attack."""
UNREADABLE_CAP = 1000

_NOT_IN_CP1252 = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_LINE_END = re.compile(r"\r{0,2}\n|\r")


def _from_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are not UTF-8 as Windows' Western European, each by itself."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    raw = error.object[error.start : error.end]
    text = "".join(
        chr(byte) if byte in _NOT_IN_CP1252 else bytes((byte,)).decode("cp1252") for byte in raw
    )
    return text, error.end


codecs.register_error("from-cp1252", _from_cp1252)


def decode(data: bytes) -> str:
    """Return *data* as text: UTF-16 with a mark, else UTF-8, else cp1252 for the bytes that are
    not UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return decode_part(data.removeprefix(codecs.BOM_UTF8))


def decode_part(data: bytes) -> str:
    """Return a part of a text, such as a line, in which a mark of the encoding means nothing."""
    return data.decode("utf-8", "from-cp1252")


def visible(text: str, limit: int = 500) -> str:
    """Return *text* cut to *limit* characters, with control and direction characters spelled
    out."""
    return _INVISIBLE.sub(
        lambda found: found[0].encode("unicode_escape").decode("ascii"), text[:limit]
    )


def text_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end) of a whole text: LF, CRLF, a mixture, or CR
    alone.

    A line longer than LINE_CAP characters comes out one character over it, so that the caller can
    tell.
    """
    text = decode(data)
    start = 0
    number = 0
    for end in _LINE_END.finditer(text):
        number += 1
        stop, after = end.span()
        yield (
            number,
            text[start:stop] if stop - start <= LINE_CAP else text[start : start + LINE_CAP + 1],
        )
        start = after
    if start < len(text):
        yield number + 1, text[start : start + LINE_CAP + 1]


def whole_lines(data: bytes) -> str:
    """Return a whole text with each line as `text_lines` finds it, uncut, and ended by LF, the last
    one too."""
    text = decode(data)
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    return text if not text or text.endswith("\n") else text + "\n"


class UnreadableLines:
    """Collects the lines of a text that could not be read. Many thousands of them are counted, not
    kept."""

    def __init__(self) -> None:
        self._kept: list[Unreadable] = []
        self._more = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._kept) + self._more

    def add(self, line: int, text: str, reason: str) -> None:
        """Keep a line, which is made fit to be shown."""
        if len(self._kept) < UNREADABLE_CAP:
            self._kept.append(Unreadable(line, visible(text), reason))
        else:
            self._more += 1
            self._last = line

    def kept(self) -> tuple[Unreadable, ...]:
        """Return the lines, and one more that counts those that were not kept."""
        if not self._more:
            return tuple(self._kept)
        reason = f"{self._more} more lines, up to this one, could not be read"
        return (*self._kept, Unreadable(self._last, "", reason))


class LineReader:
    """Cuts blocks of bytes into whole lines, in memory that does not depend on the length of a
    line.

    Lines come without their end, as UTF-8 or as they were; one over LINE_CAP comes out longer than
    that, cut short.
    """

    def __init__(self, *, offset: int = 0, encoding: str = "") -> None:
        self.offset = offset
        """Bytes of the whole lines handed out so far, from the start of the text."""
        self.encoding = encoding
        """utf-16-le or utf-16-be, once a mark at the start of the text has said so."""
        self._carry = b""
        self._dropped = 0

    @property
    def between_lines(self) -> bool:
        """Whether no part of a line waits for its end."""
        return not self._carry

    def feed(self, block: bytes) -> list[bytes]:
        """Return the lines that *block* completes."""
        lines = self.whole(block).split(b"\n")
        lines.pop()
        return lines

    def whole(self, block: bytes) -> bytes:
        """Return the lines that *block* completes in one piece, each with its newline."""
        data = self._carry + block if self._carry else block
        if self.offset == 0 and not self.encoding and not self._dropped:
            if data in (b"", b"\xff", b"\xfe"):
                self._carry = data
                return b""
            if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                self.encoding = "utf-16-le" if data[:2] == codecs.BOM_UTF16_LE else "utf-16-be"
        end = self._whole(data)
        if end == 0:
            self._keep(data)
            return b""
        whole, self._carry = data[:end], b""
        first = self.offset == 0
        self.offset += end + self._dropped
        self._dropped = 0
        self._keep(data[end:])
        if self.encoding:
            whole = whole.decode(self.encoding, "replace").encode("utf-8")
        if first:
            whole = whole.removeprefix(codecs.BOM_UTF8)
        return whole

    def finish(self) -> bytes | None:
        """Return the last line where no newline ends it, or None; `offset` does not move."""
        rest, self._carry = self._carry, b""
        if self.encoding:
            rest = rest.decode(self.encoding, "replace").encode("utf-8")
        if self.offset == 0:
            rest = rest.removeprefix(codecs.BOM_UTF8)
        return rest or None

    def _whole(self, data: bytes) -> int:
        if not self.encoding:
            return data.rfind(b"\n") + 1
        newline = "\n".encode(self.encoding)
        # What was dropped from a long line was an even number of bytes, so two-byte units stay in
        # step.
        at = data.rfind(newline)
        while at >= 0 and at % 2:
            at = data.rfind(newline, 0, at + 1)
        return at + 2 if at >= 0 else 0

    def _keep(self, data: bytes) -> None:
        over = len(data) - 2 * LINE_CAP - 2
        if over > 0:
            # The line is too long whatever follows: keep enough to say so, and the odd byte of a
            # unit.
            over -= over % 2
            self._dropped += over
            data = data[: 2 * LINE_CAP + 2] + data[2 * LINE_CAP + 2 + over :]
        self._carry = data
