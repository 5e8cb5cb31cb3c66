"""Numbers for pieces of text, a whole column at a time.

A piece is found by its hash, and then compared byte for byte with the piece that has the number:
two pieces never share a number, whatever their hashes are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

WORD = 8
_PROBES = 24
"""Places looked at for one piece. Where none is left, hashes were made to collide: no number."""
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(WORD + 1)], dtype=np.uint64)
_FACTORS = np.random.default_rng(0x5EED).integers(
    1 << 62, 1 << 63, 32, dtype=np.uint64
) | np.uint64(1)
_Columns = list[tuple[Ints | None, Words]]


def words_of(data: bytes) -> Words:
    """Return the eight bytes that begin at each byte of *data* (the last seven begin none), as
    little-endian numbers; nothing is copied."""
    return np.ndarray((len(data) - WORD + 1,), "<u8", data, strides=(1,))


class ByteNames:
    """The pieces of one kind met so far: `texts[code]`.

    words: of eight bytes that a piece may be long, three or more; a longer one gets no number.
    """

    def __init__(self, words: int) -> None:
        self.texts: list[bytes] = []
        self._most = words
        self._words = np.zeros((words, 64), dtype=np.uint64)
        self._lengths = np.zeros(64, dtype=np.int64)
        self._hashes = np.zeros(64, dtype=np.uint64)
        self._bits = 10
        self._table = np.full(1 << self._bits, -1, dtype=np.int64)

    def encode(self, data: bytes, words: Words, starts: Ints, lengths: Ints) -> Codes:
        """Return the number of each piece data[start:start+length]; -1 where it gets none.

        words: `words_of` *data*, which reaches at least 8 * words bytes past the last start.
        """
        if not len(starts):
            return np.empty(0, dtype=np.int32)
        columns = self._columns(words, starts, lengths)
        hashes = self._hash(columns, lengths)
        codes = self._look_up(hashes)
        if codes.min() < 0:
            unknown = np.flatnonzero(codes < 0)
            unknown = unknown[lengths[unknown] <= self._most * WORD]
            _, firsts, inverse = np.unique(hashes[unknown], return_index=True, return_inverse=True)
            # Numbers are given in the order of the text.
            order = np.argsort(firsts)
            rows = unknown[firsts[order]]
            given = np.empty(len(firsts), dtype=np.int64)
            given[order] = self._add(data, rows, columns, hashes[rows], starts, lengths[rows])
            codes[unknown] = given[inverse]
        same = self._lengths.take(codes) == lengths
        same &= codes >= 0
        for row, (which, column) in enumerate(columns):
            if which is None:
                same &= self._words[row].take(codes) == column
            else:
                same[which] &= self._words[row].take(codes[which]) == column
        if not same.all():
            codes[~same] = -1
        return codes.astype(np.int32)

    def _columns(self, words: Words, starts: Ints, lengths: Ints) -> _Columns:
        """Return words that tell pieces of equal length apart: (which pieces, or None for all;
        their words).

        The first eight bytes, the next ones, and the last: they overlap, so that nothing behind a
        piece is read, but for those shorter than a word. Pieces of more than three words have more.
        """
        last = np.maximum(starts + (lengths - WORD), starts)
        columns = [words[starts], words[np.minimum(starts + WORD, last)], words[last]]
        if int(lengths.min()) < WORD:
            short = np.flatnonzero(lengths < WORD)
            masks = _MASKS[lengths[short]]
            for column in columns:
                column[short] &= masks
        found: _Columns = [(None, column) for column in columns]
        longest = min(int(lengths.max()), self._most * WORD)
        for begin in range(2 * WORD, longest - WORD, WORD):
            long = np.flatnonzero(lengths > begin + WORD)
            found.append((long, words[np.minimum(starts[long] + begin, last[long])]))
        return found

    @staticmethod
    def _hash(columns: _Columns, lengths: Ints) -> Words:
        found: Words = lengths.view(np.uint64) * _FACTORS[-1]
        for row, (rows, column) in enumerate(columns):
            if rows is None:
                found += column * _FACTORS[row]
            else:
                found[rows] += column * _FACTORS[row]
        found ^= found >> np.uint64(31)
        found *= _FACTORS[-2]
        return found

    def _look_up(self, hashes: Words) -> Ints:
        slots = (hashes >> np.uint64(64 - self._bits)).view(np.int64)
        codes = self._table.take(slots)
        other = self._hashes.take(codes) != hashes
        other &= codes >= 0
        if other.any():
            wrong = np.flatnonzero(other)
            codes[wrong] = -1
            mask = (1 << self._bits) - 1
            for step in range(1, _PROBES):
                candidates = self._table[(slots[wrong] + step) & mask]
                hit = (candidates >= 0) & (self._hashes[candidates] == hashes[wrong])
                codes[wrong[hit]] = candidates[hit]
                wrong = wrong[(candidates >= 0) & ~hit]
                if not len(wrong):
                    break
        return codes

    def _add(
        self,
        data: bytes,
        rows: Ints,
        columns: _Columns,
        hashes: Words,
        starts: Ints,
        lengths: Ints,
    ) -> Ints:
        """Number new pieces, which have different hashes; return their numbers."""
        first, count = len(self.texts), len(rows)
        self._reserve(first + count)
        codes = np.arange(first, first + count, dtype=np.int64)
        begins = starts[rows].tolist()
        self.texts += [
            data[begin : begin + length]
            for begin, length in zip(begins, lengths.tolist(), strict=True)
        ]
        self._lengths[codes], self._hashes[codes] = lengths, hashes
        for row, (which, column) in enumerate(columns):
            if which is None:
                self._words[row, codes] = column[rows]
            else:
                at = np.minimum(np.searchsorted(which, rows), len(which) - 1)
                self._words[row, codes] = np.where(which[at] == rows, column[at], 0)
        self._place(codes, hashes)
        return codes

    def _reserve(self, count: int) -> None:
        size = len(self._lengths)
        if count > size:
            more = max(count, 2 * size) - size
            self._words = np.pad(self._words, ((0, 0), (0, more)))
            self._lengths = np.pad(self._lengths, (0, more))
            self._hashes = np.pad(self._hashes, (0, more))
        if 4 * count > len(self._table):
            self._bits = (8 * count).bit_length()
            self._table = np.full(1 << self._bits, -1, dtype=np.int64)
            known = np.arange(len(self.texts), dtype=np.int64)
            self._place(known, self._hashes[known])

    def _place(self, codes: Ints, hashes: Words) -> None:
        """Enter numbers in the table. A piece that finds no place is numbered again when it is met
        again."""
        mask = (1 << self._bits) - 1
        slots = (hashes >> np.uint64(64 - self._bits)).astype(np.int64)
        for step in range(_PROBES):
            at = (slots + step) & mask
            free = self._table[at] < 0
            self._table[at[free]] = codes[free]
            left = self._table[at] != codes
            codes, slots = codes[left], slots[left]
            if not len(codes):
                break
