"""German is longer than English: its pages fit a phone, and the scripts speak it, too."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from licenses.models import LicensePool

from .test_admin import pool  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_german_pages_fit_a_phone_and_the_switch_leads_back(
    open_window: Any,
    pool: LicensePool,  # noqa: F811
) -> None:
    window = open_window(320)
    page = window.page
    page.set_extra_http_headers({"Accept-Language": "de"})
    overview = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
    paths = [
        reverse("admin:index"),
        *(f"{overview}?tab={name}" for name in ("now", "use", "rights")),
        reverse("admin:set-up-step", args=["server"]),
        reverse("portal:status"),
        reverse("portal:pool", args=[pool.pk]),
    ]
    for path in paths:
        window.open(path)
        assert page.get_attribute("html", "lang") == "de", path
        beyond = page.evaluate(WIDER)
        assert beyond <= 0, f"{path} is {beyond} pixels wider than the screen"
        if "tab=use" in path:
            view = page.locator("[data-chart-view]")
            view.filter(has_text=re.compile("jeweils das Höchste je")).wait_for()
    assert "itam-zone=UTC" in page.evaluate("document.cookie")  # the next page has its times
    page.get_by_role("button", name="English").click()
    page.wait_for_load_state("networkidle")
    assert page.get_attribute("html", "lang") == "en-gb"
    assert window.problems == []
