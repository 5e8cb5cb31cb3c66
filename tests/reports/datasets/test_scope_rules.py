"""What contracts say of place and version, held against the sessions that servers told of."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from licenses.models import Checkout, Host, Sighting
from reports.datasets.compliance import compliance
from tests import factories as f
from tests.reports.conftest import END, START

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def feature(db):
    feature = f.FeatureFactory(pool=f.PoolFactory())
    f.covered(feature.server, START, END)
    f.HostFactory()
    return feature


def used(feature, at, version):
    """A holding seen by polls with this version; of a log, without one, where it is None."""
    held = f.holding(feature, f.at(at), f.at(at) + 3600)
    if version is not None:
        held.sighting = Sighting.objects.create(
            feature=feature,
            person=held.person,
            host=Host.objects.get(),
            row_key=str(held.pk),
            seats=1,
            first_seen=held.taken_at,
            last_seen=held.taken_at,
            version=version,
        )
        Checkout.objects.filter(pk=held.pk).update(sighting=held.sighting)


def rules(feature, scope, **values):
    pool = feature.mappings.get().pool
    values = {"valid_from": date(2025, 1, 1), "recorded_at": "2025-01-01T00:00Z", **values}
    f.EntitlementFactory(pool=pool, scope=scope, **values)
    data = compliance([pool], start=START, end=END, zone=ZoneInfo("UTC"), as_of=AS_OF)
    return [(r.aspect, r.checked, r.outside, r.unknown) for r in data.pools[0].scope_rules]


def test_without_a_scope_there_is_nothing_to_check(feature):
    used(feature, "2026-01-05", "9.0")
    assert rules(feature, " ") == []


def test_a_place_is_never_checked_and_never_said_to_be_kept(feature):
    used(feature, "2026-01-05", "9.0")
    assert rules(feature, "Germany only") == [("territory, entity and all else", 0, 0, 1)]


@pytest.mark.parametrize(
    ("scope", "outside"),
    [("version 9", 1), ("up to version 9.2", 1), ("Versions <= 10", 0), ("VERSION v2024.1", 0)],
)
def test_a_version_above_the_licensed_one_is_outside(feature, scope, outside):
    used(feature, "2026-01-05", "v9.0")
    used(feature, "2026-01-06", "10.0")
    used(feature, "2026-01-07", None)
    used(feature, "2026-01-08", "")
    assert rules(feature, scope)[0] == ("version", 2, outside, 2)


def test_a_session_counts_for_the_line_in_force_when_it_began(feature):
    used(feature, "2026-01-05", "10")
    used(feature, "2026-03-05", "10")
    found = rules(feature, "version 9", valid_to=date(2026, 1, 31))
    assert found[0] == ("version", 1, 1, 0)
