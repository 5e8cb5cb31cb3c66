"""Refusals that other rules have classed are classed, relabelled and chained again."""

from __future__ import annotations

from typing import Any

import pytest

from licenses import tasks
from licenses.analysis import rollup
from licenses.importing import denial_classes
from licenses.importing.rebuilding import rebuild
from licenses.models import Denial, DenialEpisode, DirtySpan, Feature, Host, PoolHour
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    events,
    refusal,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-03-10T09:00")


@pytest.fixture
def feature() -> Feature:
    """A feature with a refusal that waited, one that was served, and one for another reason."""
    feature = FeatureFactory(pool=PoolFactory())
    covered(feature.server, NINE - 3600, NINE + 7200)
    ann = PersonFactory(login="ann")
    refusal(feature, NINE, ann)
    refusal(feature, NINE + 300, ann)
    refusal(feature, NINE + 30, PersonFactory(login="ben"), capacity=False)
    events(feature, ann, Host.objects.get(), {NINE + 303: "OUT"})
    return feature


def state() -> list[Any]:
    return [
        *Denial.objects.order_by("at").values_list(
            "at", "reason_class", "capacity", "served_at", "rules"
        ),
        *DenialEpisode.objects.order_by("starts").values_list(
            *[field.name for field in DenialEpisode._meta.fields if field.name != "id"]
        ),
        *PoolHour.objects.order_by("hour").values_list("hour", "hours", "denials"),
    ]


def test_the_daily_work_derives_again_what_other_rules_derived(feature: Feature) -> None:
    rebuild()
    want = state()
    assert [row.refusals for row in DenialEpisode.objects.order_by("starts")] == [1, 1]
    Denial.objects.update(reason_class="other", capacity=False, rules=0, served_at=None)
    DenialEpisode.objects.update(rules=0, outcome="gave up")
    tasks._once_a_day()
    rollup.drain()
    assert state() == want


def test_without_a_change_of_rules_nothing_is_touched(feature: Feature) -> None:
    rebuild()
    denial_classes.daily()
    assert not DirtySpan.objects.exists()


def test_a_rebuild_gives_the_same_rows_and_keeps_none_that_are_wrong(feature: Feature) -> None:
    rebuild()
    want = state()
    Denial.objects.filter(at=NINE).update(reason_class="policy", capacity=False, served_at=NINE)
    DenialEpisode.objects.update(starts=NINE - 50)
    assert rebuild().episodes == 2
    assert state() == want


def test_a_code_goes_before_words_and_a_class_outlives_them(feature: Feature) -> None:
    first, second, third = Denial.objects.order_by("at")
    rows = Denial.objects
    rows.filter(pk=first.pk).update(code=-38, reason="Licensed number of users already reached")
    rows.filter(pk=second.pk).update(code=0, reason="User is on the EXCLUDE list", rules=0)
    rows.filter(pk=third.pk).update(code=0, reason="", reason_class="no_seat", rules=0)
    denial_classes.reclassify(Denial.objects.all())
    assert [row.reason_class for row in rows.order_by("at")] == ["policy", "policy", "no_seat"]
    assert [row.capacity for row in rows.order_by("at")] == [False, False, True]
    assert not rows.exclude(rules=denial_classes.RULES).exists()


def test_an_episode_that_was_open_is_looked_at_again_every_day(feature: Feature) -> None:
    other = FeatureFactory(pool=feature.mappings.get().pool)
    refusal(feature, NINE + 600, PersonFactory(login="cay"))
    rebuild()
    late = DenialEpisode.objects.filter(person__identity__login="cay")
    assert late.get().outcome == "open"
    covered(other.server, NINE + 7000, NINE + 7200)  # and nobody said so
    denial_classes.daily()
    rollup.drain()
    assert late.get().outcome == "gave up"
