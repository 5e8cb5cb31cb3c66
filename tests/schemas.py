"""The schema of the API with nothing left open, for tests of what is answered."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator


def closed_schema() -> Any:
    """Return the schema with no room in what is answered for a part that it does not name."""
    schema = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    for name, part in schema["components"]["schemas"].items():
        if not name.endswith("Request"):
            _close(part)
    for methods in schema["paths"].values():
        for told in methods.values():
            _close(told["responses"])
    return schema


def _close(part: Any) -> None:
    for each in part.values() if isinstance(part, dict) else part:
        if isinstance(each, dict | list):
            _close(each)
    if isinstance(part, dict) and part.get("type") == "object" and "properties" in part:
        part.setdefault("additionalProperties", False)
