"""The pages of the API: what its schema says, to read, to print, and to try with a form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from django.http import Http404, HttpResponseRedirect
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """One value that is sent or answered. shape: the shape that it has, "" for a plain one."""

    name: str
    place: str
    kind: str
    shape: str
    required: bool
    said: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back under one status. kind: in words, such as "list of"."""

    status: str
    kind: str
    shape: str
    formats: str
    said: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. sample: a body that it would take."""

    name: str
    topic: str
    method: str
    path: str
    said: str
    fields: tuple[Field, ...]
    body: tuple[Field, ...]
    body_formats: str
    sample: str
    answers: tuple[Answer, ...]
    shapes: frozenset[str]

    @property
    def may_be_tried(self) -> bool:
        """Whether a form can ask it: what changes something is sent by a program."""
        return self.method == "GET"

    @property
    def asked(self) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.place in ("path", "query"))


@cache
def schema() -> dict[str, Any]:
    """Return the schema. It is the same for all who may read it, as long as the process lives."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """Return all operations, by topic and address."""
    found = [
        _operation(path, method, told)
        for path, methods in schema()["paths"].items()
        for method, told in methods.items()
        if method in METHODS
    ]
    return tuple(sorted(found, key=lambda each: (each.topic, each.path)))


def shape(name: str) -> dict[str, Any]:
    """Return a shape with its fields, as the page shows it."""
    told = _component(name)
    return {
        "name": name,
        "said": told.get("description", ""),
        "fields": tuple(_fields(told)),
        "choices": tuple(map(str, told.get("enum", ()))),
    }


def address(operation: Operation, values: Any) -> str:
    """Return the address that asks for these values, as a form sent them; empty ones are left out.

    Raises KeyError where a value of the path is missing.
    """
    path = operation.path
    for field in operation.fields:
        if field.place == "path":
            path = path.replace(f"{{{field.name}}}", quote(values[field.name], safe=""))
    query = [
        (field.name, value)
        for field in operation.fields
        if field.place == "query"
        for value in values.getlist(field.name)
        if value
    ]
    return f"{path}?{urlencode(query)}" if query else path


class ApiDocs(APIView):
    """What the API offers: by topic, with the shapes that each operation takes and answers."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [TemplateHTMLRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Any:
        """Show the topics, the operations of one (`of`), or go where a form asks (`ask`)."""
        known = operations()
        if wanted := request.query_params.get("ask"):
            asked = next((each for each in known if each.name == wanted), None)
            if asked is None or not asked.may_be_tried:
                raise Http404
            try:
                return HttpResponseRedirect(address(asked, request.query_params))
            except KeyError as error:
                raise Http404 from error
        topics: dict[str, list[Operation]] = {}
        for each in known:
            topics.setdefault(each.topic, []).append(each)
        of = request.query_params.get("of", "")
        if of and of not in topics:
            raise Http404
        shown = topics.get(of, [])
        names = sorted(_reached(name for each in shown for name in each.shapes))
        context = {"topics": topics, "of": of, "shown": shown, "shapes": [shape(x) for x in names]}
        return Response(context, template_name="api/docs.html")


def _operation(path: str, method: str, told: dict[str, Any]) -> Operation:
    fields = tuple(
        _field(each["name"], each["in"], each.get("schema", {}), each.get("required", False),
               each.get("description", ""))
        for each in told.get("parameters", ())
        if each["in"] in ("path", "query", "header")
    )  # fmt: skip
    content = told.get("requestBody", {}).get("content", {})
    asked: dict[str, Any] = next((part.get("schema", {}) for part in content.values()), {})
    answers = tuple(
        _answer(status, each)
        for status, each in told.get("responses", {}).items()
        if status < "400"
    )
    named = {each.shape for each in answers} | {_kind(asked)[1]}
    return Operation(
        name=told["operationId"],
        topic=told["tags"][0],
        method=method.upper(),
        path=path,
        said=told.get("description", ""),
        fields=tuple(sorted(fields, key=lambda each: ("path query header").index(each.place))),
        body=tuple(_fields(asked)),
        body_formats=", ".join(content),
        sample=_sample(content),
        answers=answers,
        shapes=frozenset(filter(None, named)),
    )


def _sample(content: dict[str, Any]) -> str:
    """Return a body that would be taken; "" where none is."""
    shown = (each for part in content.values() for each in part["examples"].values())
    return "\n".join(
        json.dumps(each["value"], indent=2, ensure_ascii=False) for each in [*shown][:1]
    )


def _answer(status: str, told: dict[str, Any]) -> Answer:
    content = told.get("content", {})
    kind, name = _kind(next((part.get("schema", {}) for part in content.values()), {}))
    return Answer(status, kind, name, ", ".join(content), told.get("description", ""))


def _component(name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema()["components"]["schemas"][name]
    return found


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to put in its place."""
    (reference,) = [told["$ref"]] if "$ref" in told else [""]
    if not reference and len(told.get("allOf", ())) == 1:
        reference = told["allOf"][0].get("$ref", "")
    return {**_component(_last(reference)), **told} if reference else told


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _fields(told: dict[str, Any]) -> Iterator[Field]:
    told = _plain(told)
    needed = told.get("required", ())
    for name, part in told.get("properties", {}).items():
        place = "answer" if _plain(part).get("readOnly") else ""
        place = "body" if _plain(part).get("writeOnly") else place
        yield _field(name, place, part, name in needed, part.get("description", ""))


def _field(name: str, place: str, told: dict[str, Any], required: bool, said: str) -> Field:
    kind, shape = _kind(told)
    inner = _plain(told.get("items", told))
    choices = tuple(str(each) for each in inner.get("enum", ()) if each not in ("", None))
    return Field(name, place, kind, shape, required, said, choices)


def _kind(told: dict[str, Any]) -> tuple[str, str]:
    """Return what a value is, in words, and the shape that it has."""
    if "$ref" in told:
        return "", _last(told["$ref"])
    for join in ("allOf", "oneOf", "anyOf"):
        parts = [_kind(part) for part in told.get(join, ())]
        if parts:
            words = " or ".join(kind for kind, _name in parts if kind)
            return words, next((name for _kind_, name in parts if name), "")
    types = told.get("type", "any value")
    types = [types] if isinstance(types, str) else types
    if "array" in types:
        kind, name = _kind(told.get("items", {}))
        return f"list of {kind}".rstrip(), name
    first = told.get("format") or next((each for each in types if each != "null"), "any value")
    first = {"int64": "integer", "double": "number", "uri": "address", "binary": "file"}.get(
        first, first
    )
    return f"{first} or null" if "null" in types else first, ""


def _reached(names: Any) -> set[str]:
    """Return these shapes and all that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r'"#/components/schemas/(\w+)"', json.dumps(_component(name)))
    return found
