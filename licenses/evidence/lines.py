"""Lines of many entries that are alike, put together by column.

Texts that stand in many lines are written once each; numbers are written over blanks of their
length. A text is some 30 MB, so that it is copied once
is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from licenses.concurrency.intervals import Ints

POWERS: Final = 10 ** np.arange(1, 19, dtype=np.int64)


class Columns(NamedTuple):
    """What entries tell up to their number: the first of each column is of the first, and so on.

    bodies:  pieces that make up the texts before the event's time.
    at:      the times of the events.
    kind:    each one's in *kinds*, which has their words.
    """

    bodies: Sequence[Sequence[bytes]]
    at: Ints
    kind: Ints
    kinds: Mapping[int, str]


def written(columns: Columns, first: int, tail: bytes, *, behind: bytes) -> bytearray:
    """Return the lines of entries with the numbers from *first* on, behind another text.

    tail:  how each of them ends, after its number.
    """
    at, number = columns.at, first + np.arange(len(columns.at))
    wide, long = _lengths(at), _lengths(number)
    middles = {kind: f',"kind":"{word}","n":'.encode() for kind, word in columns.kinds.items()}

    @cache
    def ending(kind: int, wide: int, long: int) -> bytes:
        return b"0" * wide + middles[kind] + b"0" * long + tail

    endings = [*map(ending, columns.kind.tolist(), wide.tolist(), long.tolist())]
    ahead = sum(map(_sizes, columns.bodies), np.zeros(len(at), dtype=np.int64))
    ends = len(behind) + np.cumsum(ahead + _sizes(endings))
    # Joined at once: a longer text would be copied as it grows.
    lines = chain.from_iterable(zip(*columns.bodies, endings, strict=True))
    text = bytearray().join(chain([behind], lines))
    _write(text, np.append(len(behind), ends[:-1]) + ahead, at, wide)
    _write(text, ends - len(tail) - long, number, long)
    return text


def _lengths(numbers: Ints) -> Ints:
    """Return how many characters each number takes."""
    return np.searchsorted(POWERS, np.abs(numbers), side="right") + 1 + (numbers < 0)


def _sizes(texts: Sequence[bytes]) -> Ints:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def _write(text: bytearray, places: Ints, numbers: Ints, lengths: Ints) -> None:
    """Write numbers into a text over as many characters as each of them takes."""
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        rows = lengths == length
        own = numbers[rows]
        digits, rest = np.empty((len(own), length), dtype=np.uint8), np.abs(own)
        for place in reversed(range(length)):
            rest, digits[:, place] = np.divmod(rest, 10)
        digits += ord("0")
        digits[own < 0, 0] = ord("-")
        # An element for each place of the text, which overlap: each is written as a whole.
        windows = np.ndarray(len(text) - length + 1, f"V{length}", text, strides=(1,))
        windows[places[rows]] = digits.view(f"V{length}")[:, 0]
