import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.concurrency.joint import joint, saved

SPANS = st.lists(
    st.tuples(
        st.integers(-5, 40),
        st.integers(-5, 45),
        st.integers(0, 4),
        st.sets(st.integers(0, 2)),
    ),
    max_size=15,
)


def told(rows, groups=3, start=0, end=40):
    flags = [np.array([g in row[3] for row in rows], dtype=np.bool_) for g in range(groups)]
    return joint(*(np.array([r[i] for r in rows], dtype=np.int64) for i in range(3)),
                 flags, start, end)  # fmt: skip


@given(SPANS)
def test_it_equals_a_count_of_every_second(rows):
    def at(t, chosen):
        return [p for p, (a, b, _, g) in enumerate(rows) if a <= t < b and g & chosen]

    def seats(t, chosen):
        return sum(rows[place][2] for place in at(t, chosen))

    found = told(rows)
    everyone = {0, 1, 2}
    levels = [seats(t, everyone) for t in range(40)]
    assert (found.peak, found.seat_seconds) == (max(levels), sum(levels))
    if found.peak:
        assert found.peak_at == levels.index(found.peak)
        holders = [p for p in at(found.peak_at, everyone) if rows[p][2]]
        assert found.holders.tolist() == holders
    else:
        assert found.peak_at is None and not len(found.holders)
    for group, part in enumerate(found.parts):
        alone = [seats(t, {group}) for t in range(40)]
        assert (part.peak, part.seat_seconds) == (max(alone), sum(alone))
        assert part.peak_at == (alone.index(part.peak) if part.peak else None)
        held = seats(found.peak_at, {group}) if found.peak else 0
        assert part.at_joint_peak == held
    assert found.sum_of_peaks >= found.peak
    several = [p for p, row in enumerate(rows) if len(row[3]) > 1]
    assert np.flatnonzero(found.of_several).tolist() == several
    of_one = [max(sum(rows[p][2] for p in at(t, {g}) if p not in several) for t in range(40))
              for g in everyone]  # fmt: skip
    most = min(found.sum_of_peaks, sum(of_one) + found.shared.peak)
    low, high = max(sum(of_one), found.peak), most if several else found.sum_of_peaks
    assert (found.peak + found.pooled, found.peak + found.pooled_high) == (low, high)
    assert found.pooled <= found.pooled_high


@given(SPANS, st.sets(st.integers(0, 2)))
def test_what_is_saved_is_the_same_where_peaks_are_known(rows, known):
    expected = told(rows)
    peaks = [part.peak if group in known else None for group, part in enumerate(expected.parts)]
    columns = [np.array([row[place] for row in rows], dtype=np.int64) for place in range(3)]
    flags = [np.array([g in row[3] for row in rows], dtype=np.bool_) for g in range(3)]
    joint_peak = expected.peak, expected.peak_at or 0
    found = saved(*columns, flags, 0, 40, peaks=peaks, joint_peak=joint_peak)
    assert found.of_several.tolist() == expected.of_several.tolist()
    for name in ("sum_of_peaks", "pooled", "pooled_high"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("peak", "peak_at", "seat_seconds", "at_joint_peak"):
        assert getattr(found.shared, name) == getattr(expected.shared, name)


def test_two_teams_that_alternate_need_half_of_the_sum():
    found = told([(0, 10, 3, {0}), (10, 20, 3, {1})], groups=2)
    assert (found.peak, found.sum_of_peaks, found.pooled) == (3, 6, 3)
    assert [part.at_joint_peak for part in found.parts] == [3, 0]


def test_who_is_in_two_groups_counts_once_together():
    found = told([(0, 10, 2, {0, 1}), (5, 9, 1, {1})], groups=2)
    assert (found.peak, found.peak_at) == (3, 5)
    assert [part.peak for part in found.parts] == [2, 3]
    assert [part.at_joint_peak for part in found.parts] == [2, 3]
    assert (found.sum_of_peaks, found.pooled, found.pooled_high) == (5, 0, 0)
    assert (found.shared.seat_seconds, found.shared.at_joint_peak) == (20, 2)


def test_flags_of_another_length_are_refused():
    with pytest.raises(ValueError, match="expected 1 flags for a group, found 2"):
        joint([0], [1], [1], [np.array([True, False])], 0, 5)
