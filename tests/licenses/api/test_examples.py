"""The schema shows an example of each body that is sent and answered, and they are what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from .test_history import DAY, client, get, pool, pytestmark

__all__ = ["pool", "pytestmark"]

SENT = [
    "/api/v1/entitlements/",
    "/api/v1/over-use-notes/",
    "/api/v1/channels/",
    "/api/v1/alert-rules/",
    "/api/v1/reports/",
]
BESIDE_POOLS = ["search/?q=cad", "lists/"]
ANSWERED = {"usage": f"usage/?{DAY}", "holders": "holders/"}


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def example(content: Any) -> Any:
    (found,) = content["application/json"]["examples"].values()
    return found["value"]


@pytest.mark.once
def test_each_body_has_an_example_that_fits_its_shape(schema):
    bodies = [
        (f"{method} {path}", content, kind)
        for path, methods in schema["paths"].items()
        for method, told in methods.items()
        for place in (told.get("requestBody", {}), *told["responses"].values())
        for kind, content in place.get("content", {}).items()
        if place is told.get("requestBody") or (kind == "application/json" and _done(told, place))
    ]
    assert len(bodies) > 300
    wrong = []
    for name, content, kind in bodies:
        shape = Draft202012Validator(content["schema"] | {"components": schema["components"]})
        shown = [each["value"] for each in content.get("examples", {}).values()] or [...]
        wrong += [
            (name, kind, error.message) for value in shown for error in shape.iter_errors(value)
        ]
    assert wrong == []


def _done(told: Any, answer: Any) -> bool:
    return any(each is answer for status, each in told["responses"].items() if status < "300")


@pytest.mark.once
def test_no_answer_is_of_any_shape(schema):
    bare = []

    def look(part: Any, place: str) -> None:
        if isinstance(part, list):
            part = dict(enumerate(part))
        if not isinstance(part, dict):
            return
        open_ended = part.get("additionalProperties", {}) in ({}, True)
        if part.get("type") == "object" and "properties" not in part and open_ended:
            bare.append(place)
        for name, each in part.items():
            look(each, f"{place}/{name}")

    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            for status, answer in told["responses"].items():
                for content in answer.get("content", {}).values():
                    look(content["schema"], f"{method} {path} {status}")
    for name, shape in schema["components"]["schemas"].items():
        if not name.endswith("Request"):
            look(shape, name)
    assert bare == []


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


@pytest.mark.once
@pytest.mark.parametrize("name", BESIDE_POOLS)
def test_what_a_list_answers_has_the_names_of_its_example(schema, pool, name):
    path = f"/api/v1/{name.partition('?')[0]}"
    (shown,) = example(schema["paths"][path]["get"]["responses"]["200"]["content"])
    found = client("manager", pool).get(f"/api/v1/{name}").json()
    assert {frozenset(each) for each in found} == {frozenset(shown)}


@pytest.mark.once
def test_what_becomes_of_a_sheet_has_the_names_of_its_example(schema, pool):
    path = "/api/v1/inventory/{kind}/"
    shown = example(schema["paths"][path]["post"]["responses"]["200"]["content"])
    lines = b"vendor,product\nNobody,A\n" + f"{pool.product.vendor.name},B\n".encode()
    sent = {"file": SimpleUploadedFile("a.csv", lines), "dry_run": "true"}
    answer = client("manager", pool).post("/api/v1/inventory/products/", sent, format="multipart")
    found = answer.json()
    assert set(found) == set(shown)
    for name in ("rows", "errors"):
        assert set(found[name][0]) == set(shown[name][0])
    assert set(found["rows"][0]["cells"][0]) == set(shown["rows"][0]["cells"][0])


@pytest.mark.once
def test_what_takes_a_file_is_told_to_be_sent_in_parts_alone(schema):
    files = {
        name
        for name, shape in schema["components"]["schemas"].items()
        if any(field.get("format") == "binary" for field in shape.get("properties", {}).values())
    }
    as_json = [
        path
        for path, methods in schema["paths"].items()
        for kind, content in methods.get("post", {})
        .get("requestBody", {})
        .get("content", {})
        .items()
        if content["schema"].get("$ref", "").rpartition("/")[2] in files
        and kind != "multipart/form-data"
    ]
    assert files and as_json == []
