"""From any peak one click to its moment, its holders and the raw lines it rests on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from licenses.analysis import headlines, rollup
from licenses.analysis import now as pools_now
from licenses.models import LicensePool, Membership, Scope
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    holding,
    refusal,
)

from .conftest import NOW, World, logged_in

TOP = NOW - 5 * 86_400 + 77


@pytest.fixture
def used(world: World) -> LicensePool:
    """A pool whose use was highest, 13 seats, five days ago; more of it than allowed."""
    person = PersonFactory()
    Membership.objects.create(person=person, team=world.team)
    for _ in range(4):
        Membership.objects.create(person=PersonFactory(), team=world.team)
    holding(world.my_feature, TOP - 60, TOP + 600, 6, person=person)
    holding(world.my_feature, TOP, TOP + 300, 7, person=PersonFactory())
    rollup.mark_dirty([world.mine.pk], TOP - 3600, NOW)
    rollup.drain()
    pools_now.refresh([world.mine.pk], NOW, year=True)
    headlines.refresh([world.mine.pk], NOW)
    return world.mine


def links(client: Client, path: str) -> list[str]:
    text = client.get(path).content.decode()
    return [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]*/peak/[^"]*)"', text)]


def overview(pool: LicensePool, tab: str) -> str:
    return reverse("admin:licenses_licensepool_overview", args=[pool.pk]) + f"?tab={tab}"


@pytest.mark.parametrize("place", ["card", "list", "dashboard", "over-use"])
def test_a_peak_leads_to_its_moment(place: str, mara: Client, used: LicensePool) -> None:
    found = links(
        mara,
        {
            "card": overview(used, "now"),
            "list": "/admin/licenses/licensepool/",
            "dashboard": "/admin/",
            "over-use": reverse("admin:licenses_licensepool_over_use", args=[used.pk]),
        }[place],
    )
    mine = {address for address in found if f"/{used.pk}/peak/" in address}
    assert len(mine) == 1
    answer = mara.get(mine.pop(), follow=True)
    assert answer.status_code == 200
    assert answer.context["found"].in_use == 13 and answer.context["found"].at == TOP


def test_the_joint_peak_and_that_of_a_team_lead_to_their_moments(
    mara: Client, world: World, used: LicensePool
) -> None:
    text = mara.get(overview(used, "teams")).content.decode()
    (joint,) = re.findall(r'href="([^"]*/at/[^"]*)"', text)
    assert mara.get(joint).context["found"].at == TOP
    mine = f"team={world.team.pk}"
    (team,) = [each for each in links(mara, overview(used, "teams")) if mine in each]
    assert mara.get(team, follow=True).context["found"].at == TOP - 60


def test_what_sharing_saves_is_not_told_where_nobody_observed_the_pool(
    mara: Client, world: World
) -> None:
    pool = PoolFactory()
    feature = FeatureFactory(pool=pool)
    Membership.objects.create(person=(person := PersonFactory()), team=world.team)
    holding(feature, TOP, TOP + 600, 2, person=person)
    refusal(feature, TOP, PersonFactory())
    rollup.mark_dirty([pool.pk], TOP - 3600, TOP + 3600)
    rollup.drain()
    text = mara.get(overview(pool, "teams")).content.decode()
    assert "Nobody observed this pool, so what sharing saves is not known." in text
    assert "add up to" not in text


def test_who_sees_no_holders_is_led_to_the_chart_around_the_peak(
    used: LicensePool, world: World, account: Callable[..., User]
) -> None:
    lead = account("lea", "team lead")
    Scope.objects.create(user=lead).teams.add(world.team)
    answer = logged_in(lead).get(reverse("admin:licenses_licensepool_peak", args=[used.pk]))
    assert answer["Location"].endswith(f"?tab=use&from={TOP - 43_200}&to={TOP + 43_200}")


def test_a_foreign_team_and_a_small_one_have_no_peak_to_be_led_to(
    vera: Client, mara: Client, world: World, used: LicensePool, settings: Any
) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    foreign, small = TeamFactory(), TeamFactory()
    Membership.objects.create(person=PersonFactory(), team=small)
    holding(world.my_feature, NOW - 86_400, NOW - 86_000, person=small.memberships.get().person)
    rollup.mark_dirty([used.pk], NOW - 90_000, NOW - 80_000)
    rollup.drain()
    place = reverse("admin:licenses_licensepool_peak", args=[used.pk])
    for client, team in ((vera, foreign), (mara, small), (mara, foreign)):
        answer = client.get(place, {"team": team.pk}, follow=True)
        assert "No use is known in that time." in answer.content.decode()


def test_a_pool_out_of_scope_has_no_peak(vera: Client, world: World) -> None:
    place = reverse("admin:licenses_licensepool_peak", args=[world.other.pk])
    assert vera.get(place).status_code == 404


@pytest.mark.parametrize("asked", ["?from=x&to=y", "?team=-1", "?from=9&to=3", "?from=9"])
def test_an_address_that_asks_for_nonsense_answers(
    asked: str, mara: Client, used: LicensePool
) -> None:
    place = reverse("admin:licenses_licensepool_peak", args=[used.pk])
    assert mara.get(place + asked).status_code == 302


def test_the_peak_of_30_days_leads_to_a_moment_before_it_was_counted(
    mara: Client, used: LicensePool, world: World
) -> None:
    holding(world.my_feature, NOW, NOW + 60, 50, person=PersonFactory())
    rollup.mark_dirty([used.pk], NOW, NOW + 3600)
    rollup.drain()
    (row,) = (row for row in mara.get("/admin/").context["rows"] if row.pool == used)
    assert row.told.peak.text == "peak 13"
    assert mara.get(row.peak_link, follow=True).context["found"].in_use == 13
