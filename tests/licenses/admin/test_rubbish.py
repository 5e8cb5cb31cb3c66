"""Addresses of the admin with rubbish behind them: each is answered, none breaks a page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from licenses.admin.saved_filters import check
from licenses.models import Contract

from .conftest import World

HUGE = "9" * 20
"""A number that no row could have as its id."""


def broken(client: Client, model: Any, page: str, query: dict[str, str]) -> bool:
    client.raise_request_exception = False
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
    return bool(client.get(f"{path}?{urlencode(query)}").status_code >= 500)


def related(model: Any) -> list[str]:
    fields = (*model._meta.fields, *model._meta.many_to_many)
    return [field.name for field in fields if field.remote_field]


@pytest.mark.parametrize("value", ["abc", HUGE, "-1", "1"])
def test_no_form_breaks_on_the_rows_that_its_address_asks(
    root: Client, world: World, value: str
) -> None:
    request = root.get("/admin/").wsgi_request
    found = [
        model.__name__
        for model, page in admin.site._registry.items()
        if page.has_add_permission(request)
        and broken(root, model, "add", dict.fromkeys(related(model), value))
    ]
    assert found == []


def test_a_form_begins_with_a_row_in_scope_and_no_other(mara: Client, world: World) -> None:
    def chosen(pool: Any) -> Any:
        answer = mara.get(f"{reverse('admin:licenses_entitlement_add')}?pool={pool}&quantity=7")
        initial = answer.context_data["adminform"].form.initial
        assert initial["quantity"] == "7"
        return initial.get("pool")

    assert chosen(world.mine.pk) == world.mine.pk
    assert chosen(999_999) is None
    assert chosen("9" * 5_000) is None


def test_a_list_is_filtered_by_no_id_that_cannot_be(root: Client, world: World) -> None:
    request = root.get("/admin/").wsgi_request
    found = []
    for model, page in admin.site._registry.items():
        specs = page.get_changelist_instance(request).get_filters(request)[0]
        names = {name for spec in specs for name in spec.expected_parameters() if name}
        names |= {f"{name}__id__exact" for name in related(model)}
        found += [name for name in names if broken(root, model, "changelist", {name: HUGE})]
    assert found == []


def test_no_filter_is_kept_that_its_list_refuses(root: Client, world: World) -> None:
    user = root.get("/admin/").wsgi_request.user
    with pytest.raises(ValidationError, match="no such filter"):
        check(user, Contract._meta.label_lower, f"vendor__id__exact={HUGE}")
    with pytest.raises(ValidationError, match="no such filter"):
        check(user, Contract._meta.label_lower, f"vendor__id__exact=-{HUGE}&vendor__id__exact=1")
    assert check(user, Contract._meta.label_lower, f"vendor__id__exact={world.vendor.pk}")


@pytest.mark.parametrize(
    "path",
    [
        f"live/pools/?ids={HUGE},abc,1",
        f"live/counting/?pool={HUGE}",
        "licenses/licensepool/{pool}/peak/?from=1&to=99999999999",
        f"licenses/licensepool/{{pool}}/peak/?team={HUGE}",
        f"licenses/licensepool/several/?ids={HUGE}",
        f"licenses/contract/export/?vendor__id__exact={HUGE}",
        "licenses/contract/export/?rubbish=1",
    ],
)
def test_no_page_breaks_on_numbers_that_its_address_asks(
    root: Client, world: World, path: str
) -> None:
    root.raise_request_exception = False
    answer = root.get(f"/admin/{path.format(pool=world.mine.pk)}")
    assert answer.status_code in (200, 302)
