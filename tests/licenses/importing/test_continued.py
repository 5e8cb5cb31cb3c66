"""What goes on after answers that contradict each other is of whoever had taken it before."""

from __future__ import annotations

from datetime import date

import pytest

from licenses.analysis import rollup
from licenses.analysis.usage import usage
from licenses.importing import teams as memberships
from licenses.importing.rebuilding import rebuild
from licenses.models import (
    Checkout,
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Team,
    TeamHour,
)
from tests.factories import MembershipFactory, PoolFactory, TeamFactory
from tests.licenses.importing.test_disputes import DAY
from tests.licenses.importing.test_restart_answers import ADA, poll

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

START = int(DAY.timestamp()) - 3600
MIDNIGHT = 15 * 60
"""Minutes after 9:00."""


@pytest.fixture
def pool() -> LicensePool:
    """Ada takes a seat on the 2nd of March; one answer of the 3rd does not show it."""
    server = LicenseServer.objects.create(name="berlin", zone="UTC")
    for minute in (-5, 0, 5, 10, 15, 20):
        poll(server, MIDNIGHT + minute, *([] if minute == 5 else [ADA]))
    pool: LicensePool = PoolFactory(zone="UTC")
    PoolFeature.objects.create(pool=pool, feature=Feature.objects.get(), weight=1)
    return pool


def test_the_second_answer_of_one_mind_settles_a_dispute_though_it_says_nothing_new(
    pool: LicensePool,
) -> None:
    found = [list(Checkout.objects.order_by("taken_at").values("taken_at", "returned_at"))]
    assert Checkout.objects.get(method=Checkout.Method.CONTINUED).taken_at.day == 3
    rebuild()
    found.append(list(Checkout.objects.order_by("taken_at").values("taken_at", "returned_at")))
    assert found[0] == found[1]


def of_teams(pool: LicensePool, *teams: Team) -> list[int]:
    """Return the seat-seconds of each on both days, as counted from the facts."""
    window = START, START + 86400
    return [
        usage(pool, start=window[0], end=window[1], teams=[t]).total.seat_seconds for t in teams
    ]


def stored(pool: LicensePool) -> dict[str, int]:
    rollup.drain()
    found: dict[str, int] = {}
    for row in TeamHour.objects.filter(pool=pool, team__isnull=False).select_related("team"):
        found[row.team.name] = found.get(row.team.name, 0) + row.seat_seconds
    return found


def test_who_changes_teams_while_answers_dispute_a_seat_holds_it_for_the_old_one(
    pool: LicensePool,
) -> None:
    old, new = TeamFactory(name="Old"), TeamFactory(name="New")
    person = Checkout.objects.all()[0].person
    with memberships.changing():
        MembershipFactory(person=person, team=old, valid_to=date(2026, 3, 2))
        MembershipFactory(person=person, team=new, valid_from=date(2026, 3, 3))
    everything = usage(pool, start=START, end=START + 86400).total.seat_seconds
    assert of_teams(pool, old, new) == [everything, 0]
    assert stored(pool) == {"Old": everything}


def test_a_membership_that_is_learned_late_has_the_hours_of_both_parts_counted_again(
    pool: LicensePool,
) -> None:
    rollup.drain()
    with memberships.changing():
        MembershipFactory(
            person=Checkout.objects.all()[0].person,
            team=TeamFactory(name="Old"),
            valid_from=date(2026, 3, 2),
            valid_to=date(2026, 3, 2),
        )
    assert stored(pool) == {"Old": usage(pool, start=START, end=START + 86400).total.seat_seconds}
