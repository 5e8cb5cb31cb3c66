"""The regular lines of a debug log as columns of numbers, many thousands at a time.

A regular line is an OUT, IN or DENIED of the usual form:

    HH:MM:SS (daemon) OUT: "feature" user@host  tail

Its parts are cut out of the bytes by numpy and numbered (`byte_names`); what a part means is read
once, by the exact grammar of `log_lines`. Whatever is not of that form, or holds a part that the
grammar refuses, is an odd line, which the caller reads by that grammar as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from licenses.sources.flexnet import log_lines as grammar
from licenses.sources.flexnet.byte_names import WORD, ByteNames, Codes, Ints, Words, words_of
from licenses.sources.text import decode_part

OUT, IN, DENIED = 0, 1, 2
_KINDS = {b"OUT": OUT, b"IN": IN, b"DENIED": DENIED}
PADDING = b"\0" * 128
"""Behind the lines, so that the eight bytes at every place can be read."""
_STAMP = 8
_HEAD_WORDS, _FEATURE_WORDS, _WHO_WORDS, _TAIL_WORDS = 5, 8, 12, 12
_NEWLINE, _QUOTE, _BLANK, _BRACKET = 10, 34, 32, 40

T = TypeVar("T")
Bools = npt.NDArray[np.bool_]


class Head(NamedTuple):
    """What stands between the time and the feature: " (daemon) OUT: "."""

    kind: int
    daemon: str


class LogNames:
    """What the numbers of the columns mean. Grows while a log is read; a number never changes its
    meaning."""

    def __init__(self) -> None:
        self.heads: list[Head | None] = []
        """None, here and below: the grammar refuses it."""
        self.features: list[str | None] = []
        self.whos: list[grammar.Who | None] = []
        self.tails: list[grammar.Tail | None] = []
        self.refusals: dict[int, grammar.Refusal] = {}
        self.doubtful: set[int] = set()
        """Which of these lists hold a None, by id."""
        self.head_bytes = ByteNames(_HEAD_WORDS)
        self.feature_bytes = ByteNames(_FEATURE_WORDS)
        self.who_bytes = ByteNames(_WHO_WORDS)
        self.tail_bytes = ByteNames(_TAIL_WORDS)
        # The number 0 is that of no tail.
        self.tail_bytes.encode(PADDING, words_of(PADDING), *np.zeros((2, 1), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.features) + len(self.whos) + len(self.tails)

    def refusal(self, tail: int) -> grammar.Refusal:
        """Return what the tail of a DENIED says."""
        if tail not in self.refusals:
            self.refusals[tail] = grammar.read_refusal(decode_part(self.tail_bytes.texts[tail]))
        return self.refusals[tail]

    def learn(self) -> None:
        """Read the parts that were numbered since the last call."""
        self._read(self.heads, self.head_bytes, _head)
        self._read(self.features, self.feature_bytes, grammar.read_feature)
        self._read(self.whos, self.who_bytes, lambda part: grammar.read_who(decode_part(part)))
        self._read(self.tails, self.tail_bytes, lambda part: grammar.read_tail(decode_part(part)))

    def _read(
        self, meanings: list[T | None], pieces: ByteNames, read: Callable[[bytes], T]
    ) -> None:
        for text in pieces.texts[len(meanings) :]:
            try:
                meanings.append(read(text))
            except grammar.NotAnEvent:
                meanings.append(None)
                self.doubtful.add(id(meanings))

    def kinds(self) -> Codes:
        """Return the kind of each head; -1 for none."""
        return np.array([-1 if head is None else head.kind for head in self.heads], dtype=np.int32)

    @staticmethod
    def known(texts: Sequence[object]) -> Bools:
        """Return which of the heads, features, whos or tails the grammar reads."""
        return np.array([each is not None for each in texts], dtype=bool)


def _head(text: bytes) -> Head:
    if not (found := grammar.HEAD.fullmatch(text)):
        raise grammar.NotAnEvent("expected (daemon) and a kind of event")
    return Head(_KINDS[found["kind"]], decode_part(found["daemon"]))


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of whole lines, cut: where they begin and end, and the parts of the regular ones.

    starts, ends: of all lines; `ends` without the newline.
    rows:         which lines are regular, in order; the columns below have one value for each.
    tod:          time of day in seconds.
    """

    starts: Ints
    ends: Ints
    rows: Ints
    tod: Ints
    head: Codes
    feature: Codes
    who: Codes
    tail: Codes


def cut(data: bytes, names: LogNames) -> Cut:
    """Cut a piece of whole lines, which ends in PADDING, and number the parts of regular lines."""
    size = len(data) - len(PADDING)
    words = words_of(data)
    marks, classes = _marks(data, size)
    last = np.flatnonzero(classes == _NEWLINE)
    first = np.empty_like(last)
    first[:1], first[1:] = 0, last[:-1] + 1
    ends = marks[last]
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1

    # Two quotes, then two blanks: what stands behind is the tail, whatever it holds.
    rows = np.flatnonzero(last - first >= 3)
    at = first[rows]
    usual = (classes[at] == _QUOTE) & (classes[at + 1] == _QUOTE) & (classes[at + 2] == _BLANK)
    if not usual.all():
        rows, at = rows[usual], at[usual]
    tod, shifted = _times(words[starts[rows]])
    quote = marks[at]
    begin = starts[rows] + _STAMP
    usual = (tod >= 0) & (quote > begin)
    # One blank between the time and the bracket, which a short time has in its eight bytes.
    buffer = np.frombuffer(data, dtype=np.uint8)
    usual &= buffer[begin] == np.where(shifted, _BRACKET, _BLANK)
    if not usual.all():
        rows, at, tod = rows[usual], at[usual], tod[usual]
        quote, begin = quote[usual], begin[usual]

    closing, gap = marks[at + 1], marks[at + 2]
    head = names.head_bytes.encode(data, words, begin, quote - begin)
    feature = names.feature_bytes.encode(data, words, quote + 1, closing - quote - 1)
    who = names.who_bytes.encode(data, words, closing + 1, gap - closing - 1)
    tail = _tails(data, words, gap + 2, ends[rows], names)
    names.learn()
    columns = rows, tod, head, feature, who, tail
    usual = _readable(names, head, feature, who, tail)
    if not usual.all():
        columns = tuple(column[usual] for column in columns)  # type: ignore[assignment]
    return Cut(starts, ends, *columns)


def _tails(data: bytes, words: Words, starts: Ints, ends: Ints, names: LogNames) -> Codes:
    """Number the tails, of which most are empty."""
    lengths = ends - starts
    codes = np.zeros(len(starts), dtype=np.int32)
    full = np.flatnonzero(lengths)
    codes[full] = names.tail_bytes.encode(data, words, starts[full], lengths[full])
    return codes


def _marks(data: bytes, size: int) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Return the places of newlines, quotes and the first of two blanks, and what stands there."""
    buffer = np.frombuffer(data, dtype=np.uint8, count=size)
    blank = buffer == _BLANK
    found = buffer == _NEWLINE
    found |= buffer == _QUOTE
    blank[:-1] &= blank[1:]
    blank[-1:] = False
    found |= blank
    places = np.flatnonzero(found)
    return places, buffer[places]


_TIME_A = np.uint64(0x30303A30303A3030)
_DIGITS_AT_MOST = np.array([2, 9, 0, 5, 9, 0, 5, 9], dtype=np.uint8)
_ROOM = np.frombuffer((0x7F - _DIGITS_AT_MOST).astype(np.uint8).tobytes(), dtype="<u8")[0]
_TOPS = np.uint64(0x8080808080808080)


def _times(words: Words) -> tuple[Ints, Bools]:
    """Return the times of day that eight bytes each print, and whether an hour of one digit stands
    first; -1 for no time.

    Three forms: "HH:MM:SS", " H:MM:SS" and "H:MM:SS ".
    """
    shifted = ((words >> np.uint64(8)) & np.uint64(0xFF)) == np.uint64(0x3A)
    shifted &= (words >> np.uint64(56)) == np.uint64(_BLANK)
    words = np.where(shifted, (words << np.uint64(8)) | np.uint64(_BLANK), words)
    padded = (words & np.uint64(0xFF)) == np.uint64(_BLANK)
    digits = (words | (padded.astype(np.uint64) << np.uint64(4))) ^ _TIME_A
    # No byte passes its most: then none of the sums carries into the next byte.
    good = ((digits | (digits + _ROOM)) & _TOPS) == 0
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    hours = (pairs & np.uint64(0xFF)).astype(np.int64)
    minutes = ((pairs >> np.uint64(24)) & np.uint64(0xFF)).astype(np.int64)
    seconds = ((pairs >> np.uint64(48)) & np.uint64(0xFF)).astype(np.int64)
    tod = hours * 3600 + minutes * 60 + seconds
    good &= hours <= 23
    tod[~good] = -1
    return tod, shifted


def _readable(names: LogNames, head: Codes, feature: Codes, who: Codes, tail: Codes) -> Bools:
    good = (head >= 0) & (feature >= 0) & (who >= 0) & (tail >= 0)
    for texts, codes in ((names.heads, head), (names.features, feature), (names.whos, who)):
        if id(texts) in names.doubtful:
            good &= names.known(texts)[codes]
    if id(names.tails) in names.doubtful:
        told = np.flatnonzero(head >= 0)  # without a head there may be no kind to look up
        denied = np.zeros_like(good)
        denied[told] = names.kinds()[head[told]] == DENIED
        good &= names.known(names.tails)[tail] | denied
    return good


assert len(PADDING) >= WORD * (max(_HEAD_WORDS, _FEATURE_WORDS, _WHO_WORDS, _TAIL_WORDS) + 1)
