"""A log in pieces of whole lines, each of which is stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from django.conf import settings


def whole_piece(block: bytes) -> int:
    """Return where to end a piece of a log: behind the last date line in it, since the next one
    tells the days of what follows; without one behind the last line. 0 where no line ends."""
    stamp = block.rfind(b") TIMESTAMP ")
    return (stamp >= 0 and block.find(b"\n", stamp) + 1) or block.rfind(b"\n") + 1


def blocks(stream: BinaryIO, size: int = 0) -> Iterator[tuple[bytes, bool]]:
    """Yield a text in pieces of whole lines, each with whether it is the last. A line longer than a
    piece is cut.

    stream: gives less than it is asked for at its end only, as buffered files do.
    """
    size = size or settings.ITAM_CHUNK_BYTES
    carry = b""
    while True:
        wanted = size - len(carry)
        read = stream.read(wanted) if wanted else b""
        block = carry + read
        if len(read) < wanted:
            yield block, True
            return
        cut = whole_piece(block) or len(block)
        carry = block[cut:]
        yield block[:cut], False
