"""The schema shows examples of the main requests and answers, and they are what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from .test_history import DAY, client, get, pool, pytestmark

__all__ = ["pool", "pytestmark"]

SENT = [
    "/api/v1/entitlements/",
    "/api/v1/over-use-notes/",
    "/api/v1/channels/",
    "/api/v1/alert-rules/",
    "/api/v1/reports/",
]
ANSWERED = {"usage": f"usage/?{DAY}", "holders": "holders/"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def example(content: Any) -> Any:
    (found,) = content["application/json"]["examples"].values()
    return found["value"]


@pytest.mark.once
@pytest.mark.parametrize("path", SENT)
def test_what_is_sent_as_an_example_has_the_names_of_the_fields(schema, path):
    body = schema["paths"][path]["post"]["requestBody"]["content"]
    name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]
    shape = schema["components"]["schemas"][name]
    shown = example(body)
    assert set(shown) <= set(shape["properties"])
    assert set(shape.get("required", ())) <= set(shown)


@pytest.mark.once
@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_answered_has_the_names_of_the_example(schema, pool, name):
    path = f"/api/v1/pools/{{id}}/{name}/"
    shown = example(schema["paths"][path]["get"]["responses"]["200"]["content"])
    found = get(client("manager", pool), pool, ANSWERED[name])
    assert set(found) == set(shown)
    if name == "usage":
        assert set(found["total"]) == set(shown["total"])
