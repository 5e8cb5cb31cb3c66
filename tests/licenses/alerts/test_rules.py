"""The state machine of alerts, by tables and by chance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licenses.alerts.rules import (
    Change,
    Episode,
    Limits,
    Sample,
    Standing,
    State,
    clear_below,
    hysteresis_seats,
    left_seats,
    percent_seats,
    replay,
    start,
    step,
)

RULE = Limits(fire_at=9, clear_at=7, for_seconds=300, for_samples=2, keep_firing_seconds=600)


def walk(values: list[int | None], limits: Limits = RULE, interval: int = 300):
    """Feed values an interval apart; give the states' first letters and the changes."""
    standing, states, changes = start(0), "", []
    for number, value in enumerate(values):
        standing, found = step(standing, Sample(number * interval, value), limits)
        states += standing.state[0]
        changes += [(change.change.value, change.at, change.since) for change in found]
    return states, changes


@pytest.mark.parametrize(
    ("values", "states", "changes"),
    [
        pytest.param([5, 8, 8], "ooo", [], id="below-the-threshold"),
        pytest.param([5, 9, 5], "opo", [], id="one-sample-is-not-enough"),
        pytest.param([9, 9], "pf", [("fired", 300, 0)], id="two-samples-and-five-minutes"),
        pytest.param([9, 8, 9, 8], "popo", [], id="a-dip-starts-anew"),
        pytest.param(
            [9, 9, 8, 8, 8, 8], "pfffff", [("fired", 300, 0)], id="between-the-marks-it-stays"
        ),
        pytest.param(
            [9, 9, 7, 7, 7],
            "pfffo",
            [("fired", 300, 0), ("resolved", 600, 0)],
            id="clear-for-ten-minutes-resolves-at-the-first-clear-sample",
        ),
        pytest.param(
            [9, 9, 7, 7, 8, 7, 7, 7],
            "pffffffo",
            [("fired", 300, 0), ("resolved", 1500, 0)],
            id="a-relapse-starts-the-clear-time-anew",
        ),
        pytest.param(
            [9, 9, None, None, 9], "pfbbf", [("fired", 300, 0)], id="blind-never-resolves"
        ),
        pytest.param(
            [9, 9, 7, None, 7, 7, 7],
            "pffbffo",
            [("fired", 300, 0), ("resolved", 1200, 0)],
            id="blind-time-is-not-clear-time",
        ),
        pytest.param(
            [9, None, 9, 9],
            "pbpf",
            [("fired", 900, 600)],
            id="blindness-starts-the-wait-anew",
        ),
        pytest.param([5, None, None, 5], "obbo", [], id="blind-and-quiet"),
        pytest.param([None, None], "bb", [], id="never-seen"),
    ],
)
def test_states_follow_the_samples(values, states, changes):
    assert walk(values) == (states, changes)


def test_a_rule_without_waiting_fires_at_the_first_sample():
    assert walk([1], Limits(fire_at=1, clear_at=0)) == ("f", [("fired", 0, 0)])


def test_polls_a_moment_less_than_the_wait_apart_still_count():
    limits = Limits(9, 7, for_seconds=300, for_samples=2, slack_seconds=30)
    assert walk([9, 9], limits, interval=299)[0] == "pf"
    assert walk([9, 9], RULE, interval=299)[0] == "pp"


@pytest.mark.parametrize("at", [0, 299, 300])
def test_a_sample_that_is_not_newer_changes_nothing(at):
    standing = Standing(State.PENDING, since=0, samples=1, value=9, evaluated_at=300)
    assert step(standing, Sample(at, 9), RULE) == (standing, ())


def test_a_clear_mark_at_the_threshold_is_refused():
    with pytest.raises(ValueError, match="clear_at=9: expected less than fire_at=9"):
        Limits(fire_at=9, clear_at=9)


@pytest.mark.parametrize(
    ("limit", "percent", "fire", "clear"),
    [
        pytest.param(100, 90, 90, 80, id="ten-percent-below"),
        pytest.param(10, 90, 9, 7, id="small-pool-keeps-a-seat-between"),
        pytest.param(30, 100, 30, 27, id="full"),
        pytest.param(3, 90, 3, 2, id="three-seats"),
        pytest.param(1, 90, 1, 0, id="one-seat"),
        pytest.param(15, 90, 14, 12, id="rounded-up-both"),
        pytest.param(7, 1, 1, 0, id="never-below-zero"),
    ],
)
def test_percent_becomes_seats(limit, percent, fire, clear):
    assert percent_seats(limit, percent) == fire
    assert clear_below(fire, hysteresis_seats(limit, 10)) == clear


@pytest.mark.parametrize(
    ("limit", "left", "seats"), [(30, 2, 28), (2, 5, 1), (1, 0, 1), (0, 1, None)]
)
def test_seats_left_become_seats_in_use(limit, left, seats):
    assert left_seats(limit, left) == seats


def test_nothing_is_a_share_of_no_seats():
    assert percent_seats(0, 90) is None


@given(
    limit=st.integers(4, 500),
    percent=st.integers(50, 100),
    noise=st.lists(st.sampled_from([-1, 0, 1]), min_size=289, max_size=289),
)
@settings(deadline=None, max_examples=100)
def test_noise_of_one_seat_around_the_threshold_gives_two_messages_a_day_at_most(
    limit, percent, noise
):
    fire = percent_seats(limit, percent)
    if fire is None or fire < 4:
        return
    limits = Limits(fire, clear_below(fire, hysteresis_seats(limit, 10)), 300, 2, 600)
    _states, changes = walk([fire + change for change in noise], limits)
    assert len(changes) <= 2


@given(
    interval=st.sampled_from([30, 60, 100, 300]),
    offset=st.integers(0, 299),
    begin=st.integers(1000, 5000),
    extra=st.integers(1, 4000),
    jitter=st.lists(st.integers(-15, 15), min_size=400, max_size=400),
)
@settings(deadline=None, max_examples=150)
def test_no_episode_longer_than_the_wait_and_an_interval_is_missed(
    interval, offset, begin, extra, jitter
):
    """The wait is a multiple of the interval; polls come up to half the slack early or late."""
    limits = Limits(9, 7, for_seconds=300, for_samples=2, keep_firing_seconds=0, slack_seconds=30)
    end = begin + 300 + interval + 30 + extra
    standing, fired = start(0), []
    for number in range(400):
        at = offset % interval + number * interval + 20 + jitter[number] * (interval >= 60)
        standing, changes = step(standing, Sample(at, 9 if begin <= at < end else 0), limits)
        fired += [change for change in changes if change.change is Change.FIRED]
    if 400 * interval > end + 300:
        assert len(fired) == 1
        assert fired[0].at - begin <= 300 + interval + 60


@given(st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=60))
def test_changes_alternate_and_blindness_makes_none(values):
    standing, last = start(0), None
    for number, value in enumerate(values):
        before = standing
        standing, changes = step(standing, Sample(number * 300, value), RULE)
        if value is None:
            assert changes == ()
            assert (before.state is State.FIRING) <= (standing.before_blind is State.FIRING)
        for change in changes:
            assert change.change is not last
            last = change.change


@given(st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=60))
def test_seeing_each_sample_twice_is_seeing_it_once(values):
    once = twice = start(0)
    for number, value in enumerate(values):
        sample = Sample(number * 300, value)
        once, changes = step(once, sample, RULE)
        twice, same = step(twice, sample, RULE)
        again, none = step(twice, sample, RULE)
        assert (changes, none, again) == (same, (), twice)
    assert once == twice


@pytest.mark.parametrize(
    ("values", "episodes"),
    [
        pytest.param([5, 9, 11, 10, 6, 6, 6], [Episode(300, 600, 1200, 11)], id="one"),
        pytest.param([12, 5, 9, 10, 10], [Episode(600, 900, None, 10)], id="still-going-on"),
        pytest.param(
            [9, 12, 0, 0, 0, 9, 10, 8, 0, 0, 0],
            [Episode(0, 300, 600, 12), Episode(1500, 1800, 2400, 10)],
            id="two",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_replay_finds_the_episodes_of_the_past(values, episodes):
    samples = [Sample(number * 300, value) for number, value in enumerate(values)]
    assert list(replay(samples, RULE)) == episodes
