"""One time axis for many pools: each has the same window on it, and the windows lie end to end.

What works on one timeline then works on all of them at once. A poll touches one hour of hundreds of
pools, and for arrays of a few values each, calling numpy costs far more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from licenses.concurrency.intervals import IntervalSet, Ints
from licenses.concurrency.timeline import UNKNOWN, Steps


@dataclass(frozen=True, slots=True)
class Axis:
    """The window [start, end), once for each of *count* pools; that of the first begins at 0.

    Pools go by their place. What is laid on the axis comes as one column, or one set, for each.
    """

    count: int
    start: int
    end: int

    @property
    def width(self) -> int:
        """Return how many seconds of the axis a pool has."""
        return self.end - self.start

    @property
    def whole(self) -> tuple[int, int]:
        """Return the span of the axis."""
        return 0, self.count * self.width

    @property
    def offsets(self) -> Ints:
        """Return where on the axis the window of each pool begins."""
        return np.arange(self.count, dtype=np.int64) * self.width

    def edges(self, edges: Ints) -> Ints:
        """Return the edges of the periods of all pools, of which the last of one is the first of
        the next. edges: of one pool; they reach from start to end."""
        heads = self.offsets[:, None] + (edges[:-1] - self.start)
        return np.append(heads.ravel(), self.whole[1])

    def spans(self, starts: Sequence[Ints], ends: Sequence[Ints]) -> tuple[Ints, Ints]:
        """Return spans, cut at the window. One that lies outside is left there with no length."""
        offsets = np.repeat(self.offsets, [len(column) for column in starts])
        return self._cut(starts) + offsets, self._cut(ends) + offsets

    def moments(self, moments: Sequence[Ints]) -> Ints:
        """Return the moments that lie in the window."""
        together = np.concatenate(moments)
        inside = (together >= self.start) & (together < self.end)
        offsets = np.repeat(self.offsets, [len(column) for column in moments])
        return (together + offsets - self.start)[inside]

    def intervals(self, sets: Sequence[IntervalSet]) -> IntervalSet:
        """Return the moments of all sets that lie in the window."""
        return IntervalSet.of(
            *self.spans([each.starts for each in sets], [each.ends for each in sets])
        )

    def steps(self, limits: Sequence[Steps]) -> Steps:
        """Return limits as one; UNKNOWN where the window reaches beyond one's own."""
        parts = [each if self._spans(each) else self._filled(each) for each in limits]
        times, _ends = self.spans(
            [each.times[:-1] for each in parts], [each.times[1:] for each in parts]
        )
        levels = np.concatenate([each.levels for each in parts])
        return Steps(np.append(times, self.whole[1]), levels)

    def _spans(self, steps: Steps) -> bool:
        if len(steps.levels) != 1:
            return False
        return steps.start <= self.start and self.end <= steps.end

    def _filled(self, steps: Steps) -> Steps:
        """Return a limit over exactly the window."""
        return Steps.constant(UNKNOWN, self.start, self.end).otherwise(steps)

    def _cut(self, columns: Sequence[Ints]) -> Ints:
        return np.clip(np.concatenate(columns), self.start, self.end) - self.start
