"""Every page of the admin opens, keeps strangers out, and costs no query a row."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licenses.admin.pool_tabs import TABS
from licenses.models import EvidenceBlock, Membership, PoolNow
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    derived,
    holding,
    refusal,
)
from tests.rows import several
from tests.thorough import SECOND_RUN

from .conftest import NOW, World

MODELS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("licenses", "auth", "reports")
]
FACTS = [
    *(
        [
            "eventblock",
            "checkout",
            "denial",
            "capture",
            "unreadableline",
            "coverage",
            "gap",
            "issuedcount",
            "sharingrule",
        ]
    ),
    *(
        [
            "evidenceblock",
            "evidencestream",
            "evidenceday",
            "evidencekey",
            "evidenceanchor",
            "evidencecheck",
        ]
    ),
    *(["importjob", "notification", "mailboxmessage"]),
]


def place(model: Any, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_list_and_forms_open(model: Any, root: Client, world: World) -> None:
    """A list of more than a page, so that a query for each row would be seen: it takes few."""
    several(model, 26)
    with CaptureQueriesContext(connection) as seen:
        assert root.get(place(model)).status_code == 200
    assert len(seen) <= 30
    assert root.get(place(model), {"q": "mine"}).status_code == 200
    assert root.get(place(model, "add")).status_code in (200, 403)
    row = model._default_manager.first()
    if row is not None:
        assert root.get(place(model, "change", row.pk)).status_code == 200


@pytest.mark.once
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_a_stranger_is_sent_to_the_login(model: Any, db: None) -> None:
    answer = Client().get(place(model))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


@pytest.mark.once
@pytest.mark.parametrize("name", FACTS)
def test_facts_are_neither_added_nor_changed_nor_deleted(
    name: str, root: Client, world: World
) -> None:
    model = next(model for model in MODELS if model._meta.model_name == name)
    if name == "evidenceblock":
        from licenses.evidence.entries import INSTALLATION, append, draft

        append(INSTALLATION, [draft("note", NOW, {"word": "canary"})], source="test")
        assert EvidenceBlock.objects.exists()
    assert root.get(place(model, "add")).status_code == 403
    row = model._default_manager.first()
    if row is None:
        return
    assert root.post(place(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert root.post(place(model, "change", row.pk), {"seats": 99}).status_code == 403
    page = root.post(
        place(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    assert page.status_code in (200, 302, 403)
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.once
@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/licenses/licensepool/1/overview/",
        "/admin/licenses/licenseserver/1/overview/",
        "/admin/live/pools/?ids=1",
        "/admin/live/pools/1/use/",
        "/admin/live/pools/1/pattern/",
        "/admin/live/pools/1/lines/",
        "/admin/licenses/licensepool/1/at/",
        "/admin/live/pools/1/holders/",
        "/admin/licenses/document/1/download/",
        "/admin/licenses/entitlement/1/correct/",
    ],
)
def test_pages_of_our_own_keep_strangers_out(path: str, db: None) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def queries(client: Client, path: str) -> int:
    client.get(path)  # content types and sessions are read once
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def grow(world: World, count: int) -> None:
    for place_ in range(count):
        pool = PoolFactory()
        PoolNow.objects.create(pool=pool, at=NOW, in_use=place_, limit=5)
        feature = FeatureFactory(server=world.server, pool=pool)
        EntitlementFactory(pool=pool)
        person = PersonFactory(login=f"grown{pool.pk}")
        holding(feature, NOW - place_, None, person=person)
        refusal(feature, NOW - 3600 - place_, person)
        derived(pool, NOW - 7200, NOW)
        Membership.objects.create(person=person, team=TeamFactory(parent=world.team))


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        *(
            f"/admin/licenses/{name}/"
            for name in (
                [
                    "licensepool",
                    "licenseserver",
                    "feature",
                    "entitlement",
                    "checkout",
                    "denial",
                    "denialepisode",
                    "team",
                    "person",
                    "product",
                    "vendor",
                    "contract",
                ]
            )
        ),
        "/admin/licenses/licenseserver/{server}/overview/",
        "/admin/licenses/team/{team}/change/",
        *(f"/admin/licenses/licensepool/{{pool}}/overview/?tab={tab.key}" for tab in TABS),
        *(f"/admin/live/dashboard/{name}/" for name in ("cards", "pools", "tasks")),
        *(f"/admin/set-up/{name}/" for name in ("features", "pools", "contracts", "report")),
        "/api/v1/overview/",
        "/api/v1/pools/now/?headlines=true",
    ],
)
def test_queries_do_not_grow_with_the_rows(path: str, mara: Client, world: World) -> None:
    grow(world, 2)
    path = path.format(server=world.server.pk, team=world.team.pk, pool=world.mine.pk)
    before = queries(mara, path)
    if SECOND_RUN:
        return  # the page opens; how often it asks is the same on every database
    grow(world, 8)
    after = queries(mara, path)
    assert after <= before, f"{before} queries grew to {after}"
    assert after <= 42


@pytest.mark.once
def test_pages_carry_no_script_of_their_own(mara: Client, world: World) -> None:
    for path in (
        "/admin/",
        reverse("admin:licenses_licensepool_overview", args=[world.mine.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        "/admin/licenses/licensepool/",
    ):
        answer = mara.get(path)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert "default-src 'self'" in policy
        text = answer.content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", text)
        assert not re.findall(r"<[a-z][^>]*\son[a-z]+=", text)
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.once
def test_markup_in_names_is_shown_as_text(mara: Client, world: World) -> None:
    attack = "<img src=x onerror=alert(1)>"
    pool = PoolFactory(name=attack, house_rules=attack)
    FeatureFactory(server=world.server, name=attack, pool=pool)
    PoolNow.objects.create(pool=pool, at=NOW, in_use=5, limit=5)
    for path in (
        "/admin/",
        reverse("admin:licenses_licensepool_overview", args=[pool.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        "/admin/licenses/licensepool/",
        "/admin/licenses/feature/",
        "/admin/search/?s=img&extended=1",
    ):
        text = mara.get(path).content.decode()
        assert attack not in text, path
        assert "&lt;img src=x" in text, path
