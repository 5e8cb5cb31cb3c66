"""Refusals for want of seats, as columns for the maths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from licenses.analysis.mappings import Mapping, Mappings, features
from licenses.analysis.rows import columns, number
from licenses.concurrency.intervals import Flags, Ints
from licenses.models import Denial


@dataclass(frozen=True, eq=False, slots=True)
class Refusals:
    """Refusals for want of seats in one pool, one entry a logged line, in any order."""

    at: Ints
    person: Ints
    host: Ints

    def where(self, flags: Flags | Ints) -> Refusals:
        """Keep the flagged refusals, or those at the places, in that order."""
        return Refusals(self.at[flags], self.person[flags], self.host[flags])


def load_refusals(mappings: Mappings, start: int, end: int) -> dict[int, Refusals]:
    """Return the capacity refusals of each pool in [start, end). One query."""
    rows = Denial.objects.filter(
        feature__in=features(mappings), capacity=True, at__gte=start, at__lt=end
    )
    feature, at, person, host = columns(rows, "feature_id", number("at"), "person_id", "host_id")
    order = np.lexsort((at, feature))
    found = Refusals(at, person, host).where(order)
    return {pool: _of_pool(feature[order], found, maps) for pool, maps in mappings.items()}


def _of_pool(feature: Ints, found: Refusals, maps: list[Mapping]) -> Refusals:
    chosen = np.zeros(len(feature), dtype=np.bool_)
    for mapping in maps:
        head, tail = np.searchsorted(feature, [mapping.feature, mapping.feature + 1])
        times = found.at[head:tail]
        chosen[head:tail] |= (times >= mapping.start) & (times < mapping.end)
    return found.where(chosen)
