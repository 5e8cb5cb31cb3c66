"""The rule by which facts become holdings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.importing.held import (
    EVENT,
    IN,
    LATE_RETURN,
    OUT,
    SAMPLED,
    Fact,
    Hole,
    Restart,
    Seen,
    SetBack,
    holes,
)
from licenses.importing.pairing import pair
from licenses.sources.clock import LOG_SILENCE


def spans(held):
    return [(row.taken_at, row.returned_at, row.end_reason) for row in held]


@pytest.mark.parametrize(
    ("facts", "restarts", "expected"),
    [
        pytest.param([Fact(10, OUT), Fact(20, IN)], [], [(10, 20, "returned")], id="out-and-in"),
        pytest.param(
            [Fact(10, OUT), Fact(15, OUT), Fact(20, IN), Fact(30, IN)],
            [],
            [(10, 20, "returned"), (15, 30, "returned")],
            id="first-out-first-in",
        ),
        pytest.param(
            [Fact(10, OUT), Fact(20, IN), Fact(20, OUT), Fact(30, IN)],
            [],
            [(10, 20, "returned"), (20, 30, "returned")],
            id="handover-in-one-second",
        ),
        pytest.param([Fact(10, OUT)], [], [(10, None, "")], id="still-out"),
        pytest.param([Fact(10, IN)], [], [], id="an-in-without-an-out"),
        pytest.param(
            [Fact(10, OUT)], [Restart(100, 90)], [(10, 90, "restart")], id="lost-in-a-restart"
        ),
        pytest.param(
            [Fact(10, OUT), Fact(100, OUT), Fact(120, IN)],
            [Restart(100, 90)],
            [(10, 90, "restart"), (100, 120, "returned")],
            id="taken-in-the-second-of-the-restart",
        ),
        pytest.param(
            [Fact(10, OUT), Fact(20, IN, "inactive")], [], [(10, 20, "inactive")], id="idle"
        ),
    ],
)
def test_a_log_alone(facts, restarts, expected) -> None:
    assert spans(pair(facts, restarts=restarts).holdings) == expected


def test_a_status_row_of_the_same_minute_is_the_logged_holding() -> None:
    row = Seen(1, 600, 700, 900, 1000, "held")
    (held,) = pair([Fact(630, OUT)], seen=[row]).holdings
    assert (held.method, held.sighting, held.taken_at) == (EVENT, 1, 630)
    assert (held.returned_after, held.returned_at) == (901, 1000)


def test_a_status_row_without_a_log_has_bounds() -> None:
    (held,) = pair([], seen=[Seen(1, 600, 700, 900, 1200, "held")]).holdings
    assert (held.method, held.taken_at, held.taken_by) == (SAMPLED, 600, 659)
    assert (held.returned_after, held.returned_at) == (901, 1200)


def test_an_in_without_an_out_ends_the_row_that_polls_saw_to_the_second() -> None:
    (held,) = pair([Fact(1000, IN)], seen=[Seen(1, 600, 700, 900, 1200, "held")]).holdings
    assert (held.returned_after, held.returned_at) == (1000, 1000)


def test_a_complete_poll_ends_what_a_lost_in_left_open() -> None:
    (held,) = pair(
        [Fact(10, OUT)], next_poll=lambda moment: 500, log_until=lambda moment: 300
    ).holdings
    assert (held.returned_after, held.returned_at, held.end_reason) == (300, 500, "not_seen")


FACTS = st.lists(
    st.builds(Fact, st.integers(0, 60), st.sampled_from([OUT, IN]), st.just("")), max_size=25
)


@given(facts=FACTS, data=st.data())
def test_the_order_of_facts_does_not_matter(facts, data) -> None:
    shuffled = data.draw(st.permutations(facts))
    assert pair(shuffled) == pair(facts)


@given(facts=FACTS)
def test_seats_in_use_follow_the_count_of_outs_and_ins(facts) -> None:
    """At the end of each second as many are out as a counter that never falls below 0 says."""
    held = pair(facts).holdings
    level = 0
    for second in range(62):
        level += sum(fact.at == second and fact.kind == OUT for fact in facts)
        level = max(0, level - sum(fact.at == second and fact.kind == IN for fact in facts))
        out = [
            h
            for h in held
            if h.taken_at <= second and (h.returned_at is None or h.returned_at > second)
        ]
        assert len(out) == level


@given(facts=FACTS, since=st.integers(0, 61))
def test_pairing_may_start_in_the_middle(facts, since) -> None:
    whole = pair(facts).holdings
    before = [fact for fact in facts if fact.at < since]
    early = pair(before).holdings
    out = [held.taken_at for held in early if held.returned_at is None]
    late = pair([fact for fact in facts if fact.at >= since], already_out=out).holdings
    ended = [held for held in early if held.returned_at is not None]
    assert sorted(ended + late, key=repr) == sorted(whole, key=repr)


BACK = SetBack(20, 40)
LATER = BACK.until + LATE_RETURN + 1
AROUND = st.lists(
    st.builds(
        Fact,
        st.integers(0, 60) | st.integers(LATER - 20, LATER + 20),
        st.sampled_from([OUT, IN]),
        st.just(""),
    ),
    max_size=25,
)


def test_a_return_before_its_taking_by_a_clock_set_back_ends_it_within_bounds() -> None:
    facts = [Fact(35, OUT), Fact(25, IN)]
    paired = pair(facts, set_back=[BACK])
    (held,) = paired.holdings
    assert held[:4] == (20, 20, 25, 40)
    assert paired.differences == []
    (open_,) = pair(facts).holdings
    assert open_.returned_at is None


def test_a_lonely_return_takes_nothing_from_an_out_that_has_a_return() -> None:
    facts = [Fact(25, IN), Fact(35, OUT), Fact(50, IN)]
    paired = pair(facts, set_back=[BACK])
    assert spans(paired.holdings) == [(35, 50, "returned")]
    assert [each.kind for each in paired.differences] == ["return_alone"]


def test_an_out_after_the_time_told_twice_is_not_ended_by_a_return_in_it() -> None:
    facts = [Fact(25, IN), Fact(41, OUT)]
    assert spans(pair(facts, set_back=[BACK]).holdings) == [(41, None, "")]


def test_a_seat_returned_across_a_step_is_the_row_that_polls_show_of_its_minute() -> None:
    facts = [Fact(630, OUT), Fact(500, IN)]
    row = Seen(1, 600, 640, 640, 700, "held")
    (held,) = pair(facts, seen=[row], set_back=[SetBack(400, 700)]).holdings
    assert (held.method, held.sighting) == (EVENT, 1)


RESTARTED = Restart(30, 29)
"""Told by the clock before it was set back from 40 to 20, or by the one after."""


def test_a_restart_from_before_a_clock_was_set_back_ends_nothing_that_was_taken_after() -> None:
    facts = [Fact(25, OUT), Fact(50, IN)]
    paired = pair(facts, restarts=[RESTARTED], set_back=[BACK])
    assert spans(paired.holdings) == [(25, 50, "returned")]
    assert paired.differences == []


def test_a_restart_in_time_told_twice_ends_what_was_taken_before_it_or_never_returned() -> None:
    facts = [Fact(10, OUT), Fact(25, OUT), Fact(50, IN), Fact(60, IN)]
    paired = pair(facts, restarts=[RESTARTED], set_back=[BACK])
    # It may have come after the step: what it ended is possible until that.
    assert spans(paired.holdings) == [(10, 40, "restart"), (25, 50, "returned")]
    assert [(each.kind, each.starts) for each in paired.differences] == [("return_alone", 60)]


@pytest.mark.parametrize("late", [BACK.until + LATE_RETURN + 1, 50])
def test_a_return_after_another_restart_or_a_week_does_not_undo_one_told_twice(late) -> None:
    restarts = [RESTARTED, Restart(45, 44)]
    facts = [Fact(25, OUT), Fact(late, IN)]
    told = restarts if late == 50 else restarts[:1]
    (held,) = pair(facts, restarts=told, set_back=[BACK]).holdings
    assert held.end_reason == "restart"


@given(facts=AROUND, data=st.data())
def test_the_order_of_facts_does_not_matter_where_the_clock_was_set_back(facts, data) -> None:
    shuffled = data.draw(st.permutations(facts))
    told = {"set_back": [BACK], "restarts": [RESTARTED]}
    assert pair(shuffled, **told) == pair(facts, **told)


@given(facts=AROUND, since=st.integers(0, BACK.at) | st.integers(LATER, LATER + 21))
def test_pairing_may_start_in_the_middle_where_the_clock_was_set_back(facts, since) -> None:
    restarts = [RESTARTED, Restart(55, 50)]

    def told(those):
        return {
            "set_back": [step for step in [BACK] if those(step.at)],
            "restarts": [restart for restart in restarts if those(restart.at)],
        }

    whole = pair(facts, **told(lambda at: True)).holdings
    early = pair(
        [fact for fact in facts if fact.at < since], **told(lambda at: at < since)
    ).holdings
    out = [held.taken_at for held in early if held.returned_at is None]
    late = pair(
        [fact for fact in facts if fact.at >= since],
        already_out=out,
        **told(lambda at: at >= since),
    ).holdings
    ended = [held for held in early if held.returned_at is not None]
    assert sorted(ended + late, key=repr) == sorted(whole, key=repr)


@given(facts=AROUND)
def test_a_clock_set_back_leaves_as_many_or_fewer_seats_out(facts) -> None:
    def out(steps):
        held = pair(facts, set_back=steps).holdings
        return sum(row.returned_at is None for row in held)

    assert out([BACK]) <= out([])


def test_a_return_after_a_hole_ends_what_was_taken_after_it() -> None:
    """A return lost in the hole would otherwise keep a seat in use for ever."""
    hole = Hole(1_000, 90_000)
    facts = [Fact(500, OUT), Fact(91_000, OUT), Fact(92_000, IN)]
    first, second = pair(facts, next_hole=lambda at: hole if at < hole.end else None).holdings
    assert (first.returned_after, first.returned_at, first.end_reason) == (1_000, None, "lost")
    assert (second.taken_at, second.returned_at) == (91_000, 92_000)


def test_a_return_with_no_other_taking_counts_through_a_hole() -> None:
    hole = Hole(1_000, 90_000)
    facts = [Fact(500, OUT), Fact(92_000, IN)]
    (held,) = pair(facts, next_hole=lambda at: hole if at < hole.end else None).holdings
    assert (held.returned_after, held.returned_at, held.end_reason) == (92_000, 92_000, "returned")


def test_a_restart_after_a_hole_knows_a_holding_until_the_hole_only() -> None:
    hole = Hole(1_000, 90_000)
    (held,) = pair(
        [Fact(500, OUT)],
        restarts=[Restart(95_000, 94_000)],
        next_hole=lambda at: hole if at < hole.end else None,
    ).holdings
    assert (held.returned_after, held.returned_at, held.end_reason) == (1_000, 94_000, "restart")


def test_a_status_after_a_hole_shows_that_a_seat_is_still_held() -> None:
    hole = Hole(1_000, 90_000)
    row = Seen(7, 480, 91_000, 93_000, None, "held")
    (held,) = pair(
        [Fact(500, OUT)], seen=[row], next_hole=lambda at: hole if at < hole.end else None
    ).holdings
    assert (held.returned_after, held.returned_at, held.sighting) == (None, None, 7)


def test_only_silence_longer_than_a_log_ever_is_counts_as_lost() -> None:
    spans = [(0, 100), (100 + LOG_SILENCE, 200_000), (200_001 + LOG_SILENCE, 300_000)]
    assert holes(spans) == [Hole(200_000, 200_001 + LOG_SILENCE)]


def test_a_single_second_parts_the_time_of_which_a_log_is_lost() -> None:
    spans = [(100_000, 200_000), (0, 100), (50_000, 50_000), (150_000, 150_000)]
    assert holes(spans) == [Hole(100, 50_000), Hole(50_000, 100_000)]


@pytest.mark.parametrize(("missed", "known"), [(None, 119), (110, 119), (200, 300)])
def test_a_row_that_an_answer_after_its_start_did_not_show_is_known_since_it_is_shown(
    missed, known
) -> None:
    (held,) = pair([], seen=[Seen(1, 60, 300, 600, None, "held", missed)]).holdings
    assert (held.taken_at, held.taken_by) == (60, known)


def test_a_row_of_a_server_whose_clock_is_ahead_is_the_holding_of_the_minute_that_it_prints():
    row = Seen(1, 600, 600, 900, 1200, "held", None, 720)
    (held,) = pair([Fact(730, OUT), Fact(1000, IN)], seen=[row]).holdings
    assert (held.taken_at, held.returned_at, held.sighting) == (730, 1000, 1)
    (alone,) = pair([], seen=[row]).holdings
    assert (alone.taken_at, alone.taken_by) == (600, 600)


def test_an_in_is_placed_among_thousands_that_answers_missed_without_asking_of_each() -> None:
    asked = 0

    def next_poll(moment: int) -> int:
        nonlocal asked
        asked += 1
        return (moment // 300 + 1) * 300

    count, last = 2000, 2000 * 30 + 600
    taken = [Fact(30 * number, OUT) for number in range(count)]
    returned = [Fact(last + number, IN) for number in range(count)]
    found = pair([*taken, *returned], next_poll=next_poll)
    assert len(found.holdings) == count
    assert asked < 200 * count
