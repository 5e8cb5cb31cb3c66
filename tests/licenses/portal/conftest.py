"""Two pools that are on the status page, a user of licences, and one of each role that looks on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client

from licenses.models import LicensePool, PoolNow
from tests.factories import FeatureFactory, PoolFactory, ServerFactory, at

NOW = at("2026-11-24T10:00")  # a Tuesday


@pytest.fixture(autouse=True)
def ten_o_clock() -> Iterator[time_machine.Coordinates]:
    """Let it be ten o'clock, and remember nothing of other tests."""
    cache.clear()
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def figures(pool: LicensePool, in_use: int | None, limit: int | None, **values: Any) -> PoolNow:
    """Write the newest figures of a pool, a minute old unless `at` says otherwise."""
    values = {"at": NOW - 60, "source": "polls", "issued": limit, **values}
    row, _new = PoolNow.objects.update_or_create(
        pool=pool, defaults={"in_use": in_use, "limit": limit, **values}
    )
    return row


@pytest.fixture
def drawing(db: None) -> LicensePool:
    """A pool of ten that is polled every five minutes; three seats are in use."""
    pool = PoolFactory(name="Drawing", house_rules="Give it back over lunch.")
    FeatureFactory(
        pool=pool,
        name="DRAW",
        server=ServerFactory(name="lic", polling="tool", address="27000@lic"),
    )
    figures(pool, 3, 10)
    return pool


def person(name: str, role: str = "licence user", **values: Any) -> User:
    """Return an account, a licence user's unless `role` says otherwise; "" is no role."""
    user = User.objects.create_user(name, f"{name}@company.example", **values)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lena(db: None) -> Client:
    return signed_in(person("lena"))
