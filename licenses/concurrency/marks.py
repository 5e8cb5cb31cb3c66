"""Which holdings look as if nobody worked with them. A mark is a reason to ask, and no proof."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from licenses.concurrency.intervals import Ints
from licenses.concurrency.periods import DAY_SECONDS, local_midnight

LONG_SECONDS = DAY_SECONDS
NIGHT_ENDS = time(5)
"""A night is from midnight until then by the pool's clock."""
SILENT_SECONDS = 3 * DAY_SECONDS
"""A machine of which nothing is seen for so long was not just off for a weekend."""


class Mark(StrEnum):
    LONG = "long"
    OVERNIGHT = "overnight"
    TWO_HOSTS = "two_hosts"
    HOST_GONE = "host_gone"


class Out(NamedTuple):
    """A holding that is still out: taken at *began*, known to be held until *known*.

    away:  borrowed, so meant to be out for days, and on a machine that may be anywhere.
    """

    person: int
    host: int
    began: int
    known: int
    away: bool


def marks(
    out: Out,
    *,
    moment: int,
    night: tuple[int, int],
    several: Collection[int],
    silent: Collection[int],
) -> tuple[Mark, ...]:
    """Return what is odd about a holding, in the order of `Mark`.

    long        it was taken more than a day before *moment*
    overnight   it is known to have been out through all of *night*
    two_hosts   its person is one of *several*, as of `on_several_hosts`
    host_gone   its machine is one of *silent*: nothing else was seen of it for a long time, in
                which this was out
    """
    first, last = night
    odd = {
        Mark.LONG: moment - out.began > LONG_SECONDS,
        Mark.OVERNIGHT: not out.away and out.began <= first and last <= out.known,
        Mark.TWO_HOSTS: out.person in several,
        Mark.HOST_GONE: may_be_gone(out) and out.host in silent,
    }
    return tuple(mark for mark in Mark if odd[mark])


def may_be_gone(out: Out) -> bool:
    """Tell whether a holding is out for so long that its machine should have been seen since."""
    return not out.away and out.known - out.began > SILENT_SECONDS


def on_several_hosts(person: Ints, host: Ints) -> set[int]:
    """Return the people who hold seats on two machines or more. One entry each holding."""
    pairs = np.unique(np.stack((person, host)), axis=1)
    people, machines = np.unique(pairs[0], return_counts=True)
    found: set[int] = set(people[machines > 1].tolist())
    return found


def last_night(moment: int, zone: tzinfo) -> tuple[int, int]:
    """Return start and end of the last night of a zone that is over at a moment."""
    day = datetime.fromtimestamp(moment, zone).date()
    ends = _morning(day, zone)
    if ends > moment:
        day -= timedelta(days=1)
        ends = _morning(day, zone)
    return local_midnight(day, zone), ends


def _morning(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, NIGHT_ENDS, zone).timestamp())
