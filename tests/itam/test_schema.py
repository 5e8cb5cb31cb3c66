"""What the API answers is what its schema says, whoever asks and whatever is sent: no answer is an
error of the server's, and none has a status, a type or a shape that the schema does not know.

The requests are made from the schema by schemathesis. So that they get further than "no such row",
most of their ids are those of rows that are there; and each operation is asked once as its example
says, for a time of which something is known.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, models, transaction
from django.urls import get_resolver
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from itam.wsgi import application
from licenses.importing.captures import store_unreadable
from licenses.models import (
    API_CLIENT,
    AUDITOR,
    LICENSE_USER,
    MANAGER,
    TEAM_LEAD,
    VIEWER,
    Alert,
    AlertRule,
    Capture,
    Channel,
    Contract,
    EscalationStep,
    Membership,
    PoolNow,
    Silence,
    TeamRule,
)
from licenses.models.scoping import roles
from licenses.sources.records import Unreadable
from tests.factories import (
    EntitlementFactory,
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    TeamFactory,
    at,
    covered,
    derived,
    holding,
    refusal,
    scope_of,
)
from tests.rows import several
from tests.schemas import closed_schema
from tests.thorough import SECOND_RUN, is_thorough, trials

ROLES = (MANAGER, AUDITOR, VIEWER, TEAM_LEAD, API_CLIENT, LICENSE_USER)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NINE = at("2026-03-10T09:00")
# No row here has the file; or they are told to whoever did something alone.
UNANSWERED = {
    f"GET /api/v1/{name}/"
    for name in (
        *("documents/{id}/download", "evidence-packs/{id}/file", "reports/{id}/file"),
        *("reports/{id}/later", "reports/{id}/numbers"),
        *("saved-filters/{id}", "undo-steps/{id}", "waitlist/{id}"),
    )
}


@pytest.fixture
def company(db: None) -> None:
    """A row of nearly everything, all within the scope of every role."""
    pool = PoolFactory(name="Drawing")
    feature = FeatureFactory(server=ServerFactory(name="lic-one", zone="UTC"), pool=pool)
    contract = Contract.objects.create(vendor=pool.product.vendor, number="C-1")
    EntitlementFactory(pool=pool, contract=contract, quantity=2)
    covered(feature.server, NINE, NINE + 7200)
    ann = PersonFactory(login="ann")
    team = TeamFactory(name="Design")
    Membership.objects.create(person=ann, team=team)
    pool.owner_teams.add(team)
    holding(feature, NINE, NINE + 600, person=ann)
    refusal(feature, NINE + 60, person=PersonFactory(login="lena"))
    derived(pool, NINE, NINE + 7200)
    PoolNow.objects.update_or_create(
        pool=pool, defaults={"at": NINE, "in_use": 1, "limit": 2, "source": "log"}
    )
    capture = Capture.objects.create(
        server=feature.server, kind="lmstat", source="a", result="timeout", sha256="a" * 64, size=9
    )
    store_unreadable(capture, [Unreadable(1, "10:00 (d) ODD", "odd")])
    channel = Channel.objects.create(name="desk", kind="mail", target="desk@company.example")
    rule = AlertRule.objects.create(name="Full", kind="use_percent", pool=pool)
    EscalationStep.objects.create(rule=rule, step=1, wait_minutes=10, channel=channel)
    moment = capture.recorded_at
    Alert.objects.create(
        rule=rule, subject="pool:1", pool=pool, state="firing", title="Full", started_at=moment,
        fired_at=moment,
    )  # fmt: skip
    later = moment + timedelta(hours=1)
    Silence.objects.create(rule=rule, starts_at=moment, ends_at=later, reason="tests")
    TeamRule.objects.create(team=team, user_pattern="ann*", order=1)
    for model in models_by_place().values():
        if not model._default_manager.exists():
            several(model, 1)


@pytest.fixture
def tokens(company: None) -> dict[str, str]:
    """Return a token of an account of each role, and of a superuser."""
    found = {}
    for role in (*ROLES, "superuser"):
        user = User.objects.create_user(role, f"{role[:3]}@company.example", "x")
        user.is_superuser = role == "superuser"
        user.save()
        if role in ROLES:
            user.groups.add(Group.objects.get(name=role))
            scope = scope_of(user)
            scope.vendors.set(Contract.objects.values_list("vendor", flat=True))
            scope.teams.set(Membership.objects.values_list("team", flat=True))
        found[role] = AuthToken.objects.create(user)[1]
    return found


def models_by_place() -> dict[str, type[models.Model]]:
    """Return the model of each list of the API, by the last word of its address."""
    found = {}

    def walk(resolver: Any) -> None:
        for pattern in resolver.url_patterns:
            if hasattr(pattern, "url_patterns"):
                walk(pattern)
                continue
            queryset = getattr(getattr(pattern.callback, "cls", None), "queryset", None)
            if queryset is not None and (pattern.name or "").endswith("-list"):
                found[str(pattern.pattern).strip("^/$")] = queryset.model

    walk(get_resolver())
    return found


def true_ids(of: dict[str, type[models.Model]]) -> dict[str, int]:
    """Return the id of a row by each name that a field for it may have: pool, pools, vendor..."""
    found = {}
    for place, model in of.items():
        pk = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        if pk is not None:
            found |= {place: pk, model._meta.model_name or "": pk}
    aliases = {"licensepool": "pool", "licenseserver": "server", "alertrule": "rule"}
    return found | {short: found[name] for name, short in aliases.items() if name in found}


TIME = {
    "from": "2026-03-10T08:00:00Z",
    "to": "2026-03-10T12:00:00Z",
    "at": "2026-03-10T09:05:00Z",
    "zone": "UTC",
}


def make_plain(case: Any) -> None:
    """Ask as the example of the operation says, for a time of which something is known."""
    case.query = {name: TIME[name] for name in TIME.keys() & (case.query or {}).keys()}
    bodies = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    if case.media_type == "application/json":
        (shown,) = bodies[case.media_type]["examples"].values()
        case.body = copy.deepcopy(shown["value"])


def make_true(case: Any, ids: dict[str, int]) -> None:
    """Put ids of rows that are there in the place of invented ones."""
    place = case.operation.path.removeprefix("/api/v1/").split("/")[0]
    named = {"page": "licenses.licensepool", "kind": "vendors"}
    for name in case.path_parameters or {}:
        case.path_parameters[name] = named.get(name, ids.get(place, 1))
    for part in (case.query, case.body):
        if isinstance(part, dict):
            for name in part.keys() & ids.keys():
                known = ids[name]
                part[name] = [known] if isinstance(part[name], list) else known


def examples(operation: Any, amount: int) -> list[Any]:
    """Return requests for an operation, the same ones each time."""
    found: list[Any] = []

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=amount,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found[:amount]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody be told to ask more slowly, and say nothing of a thousand refusals.

    The application ends its connection to the database with each request, which here holds the
    transaction of the test.
    """
    cache.clear()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look up once whose a token is and what the account may, and not for each request."""
    look_up = TokenAuthentication.authenticate_credentials
    found: dict[bytes, tuple[User, AuthToken]] = {}

    def authenticate(own: TokenAuthentication, token: bytes) -> tuple[User, AuthToken]:
        if token not in found:
            user, row = found[token] = look_up(own, token)
            user.get_all_permissions()
            roles(user)
        user, row = found[token]
        return copy.copy(user), copy.copy(row)

    monkeypatch.setattr(TokenAuthentication, "authenticate_credentials", authenticate)


def serve(environ: Any, start_response: Any) -> list[bytes]:
    """Answer as a server does, which closes the files that it sent."""
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


@pytest.mark.skipif(SECOND_RUN, reason="the shape of an answer does not depend on the database")
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("unhurried", "known")
def test_every_answer_is_one_that_the_schema_knows(tokens: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_dict(closed_schema())
    schema.app = serve
    ids = true_ids(models_by_place())
    troubles: dict[tuple[str, str], str] = {}
    done: dict[str, bool] = {}
    numbers = count()
    for result in schema.get_all_operations():
        operation = result.ok()
        for number, case in enumerate(examples(operation, trials("E25"))):
            if number % 10 == 0:
                make_plain(case)
            if number % 3 != 2:
                make_true(case, ids)
            for role, token in tokens.items():
                next(numbers)
                try:
                    with transaction.atomic():
                        headers = {"Authorization": f"Token {token}"}
                        answer = case.call(headers=headers)
                        transaction.set_rollback(True)
                    done[operation.label] = (
                        done.get(operation.label, False) or answer.status_code < 300
                    )
                    case.validate_response(answer, checks=CHECKS, headers=headers)
                except FailureGroup as error:  # told together, in the end
                    told = f"{role}: {error}\n{case.as_curl_command()}"
                    troubles.setdefault((operation.label, type(error).__name__), told)
    assert troubles == {}, "\n\n".join(f"{key}\n{told}" for key, told in troubles.items())
    never = {label for label, was in done.items() if not was and label.startswith("GET")}
    assert never == UNANSWERED
    asked = next(numbers)
    assert asked >= (50_000 if is_thorough() else 500)
