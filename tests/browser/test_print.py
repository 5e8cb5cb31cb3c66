"""On paper stand tables, whole drawings and what is told: no menus, no buttons, no forms."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from licenses.models import AlertRule, Contract, LicensePool

from .test_accessible import one_of_each, pool  # noqa: F401  # the same company

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAPER = 718
"""Of A4 between its margins, in pixels of a browser."""
READ = ("/admin/", "tab=", "/overview/", "/at/", "/over-use/", "licensepool/", "denialepisode/")
# What is there, on the sheet and in sight.
WRONG = """() => {
  const seen = node => node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && node.getBoundingClientRect().width > 1;
  const named = node => node.outerHTML.slice(0, 120);
  const ways = "button, input, select, textarea, [role=button], nav a, summary";
  const found = [...document.querySelectorAll(ways)].filter(seen)
    .map(each => "a way: " + named(each));
  for (const row of document.querySelectorAll("table tr")) {
    const shown = getComputedStyle(row).display;
    if (seen(row) && shown !== "table-row") found.push("a card: " + named(row));
  }
  for (const drawn of document.querySelectorAll("canvas, svg, table")) {
    if (seen(drawn) && drawn.getBoundingClientRect().right > innerWidth + 1) {
      found.push("over the edge: " + named(drawn));
    }
  }
  for (const box of document.querySelectorAll("main *")) {
    const cuts = getComputedStyle(box).overflowY !== "visible";
    const cut = cuts && box.scrollHeight > box.clientHeight + 1;
    if (seen(box) && cut && box.querySelector("tr")) found.push("cut: " + named(box));
  }
  return found;
}"""


def test_what_is_read_can_be_printed(open_window: Any, pool: LicensePool) -> None:  # noqa: F811
    window = open_window()
    page, troubles = window.page, []
    pages = [path for path, status in one_of_each(pool).items() if status == 200]
    wanted = [path for path in pages if path.endswith(READ) or "tab=" in path]
    wanted += [path for path in pages if path.startswith("/status/") and "password" not in path]
    assert len(wanted) > 15
    for path in wanted:
        window.open(path)  # drawn for the window, and printed then
        page.emulate_media(media="print")
        page.set_viewport_size({"width": PAPER, "height": 1000})
        troubles += [f"{path}: {each}" for each in page.evaluate(WRONG)]
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 1440, "height": 900})
    assert troubles == []


# Of a form on paper: boxes that are seen as such, what they cut off, and ways to fill them in.
FORMS = """() => {
  const seen = node => node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && node.getBoundingClientRect().width > 1;
  const named = node => node.outerHTML.slice(0, 120);
  const found = [];
  const boxes = "form :is(input, select, textarea, .select2-container)";
  for (const box of [...document.querySelectorAll(boxes)].filter(seen)) {
    const drawn = getComputedStyle(box);
    const framed = parseFloat(drawn.borderTopWidth) > 0 || drawn.boxShadow !== "none";
    if (framed) found.push("a frame: " + named(box));
    const high = box.scrollHeight > box.clientHeight + 2;
    if (high || box.scrollWidth > box.clientWidth + 2) found.push("cut: " + named(box));
  }
  const ways = "form :is(button, .datetimeshortcuts, [type=file], .leading-relaxed)";
  for (const way of [...document.querySelectorAll(ways)].filter(seen)) {
    found.push("a way: " + named(way));
  }
  return found;
}"""


def test_a_form_is_printed_as_what_it_says(open_window: Any, pool: LicensePool) -> None:  # noqa: F811
    LicensePool.objects.filter(pk=pool.pk).update(house_rules="Be quick.\n" * 30)
    window = open_window()
    page, troubles = window.page, []
    contract, rule = Contract.objects.get(), AlertRule.objects.get()
    for name, pk in (("licensepool", pool.pk), ("contract", contract.pk), ("alertrule", rule.pk)):
        window.open(reverse(f"admin:licenses_{name}_change", args=[pk]))
        page.emulate_media(media="print")
        page.set_viewport_size({"width": PAPER, "height": 1000})
        troubles += [f"{name}: {each}" for each in page.evaluate(FORMS)]
        if name == "licensepool":
            rules = page.locator("#id_house_rules")
            assert rules.bounding_box()["height"] > 400  # all of it, and no box to scroll in
            chosen = page.locator(".field-product .select2-selection__rendered")
            assert chosen.inner_text().strip() == pool.product.name
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 1440, "height": 900})
    assert troubles == []
