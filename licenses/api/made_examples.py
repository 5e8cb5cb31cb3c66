"""An example of each body that is sent and answered, made from its shape: written by hand it would
be one more thing that is no longer true."""

from __future__ import annotations

from typing import Any

from licenses.api.example_values import DAY, MOMENT, VALUES

_BY_FORMAT = {
    "date": DAY,
    "date-time": MOMENT,
    "decimal": "1250.00",
    "email": "ann@company.example",
    "uri": "https://licences.company.example/api/v1/pools/7/",
    "uuid": "8d8ac610-566d-4ef0-9c22-186b2a5ed793",
}
_OF_TYPE = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}
_DEEPEST = 8


def add_examples(result: Any, **_: Any) -> Any:
    """Give each body that is sent, and each JSON that is answered, an example if it has none. A
    hook of drf-spectacular's."""
    made = _Examples(result["components"]["schemas"])
    for methods in result["paths"].values():
        for method, told in methods.items():
            for sent in told.get("requestBody", {}).get("content", {}).values():
                part = made.whole(sent["schema"], sent=True)
                _put(sent, dict([_telling(part)]) if method == "patch" else part)
            for status, answer in told.get("responses", {}).items():
                content = answer.get("content", {}).get("application/json")
                if status < "300" and content is not None:
                    _put(content, made.whole(content["schema"], sent=False))
    return result


def _put(content: Any, value: Any) -> None:
    content.setdefault("examples", {"Example": {"value": value}})


def _telling(parts: dict[str, Any]) -> tuple[str, Any]:
    """Return one part of a row, as a change of it is sent: a text where there is one."""
    texts = [part for part in parts.items() if isinstance(part[1], str)]
    return (texts or list(parts.items()))[0]


class _Examples:
    def __init__(self, shapes: dict[str, Any]) -> None:
        self.shapes = shapes

    def whole(self, told: dict[str, Any], *, sent: bool) -> Any:
        """Return an example of a body. sent: without what is only answered, and of the rest what
        is needed or has a value of its own, or all where that is nothing."""
        own, of = self._plain(told)
        value = self._value("", told, of, sent)
        if value == {} and own.get("properties"):
            name, part = next(iter(own["properties"].items()))
            return {name: self._value(name, part, of, sent)}
        return value

    def _plain(self, told: dict[str, Any], of: str = "") -> tuple[dict[str, Any], str]:
        """Return a schema with what it refers to in its place, of several the first; and the name
        of the shape."""
        for join in ("allOf", "oneOf", "anyOf"):
            if told.get(join):
                own, of = self._plain(told[join][0], of)
                more = {name: told[name] for name in ("readOnly", "writeOnly") if name in told}
                return own | more, of
        if "$ref" in told:
            name = told["$ref"].rpartition("/")[2]
            short = name.removeprefix("Patched").removesuffix("Request")
            return self._plain(self.shapes[name], short)
        return told, of

    def _value(self, name: str, told: dict[str, Any], of: str, sent: bool, depth: int = 0) -> Any:
        told, of = self._plain(told, of)
        if "const" in told:
            return told["const"]
        if told.get("enum"):
            return next((each for each in told["enum"] if each not in ("", None)), None)
        if known := self._known(name, told, of):
            return known[0]
        kind, below = _types(told)[0], depth + 1
        if kind == "array":
            item = self._value(name, told.get("items", {}), of, sent, below)
            return [item] * max(1, told.get("minItems", 1)) if depth < _DEEPEST else []
        if kind == "object" and "properties" not in told:
            kept = told.get("additionalProperties")
            return {"EUR": self._value(name, kept, of, sent, below)} if kept else {}
        if kind == "object":
            needed = told.get("required", ())
            return {
                part: self._value(part, kept, of, sent, below)
                for part, kept in told["properties"].items()
                if self._shown(part, kept, of, sent, part in needed)
            }
        if kind == "string":
            return _BY_FORMAT.get(told.get("format", ""), "text")
        return {"integer": max(1, told.get("minimum", 1)), "number": 0.5, "boolean": True}.get(kind)

    def _shown(self, name: str, told: dict[str, Any], of: str, sent: bool, needed: bool) -> bool:
        own, _inner = self._plain(told)
        hidden = own.get("readOnly") if sent else own.get("writeOnly")
        return not hidden and (not sent or needed or bool(self._known(name, own, of)))

    def _known(self, name: str, told: dict[str, Any], of: str) -> list[Any]:
        """Return the values of a name that have the type and the format."""
        plain = name.removesuffix("_before")
        values = VALUES.get(f"{of}.{plain}", VALUES.get(plain, ()))
        kinds = tuple(_OF_TYPE[each] for each in _types(told))
        length = {"date": 10, "date-time": 25}.get(told.get("format", ""))
        return [
            each
            for each in values
            if type(each) in kinds and (length is None or each is None or len(each) == length)
        ]


def _types(told: dict[str, Any]) -> list[str]:
    kinds = told.get("type", "string" if "description" in told else "object")
    return [kinds] if isinstance(kinds, str) else list(kinds)
