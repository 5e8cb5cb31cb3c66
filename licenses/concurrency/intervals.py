"""Sets of moments: which seconds were observed, full, over the limit, or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_FIRST: Final[Ints] = np.zeros(1, dtype=np.int64)
_NEVER: Final = np.iinfo(np.int64).min


def ints(values: npt.ArrayLike, name: str) -> Ints:
    """Return *values* as a flat int64 array; refuse what would lose a fraction in silence."""
    if isinstance(values, np.ndarray) and values.dtype == np.int64 and values.ndim == 1:
        return values
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected whole numbers, found {array.dtype}")
    return np.atleast_1d(array).astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False, slots=True)
class IntervalSet:
    """Moments as half-open spans [starts[i], ends[i]) of epoch seconds.

    In time order; none is empty, and none touches the next. `of` takes spans in any shape.
    """

    starts: Ints
    ends: Ints

    def __post_init__(self) -> None:
        starts, ends = ints(self.starts, "starts"), ints(self.ends, "ends")
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "ends", ends)
        if len(starts) != len(ends):
            raise ValueError(
                f"expected as many ends as starts, found {len(starts)} and {len(ends)}"
            )
        if not ((starts < ends).all() and (ends[:-1] < starts[1:]).all()):
            raise ValueError("expected spans in time order that do not touch; IntervalSet.of sorts")

    @classmethod
    def of(cls, starts: npt.ArrayLike, ends: npt.ArrayLike) -> Self:
        """Return the moments that any of the spans covers.

        The spans may come in any order, overlap, touch, or end where they start: such a span
        covers nothing, and so does one that ends before it starts.
        """
        first, last = ints(starts, "starts"), ints(ends, "ends")
        if len(first) != len(last):
            raise ValueError(f"expected as many ends as starts, found {len(first)} and {len(last)}")
        real = first < last
        first, last = first[real], last[real]
        if len(first) < 2:
            return cls._proper(first, last)
        order = np.argsort(first, kind="stable")
        first, reach = first[order], np.maximum.accumulate(last[order])
        cut = np.flatnonzero(first[1:] > reach[:-1])
        return cls._proper(
            first[np.concatenate((_FIRST, cut + 1))], reach[np.concatenate((cut, [len(first) - 1]))]
        )

    @classmethod
    def _proper(cls, starts: Ints, ends: Ints) -> Self:
        """Return a set of spans that are as they must be, which is not looked at again."""
        made = object.__new__(cls)
        object.__setattr__(made, "starts", starts)
        object.__setattr__(made, "ends", ends)
        return made

    @classmethod
    def of_spans(cls, spans: Iterable[tuple[int, int]]) -> Self:
        """Return the moments that any of these (start, end) covers, as `of` does."""
        pairs = list(spans)
        return cls.of([start for start, _ in pairs], [end for _, end in pairs])

    @classmethod
    def empty(cls) -> Self:
        """Return the set without a moment."""
        return cls.of([], [])

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self.starts.tolist(), self.ends.tolist(), strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IntervalSet):
            return NotImplemented
        return np.array_equal(self.starts, other.starts) and np.array_equal(self.ends, other.ends)

    __hash__ = None  # type: ignore[assignment]  # arrays can change

    def __repr__(self) -> str:
        shown = [f"[{start},{end})" for start, end in list(self)[:5]]
        return f"IntervalSet({' '.join(shown)}{' ...' if len(self) > 5 else ''})"

    @property
    def seconds(self) -> int:
        """Return how long the set is."""
        return int((self.ends - self.starts).sum())

    def contains(self, moment: int) -> bool:
        """Tell whether *moment* is in the set; the end of a span is not."""
        place = int(np.searchsorted(self.starts, moment, side="right"))
        return place > 0 and moment < int(self.ends[place - 1])

    def union(self, other: IntervalSet) -> IntervalSet:
        """Return the moments in either set."""
        if not len(other):
            return self
        if not len(self):
            return other
        return IntervalSet.of(
            np.concatenate((self.starts, other.starts)), np.concatenate((self.ends, other.ends))
        )

    def complement(self, start: int, end: int) -> IntervalSet:
        """Return the moments of [start, end) that are not in the set."""
        inside = self.clip(start, end)
        starts = np.concatenate(([start], inside.ends))
        ends = np.concatenate((inside.starts, [end]))
        real = starts < ends
        return IntervalSet._proper(starts[real], ends[real])

    def intersection(self, other: IntervalSet) -> IntervalSet:
        """Return the moments in both sets."""
        if not len(self) or not len(other):
            return IntervalSet.empty()
        # A span of both starts where one of the two starts inside the other, and ends alike.
        starts = np.concatenate(
            (
                self.starts[other._reach(self.starts, "right") > self.starts],
                other.starts[self._reach(other.starts, "left") > other.starts],
            )
        )
        ends = np.concatenate(
            (
                self.ends[other._reach(self.ends, "left") >= self.ends],
                other.ends[self._reach(other.ends, "left") > other.ends],
            )
        )
        return IntervalSet._proper(np.sort(starts), np.sort(ends))

    def _reach(self, moments: Ints, side: Literal["left", "right"]) -> Ints:
        """Return for each moment the end of the last span that starts before it, or at it where
        *side* is "right"; the least number where none does."""
        place = np.searchsorted(self.starts, moments, side=side) - 1
        return np.where(place < 0, _NEVER, self.ends[place])

    def subtract(self, other: IntervalSet) -> IntervalSet:
        """Return the moments of this set that are not in *other*."""
        if not len(self) or not len(other):
            return self
        return self.intersection(other.complement(*self._hull()))

    def clip(self, start: int, end: int) -> IntervalSet:
        """Return the moments of the set that lie in [start, end)."""
        if not len(self) or (start <= self.starts[0] and self.ends[-1] <= end):
            return self
        starts, ends = np.maximum(self.starts, start), np.minimum(self.ends, end)
        real = starts < ends
        return IntervalSet._proper(starts[real], ends[real])

    def seconds_before(self, moments: npt.ArrayLike) -> Ints:
        """Return for each moment how many seconds of the set lie before it."""
        asked = ints(moments, "moments")
        if not len(self):
            return np.zeros(len(asked), dtype=np.int64)
        place = np.searchsorted(self.starts, asked, side="right")
        begun = np.append(0, np.cumsum(self.ends - self.starts))[place]
        ahead = np.maximum(self.ends[place - 1] - asked, 0)
        return np.where(place > 0, begun - ahead, 0)

    def seconds_within(self, edges: npt.ArrayLike) -> Ints:
        """Return the seconds of the set in each period [edges[i], edges[i+1])."""
        return np.diff(self.seconds_before(edges))

    def _hull(self) -> tuple[int, int]:
        return (int(self.starts[0]), int(self.ends[-1])) if len(self) else (0, 0)
