"""What stays: groups of the program's own roles, and rows that something kept refers to."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from licenses.models import AlertRule, Channel, Contract
from licenses.models.roles import ROLES
from tests import factories as f

pytestmark = pytest.mark.django_db


def test_the_groups_of_roles_are_shown_and_neither_changed_nor_deleted(
    admin_client: Client,
) -> None:
    role, own = Group.objects.get(name=ROLES[0]), Group.objects.create(name="Our own")
    for group, answer in ((role, 403), (own, 200)):
        place = f"/admin/auth/group/{group.pk}/"
        assert admin_client.get(f"{place}delete/").status_code == answer
        assert ("Delete group" in admin_client.get(f"{place}change/").content.decode()) == (
            group == own
        )
    admin_client.post(f"/admin/auth/group/{role.pk}/change/", {"name": "Renamed"})
    admin_client.post(
        "/admin/auth/group/",
        {"action": "delete_selected", "_selected_action": [role.pk], "post": "yes"},
    )
    assert Group.objects.filter(name=ROLES[0]).exists()


def test_a_contract_that_rights_refer_to_says_why_it_stays(admin_client: Client) -> None:
    pool = f.PoolFactory()
    contract = Contract.objects.create(vendor=pool.product.vendor, number="<b>7</b>")
    f.EntitlementFactory(pool=pool, contract=contract)
    place = f"/admin/licenses/contract/{contract.pk}/delete/"
    text = admin_client.get(place).content.decode()
    assert "&lt;b&gt;7&lt;/b&gt;” cannot be deleted" in text and "<li>Entitlement: " in text
    assert 'value="yes"' not in text


def test_of_many_that_forbid_it_some_are_named_and_the_others_counted(
    admin_client: Client,
) -> None:
    pool = f.PoolFactory()
    for day in range(1, 24):
        f.EntitlementFactory(pool=pool, valid_from=date(2026, 1, day))
    place = f"/admin/licenses/licensepool/{pool.pk}/delete/"
    text = admin_client.get(place).content.decode()
    assert text.count("<li>Entitlement: ") == 20 and "<li>and 3 more</li>" in text


def test_a_rule_goes_without_a_word_of_the_rows_that_join_it_to_channels(
    admin_client: Client,
) -> None:
    rule = AlertRule.objects.create(name="Full", kind="pool_full")
    rule.channels.add(Channel.objects.create(name="desk", kind="mail", target="a@b.example"))
    place = f"/admin/licenses/alertrule/{rule.pk}/delete/"
    text = admin_client.get(place).content.decode()
    assert "Alert rules: 1" in text and "elationship" not in text and "_channels" not in text
    admin_client.post(place, {"post": "yes"})
    assert not AlertRule.objects.exists()


def test_what_nobody_ever_changes_has_no_way_to_a_history(admin_client: Client) -> None:
    feature, issued = f.FeatureFactory(), f.IssuedCountFactory()
    for row, shown in ((feature, True), (issued, False)):
        place = f"/admin/licenses/{row._meta.model_name}/{row.pk}"
        text = admin_client.get(f"{place}/change/").content.decode()
        assert (f"{place}/history/" in text) == shown


def test_the_rights_of_a_group_take_as_many_queries_however_many_there_are(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    assert Group.objects.get(name=ROLES[0]).permissions.count() > 20
    with django_assert_max_num_queries(15):
        text = admin_client.get(
            f"/admin/auth/group/{Group.objects.get(name=ROLES[0]).pk}/change/"
        ).content.decode()
    assert "<li>Vendor: add, change, delete, see</li>" in text
