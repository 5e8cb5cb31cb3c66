"""What the kernel says of the clock is read as its manual has it, and nothing is made up."""

from __future__ import annotations

import sys
import time

import pytest

from itam import kernel_clock
from itam.kernel_clock import Kept, Steady, told


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(0x0040, Kept(False, None, None), id="nobody-keeps-it"),
        pytest.param(0x0041, Kept(False, None, None), id="nobody-keeps-it-any-more"),
        pytest.param(0x0001, Kept(True, -1_234_567, 8_000), id="the-kernel-evens-it-out"),
        pytest.param(0x2001, Kept(True, -1_235, 8_000), id="in-nanoseconds"),
        pytest.param(0x2000, Kept(True, None, 8_000), id="chrony-evens-it-out-itself"),
    ],
)
def test_a_status_of_the_kernel_means(status: int, expected: Kept) -> None:
    assert told(status, -1_234_567, 8_000) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_the_kernel_is_asked_for_its_own_time() -> None:
    found = kernel_clock._Timex()
    library = kernel_clock.ctypes.CDLL(None)
    if library.adjtimex(kernel_clock.ctypes.byref(found)) < 0:
        pytest.skip("this sandbox does not let anybody ask")
    assert abs(found.seconds - time.time()) < 5  # so the fields lie where they should
    assert 9_000 <= found.tick <= 11_000
    assert kernel_clock.kept() is not None


def test_a_machine_that_does_not_tell_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_clock.ctypes, "CDLL", lambda *_words, **_how: object())
    assert kernel_clock.kept() is None


def test_a_clock_that_jumps_did_not_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    steady, since_start = Steady(), [100.0, 200.0, 300.0, 400.0]
    wall = iter([5_000.0, 5_101.0, 5_261.0, 5_361.0])
    monkeypatch.setattr(kernel_clock.time, "time", lambda: next(wall))
    monkeypatch.setattr(kernel_clock, "_since_start", lambda: since_start.pop(0))
    assert [steady.ran_on() for _ in range(4)] == [None, True, False, True]
