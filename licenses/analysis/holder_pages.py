"""Holders a page at a time: a pool may have ten thousand, and nobody reads as many at once."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from licenses.analysis.holdings import Holdings
from licenses.concurrency.intervals import Flags, Ints


class Place(NamedTuple):
    """The holding that a page ends with. The next one begins behind it, whoever came or went
    meanwhile.

    doubtful:  1 where it is not known to be held: those stand behind all others.
    """

    doubtful: int
    began: int
    checkout: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the place that was written as *text*; raise ValueError where none was."""
        numbers = text.split(".")
        if len(numbers) != len(cls._fields) or not text.isascii():
            raise ValueError(f"{text!r} is not where a page of holders ends")
        return cls(*(int(number[:19]) for number in numbers))


class Page(NamedTuple):
    """Which holdings a page shows. places: of them, in order. last: where it ends; None where no
    other follows. before, after: how many stand before it and behind it."""

    places: list[int]
    last: Place | None
    before: int
    after: int


def page(
    held: Holdings, *, sure: Flags | None = None, behind: Place | None = None, most: int | None
) -> Page:
    """Return a page of holders: those known to hold seats first, of them the longest first.

    sure:    those known to; None: all of them are.
    behind:  begin behind this place; None: with the first.
    most:    holdings of the page; None: all of them.
    """
    doubtful: Ints = np.zeros(len(held), dtype=np.int64)
    if sure is not None:
        doubtful = (~sure).astype(np.int64)
    columns = doubtful, held.began, held.checkout
    order = np.lexsort(columns[::-1])
    first = 0
    if behind is not None:
        first = int(np.count_nonzero(~_behind(columns, behind)))
    places = order[first:].tolist() if most is None else order[first : first + most].tolist()
    after = len(order) - first - len(places)
    last = None
    if after and places:
        last = Place(*(int(column[places[-1]]) for column in columns))
    return Page(places, last, first, after)


def _behind(columns: tuple[Ints, Ints, Ints], place: Place) -> Flags:
    doubtful, began, checkout = columns
    later = (began > place.began) | ((began == place.began) & (checkout > place.checkout))
    flags: Flags = (doubtful > place.doubtful) | ((doubtful == place.doubtful) & later)
    return flags
