"""What a constraint forbids stands beside a field that mends it, and what was typed stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from licenses.models import AlertRule, Contract, Entitlement
from tests.factories import PoolFactory, VendorFactory

pytestmark = pytest.mark.django_db


def sent(client: Client, path: str, **values: Any) -> Any:
    """Return the form of a page, sent with these values in place of its own."""
    form = client.get(path).context_data["adminform"].form
    given = {name: form.get_initial_for_field(form.fields[name], name) for name in form.fields}
    formsets = client.get(path).context_data["inline_admin_formsets"]
    for each in formsets:
        given |= {f"{each.formset.prefix}-{key}": 0 for key in ("TOTAL_FORMS", "INITIAL_FORMS")}
    data = {name: value for name, value in {**given, **values}.items() if value is not None}
    return client.post(path, data).context_data["adminform"].form


def test_a_contract_that_ends_too_early_says_so_at_its_end(admin_client: Client) -> None:
    form = sent(
        admin_client,
        "/admin/licenses/contract/add/",
        vendor=VendorFactory().pk, number="C-1", valid_from="2026-05-01", valid_to="2026-04-01",
    )  # fmt: skip
    assert form.errors == {"valid_to": ["The contract ends before it starts."]}
    assert form["valid_to"].value() == "2026-04-01"
    assert not Contract.objects.exists()


def test_fewer_seats_than_none_are_refused_at_their_number(admin_client: Client) -> None:
    form = sent(
        admin_client,
        "/admin/licenses/entitlement/add/",
        pool=PoolFactory().pk, quantity="-1", valid_from="2026-05-01",
    )  # fmt: skip
    assert form.errors == {"quantity": ["An entitlement cannot have fewer than 0 seats."]}
    assert not Entitlement.objects.exists()


def test_lines_below_a_row_are_told_beside_their_fields_too(admin_client: Client, rf: Any) -> None:
    page = admin.site._registry[AlertRule]
    request = rf.get("/")
    request.user = admin_client.get("/admin/").wsgi_request.user
    formset = next(page.get_formsets_with_inlines(request))[0]
    form = formset.form({"step": "1", "wait_minutes": "0"})
    said = "Give people at least 1 minute to acknowledge."
    assert form.errors["wait_minutes"] == [said]
