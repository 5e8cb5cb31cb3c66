"""What of a pool's holdings is odd, from rows: holders now, and lists of holdings."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licenses.analysis.now import holders
from licenses.analysis.suspects import suspects_among
from licenses.models import Checkout, Feature, LicensePool, Sighting
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
    refusal,
)
from tests.unguarded import unguarded

NOW = at("2026-11-24T10:00")
DAY = 86_400


@pytest.fixture
def pool(db: None) -> LicensePool:
    return PoolFactory()


@pytest.fixture
def feature(pool: LicensePool) -> Feature:
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NOW - 30 * DAY, NOW)
    return feature


def told(pool: LicensePool) -> list[list[str]]:
    return [list(row.marks) for row in holders(pool, now=NOW).rows]


def test_one_person_on_two_machines_is_marked_on_both(pool: LicensePool, feature: Feature) -> None:
    ada, bob = PersonFactory(), PersonFactory()
    one, two, three = (HostFactory(name=f"pc{number}") for number in (1, 2, 3))
    for person, host in ((ada, one), (ada, two), (bob, three), (bob, three)):
        holding(feature, NOW - 900, None, person=person, host=host)
    other = FeatureFactory(pool=PoolFactory(), server=feature.server)
    holding(other, NOW - 900, None, person=bob, host=HostFactory(name="pc4"))
    found = {row.pk: list(marks) for row, marks in _listed()}
    mine = Checkout.objects.filter(feature=feature).order_by("pk")
    assert [found[row.pk] for row in mine] == [["two_hosts"], ["two_hosts"], [], []]
    assert told(pool) == [["two_hosts"], ["two_hosts"], [], []]


def _listed() -> list[tuple[Checkout, Any]]:
    rows = list(Checkout.objects.select_related("sighting"))
    found = suspects_among(rows, NOW)
    return [(row, found.get(row.pk, ())) for row in rows]


def test_where_nobody_is_told_apart_nobody_is_on_two_machines(
    pool: LicensePool, feature: Feature, settings: Any
) -> None:
    settings.ITAM_NAMES = "off"
    ada = PersonFactory()
    for name in ("pc1", "pc2"):
        holding(feature, NOW - 900, None, person=ada, host=HostFactory(name=name))
    assert told(pool) == [[], []]


def test_what_may_have_been_returned_unseen_puts_nobody_on_two_machines(
    pool: LicensePool, feature: Feature
) -> None:
    ada = PersonFactory()
    holding(feature, NOW - 900, None, person=ada, host=HostFactory(name="pc1"))
    holding(feature, NOW - 800, None, person=ada, host=HostFactory(name="pc2"),
            returned_after=NOW - 700, end_reason="lost")  # fmt: skip
    assert told(pool) == [[], []]


@pytest.mark.parametrize("sign", ["", "taken", "returned", "refused", "taken back", "elsewhere"])
def test_a_machine_is_gone_where_its_servers_saw_nothing_else_of_it(
    sign: str, pool: LicensePool, feature: Feature
) -> None:
    pc, ada = HostFactory(name="pc1"), PersonFactory()
    holding(feature, NOW - 9 * DAY, None, person=ada, host=pc)
    lately, early = NOW - 2 * DAY, NOW - 8 * DAY
    if sign == "taken":  # of another pool of the server, and returned by a restart
        other = FeatureFactory(pool=PoolFactory(), server=feature.server)
        holding(other, lately, lately + 60, host=pc, end_reason="restart")
    elif sign == "returned":
        holding(feature, early, lately, host=pc)
    elif sign == "refused":
        refusal(feature, lately, PersonFactory(), host=pc)
    elif sign == "taken back":
        holding(feature, early, lately, host=pc, end_reason="shutdown")
    elif sign == "elsewhere":
        holding(FeatureFactory(pool=PoolFactory()), lately, None, host=pc)
    gone = "host_gone" in told(pool)[0]
    assert gone == (sign in ("", "taken back", "elsewhere"))


def test_no_machine_is_gone_where_nobody_watched(pool: LicensePool) -> None:
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NOW - 30 * DAY, NOW - 2 * DAY)
    covered(feature.server, NOW - DAY, NOW)
    holding(feature, NOW - 9 * DAY, None)
    assert told(pool) == [["long", "overnight"]]


def test_a_borrowed_seat_is_only_long(pool: LicensePool, feature: Feature) -> None:
    holding(feature, NOW - 9 * DAY, None, state=Sighting.State.BORROWED)
    assert told(pool) == [["long"]]


def test_what_was_returned_is_not_marked(pool: LicensePool, feature: Feature) -> None:
    holding(feature, NOW - 9 * DAY, NOW - 60)
    assert [marks for _row, marks in _listed()] == [()]


def test_a_holding_of_a_feature_that_changed_its_pool_is_judged_in_the_new_one(
    pool: LicensePool, feature: Feature
) -> None:
    old = feature.mappings.get()
    old.mapped_until = NOW - 5 * DAY
    with unguarded():
        old.save()
    feature.mappings.create(pool=PoolFactory(zone="Asia/Tokyo"), mapped_from=NOW - 5 * DAY)
    # From before midnight in London, and after midnight in Tokyo, of the last night.
    holding(feature, at("2026-11-23T20:00"), None)
    assert [list(marks) for _row, marks in _listed()] == [[]]
    with unguarded():
        feature.mappings.filter(mapped_until=None).update(mapped_until=NOW - 4 * DAY)
    feature.mappings.create(pool=pool, mapped_from=NOW - 4 * DAY)
    assert [list(marks) for _row, marks in _listed()] == [["overnight"]]


def test_many_pools_are_asked_about_as_often_as_one(db: None) -> None:
    def cost(pools: int) -> int:
        for _ in range(pools):
            feature = FeatureFactory(pool=PoolFactory())
            covered(feature.server, NOW - 30 * DAY, NOW)
            holding(feature, NOW - 9 * DAY, None)
        with CaptureQueriesContext(connection) as asked:
            assert all("host_gone" in marks for _row, marks in _listed())
        return len(asked)

    assert cost(1) == cost(7)
