"""What people recorded since the start of a period, with what was there before."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from itam.acting import acting
from licenses.access import reversible, undo
from licenses.importing.rights import correct_right, override_strength
from licenses.models import (
    Entitlement,
    MappingChange,
    PoolFeature,
    PoolRetirement,
    StrengthOverride,
)
from reports.datasets.changes import load_changes
from tests import factories as f
from tests.unguarded import backdate

START, END = f.at("2026-01-01"), f.at("2026-07-01")
AS_OF = datetime(2030, 1, 1, tzinfo=UTC)
SIDE = {"feature": "x", "server": "y", "from": None, "until": None, "weight": 1}


@pytest.fixture
def line(db):
    line = f.EntitlementFactory(quantity=10, recorded_at="2025-06-01T00:00:00Z", strength=1)
    line.pool.mappings.update(recorded_at="2025-06-01T00:00:00Z")
    return line


def changes(line, as_of=AS_OF):
    return load_changes([line.pool], START, END, as_of)


def test_what_was_recorded_before_the_period_is_none(line):
    assert changes(line) == ()


def test_a_new_line_is_told_with_what_it_gives(line):
    new = f.EntitlementFactory(
        pool=line.pool, quantity=5, valid_from=date(2026, 2, 1), purchase_order="PO-1", strength=1
    )
    (row,) = changes(line)
    assert (row.kind, row.what, row.before, row.author) == ("added", f"E{new.pk}", "", "–")
    assert row.after == "seats 5, metric concurrent, first day 2026-02-01, order PO-1"


def test_a_correction_is_told_by_what_it_changed_and_why(line, admin_user):
    copy = correct_right(
        line, changes={"quantity": 12, "scope": "EU"}, reason="Invoice found", user=admin_user
    )
    (row,) = changes(line)
    assert (row.kind, row.what) == ("corrected", f"E{copy.pk} for E{line.pk}")
    assert (row.before, row.after) == ("seats 10, scope none", "seats 12, scope EU")
    assert (row.reason, row.author) == ("Invoice found", "admin")


def test_a_line_that_was_taken_back_is_told(line, admin_user):
    correct_right(line, changes={}, reason="Never bought", user=admin_user, withdraw=True)
    (row,) = changes(line)
    assert (row.kind, row.after, row.reason) == ("withdrawn", "no longer counts", "Never bought")
    assert row.before.startswith("seats 10")


def test_a_line_that_was_taken_back_and_counts_again_is_told(line, admin_user):
    withdrawn = {"reason": "Never bought", "user": admin_user, "withdraw": True}
    _copy, step = reversible.correct_right(line, changes={}, **withdrawn)
    undo.take_back(step, user=admin_user)
    row = changes(line)[-1]
    assert (row.kind, row.before) == ("restored", "no longer counts")
    assert row.after.startswith("seats 10") and row.reason == "Taken back: Never bought"


def test_a_judgement_of_proof_is_told_with_the_one_before(line, admin_user):
    override_strength(line, strength=3, reason="Seen", user=admin_user)
    override_strength(line, strength=None, reason="Mistaken", user=admin_user)
    rows = [(row.before, row.after, row.reason) for row in changes(line)]
    assert rows == [
        ("as the documents say", "partial", "Seen"),
        ("partial", "as the documents say", "Mistaken"),
    ]


def test_what_came_after_the_cut_off_is_left_out(line, admin_user):
    override_strength(line, strength=3, reason="Seen", user=admin_user)
    backdate(StrengthOverride.objects.all(), "2026-05-01T00:00:00Z")
    assert changes(line, datetime(2026, 4, 1, tzinfo=UTC)) == ()
    assert len(changes(line, datetime(2026, 6, 1, tzinfo=UTC))) == 1


def test_what_feeds_a_pool_counts_as_it_is_now_so_later_entries_that_bear_on_the_period_are_told(
    line,
):
    """Figures read mappings and retirements as they are, whatever the as-of time."""
    pool, later = line.pool, datetime(2026, 8, 1, tzinfo=UTC)
    within, afterwards = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    for moment in (within, afterwards):
        PoolRetirement.objects.create(pool=pool, after=moment, recorded_at=later)
        MappingChange.objects.create(pool=pool, after=SIDE, since=moment, recorded_at=later)
        feature = f.FeatureFactory()
        PoolFeature.objects.create(
            pool=pool, feature=feature, mapped_from=moment, recorded_at=later
        )
    told = [(row.kind, row.after) for row in changes(line, datetime(2026, 7, 20, tzinfo=UTC))]
    assert told == [
        ("mapped", "counts since 2026-06-01 00:00 UTC"),
        ("remapped", "counts since ever"),
        ("retired", "in use until 2026-06-01 00:00 UTC"),
    ]
    assert len(changes(line, later)) == 6


def test_other_pools_are_left_out(line):
    f.EntitlementFactory(strength=1)
    assert Entitlement.objects.count() == 2
    assert changes(line) == ()


def test_the_newest_comes_last(line, admin_user):
    override_strength(line, strength=3, reason="Seen", user=admin_user)
    backdate(StrengthOverride.objects.all(), "2026-05-01T00:00:00Z")
    f.EntitlementFactory(pool=line.pool, recorded_at="2026-06-01T00:00:00Z", strength=1)
    assert [row.kind for row in changes(line)] == ["judged", "added"]


def test_a_pool_that_was_retired_and_restored_is_told_by_whom(line, admin_user):
    with acting(lambda: "admin"):
        line.pool.retired_at = f.at("2025-12-01")
        line.pool.save()
        line.pool.name = "Other"
        line.pool.save()
        line.pool.retired_at = None
        line.pool.save(update_fields=["retired_at"])
    retired, restored = changes(line)
    assert (retired.kind, retired.before, retired.after) == (
        "retired",
        "in use",
        "in use until 2025-12-01 00:00 UTC",
    )
    assert (restored.kind, restored.before) == ("restored", retired.after)
    assert (restored.after, restored.author) == ("in use", "admin")
