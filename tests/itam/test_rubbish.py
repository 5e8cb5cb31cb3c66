"""No route breaks on what people and programs put into an address: ids that cannot be, and rubbish
behind each name that any page or endpoint asks for. Pages are not drawn here."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern
from drf_spectacular.generators import SchemaGenerator

from tests.thorough import SECOND_RUN, is_thorough

from .test_permissions import address, foreign, only_answers, people, routes, signed_in

__all__ = ["foreign", "only_answers", "people"]

HUGE = "9" * 20
DIGITS = "9" * 5_000
"""More than the language takes for a number."""
IDS = (HUGE, DIGITS, "-1", "abc", "1.5", "\u0663", "a\x00b", "..")
VALUES = (
    *(HUGE, DIGITS, "-1", "abc", "", "1e999", "NaN", "\u0663", "\x00", "%", "[]"),
    *("2026-13-99", "0000-00-00", "9999-12-31T23:59:59+99:99", "2026-03-10T25:00:00Z", "Etc/../x"),
)
# Of pages; those of endpoints stand in the schema.
ASKED = (
    *("_changelist_filters", "_popup", "action_name", "app_label", "behind", "by"),
    *("changes", "day", "e", "field_name", "from", "ids", "lines", "model_name", "o", "of", "p"),
    *("pool", "q", "query", "shape", "step", "tab", "team", "term", "to", "who", "zone", "all"),
)
# No form names a field; Django breaks on the empty name of one.
PLAIN = {"_to_field": ""}
TIME = {"from": "2026-03-10", "to": "2026-03-11", "at": "2026-03-10"}


@pytest.fixture
def asked_of() -> dict[str, list[str]]:
    """Return the names that each endpoint asks for, by its address."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return {
        re.sub(r"\{\w+\}", "<>", path): [each["name"] for each in told["get"]["parameters"]]
        for path, told in schema["paths"].items()
        if "parameters" in told.get("get", {})
    }


def with_rubbish(
    route: str, pattern: URLPattern, asked_of: dict[str, list[str]], values: Iterator[str]
) -> Iterator[str]:
    """Yield addresses of a route: with each impossible id, then with rubbish behind each name."""
    if "<" in route:
        for value in IDS:
            yield re.sub(r"<\w+>", quote(value), route)
    plain = address(route, pattern)
    if not route.startswith("/api/"):
        yield f"{plain}?{urlencode(PLAIN | {name: next(values) for name in ASKED})}"
    for name in asked_of.get(re.sub(r"<\w+>", "<>", route), ()):
        yield f"{plain}?{urlencode(TIME | {name: next(values)})}"


@pytest.mark.skipif(SECOND_RUN, reason="an address is read before the database is asked")
@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("foreign")
def test_no_address_breaks_anything(
    asked_of: dict[str, list[str]], people: dict[str, User | None], only_answers: None
) -> None:
    """The superuser gets furthest and asks for all; the others in turn for every third address, or
    for all with --thorough."""
    visits = [signed_in(user) for user in people.values()]
    others = cycle(visits[:-1])
    client = Client(raise_request_exception=False)
    broken: list[Any] = []
    asked = 0
    logging.disable(logging.CRITICAL)
    values = cycle(VALUES)
    for route, pattern in routes():
        for path in with_rubbish(route, pattern, asked_of, values):
            also = [next(others)] if asked % 3 == 0 else []
            for cookies in visits if is_thorough() else [visits[-1], *also]:
                client.cookies = SimpleCookie(cookies)
                asked += 1
                with transaction.atomic():
                    found = client.get(path)
                    if getattr(found, "streaming", False):
                        list(found.streaming_content)
                    transaction.set_rollback(True)
                if found.status_code >= 500:
                    broken.append((found.status_code, path[:200]))
    logging.disable(logging.NOTSET)
    assert broken == []
    assert asked > 5_000
