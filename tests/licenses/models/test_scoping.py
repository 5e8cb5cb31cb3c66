"""Nobody sees more than their scope, and nothing at all without one or after its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.utils import timezone

from licenses.analysis.unreadable import groups
from licenses.models import (
    Capture,
    Checkout,
    Contract,
    Denial,
    FeatureNow,
    IssuedCount,
    LicensePool,
    LicenseServer,
    Person,
    Product,
    Scope,
    Team,
    UnreadableLine,
    Vendor,
)
from licenses.models.roles import SEEN, allowed
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    holding,
    refusal,
)
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db
OF_VENDOR = ["auditor", "API client"]
OF_TEAM = ["viewer", "team lead", "API client"]


@pytest.fixture
def pool(db: None) -> LicensePool:
    pool: LicensePool = PoolFactory()
    pool.owner_teams.add(TeamFactory())
    Contract.objects.create(vendor=pool.product.vendor, number="1")
    PoolFactory()
    return pool


def member(role: str, ends: datetime | None = None) -> tuple[User, Scope]:
    user = User.objects.create(username=role)
    user.groups.add(Group.objects.get(name=role))
    return user, Scope.objects.create(user=user, valid_until=ends)


def next_year() -> datetime:
    return timezone.now() + timedelta(days=365)


def seen(user: User) -> set[Any]:
    user = User.objects.get(pk=user.pk)
    kinds: list[Any] = [LicensePool, Product, Vendor, Contract, Team, Person]
    return {row for kind in kinds for row in kind.objects.for_user(user)}


@pytest.mark.parametrize("role", OF_VENDOR)
def test_a_scope_of_vendors_ends_at_its_moment(
    role: str, pool: LicensePool, time_machine: Any
) -> None:
    user, scope = member(role)
    assert seen(user) == set()
    Scope.objects.filter(pk=scope.pk).update(valid_until=timezone.now() + timedelta(days=1))
    scope.vendors.add(pool.product.vendor)
    contract = Contract.objects.get()
    assert seen(user) == {pool, pool.product, pool.product.vendor, contract}
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    Scope.objects.filter(pk=scope.pk).update(valid_until=now + timedelta(seconds=1))
    assert pool in seen(user)
    time_machine.move_to(now + timedelta(seconds=1), tick=False)
    assert seen(user) == set()


def capture_of(server: LicenseServer, kind: str, source: str) -> Capture:
    return Capture.objects.create(
        server=server, kind=kind, source=source, result="parsed", sha256=source, size=1
    )


def test_files_of_a_server_that_serves_others_too_are_not_told(pool: LicensePool) -> None:
    user, scope = member("auditor", next_year())
    scope.vendors.add(pool.product.vendor)
    server = FeatureFactory(pool=pool).server
    poll = capture_of(server, Capture.Kind.STATUS, "poll")
    file = capture_of(server, Capture.Kind.OPTIONS_FILE, "rivald.opt")
    UnreadableLine.objects.create(capture=file, line=1, text="rival", reason="?")
    assert {*Capture.objects.for_user(user)} == {poll, file}
    assert UnreadableLine.objects.for_user(user).count() == 1
    assert [group.count for group in groups(server, user=user)] == [1]
    FeatureFactory(server=server, pool=PoolFactory())
    assert {*Capture.objects.for_user(user)} == {poll}
    assert not UnreadableLine.objects.for_user(user).exists()
    assert not groups(server, user=user) and groups(server)


@pytest.mark.parametrize("role", ["auditor", "viewer"])
def test_use_of_a_feature_is_seen_for_the_time_in_which_it_fed_a_pool_in_scope(
    role: str, pool: LicensePool
) -> None:
    first, moved, last = (at(f"2026-03-{day}T12:00") for day in ("01", "02", "03"))
    user, scope = member(role, next_year())
    scope.vendors.add(pool.product.vendor)
    scope.teams.add(pool.owner_teams.get())
    feature = FeatureFactory(pool=pool)
    with unguarded():
        feature.mappings.update(mapped_until=moved)
    feature.mappings.create(pool=PoolFactory(), mapped_from=moved)
    mine = holding(feature, first, first + 60)
    across = holding(feature, moved - 60, moved + 60)
    holding(feature, moved, moved + 60)
    holding(feature, last, None)
    refused = refusal(feature, first, PersonFactory())
    refusal(feature, moved, PersonFactory())
    filed = feature.issued_counts.create(source="file", count=5, ends=moved)
    feature.issued_counts.create(source="file", count=9, starts=moved)
    now = FeatureNow.objects.create(feature=feature, at=last)
    assert {*Checkout.objects.for_user(user)} == {mine, across}
    assert {*Denial.objects.for_user(user)} == {refused}
    assert {*IssuedCount.objects.for_user(user)} == {filed}
    assert not FeatureNow.objects.for_user(user).exists()
    FeatureNow.objects.filter(pk=now.pk).update(at=first)
    assert FeatureNow.objects.for_user(user).get() == now


@pytest.mark.parametrize("role", OF_TEAM)
def test_a_scope_of_teams_ends_at_its_moment(role: str, pool: LicensePool) -> None:
    user, scope = member(role)
    assert seen(user) == set()
    scope.teams.add(pool.owner_teams.get())
    assert {pool, pool.owner_teams.get()} <= seen(user)
    Scope.objects.filter(pk=scope.pk).update(valid_until=timezone.now())
    assert seen(user) == set()


@pytest.mark.parametrize("role", sorted({*OF_VENDOR, *OF_TEAM}))
def test_what_is_taken_away_is_gone_at_once(role: str, pool: LicensePool) -> None:
    user, scope = member(role, next_year())
    scope.vendors.add(pool.product.vendor)
    scope.teams.add(pool.owner_teams.get())
    assert pool in seen(user)
    scope.vendors.clear()
    scope.teams.clear()
    assert seen(user) == set()


def test_an_auditor_sees_nothing_by_a_scope_without_an_end(pool: LicensePool) -> None:
    """Such as one that was stored before an end was asked for."""
    user, scope = member("auditor")
    scope.vendors.add(pool.product.vendor)
    client, other = member("API client")
    other.vendors.add(pool.product.vendor)
    assert seen(user) == set() and pool in seen(client)
    assert [*Scope.objects.lacking_an_end()] == [scope]
    client.groups.add(Group.objects.get(name="auditor"))
    assert seen(client) == set() and {*Scope.objects.lacking_an_end()} == {scope, other}
    Scope.objects.update(valid_until=next_year())
    assert pool in seen(user) and not Scope.objects.lacking_an_end()


def test_an_auditor_sees_nothing_by_a_scope_of_several_vendors(pool: LicensePool) -> None:
    """However it came about: in a shell, or since its user became an auditor."""
    other = PoolFactory()
    user, scope = member("auditor", next_year())
    scope.vendors.add(pool.product.vendor)
    client, wide = member("API client", next_year())
    wide.vendors.add(pool.product.vendor, other.product.vendor)
    assert pool in seen(user) and {pool, other} <= seen(client)
    assert not Scope.objects.of_several_vendors()
    scope.vendors.add(other.product.vendor)
    assert seen(user) == set() and [*Scope.objects.of_several_vendors()] == [scope]
    client.groups.add(Group.objects.get(name="auditor"))
    assert seen(client) == set() and {*Scope.objects.of_several_vendors()} == {scope, wide}
    scope.vendors.remove(other.product.vendor)
    assert pool in seen(user)


def test_a_team_lead_sees_no_vendor_by_a_scope_of_vendors(pool: LicensePool) -> None:
    user, scope = member("team lead")
    scope.vendors.add(pool.product.vendor)
    assert seen(user) == set()


def test_all_roles_but_the_managers_only_read() -> None:
    for role in SEEN:
        assert {
            a for a in ("add", "change", "delete", "view") if allowed(role, "licensepool", a)
        } == {"view"}


def test_a_team_lead_reads_of_hours_and_not_of_single_people() -> None:
    assert allowed("team lead", "teamhour", "view")
    for name in ("checkout", "denial", "denialepisode", "disagreement", "person", "identity"):
        assert not allowed("team lead", name, "view")


def test_a_scope_of_an_auditor_is_of_one_vendor_and_ends(pool: LicensePool) -> None:
    _user, scope = member("auditor")
    with pytest.raises(ValidationError) as refused:
        scope.full_clean()
    assert [*refused.value.message_dict] == ["valid_until"]
    scope.valid_until = timezone.now()
    scope.vendors.add(pool.product.vendor)
    scope.full_clean()
    scope.vendors.add(*Vendor.objects.all())
    with pytest.raises(ValidationError) as refused:
        scope.full_clean()
    assert [*refused.value.message_dict] == ["vendors"]


@pytest.mark.parametrize("role", OF_TEAM)
def test_a_scope_of_others_may_go_on(role: str, pool: LicensePool) -> None:
    _user, scope = member(role)
    scope.vendors.set(Vendor.objects.all())
    assert scope.vendors.count() == 2
    scope.full_clean()
