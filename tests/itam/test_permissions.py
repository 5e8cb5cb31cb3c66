"""Every route, method and role: what answers whom. The table beside this file says it, a route a
line; whatever is new or changed has to be entered there, and the rules below hold for all of it.

Writing the table anew, to be read before it is committed:

    ITAM_TEST_WRITE_PERMISSIONS=1 python3 manage.py test tests/itam/test_permissions.py
"""

from __future__ import annotations

import copy
import logging
import os
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.template.backends.django import Template
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from licenses.admin import navigation
from licenses.api import docs_page
from licenses.models import (
    API_CLIENT,
    AUDITOR,
    LICENSE_USER,
    MANAGER,
    TEAM_LEAD,
    VIEWER,
    Vendor,
)
from licenses.models.scoping import roles
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    TeamFactory,
    at,
    covered,
    holding,
    refusal,
    scope_of,
)
from tests.thorough import SECOND_RUN

TABLE = Path(__file__).with_name("permissions.txt")
ROLES = (LICENSE_USER, VIEWER, TEAM_LEAD, AUDITOR, API_CLIENT, MANAGER)
WHO = ("anonymous", "no role", *ROLES, "superuser")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ABSENT = 999_999
NINE = at("2026-03-10T09:00")
HEAD = """\
# What each route answers to each role; read and checked by test_permissions.py.
#
#   y  reached: done, shown, or the request itself is wrong
#   r  sent to another page: from a short address, or since there is no such row
#   s  asked to sign in
#   n  refused
#   a  not there: no such row, or none that this role may see
#
# Rows are of a vendor, team and pool outside the scope of every role but manager and superuser.
# Columns: {columns}
"""


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Yield each route as a readable address, and its pattern."""

    def walk(resolver: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, path)
            else:
                yield path, pattern

    for path, pattern in walk(get_resolver(), ""):
        plain = re.sub(r"[\^$]", "", path)
        plain = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", plain)
        yield "/" + re.sub(r"<\w+:(\w+)>", r"<\1>", plain), pattern


def model_of(pattern: URLPattern) -> type[models.Model] | None:
    view: Any = pattern.callback
    admin = getattr(view, "model_admin", None)
    queryset = getattr(getattr(view, "cls", None), "queryset", None)
    if admin is not None or queryset is not None:
        found: type[models.Model] = (admin or queryset).model
        return found
    name = re.match(r"(\w+?)_(\w+)_(?:change|delete|history)", pattern.name or "")
    if name:
        return apps.all_models.get(name[1], {}).get(name[2])
    return None


FIXED = {
    "key": "pools",
    "name": "totals",
    "app_label": "licenses",
    "content_type_id": "1",
    "object_id": str(ABSENT),
    "url": "nowhere",
    "kind": "vendors",
    "page": "licenses.licensepool",
}


def address(route: str, pattern: URLPattern) -> str:
    """Return the route with the row of its model that lies outside every scope."""
    model = model_of(pattern)
    row = None if model is None else model._default_manager.order_by("pk").first()
    known = str(ABSENT if row is None else row.pk)

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in ("pk", "object_id", "id") and model is not None:
            return known
        return FIXED.get(name, str(ABSENT))

    return re.sub(r"<(\w+)>", value, route)


@pytest.fixture
def people() -> dict[str, User | None]:
    found: dict[str, User | None] = {"anonymous": None}
    vendor, team = Vendor.objects.create(name="Known"), TeamFactory(name="Known")
    for name in WHO[1:]:
        user = User.objects.create_user(name.replace(" ", "-"), password="x", is_staff=True)
        if name in ROLES:
            user.groups.add(Group.objects.get(name=name))
            user.is_staff = name not in (LICENSE_USER, API_CLIENT)
            scope = scope_of(user)
            scope.vendors.add(vendor)
            scope.teams.add(team)
        user.is_superuser = name == "superuser"
        user.save()
        found[name] = User.objects.get(pk=user.pk)
    return found


@pytest.fixture
def foreign() -> None:
    TeamFactory(name="Foreign")
    pool = PoolFactory(name="Foreign", on_status=False)
    feature = FeatureFactory(pool=pool)
    EntitlementFactory(pool=pool)
    covered(feature.server, NINE, NINE + 3600)
    holding(feature, NINE, NINE + 600)
    refusal(feature, NINE, person=PersonFactory())


def answer(client: Client, method: str, path: str) -> str:
    """Return the letter for what comes; "" where the method is not there."""
    send = getattr(client, method.lower())
    body: dict[str, Any] = (
        {} if method == "GET" else {"data": {}, "content_type": "application/json"}
    )
    if method == "POST" and not path.startswith("/api/"):
        body = {}
    found = send(path, **body)
    status = found.status_code
    if getattr(found, "streaming", False):
        list(found.streaming_content)
    assert status < 500, (method, path, status)
    if status == 405:
        return ""
    if status == 401 or (status == 302 and re.search(r"/(login|sign-in)/", found["Location"])):
        return "s"
    if status == 302:
        return "r"
    return {403: "n", 404: "a"}.get(status, "y")


def signed_in(user: User | None) -> dict[str, str]:
    """Return the cookies of a visit, which outlives signing out: that is undone like all else."""
    client = Client()
    if user is not None:
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        client.get("/healthz")  # notes when the visit began, which each request would do else
    return {name: morsel.value for name, morsel in client.cookies.items()}


@pytest.fixture
def only_answers(
    people: dict[str, User | None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave out of thousands of requests what says nothing about who is let through: pages are not
    drawn, nor are the menu beside them and the schema, and browsers are told no policy for them;
    what an account may is read once, and not for each request; visits are kept in the cookie."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.MIDDLEWARE = [
        each for each in settings.MIDDLEWARE if not each.endswith(".PolicyMiddleware")
    ]
    monkeypatch.setattr(navigation, "sidebar", lambda _request: [])
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *_words, **_more: {"openapi": "3.1"})
    monkeypatch.setattr(docs_page, "operations", tuple)  # which remembers what it was told once
    monkeypatch.setattr(Template, "render", lambda *_words, **_more: "")
    accounts = {user.pk: user for user in people.values() if user is not None}
    for user in accounts.values():
        user.get_all_permissions()
        roles(user)
    monkeypatch.setattr(
        ModelBackend, "get_user", lambda _self, number: copy.copy(accounts.get(number))
    )


def measured(people: dict[str, User | None]) -> dict[str, str]:
    """Return a line of letters for each method and route."""
    found: dict[str, str] = {}
    visits = [signed_in(user) for user in people.values()]
    client = Client(raise_request_exception=False)
    for route, pattern in routes():
        path = address(route, pattern)
        for method in METHODS if path.startswith("/api/") else METHODS[:2]:
            letters = ""
            for cookies in visits:
                client.cookies = SimpleCookie(cookies)
                with transaction.atomic():
                    letters += answer(client, method, path) or "-"
                    transaction.set_rollback(True)
            if set(letters) - {"-"}:
                found[f"{method} {route}"] = letters
    return found


@pytest.mark.skipif(SECOND_RUN, reason="who may do what does not depend on the database")
@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("foreign", "only_answers")
def test_every_route_answers_each_role_as_the_table_says(people: dict[str, User | None]) -> None:
    logging.disable(logging.CRITICAL)  # thousands of refusals
    try:
        found = measured(people)
    finally:
        logging.disable(logging.NOTSET)
    if os.environ.get("ITAM_TEST_WRITE_PERMISSIONS"):
        lines = [f"{letters} {key}\n" for key, letters in found.items()]
        TABLE.write_text(HEAD.format(columns=", ".join(people)) + "".join(lines))
    assert found == table()


def table() -> dict[str, str]:
    lines = [line for line in TABLE.read_text().splitlines() if line and line[0] != "#"]
    return {key: letters for letters, _, key in (line.partition(" ") for line in lines)}


def reached_by(who: str) -> set[str]:
    """Return what a role reaches, by the table."""
    place = WHO.index(who)
    return {key for key, letters in table().items() if letters[place] == "y"}


def test_strangers_reach_what_is_for_everybody_and_nothing_else() -> None:
    assert reached_by("anonymous") == {
        *("GET /admin/login/", "POST /admin/login/", "GET /healthz", "GET /metrics"),
        *("GET /status/sign-in/", "POST /status/sign-in/"),
    }


def test_an_account_without_a_role_reaches_its_own_password_and_empty_pages() -> None:
    of_its_own = (
        r"[A-Z]+ /(admin/(password_change/(done/)?|jsi18n/|search/|logout/|live/installation/)?"
    )
    of_its_own += r"|status/(waiting/|refusals/|password/)?|api/(schema|docs|v1/auth/\w+)/)"
    beyond = reached_by("no role") - reached_by("anonymous")
    assert {key for key in beyond if not re.fullmatch(of_its_own, key)} == set()


@pytest.mark.parametrize("who", [VIEWER, TEAM_LEAD, AUDITOR, API_CLIENT, LICENSE_USER])
def test_who_manages_nothing_changes_nothing_of_others(who: str) -> None:
    """What they may send is about themselves, or asks to be shown more."""
    own = r"(PUT|PATCH|DELETE|POST) /(status|api/v1/(auth|waitlist|reveals|reports|evidence-packs"
    own += r"|saved-filters)"
    own += r"|api/v1/team-rules/preview"
    own += r"|admin/(password_change|search|live|autocomplete|login|logout)"
    own += r"|admin/licenses/savedfilter/keep)/"
    sent = {key for key in reached_by(who) if not key.startswith("GET ")}
    views = {f"POST {key[4:]}" for key in reached_by(who) if key.startswith("GET /admin/")}
    assert {key for key in sent - views if not re.match(own, key)} == set()


@pytest.mark.parametrize("who", WHO[:-1])
def test_accounts_tokens_and_locks_are_for_superusers(who: str) -> None:
    theirs = {key for key in reached_by(who) if re.search(r"/admin/(auth|knox|axes)/", key)}
    assert theirs == set()


def test_no_row_outside_their_scope_is_reached_by_its_number() -> None:
    for who in (VIEWER, TEAM_LEAD, AUDITOR, API_CLIENT, LICENSE_USER):
        rows = {key for key in reached_by(who) if re.search(r"/api/v1/.*<pk>", key)}
        assert rows == set(), who
