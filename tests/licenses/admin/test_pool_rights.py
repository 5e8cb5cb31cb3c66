"""The rights of a pool's page: each line with its contract, its documents and how well it is
proven."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from licenses.admin import pool_rights
from licenses.models import Contract, Document, Entitlement, Proof, StrengthOverride
from tests.factories import EntitlementFactory

from .conftest import World
from .rights import line_of


def shown(client: Client, world: World) -> Any:
    path = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    return client.get(path, {"tab": "rights"})


def bare(world: World) -> Entitlement:
    """Return the line of the pool, its proof left to its documents."""
    line = line_of(world)
    StrengthOverride.objects.create(entitlement=line, strength=None, reason="for a test")
    return line


def paper(contract: Contract | None, title: str, kind: str, *lines: Entitlement) -> Document:
    document = Document.objects.create(
        contract=contract, kind=kind, title=title, file=title, file_name=title,
        sha256=hashlib.sha256(title.encode()).hexdigest(), size=1,
    )  # fmt: skip
    Proof.objects.bulk_create(
        Proof(document=document, entitlement=line, quantity=line.quantity) for line in lines
    )
    return document


def test_a_line_tells_its_contract_its_documents_and_its_proof(mara: Client, world: World) -> None:
    line = bare(world)
    invoice = paper(line.contract, "Bill <1>", "invoice", line)
    paper(line.contract, "Order", "order", line)
    paper(line.contract, "Of another line", "invoice")
    text = shown(mara, world).content.decode()
    for link in (
        reverse("admin:licenses_entitlement_change", args=[line.pk]),
        reverse("admin:licenses_contract_change", args=[line.contract_id]),
        reverse("admin:licenses_document_change", args=[invoice.pk]),
    ):
        assert f'href="{link}"' in text
        assert mara.get(link).status_code == 200
    assert "Bill &lt;1&gt;" in text and invoice.sha256[:12] in text and "Order</a>" in text
    assert "Of another line" not in text
    assert re.search(r'lm-chip-good"[^>]*>proven</span>', text)


@pytest.mark.parametrize(
    ("kind", "word", "key"),
    [
        ("invoice", "proven", "good"),
        ("reseller", "partial", "warn"),
        ("mail", "weak", "warn"),
        ("", "claimed", "bad"),
    ],
)
def test_the_best_document_of_a_line_says_how_well_it_is_proven(
    kind: str, word: str, key: str, mara: Client, world: World
) -> None:
    line = bare(world)
    if kind:
        paper(line.contract, "Paper", kind, line)
    (row,) = shown(mara, world).context["lines"]
    assert (row["strength"], row["strength_key"]) == (word, f"lm-chip-{key}")
    assert ("no document" in shown(mara, world).content.decode()) == (not kind)


def test_where_partial_proof_counts_it_is_shown_as_good(
    mara: Client, world: World, settings: Any
) -> None:
    settings.ITAM_PROVEN_FROM_STRENGTH = 3
    line = bare(world)
    paper(line.contract, "Paper", "reseller", line)
    (row,) = shown(mara, world).context["lines"]
    assert (row["strength"], row["strength_key"]) == ("partial", "lm-chip-good")


def test_a_judgement_is_told_with_its_reason(mara: Client, world: World) -> None:
    StrengthOverride.objects.create(
        entitlement=line_of(world), strength=4, reason="Seen at the vendor's portal"
    )
    text = shown(mara, world).content.decode()
    assert "judged by hand: Seen at the vendor&#x27;s portal" in text and "no document" in text


def test_a_corrected_line_is_shown_as_it_counts_now(mara: Client, world: World) -> None:
    line = line_of(world)
    EntitlementFactory(
        pool=world.mine, contract=line.contract, quantity=8, replaces=line, reason="Typed wrongly"
    )
    assert [row["seats"] for row in shown(mara, world).context["lines"]] == ["8 seats"]


def test_documents_and_contract_are_no_links_to_who_may_not_open_them(
    mara: Client, world: World, rf: Any
) -> None:
    line = line_of(world)
    paper(line.contract, "Secret bill", "invoice", line)
    request = rf.get("/")
    request.user = User.objects.create(username="rita")
    rows = list(Entitlement.objects.with_proof().with_seats_proven(4).filter(pk=line.pk))
    (row,) = pool_rights.lines(rows, request)
    assert (row["papers"], row["paper_total"], row["contract_url"]) == ([], 1, "")


def test_the_newest_lines_are_shown_and_the_others_led_to(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_rights, "MOST_LINES", 2)
    for _ in range(3):
        EntitlementFactory(pool=world.mine)
    answer = shown(mara, world)
    assert len(answer.context["lines"]) == 2
    (more,) = re.findall(r'href="(/admin/licenses/entitlement/\?[^"]*)"', answer.content.decode())
    assert mara.get(more).context["cl"].result_count == 4
