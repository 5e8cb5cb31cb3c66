"""Making much at once without the collector of cycles."""

import gc

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
