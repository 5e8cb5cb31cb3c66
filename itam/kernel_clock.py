"""What the kernel says of this machine's clock, without a question to any network.

Whoever keeps the clock right (ntpd, systemd-timesyncd, chrony, a hypervisor's agent) tells the
kernel how sure it is, and the kernel lets that grow old: see adjtimex(2) and ntp_adjtime(3).
"""

from __future__ import annotations

import ctypes
import time
from typing import Final, NamedTuple

_LONG = ctypes.c_long
_PLL, _UNSYNCHRONISED, _NANOSECONDS = 0x0001, 0x0040, 0x2000
SAME_SECONDS: Final = 2
"""By so much two clocks may part before one of them is said to have jumped."""


class _Timex(ctypes.Structure):
    """`struct timex` of Linux."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        *((name, _LONG) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, _LONG) for name in ("constant", "precision", "tolerance", "seconds", "fraction")),
        *((name, _LONG) for name in ("tick", "ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *((name, _LONG) for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    ]


class Kept(NamedTuple):
    """How well the clock is kept right.

    synchronised:  somebody keeps it right, and did so lately.
    offset_us:     microseconds by which the network's time is ahead of the clock. None where it
                   is not synchronised, or whoever keeps it does not leave that to the kernel.
    error_us:      the clock is off by at most that; None where it is not synchronised.
    """

    synchronised: bool
    offset_us: int | None
    error_us: int | None


def kept() -> Kept | None:
    """Return how well the clock is kept right; None where the kernel does not tell."""
    found = _Timex()  # modes 0: read, change nothing
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        return None  # not Linux
    return None if state < 0 else told(found.status, found.offset, found.maxerror)


def told(status: int, offset: int, most: int) -> Kept:
    """Return what the fields of `struct timex` mean."""
    if status & _UNSYNCHRONISED:
        return Kept(False, None, None)
    microseconds = offset // 1000 if status & _NANOSECONDS else offset
    return Kept(True, microseconds if status & _PLL else None, most)


class Steady:
    """Tells whether the clock went on as the machine's time since it started does."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def ran_on(self) -> bool | None:
        """Return whether it did since this was asked last; None the first time."""
        now = time.time(), _since_start()
        before, self._last = self._last, now
        if before is None:
            return None
        return abs((now[0] - before[0]) - (now[1] - before[1])) <= SAME_SECONDS


def _since_start() -> float:
    # Where there is such a clock, one that also goes on while the machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
