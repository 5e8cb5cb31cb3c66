"""In which zone a page writes its times."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from itam.middleware import ZoneMiddleware


@pytest.fixture
def zone_at(settings):
    """Return the zone in which a page is written whose request has these cookies."""
    settings.TIME_ZONE = "Europe/Lisbon"
    seen = []

    def page(_request):
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    def ask(path, **cookies):
        request = RequestFactory().get(path)
        request.COOKIES.update(cookies)
        ZoneMiddleware(page)(request)
        return seen.pop()

    return ask


def test_a_page_has_the_zone_that_the_browser_told(zone_at):
    assert zone_at("/admin/", **{"itam-zone": "Asia/Kolkata"}) == "Asia/Kolkata"
    assert zone_at("/status/", **{"itam-zone": "America/New_York"}) == "America/New_York"


def test_the_next_page_has_its_own(zone_at):
    zone_at("/admin/", **{"itam-zone": "Asia/Kolkata"})
    assert timezone.get_current_timezone_name() == "Europe/Lisbon"


@pytest.mark.parametrize("said", ["", "Mars/Olympus", "../../etc/passwd", "Europe/Berlin\n", "\0"])
def test_what_is_no_zone_leaves_the_installations(zone_at, said):
    assert zone_at("/admin/", **{"itam-zone": said}) == "Europe/Lisbon"
    assert zone_at("/admin/") == "Europe/Lisbon"


def test_programs_are_answered_in_the_installations(zone_at):
    assert zone_at("/api/v1/pools/", **{"itam-zone": "Asia/Kolkata"}) == "Europe/Lisbon"
