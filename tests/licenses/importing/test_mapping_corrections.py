"""What a mapping said of the past is changed with a reason only, and waits for a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from licenses.importing import mapping
from licenses.models import Correction, MappingChange, PoolFeature
from tests import factories as f

pytestmark = pytest.mark.django_db
PAST = datetime(2026, 3, 1, tzinfo=UTC)
Code = Correction.Code


@pytest.fixture
def row() -> PoolFeature:
    found: PoolFeature = f.FeatureFactory(pool=f.PoolFactory()).mappings.get()
    return found


@pytest.mark.parametrize("values", [{"weight": 2}, {"mapped_from": PAST}, {"mapped_until": PAST}])
@pytest.mark.parametrize("reason", ["", "  "])
def test_the_past_is_not_changed_without_a_reason(
    row: PoolFeature, values: dict[str, Any], reason: str
) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    assert mapping.corrects(row)
    with pytest.raises(ValidationError, match="Say why"):
        mapping.save_mapping(row, reason=reason)
    assert not MappingChange.objects.exists()
    kept = PoolFeature.objects.get()
    assert (kept.weight, kept.mapped_from, kept.mapped_until) == (1, None, None)


def test_a_change_of_the_past_stands_with_its_code_and_reason(row: PoolFeature) -> None:
    row.weight = 3
    mapping.save_mapping(row, reason=" Tokens. ", code=Code.MAPPING)
    (change,) = MappingChange.objects.all()
    assert (change.reason, change.correction.code) == ("Tokens.", "wrong_mapping")
    assert mapping.unapproved(row.pool) == [change]


def test_a_mapping_that_goes_to_another_pool_waits_in_both(
    row: PoolFeature, django_user_model: Any
) -> None:
    first, second = row.pool, f.PoolFactory()
    row.pool = second
    mapping.save_mapping(row, reason="Theirs.")
    boss = django_user_model.objects.create_user("boss")
    for pool, other in ((first, second), (second, first)):
        assert len(mapping.unapproved(pool)) == 1
        mapping.approve_changes(pool, user=boss)
        assert mapping.unapproved(pool) == []
        assert len(mapping.unapproved(other)) == (pool == first)


def test_what_begins_or_ends_from_now_on_corrects_nothing(row: PoolFeature) -> None:
    mapping.unmap_feature(row)
    row.mapped_until = timezone.now() + timedelta(days=9)
    assert not mapping.corrects(row)
    mapping.save_mapping(row)
    assert MappingChange.objects.count() == 2
    assert not Correction.objects.exists()
    fresh = PoolFeature(pool=row.pool, feature=f.FeatureFactory(), mapped_from=PAST)
    assert not mapping.corrects(fresh)
