"""Names of two hundred letters without a blank, as anybody may type or import them: they break
where they stand, and push nothing else off its page or apart."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.urls import reverse

from licenses.models import LicensePool
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ProductFactory,
    ServerFactory,
    VendorFactory,
    covered,
    holding,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def pool(transactional_db: None) -> LicensePool:
    now = int(time.time())
    vendor = VendorFactory(name="V" * 200)
    pool = PoolFactory(name="W" * 200, product=ProductFactory(name="P" * 200, vendor=vendor))
    feature = FeatureFactory(server=ServerFactory(name="s" * 99), name="F" * 90, pool=pool)
    covered(feature.server, now - 86_400, now)
    holding(feature, now - 80_000, None, person=PersonFactory(login="u" * 150))
    return pool


@pytest.mark.parametrize("width", [1366, 390])
def test_no_name_makes_a_page_wider_than_its_window(
    pool: LicensePool, open_window: Any, width: int
) -> None:
    window = open_window(width=width)
    of_pool = [
        reverse(f"admin:licenses_licensepool_{page}", args=[pool.pk])
        for page in ("overview", "change", "history")
    ]
    tabs = [f"{of_pool[0]}?tab={tab}" for tab in ("now", "use", "teams", "rights", "settings")]
    for path in [*of_pool, *tabs, reverse("admin:licenses_licensepool_changelist"), "/admin/"]:
        window.open(path)
        assert window.page.evaluate(WIDER) <= 0, path
    assert window.problems == []


def test_a_long_name_leaves_the_words_beside_it_whole(pool: LicensePool, open_window: Any) -> None:
    window = open_window(width=1366)
    window.open(reverse("admin:licenses_licensepool_overview", args=[pool.pk]))
    marks = window.page.query_selector_all("#holders-table .lm-chip")
    assert marks
    assert all(mark.bounding_box()["height"] < 30 for mark in marks)
