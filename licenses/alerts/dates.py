"""Dates that come near: which warning is due, each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

BANDS = (90, 60, 30, 14, 7)
"""Days before a date at which people are told."""


def band(day: date, today: date) -> int | None:
    """Return the narrowest band that a day has come into; None while it is far away or once it is
    past.

    The day itself is 0 days away and belongs to the last band. Someone who starts 20 days before is
    told once, not for 90 and 60 as well.
    """
    left = (day - today).days
    if left < 0:
        return None
    return min((days for days in BANDS if left <= days), default=None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a licence file.

    count: None where it is uncounted; first and last day, None: no end that way.
    """

    feature: int
    count: int | None
    first: date | None
    last: date | None

    def valid_on(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def losses(lines: Iterable[Line]) -> dict[tuple[int, date], int | None]:
    """Return the seats that each feature loses after each of its last days; None: it was uncounted.

    A line that ends while another takes its place loses nothing.
    """
    by_feature: dict[int, list[Line]] = {}
    for line in lines:
        by_feature.setdefault(line.feature, []).append(line)
    found: dict[tuple[int, date], int | None] = {}
    for feature, own in by_feature.items():
        for last in {line.last for line in own if line.last is not None}:
            before = [line.count for line in own if line.valid_on(last)]
            after = [line.count for line in own if line.valid_on(last + timedelta(days=1))]
            if None in after:
                continue
            kept = sum(count for count in after if count is not None)
            if None in before:
                found[feature, last] = None
            else:
                lost = sum(count for count in before if count is not None) - kept
                if lost > 0:
                    found[feature, last] = lost
    return found
