"""Making much at once without the collector of cycles, and memory from request to request."""

import gc
import subprocess
import sys

import pytest

from itam.memory import uncollected


def test_the_collector_rests_meanwhile_and_works_again_even_after_an_error():
    with pytest.raises(LookupError), uncollected():
        assert not gc.isenabled()
        raise LookupError
    assert gc.isenabled()


def test_a_collector_that_rested_before_goes_on_resting():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


PROGRAM = """
import gc, resource
import numpy as np
from itam.memory import settle
if {settled}:
    settle()
def request():
    return [np.ones(65_536) for _ in range(16)] and None
for _ in range(3):
    request()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    request()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, gc.get_freeze_count())
"""


def _asked(settled: bool) -> tuple[int, int]:
    """Return how many pages of memory ten requests took anew, and what is never looked through."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(settled=settled)],
        capture_output=True,
        text=True,
        check=True,
    )
    faults, frozen = map(int, done.stdout.split())
    return faults, frozen


@pytest.mark.skipif(sys.platform != "linux", reason="only GNU's C library can be told")
def test_the_memory_of_a_request_serves_the_next_one():
    untold, _ = _asked(settled=False)
    settled, _ = _asked(settled=True)
    assert untold > 1_000
    assert settled < untold / 10


def test_what_is_loaded_is_not_looked_through_again():
    assert _asked(settled=False)[1] == 0
    assert _asked(settled=True)[1] > 1_000
