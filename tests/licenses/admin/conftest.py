"""Two vendors, a pool of each, and one person of each role.

Mara manages everything; Anton audits the first vendor; Vera views the pools of the first team.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client

from licenses.models import (
    Capture,
    Channel,
    Contract,
    Feature,
    LicensePool,
    LicenseServer,
    PoolNow,
    Team,
    UnreadableLine,
    Vendor,
)
from licenses.overview import installation
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ProductFactory,
    ServerFactory,
    TeamFactory,
    VendorFactory,
    at,
    covered,
    derived,
    holding,
    refusal,
    scope_of,
)

NOW = at("2026-11-24T10:00")


@pytest.fixture(autouse=True)
def ten_o_clock() -> Iterator[None]:
    """Let it be ten o'clock, and remember nothing of other tests."""
    cache.clear()
    installation.forget()
    with time_machine.travel(NOW):
        yield


@dataclass
class World:
    """`mine` is what Anton and Vera may see, `other` what they must not."""

    mine: LicensePool
    other: LicensePool
    my_feature: Feature
    server: LicenseServer
    team: Team
    vendor: Vendor


def _side(word: str, server: LicenseServer) -> tuple[LicensePool, Feature]:
    vendor = VendorFactory(name=f"{word} Vendor")
    pool = PoolFactory(
        name=f"{word} Pool", product=ProductFactory(name=f"{word} Product", vendor=vendor)
    )
    feature = FeatureFactory(server=server, name=f"{word}_FEATURE", pool=pool)
    contract = Contract.objects.create(vendor=vendor, number=f"{word}-1")
    EntitlementFactory(pool=pool, contract=contract, quantity=10, unit_price=100)
    person = PersonFactory(login=f"{word.lower()}user")
    holding(feature, NOW - 7200, None, 3, person=person, host=None)
    refusal(feature, NOW - 3600, person)
    derived(pool, NOW - 7200, NOW)
    PoolNow.objects.create(pool=pool, at=NOW - 60, in_use=3, limit=10, allowed=10, source="log")
    return pool, feature


@pytest.fixture
def world(db: None) -> World:
    shared = ServerFactory(name="shared")
    mine, my_feature = _side("Mine", shared)
    other, _ = _side("Other", ServerFactory(name="hidden"))
    covered(shared, NOW - 86400, NOW)
    # The shared server serves a vendor that Anton must not see, too.
    FeatureFactory(server=shared, name="SHARED_OTHER", pool=other)
    capture = Capture.objects.create(
        server=shared, kind="debug-log", source="a.log", result="parsed", sha256="0" * 64, size=5
    )
    UnreadableLine.objects.create(
        capture=capture, line=4, text="mineuser did something", reason="odd"
    )
    Channel.objects.create(
        name="desk", kind="webhook", target="https://hook.example/x", secret="canary-secret"
    )
    team = TeamFactory(name="Mine Team")
    mine.owner_teams.add(team)
    return World(mine, other, my_feature, shared, team, mine.product.vendor)


@pytest.fixture
def account(db: None) -> Callable[..., User]:
    def make(name: str, role: str = "", **values: Any) -> User:
        user = User.objects.create(username=name, is_staff=True, **values)
        if role:
            user.groups.add(Group.objects.get(name=role))
        return user

    return make


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mara(account: Callable[..., User]) -> Client:
    return logged_in(account("mara", "manager"))


@pytest.fixture
def anton(account: Callable[..., User], world: World) -> Client:
    user = account("anton", "auditor")
    scope_of(user).vendors.add(world.vendor)
    return logged_in(user)


@pytest.fixture
def vera(account: Callable[..., User], world: World) -> Client:
    user = account("vera", "viewer")
    scope_of(user).teams.add(world.team)
    return logged_in(user)


@pytest.fixture
def root(account: Callable[..., User]) -> Client:
    return logged_in(account("root", is_superuser=True))
