"""Signs of life that a supervisor on the same machine can see without database or broker.

Files in the run folder: their age says when the part last did something, not that it is running.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def beat(folder: Path, name: str) -> None:
    """Note that a part works now. A full disk must not stop the part itself."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def age(folder: Path, name: str) -> float | None:
    """Return the seconds since a part last worked; None where it never did."""
    try:
        # Both by the wall clock: a file's time has no other.
        return max(0.0, time.time() - (folder / name).stat().st_mtime)
    except OSError:
        return None


def task_started(folder: Path) -> None:
    """Note that this process of the worker has a task."""
    beat(folder, "worker")
    beat(folder, f"busy-{os.getpid()}")


def task_ended(folder: Path) -> None:
    """Note that this process of the worker is free."""
    beat(folder, "worker")
    with contextlib.suppress(OSError):
        (folder / f"busy-{os.getpid()}").unlink()


def busy(folder: Path) -> int:
    """Return how many processes of the worker have a task; forget those that died with one."""
    count = 0
    for path in folder.glob("busy-*"):
        try:
            os.kill(int(path.name.removeprefix("busy-")), 0)
            count += 1
        except (ProcessLookupError, ValueError):
            path.unlink(missing_ok=True)
        except PermissionError:  # the number has gone to another user's process
            path.unlink(missing_ok=True)
    return count


def forget(folder: Path) -> None:
    """Remove the signs of an earlier run."""
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            path.unlink()
