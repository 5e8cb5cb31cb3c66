"""No page keeps people out: axe finds nothing serious in the admin or on the status pages."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from licenses.admin.pool_tabs import TABS
from licenses.analysis.rollup import drain, mark_dirty
from licenses.importing.captures import store_unreadable
from licenses.models import (
    AlertRule,
    Capture,
    Channel,
    Contract,
    DenialEpisode,
    ImportJob,
    LicensePool,
    Membership,
    PoolNow,
    WaitlistEntry,
)
from licenses.overview import setup
from licenses.sources.records import Unreadable
from reports.models import Report
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    IssuedCountFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    TeamFactory,
    covered,
    holding,
    refusal,
    waited,
)
from tests.thorough import is_thorough

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
# Style sheets are our own and loaded: axe need not fetch them a second time.
ASKED = {
    "resultTypes": ["violations"],
    "preload": False,
    "rules": {"target-size": {"enabled": True}},
}
CONTRAST = ASKED | {"runOnly": ["color-contrast"]}
FOUND = """options => axe.run(document, options).then(found => found.violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .map(each => each.id + ": " + each.nodes.map(node => node.html.slice(0, 160)).join(" | ")))"""
HOUR = 3600


@pytest.fixture
def pool(transactional_db: None) -> LicensePool:
    """A company of one pool that has something to show on every kind of page."""
    now = int(time.time())
    pool: LicensePool = PoolFactory(name="Drawing", house_rules="Be quick.")
    server = ServerFactory(name="lic-one", zone="UTC")
    feature = FeatureFactory(server=server, name="DRAW", pool=pool)
    FeatureFactory(server=server, name="UNMAPPED")
    bare = FeatureFactory(server=server, name="BARE", pool=PoolFactory(name="Bare"))
    IssuedCountFactory(feature=bare, count=3)
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    EntitlementFactory(pool=pool, contract=contract, quantity=2)
    covered(server, now - 48 * HOUR, now)
    ann = PersonFactory(login="ann")
    team = TeamFactory(name="Design")
    Membership.objects.create(person=ann, team=team)
    pool.owner_teams.add(team)
    holding(feature, now - 2 * HOUR, None, 2, person=ann)
    refusal(feature, now - HOUR, PersonFactory(login="lena"))
    capture = Capture.objects.create(
        server=server, kind="lmstat", source="a", result="timeout", sha256="a" * 64, size=9
    )
    store_unreadable(capture, [Unreadable(1, "10:00 (d) ODD", "odd")])
    channel = Channel.objects.create(name="desk", kind="webhook", target="https://hook.example/x")
    AlertRule.objects.create(name="Full", kind="pool_full", pool=pool).channels.add(channel)
    mark_dirty([pool.pk])
    drain()
    PoolNow.objects.update_or_create(
        pool=pool, defaults={"at": now, "in_use": 2, "limit": 2, "allowed": 2, "source": "log"}
    )
    params = {"start": 0, "end": 86_400, "zone": "UTC", "scope": "Drawing"}
    Report.objects.create(
        name="compliance", params=params, as_of="2026-02-02T00:00Z", state="done", sha256="0" * 64
    ).pools.set([pool])
    ImportJob.objects.create(
        server=server, file_name="cad.log", state="done", result={"lines": 3, "notes": ["odd"]}
    )
    admin_user = User.objects.get(username="admin")
    admin_user.groups.add(Group.objects.get(name="manager"))
    admin = PersonFactory(login="admin")
    refusal(feature, now - 2 * HOUR, admin)
    waited(feature, now - HOUR, None, admin)
    waits_until = timezone.now() + timedelta(days=1)
    WaitlistEntry.objects.create(user=admin_user, pool=pool, expires_at=waits_until)
    return pool


def one_of_each(pool: LicensePool) -> dict[str, int]:
    """Return a page of every kind that there is, and the status that it answers with."""
    server = pool.mappings.get().feature.server_id
    overview = reverse("admin:licenses_licensepool_overview", args=[pool.pk])
    pages = [
        "/admin/",
        *(f"{overview}?tab={tab.key}" for tab in TABS),
        reverse("admin:licenses_licensepool_change", args=[pool.pk]),
        reverse("admin:licenses_licensepool_history", args=[pool.pk]),
        reverse("admin:licenses_licensepool_at", args=[pool.pk]),
        reverse("admin:licenses_licensepool_over_use", args=[pool.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[server]),
        reverse("admin:licenses_licenseserver_unreadable", args=[server]),
        reverse("admin:licenses_importjob_change", args=[ImportJob.objects.get().pk]),
        reverse("admin:licenses_entitlement_correct", args=[pool.entitlements.get().pk]),
        reverse("admin:licenses_person_change", args=[Membership.objects.get().person_id]),
        "/admin/licenses/licensepool/",
        "/admin/licenses/denialepisode/",
        "/admin/licenses/queueentry/",
        f"/admin/licenses/licensepool/several/?ids={pool.pk}",
        "/admin/licenses/alertrule/add/",
        "/admin/licenses/product/import/",
        "/admin/auth/group/add/",
        "/admin/reports/report/",
        "/admin/reports/report/audit/",
        "/admin/reports/reportschedule/add/",
        "/admin/reports/evidencepack/add/",
        *(reverse("admin:set-up-step", args=[step.key]) for step in setup.steps()),
        "/admin/password_change/",
        "/status/",
        f"/status/pools/{pool.pk}/",
        "/status/waiting/",
        "/status/refusals/",
        f"/status/refusals/{DenialEpisode.objects.latest('pk').pk}/",
        "/status/password/",
        "/api/docs/",
        "/api/docs/?of=pools",
        "/api/docs/?of=alert-rules",
    ]
    return dict.fromkeys(pages, 200) | {
        "/nothing/": 404,
        "/admin/licenses/licensepool/0/overview/": 404,
        "/status/pools/0/": 404,
        "/admin/licenses/checkout/add/": 403,
        "/admin/reports/report/add/": 403,
    }


def all_lists_and_forms() -> dict[str, int]:
    """Return each list of the admin, its empty form, and the form of its first row; 403 stands at
    the forms of facts, which are not added by hand."""
    found = {}
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="admin")
    for model, model_admin in admin.site._registry.items():
        start = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
        found[reverse(start + "changelist")] = 200
        may_add = model_admin.has_add_permission(request)
        found[reverse(start + "add")] = 200 if may_add else 403
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            found[reverse(start + "change", args=[row.pk])] = 200
    return found


def what_axe_finds(window: Any, pages: dict[str, int]) -> list[str]:
    """Return what is wrong with each page in light, and with its colours in the dark; a page that
    answers otherwise than expected, or does what the policy on contents forbids, is wrong, too."""
    page, troubles = window.page, []
    page.emulate_media(reduced_motion="reduce")  # or a button is caught between two colours
    for path, status in pages.items():
        answer = page.goto(window.base + path).status
        troubles += [f"{path}: {answer}, expected {status}"] if answer != status else []
        page.wait_for_load_state("networkidle")
        troubles += [f"{path}: {each}" for each in window.problems if "policy" in each]
        window.problems.clear()
        page.evaluate(AXE)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        troubles += [f"{path}: {each}" for each in page.evaluate(FOUND, ASKED)]
        page.emulate_media(color_scheme="dark")
        page.evaluate("document.documentElement.classList.add('dark')")  # as the admin does on load
        page.wait_for_timeout(200)  # colours fade into each other
        troubles += [f"{path} in the dark: {each}" for each in page.evaluate(FOUND, CONTRAST)]
        page.emulate_media(color_scheme="light")
    return troubles


@pytest.mark.timeout(1200)  # with --thorough there are many
def test_axe_finds_nothing_serious_in_light_or_dark(open_window: Any, pool: LicensePool) -> None:
    pages = one_of_each(pool) | (all_lists_and_forms() if is_thorough() else {})
    assert what_axe_finds(open_window(), pages) == []


@pytest.mark.timeout(1200)  # with --thorough there are many
def test_nor_on_a_phone(open_window: Any, pool: LicensePool) -> None:
    kinds = ("/admin/", "/licensepool/", "tab=use", "/at/", "/status/", "/api/docs/")
    pages = one_of_each(pool)
    if is_thorough():
        pages |= all_lists_and_forms()
    else:
        pages = {
            path: status for path, status in pages.items() if path.endswith(kinds) or "?of=" in path
        }
    assert len(pages) >= len(kinds), "each kind is there"
    assert what_axe_finds(open_window(width=390), pages) == []


def test_a_page_that_is_not_the_one_expected_is_found(open_window: Any, pool: LicensePool) -> None:
    found = what_axe_finds(open_window(), {"/nothing/": 200, "/status/": 403})
    assert found == ["/nothing/: 404, expected 200", "/status/: 200, expected 403"]


def test_the_page_to_sign_in_is_as_good(chromium: Any, live_server: Any) -> None:
    for path in ("/admin/login/", "/status/sign-in/"):
        page = chromium.new_page()
        page.goto(live_server.url + path)
        page.wait_for_load_state("networkidle")
        page.evaluate(AXE)
        assert page.evaluate(FOUND, ASKED) == [], path
        page.close()


def test_the_keyboard_opens_the_search_and_what_only_the_mouse_did(
    open_window: Any, pool: LicensePool
) -> None:
    window = open_window()
    window.open("/admin/licenses/licensepool/")
    page = window.page
    assert page.locator("#searchbar-submit").get_attribute("aria-label") == "Search"
    page.keyboard.press("/")
    field = page.locator("#search-input-command")
    field.wait_for(timeout=5000)
    window.until("document.activeElement.id === 'search-input-command'")
    field.press_sequentially("draw/")  # in a field it is a character like others
    assert field.input_value() == "draw/"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator("[role=button][aria-label='Show or hide the menu']:visible").focus()
    page.keyboard.press("Enter")
    page.locator("#nav-sidebar").wait_for(state="hidden", timeout=5000)
    assert window.problems == []
