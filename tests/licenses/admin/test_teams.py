"""Team rules in the admin, changes that touch hours, and the teams on a pool's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from licenses.analysis import rollup
from licenses.models import DirtySpan, LicensePool, Membership, Person, TeamRule, pseudonym
from tests.factories import (
    FeatureFactory,
    HostFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    covered,
    holding,
    scope_of,
)

from .conftest import NOW, World, logged_in

HOUR = NOW // 3600 * 3600 - 7200
RULE = {"order": "100", "user_pattern": "", "host_pattern": "", "valid_from": "", "valid_to": "",
        "notes": ""}  # fmt: skip


@pytest.fixture
def pool(db: None) -> LicensePool:
    pool = PoolFactory(name="Shared")
    feature = FeatureFactory(pool=pool)
    covered(feature.server, HOUR, HOUR + 3600)
    ada = PersonFactory(login="ada")
    holding(feature, HOUR + 60, HOUR + 660, 3, person=ada, host=HostFactory(name="lab-1"))
    return pool


def dirty() -> int:
    count, _ = DirtySpan.objects.all().delete()
    return count


def test_a_preview_says_how_many_fit_and_saves_nothing(mara: Client, pool: Any) -> None:
    team = TeamFactory()
    asked = RULE | {"team": team.pk, "host_pattern": "LAB-*", "_preview": ""}
    text = mara.post(reverse("admin:licenses_teamrule_add"), asked).content.decode()
    assert "Not saved yet. This would fit everybody on 1 machine." in text
    assert "LAB-*" in text
    assert not TeamRule.objects.exists() and dirty() == 0


def test_a_rule_saved_is_matched_and_its_hours_are_counted_again(mara: Client, pool: Any) -> None:
    asked = RULE | {"team": TeamFactory().pk, "user_pattern": "a*"}
    answer = mara.post(reverse("admin:licenses_teamrule_add"), asked)
    assert answer.status_code == 302
    rule = TeamRule.objects.get()
    assert rule.recorded_by == User.objects.get(username="mara")
    assert (rule.matches.count(), dirty()) == (1, 1)
    text = mara.get(reverse("admin:licenses_teamrule_changelist")).content.decode()
    assert "1 person on every machine" in text
    mara.post(reverse("admin:licenses_teamrule_delete", args=[rule.pk]), {"post": "yes"})
    assert not TeamRule.objects.exists() and dirty() == 1


def test_a_membership_typed_in_touches_the_hours_of_its_use(mara: Client, pool: Any) -> None:
    team, person = TeamFactory(), pool.mappings.get().feature.checkouts.get().person
    forms = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    other = {f"memberships-2-{name}": value for name, value in
             {"TOTAL_FORMS": "1", "INITIAL_FORMS": "0", "0-person": person.pk}.items()}  # fmt: skip
    values = {"name": team.name, "parent": "", "cost_center": "", "contact_email": ""}
    mara.post(reverse("admin:licenses_team_change", args=[team.pk]), values | forms | other)
    assert Membership.objects.filter(team=team, person=person).exists()
    assert dirty() == 1


def test_viewers_see_no_rules(vera: Client, world: World) -> None:
    assert vera.get(reverse("admin:licenses_teamrule_changelist")).status_code == 403


def test_the_page_of_a_pool_tells_how_its_teams_share_it(mara: Client, pool: Any) -> None:
    feature = pool.mappings.get().feature
    team, sales = TeamFactory(name="Design"), TeamFactory(name="Sales")
    Membership.objects.create(person=feature.checkouts.get().person, team=team)
    bert = PersonFactory(login="bert")
    Membership.objects.create(person=bert, team=sales)
    holding(feature, HOUR + 1800, HOUR + 2400, 2, person=bert)
    rollup.mark_dirty([pool.pk], HOUR, HOUR + 3600)
    rollup.drain()
    path = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
    text = mara.get(path, {"tab": "teams"}).content.decode()
    assert "All together held 3 seats at most" in text
    assert "add up to 5, and sharing saves 2 seats" in text
    assert "Compared: Design, Sales." in text
    assert "60.0 %" in text and "40.0 %" in text
    assert "ada (P-" in text


def test_a_viewer_sees_the_own_teams_alone(vera: Client, world: World) -> None:
    feature = world.mine.mappings.first().feature
    stranger = PersonFactory(login="stranger")
    Membership.objects.create(person=stranger, team=TeamFactory(name="Elsewhere"))
    holding(feature, HOUR, HOUR + 60, 1, person=stranger)
    rollup.mark_dirty([world.mine.pk], HOUR, HOUR + 3600)
    rollup.drain()
    address = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    text = vera.get(address, {"tab": "teams"}).content.decode()
    assert "Teams, last 12 months" in text
    assert "Elsewhere" not in text and "stranger" not in text


def test_a_team_lead_sees_teams_and_no_single_person(
    account: Callable[..., User], vera: Client, world: World
) -> None:
    lead = account("lena", "team lead")
    scope_of(lead).teams.add(world.team)
    person = Person.objects.get(identity__login="mineuser")
    Membership.objects.create(person=person, team=world.team)
    rollup.mark_dirty([world.mine.pk], NOW - 7200, NOW)
    rollup.drain()
    address = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    label = f"P-{pseudonym('person', 'mineuser')[:8]}"
    assert label in vera.get(address, {"tab": "teams"}).content.decode()
    text = logged_in(lead).get(address, {"tab": "teams"}).content.decode()
    assert "All together held 3 seats at most" in text
    assert "Who held seats" not in text and label not in text
