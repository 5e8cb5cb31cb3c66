"""A pool at one moment: who held seats, how well that is known, and the lines it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from licenses.evidence import entries
from licenses.importing.tail import read_log
from licenses.models import LicensePool, PoolNow
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    at,
    covered,
    holding,
)

from .conftest import NOW, World

LOG = """10:00:00 (lmgrd) TIMESTAMP 11/20/2026
10:01:00 (acmed) OUT: "F1" annabel@pc1
10:05:00 (acmed) IN: "F1" annabel@pc1
"""


def page(client: Client, pool: LicensePool, moment: str = "") -> str:
    path = reverse("admin:licenses_licensepool_at", args=[pool.pk])
    answer = client.get(path, {"at": moment} if moment else {})
    assert answer.status_code == 200
    return answer.content.decode()


def raw_lines(client: Client, pool: LicensePool, moment: str) -> str:
    answer = client.get(f"/admin/live/pools/{pool.pk}/lines/", {"at": moment})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def logged(world: World, tmp_path: Path, settings: Any) -> LicensePool:
    """A pool whose use rests on a log that was read."""
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    path = tmp_path / "debug.log"
    path.write_text(LOG)
    world.server.log_path = str(path)
    world.server.zone = "UTC"
    world.server.save()
    read_log(world.server.pk)
    feature = world.server.features.get(name="F1")
    feature.mappings.create(pool=world.mine)
    return world.mine


def test_without_a_moment_it_is_the_newest_that_is_known(mara: Client, world: World) -> None:
    PoolNow.objects.update_or_create(pool=world.mine, defaults={"at": at("2026-11-24T08:30:01")})
    assert "24 November 2026, 08:30:00" in page(mara, world.mine)
    PoolNow.objects.all().delete()
    assert "24 November 2026, 10:00:00" in page(mara, world.mine)


def test_a_moment_names_who_held_seats_to_who_may_know(
    mara: Client, anton: Client, world: World
) -> None:
    moment = "2026-11-24T08:30:00Z"
    text = page(mara, world.mine, moment)
    assert "mineuser" in text and "24 Nov 2026 08:00:00" in text and "held for 30 minutes" in text
    hidden = page(anton, world.mine, moment)
    assert "mineuser" not in hidden and "names are hidden" in hidden
    assert "Nobody held a seat" in page(mara, world.mine, "2026-11-24T07:00:00Z")


def test_seeing_names_of_a_moment_leaves_an_entry(
    mara: Client, anton: Client, world: World
) -> None:
    def told() -> list[str]:
        return [str(entry["body"].get("what")) for entry in entries.entries("installation")]

    page(anton, world.mine, "2026-11-24T08:30:00Z")
    assert "a pool at a moment" not in told()
    page(mara, world.mine, "2026-11-24T08:30:00Z")
    raw_lines(mara, world.mine, "2026-11-24T08:30:00Z")
    assert told()[-2:] == ["a pool at a moment", "raw lines of a moment"]


def test_a_time_without_an_offset_is_in_the_readers_zone(mara: Client, world: World) -> None:
    mara.cookies["itam-zone"] = "Asia/Kolkata"
    text = page(mara, world.mine, "2026-11-24T14:00:00")  # 08:30 UTC
    assert "mineuser" in text and "14:00:00. Times are Asia/Kolkata" in text


@pytest.mark.parametrize("moment", ["yesterday", "9999-12-31T23:59:59", "0001-01-01T00:00:00", "'"])
def test_what_is_no_moment_is_said(moment: str, mara: Client, world: World) -> None:
    assert "That is no moment" in page(mara, world.mine, moment)
    path = f"/admin/live/pools/{world.mine.pk}/lines/"
    assert mara.get(path, {"at": moment}).status_code == 400


def test_a_moment_that_nobody_observed_says_why(mara: Client, world: World) -> None:
    covered(world.server, NOW - 3 * 86_400, NOW - 2 * 86_400)
    text = page(mara, world.mine, "2026-11-23T06:00:00Z")
    assert "Nobody can vouch for this moment" in text and "no log for this time" in text


def test_the_raw_lines_are_shown_with_their_text_and_its_hash(
    mara: Client, anton: Client, logged: LicensePool
) -> None:
    text = raw_lines(mara, logged, "2026-11-20T10:02:00Z")
    assert "OUT: &quot;F1&quot; annabel@pc1" in text and "IN: &quot;F1&quot; annabel@pc1" in text
    assert ">line 2</a>" in text and ">line 3</a>" in text
    hidden = raw_lines(anton, logged, "2026-11-20T10:02:00Z")
    assert "annabel" not in hidden and "text hidden: it names people" in hidden
    assert "debug.log" not in hidden


def test_a_foreign_pool_has_no_moment(anton: Client, world: World) -> None:
    for name in ("admin:licenses_licensepool_at", "admin:live-pool-lines"):
        path = reverse(name, args=[world.other.pk])
        assert anton.get(path, {"at": "2026-11-24T08:30:00Z"}).status_code == 404


def test_who_may_not_see_holdings_is_not_led_to_a_moment(anton: Client, world: World) -> None:
    group = Group.objects.get(name="auditor")
    use = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk]) + "?tab=use"
    moment = reverse("admin:licenses_licensepool_at", args=[world.mine.pk])
    assert f'data-at="{moment}"' in anton.get(use).content.decode()
    group.permissions.remove(*group.permissions.filter(codename="view_checkout"))
    assert 'data-at=""' in anton.get(use).content.decode()
    assert anton.get(moment).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_holders(
    mara: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        holding(world.my_feature, at("2026-11-24T08:00"), None, person=PersonFactory())
    with django_assert_max_num_queries(40):
        assert page(mara, world.mine, "2026-11-24T08:30:00Z").count("<tr>") > 30


def test_an_empty_pool_has_a_moment_too(mara: Client, db: None) -> None:
    text = page(mara, PoolFactory(), "2026-11-24T08:30:00Z")
    assert "nobody looked" in text


def test_of_a_moment_between_bounds_both_are_told(mara: Client, world: World) -> None:
    pool = PoolFactory(name="Bounded")
    pool.owner_teams.add(world.team)
    feature = FeatureFactory(pool=pool, server=world.server)
    EntitlementFactory(pool=pool, quantity=3)
    covered(world.server, NOW - 7200, NOW)
    holding(feature, NOW - 3600, NOW - 60)
    holding(feature, NOW - 3600, NOW - 60, 3, returned_after=NOW - 3000)
    text = " ".join(page(mara, pool, "2026-11-24T09:30:00Z").split())
    assert '<span class="lm-card-value">1 to 4</span>' in text
    assert "at least: 2 seats free; at most: 1 over what is allowed" in text
    assert "lm-level-unknown" in text and "At least 1 and at most 4 of the seats" in text
    exact = " ".join(page(mara, pool, "2026-11-24T09:05:00Z").split())
    assert "1 over what is allowed" in exact and "at least:" not in exact
    blind = " ".join(page(mara, pool, "2026-11-23T09:05:00Z").split())
    assert "seats free" not in blind
