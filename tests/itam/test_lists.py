"""Cells of lists that are made once look as Unfold draws them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import gettext_lazy, override
from unfold.templatetags import unfold_list

from itam import lists
from licenses.models import Capture, MailboxMessage
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    VendorFactory,
    at,
    holding,
)

KINDS = {"ok": "success", "bad": "danger", 4: "info"}
ATTACK = "<script>alert(1)</script>"


@pytest.mark.parametrize("kinds", [KINDS, True], ids=["kinds", "no kinds"])
@pytest.mark.parametrize(
    "value",
    [
        *("ok", "fine", "", None, 4, 1234567, ("ok", "a", "b"), ATTACK, gettext_lazy("Denials")),
        *(("ok", "in order"), ("none", "of these"), (4, "four"), ("bad", ATTACK), ("ok", "")),
    ],
)
def test_a_label_is_what_the_template_draws(value: Any, kinds: Any) -> None:
    for language in ("en", "de"):
        with override(language):
            assert lists.label(value, "-", kinds) == lists._template_label(value, "-", kinds)


@pytest.mark.parametrize("value", [1, "7f", ATTACK, '"'])
def test_the_box_of_a_row_is_what_the_widget_draws(value: Any) -> None:
    for language in ("en", "de"):
        with override(language):
            assert lists.Box().render("_chosen", value) == lists._box_widget.render(
                "_chosen", value
            )


@pytest.mark.parametrize("value", [True, False, None])
def test_a_tick_is_what_the_template_draws(value: bool | None) -> None:
    assert lists.icon(value) == lists._template_icon(value)


def test_the_heads_of_a_list_are_made_once_and_in_its_language() -> None:
    made = []

    def make(cl: Any) -> Any:
        made.append(cl)
        yield {"text": gettext_lazy("Denials"), "sortable": False}

    heads = lists.once_for_a_page(make)
    english, german = SimpleNamespace(), SimpleNamespace()
    with override("en"):
        assert [head["text"] for head in [*heads(english), *heads(english)]] == ["Denials"] * 2
    with override("de"):
        assert (
            [head["text"] for head in heads(german)]
            == [str(gettext_lazy("Denials"))]
            != ["Denials"]
        )
    assert made == [english, german]


def test_what_comes_first_in_a_row_says_its_name_where_no_row_can_be_chosen(
    admin_client: Client,
) -> None:
    MailboxMessage.objects.create(subject="News", recipients="a@example.test")
    text = admin_client.get("/admin/licenses/mailboxmessage/").content.decode()
    assert 'data-label="recorded at"' in text and "Select record" not in text
    vendor = VendorFactory()
    text = admin_client.get("/admin/licenses/vendor/").content.decode()
    assert 'data-label="Select record"' in text and vendor.name in text


@pytest.mark.parametrize("query", ["", "?_popup=1"], ids=["page", "popup"])
def test_the_cells_of_a_list_are_what_the_library_draws(
    query: str, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ServerFactory()
    pool = PoolFactory(name=ATTACK)
    feature = FeatureFactory(server=server, name="ABC", pool=pool)
    EntitlementFactory(pool=pool, quantity=1_234)
    PersonFactory(login="mara")
    holding(feature, at("2026-11-24T10:00"), None, 3)
    sent = {"kind": "debug-log", "result": "parsed", "sha256": "0" * 64, "size": 1_234}
    Capture.objects.create(server=server, **sent)
    MailboxMessage.objects.create(subject="News", recipients="a@example.test")
    names = ["licenses/licensepool", "licenses/entitlement", "licenses/checkout", "auth/user"]
    names += ["licenses/capture", "licenses/mailboxmessage"]
    for name in names if not query else names[:1]:
        drawn = []
        for way in (lists.cells, lists.library_cells):
            monkeypatch.setattr(unfold_list, "items_for_result", way)
            text = admin_client.get(f"/admin/{name}/{query}").content.decode()
            drawn.append(re.findall(r"<tbody.*?</tbody>", text, re.S))
        assert drawn[0] and drawn[0] == drawn[1]
