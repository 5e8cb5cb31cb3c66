"""Whoever reads figures is told which of them are being counted again, and how far a rebuild is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from licenses.analysis import rollup, waiting
from licenses.importing import rebuilding
from licenses.models import DirtySpan, LicensePool, LicenseServer, Rebuild
from licenses.overview import counting
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    holding,
    scope_of,
)

pytestmark = pytest.mark.django_db

NINE = at("2026-11-24T09:00")
HOUR = 3600


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def viewer(django_user_model: Any) -> User:
    from django.contrib.auth.models import Group

    user: User = django_user_model.objects.create(username="vera", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    return user


@pytest.fixture
def pool() -> LicensePool:
    pool: LicensePool = PoolFactory(name="Drawing")
    feature = FeatureFactory(pool=pool)
    covered(feature.server, NINE, NINE + 5 * HOUR)
    holding(feature, NINE, NINE + HOUR, 3, person=PersonFactory())
    return pool


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_hour_that_was_marked_twice_waits_once() -> None:
    pool, other = PoolFactory(), PoolFactory()
    with time_machine.travel(NINE + 7 * HOUR):
        rollup.mark_dirty([pool.pk], NINE + 60, NINE + 2 * HOUR)
    with time_machine.travel(NINE + 8 * HOUR):
        rollup.mark_dirty([pool.pk, other.pk], NINE + HOUR, NINE + 3 * HOUR)
    found = waiting.waiting()
    assert (found.hours, found.pools, found.exact) == (5, 2, True)
    assert found.since is not None and int(found.since.timestamp()) == NINE + 7 * HOUR
    assert waiting.waiting([other.pk]).hours == 2


def test_of_very_many_marks_it_is_said_that_there_are_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "MOST_MARKS", 1)
    pool = PoolFactory()
    for hour in (1, 3):
        rollup.mark_dirty([pool.pk], NINE + hour * HOUR, NINE + (hour + 1) * HOUR)
    found = counting.Counting(waiting.waiting(), None)
    assert not found.waiting.exact
    assert "more than" in counting.sentences(found, timezone.now())[0]


def test_what_is_left_over_of_a_mark_waits_since_then(
    pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "BATCH_HOURS", 2)
    monkeypatch.setattr(rollup, "NEAR_HOURS", 0)
    with time_machine.travel(NINE + 9 * HOUR):
        rollup.mark_dirty([pool.pk], NINE, NINE + 5 * HOUR)
    seen: list[tuple[int, Any]] = []

    def look() -> None:
        found = waiting.waiting()
        seen.append((found.hours, found.since and int(found.since.timestamp())))

    rollup.drain(after=look)
    assert seen == [(3, NINE + 9 * HOUR), (1, NINE + 9 * HOUR), (0, None)]


def test_pages_and_programs_are_told(boss: User, pool: LicensePool) -> None:
    client = client_of(boss)
    pages = (
        "/admin/",
        f"/admin/licenses/licensepool/{pool.pk}/overview/",
        "/admin/licenses/licensepool/",
        "/admin/reports/report/",
    )
    for path in pages:
        assert "being counted again" not in client.get(path).content.decode(), path
    rollup.mark_dirty([pool.pk], NINE, NINE + 3 * HOUR)
    for path in pages:
        text = client.get(path).content.decode()
        assert "Figures of 3 hours are being counted again, since" in text, path
    told = client.get("/api/v1/counting/").json()
    assert (told["waiting"]["hours"], told["waiting"]["pools"], told["rebuild"]) == (3, 1, None)
    other = client.get(f"/api/v1/counting/?pool={PoolFactory().pk}").json()
    assert (other["waiting"]["hours"], other["waiting"]["since"]) == (0, None)
    assert client.get("/api/v1/counting/?pool=x").status_code == 400
    assert client.get(f"/api/v1/counting/?pool={'9' * 30}").status_code == 400


def test_nobody_is_told_of_pools_that_are_not_theirs(viewer: User, pool: LicensePool) -> None:
    mine, team = PoolFactory(), TeamFactory()
    mine.owner_teams.add(team)
    scope_of(viewer).teams.add(team)
    Rebuild.objects.create(servers=1)
    rollup.mark_dirty([pool.pk], NINE, NINE + 3 * HOUR)
    client = client_of(viewer)
    assert "counted again" not in client.get("/admin/").content.decode()
    assert client.get("/api/v1/counting/").json()["waiting"]["hours"] == 0
    assert client.get("/api/v1/counting/").json()["rebuild"] is None
    assert client.get(f"/admin/live/counting/?pool={pool.pk}").status_code == 404
    assert client.get(f"/api/v1/counting/?pool={pool.pk}").status_code == 404
    rollup.mark_dirty([mine.pk], NINE, NINE + HOUR)
    assert "Figures of 1 hour are being" in client.get("/admin/live/counting/").content.decode()


def test_a_rebuild_says_how_far_it_is_while_it_goes_on(
    boss: User, pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "BATCH_HOURS", 2)
    monkeypatch.setattr(rollup, "NEAR_HOURS", 0)
    client, seen = client_of(boss), []

    def look(run: Rebuild) -> None:
        text = client.get("/admin/live/counting/").content.decode()
        assert str(run) in text and f'value="{run.percent}"' in text
        seen.append((run.servers_done, run.hours, run.hours_done))

    with time_machine.travel(NINE + 5 * HOUR):
        rebuilding.rebuild(tell=look)
        assert client.get("/admin/live/counting/").content.decode().strip() == ""
    assert seen == [(1, None, 0), (1, 5, 2), (1, 5, 4), (1, 5, 5)]
    assert not DirtySpan.objects.exists()


def test_a_rebuild_that_fails_or_was_killed_is_not_said_to_go_on(
    boss: User, pool: LicensePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(server: LicenseServer) -> None:
        raise RuntimeError

    monkeypatch.setattr(rebuilding, "rebuild_holdings", broken)
    with pytest.raises(RuntimeError):
        rebuilding.rebuild()
    now = timezone.now()
    assert Rebuild.objects.going_on(now) is None
    killed = Rebuild.objects.create(servers=3, servers_done=1)
    Rebuild.objects.update(begun_at=now - timedelta(hours=2), heard_at=now - timedelta(hours=1))
    (sentence,) = counting.sentences(counting.counting(boss), now)
    assert sentence == (
        "All figures are being made again, begun 2 hours ago: holdings of 1 of 3 servers made"
        " again. This was last heard of 1 hour ago."
    )
    Rebuild.objects.filter(pk=killed.pk).update(heard_at=now - Rebuild.GIVEN_UP)
    assert counting.counting(boss).run is None


def test_the_command_says_it_too(pool: LicensePool, capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(NINE + 5 * HOUR):
        call_command("rebuild")
    out, err = capsys.readouterr()
    assert "5 pool-hours" in out
    assert err.splitlines()[0] == "holdings of 1 of 1 server made again"
    assert err.splitlines()[-1] == "5 of 5 hours counted again"
