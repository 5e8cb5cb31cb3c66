"""An auditor's scope holds one vendor and an end, whichever page gives the role or the scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licenses.models import Scope

from .conftest import World

ONE = "An auditor sees one vendor only: keep one."
END = "What an auditor may see has an end: say when."
UNTIL = {"valid_until_0": "2027-03-01", "valid_until_1": "00:00"}


def roles_page(user: User, roles: list[str], scope: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of an account sends, with a scope below it."""
    stored = Scope.objects.filter(user=user).first()
    below = {"id": stored.pk if stored else "", "user": user.pk, **scope}
    return {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "08:00",
        "groups": [Group.objects.get(name=name).pk for name in roles],
        "scope-TOTAL_FORMS": 1,
        "scope-INITIAL_FORMS": int(stored is not None),
        **{f"scope-0-{name}": value for name, value in below.items()},
    }


def errors(answer: Any) -> dict[str, list[str]]:
    """Return by field what stands beside it, of the form and of the one below it."""
    if answer.status_code == 302:
        return {}
    context = answer.context
    forms = [context["adminform"].form]
    forms += [form for part in context["inline_admin_formsets"] for form in part.formset.forms]
    return {name: list(said) for form in forms for name, said in form.errors.items()}


@pytest.fixture
def ann(account: Callable[..., User]) -> User:
    return account("ann", "auditor")


@pytest.fixture
def vendors(world: World) -> list[int]:
    return [world.vendor.pk, world.other.product.vendor.pk]


def test_a_scope_of_an_auditor_needs_an_end_and_one_vendor(
    mara: Client, ann: User, vendors: list[int]
) -> None:
    path = reverse("admin:licenses_scope_add")
    answer = mara.post(path, {"user": ann.pk, "vendors": vendors})
    assert errors(answer) == {"vendors": [ONE], "valid_until": [END]}
    assert not Scope.objects.exists()
    assert errors(mara.post(path, {"user": ann.pk, "vendors": vendors[:1], **UNTIL})) == {}
    assert [row.pk for row in Scope.objects.get(user=ann).vendors.all()] == vendors[:1]


def test_a_scope_with_too_much_is_mended_by_what_the_form_says(
    mara: Client, ann: User, vendors: list[int]
) -> None:
    scope = Scope.objects.create(user=ann)
    scope.vendors.set(vendors)
    path = reverse("admin:licenses_scope_change", args=[scope.pk])
    assert errors(mara.post(path, {"user": ann.pk, "vendors": vendors[1:], **UNTIL})) == {}
    assert scope.vendors.get().pk == vendors[1]


def test_others_may_see_several_vendors_without_an_end(
    mara: Client, account: Callable[..., User], vendors: list[int]
) -> None:
    client = account("client", "API client")
    path = reverse("admin:licenses_scope_add")
    assert errors(mara.post(path, {"user": client.pk, "vendors": vendors})) == {}
    assert Scope.objects.get(user=client).vendors.count() == 2


def test_who_becomes_an_auditor_needs_a_scope_of_one(
    root: Client, account: Callable[..., User], vendors: list[int]
) -> None:
    user = account("client", "API client")
    scope = Scope.objects.create(user=user)
    scope.vendors.set(vendors)
    path = reverse("admin:auth_user_change", args=[user.pk])
    answer = root.post(path, roles_page(user, ["auditor"], {"vendors": vendors}))
    assert errors(answer) == {"vendors": [ONE], "valid_until": [END]}
    assert user.groups.get().name == "API client"
    below = {"vendors": vendors[:1], **UNTIL}
    assert errors(root.post(path, roles_page(user, ["auditor"], below))) == {}
    assert user.groups.get().name == "auditor"
    assert scope.vendors.get().pk == vendors[0]


def test_who_is_no_auditor_any_more_may_keep_a_scope_without_an_end(
    root: Client, ann: User, vendors: list[int]
) -> None:
    path = reverse("admin:auth_user_change", args=[ann.pk])
    below = {"vendors": vendors}
    assert errors(root.post(path, roles_page(ann, ["API client"], below))) == {}
    assert Scope.objects.get(user=ann).vendors.count() == 2


def test_a_scope_of_an_auditor_may_be_taken_away(
    root: Client, ann: User, vendors: list[int]
) -> None:
    Scope.objects.create(user=ann).vendors.set(vendors)
    path = reverse("admin:auth_user_change", args=[ann.pk])
    below = {"vendors": vendors, "DELETE": "on"}
    assert errors(root.post(path, roles_page(ann, ["auditor"], below))) == {}
    assert not Scope.objects.exists()


def test_a_scope_of_an_auditor_that_has_no_end_is_shown_in_the_list_and_on_the_first_page(
    mara: Client, anton: Client, account: Callable[..., User], vendors: list[int]
) -> None:
    """As it was stored before an end was asked for."""
    scope = Scope.objects.get(user__username="anton")
    Scope.objects.create(user=account("client", "API client")).vendors.set(vendors)
    listed, first = reverse("admin:licenses_scope_changelist"), reverse("admin:index")
    told = "The scope of auditor anton needs an end"
    assert told not in mara.get(first).content.decode()
    Scope.objects.filter(pk=scope.pk).update(valid_until=None)
    assert mara.get(listed).content.decode().count("needs an end: sees nothing") == 1
    page = mara.get(first).content.decode()
    assert told in page and reverse("admin:licenses_scope_change", args=[scope.pk]) in page
    assert told not in anton.get(first).content.decode()
    User.objects.filter(username="anton").update(is_active=False)
    assert told not in mara.get(first).content.decode()


@pytest.mark.parametrize("name", ["accesslog", "accessattempt", "accessfailurelog"])
def test_a_list_of_tries_to_sign_in_is_read_by_its_key(root: Client, name: str) -> None:
    model = apps.get_model("axes", name)
    for number in range(3):
        failed = {"failures_since_start": 1} if name == "accessattempt" else {}
        model.objects.create(username="ann", ip_address=f"10.0.0.{number}", **failed)
    path = reverse(f"admin:axes_{name}_changelist")
    with CaptureQueriesContext(connection) as asked:
        answer = root.get(path)
    shown = [row.pk for row in answer.context["cl"].result_list]
    assert len(shown) >= 3 and shown == sorted(shown, reverse=True)
    mine = [row["sql"] for row in asked if f'"axes_{name}"' in row["sql"]]
    counts = [sql for sql in mine if "COUNT(" in sql]
    assert len(counts) == 1 and len(mine) == 2, mine
    assert '"id" DESC' in mine[1] and "DISTINCT" not in mine[1]
    day = {"attempt_time_from": "2026-11-25"}
    assert len(root.get(path, day).context["cl"].result_list) == 0


def test_roles_are_told_in_the_language_of_the_reader(root: Client) -> None:
    user = User.objects.create_user("ina")
    user.groups.add(Group.objects.get(name="team lead"), Group.objects.create(name="Night shift"))
    lead = Group.objects.get(name="team lead")
    for path in (
        "/admin/auth/user/",
        f"/admin/auth/user/{user.pk}/change/",
        "/admin/auth/group/",
        f"/admin/auth/group/{lead.pk}/change/",
    ):
        told = root.get(path, HTTP_ACCEPT_LANGUAGE="de").text
        assert "Teamleitung" in told, path
    accounts = root.get("/admin/auth/user/", HTTP_ACCEPT_LANGUAGE="de").text
    assert "Night shift" in accounts and "team lead" not in accounts
