"""Each page that may show a time says in which zone, and that is the reader's."""

from __future__ import annotations

import pytest
from django.test import Client

from licenses.importing.captures import store_unreadable
from licenses.models import Capture
from licenses.sources.records import Unreadable

from .conftest import World

PAGES = [
    "/admin/",
    "/admin/set-up/",
    "/admin/licenses/licenseserver/{server}/overview/",
    "/admin/licenses/licenseserver/{server}/unreadable/",
    "/admin/licenses/licensepool/{pool}/overview/",
    "/admin/licenses/licensepool/{pool}/at/",
    "/admin/licenses/licensepool/{pool}/over-use/",
    "/admin/licenses/licensepool/{pool}/change/",
    "/admin/licenses/licensepool/{pool}/history/",
    "/admin/licenses/licensepool/{pool}/delete/",
    "/admin/licenses/licensepool/",
    "/admin/reports/report/",
    "/status/",
    "/status/pools/{pool}/",
    "/status/waiting/",
    "/status/refusals/",
]


@pytest.mark.parametrize("place", PAGES)
def test_a_page_says_in_which_zone_its_times_are(place: str, mara: Client, world: World) -> None:
    store_unreadable(Capture.objects.get(), [Unreadable(9, "10:00 (d) ODD: mia left", "odd")])
    mara.cookies["itam-zone"] = "Asia/Kolkata"
    place = place.format(server=world.server.pk, pool=world.mine.pk)
    answer = mara.get(place, follow=True)
    assert answer.status_code == 200
    assert answer.content.decode().count("Times are Asia/Kolkata.") >= 1


def test_a_report_on_unreadable_lines_says_that_its_days_are_of_utc(
    mara: Client, world: World
) -> None:
    store_unreadable(Capture.objects.get(), [Unreadable(9, "10:00 (d) ODD: mia left", "odd")])
    mara.cookies["itam-zone"] = "Asia/Kolkata"
    place = f"/admin/licenses/licenseserver/{world.server.pk}/unreadable/?download=1"
    assert "and 2026-11-24 (UTC)" in mara.get(place).content.decode()


def test_a_page_to_sign_in_says_no_zone(client: Client, db: None) -> None:
    assert "Times are" not in client.get("/admin/login/").content.decode()
