"""Child processes that end when their parent does, however it ended."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec nothing may be imported or looked up.
_libc = ctypes.CDLL(None, use_errno=True)


def bind_to_parent(parent: int, sign: signal.Signals = signal.SIGKILL) -> None:
    """Ask Linux to send this process *sign* when its parent dies; elsewhere do nothing.

    The wish survives an exec. It belongs to the thread that forked, so fork from the main thread.
    """
    if not hasattr(_libc, "prctl"):
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if os.getppid() != parent:  # it died before it was asked
        os.kill(os.getpid(), sign)


def dying_with_parent(sign: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a function for Popen's `preexec_fn`."""
    parent = os.getpid()
    return lambda: bind_to_parent(parent, sign)
