"""Texts that are stored by what they say, so that each reader is told in their own language.

A text made here is said in the present language and knows its facts: the form of the sentence and
the values in it. The facts are plain JSON; whoever kept them can say the text again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext, ngettext

from itam import figures
from itam.retold import retell

FIGURES = {
    "days": figures.days,
    "length": figures.length,
    "lines": figures.lines,
    "pools": figures.pools,
    "refusals": figures.refusals,
    "seats": figures.seats,
    "working_days": figures.working_days,
}


class Told(str):
    """A text in the language in which it was made. facts: what it says, as JSON."""

    __slots__ = ("facts",)
    facts: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return draw, (self.facts,)


def tell(form: str, /, **values: Any) -> Told:
    """Return a sentence. form: of gettext, with a name for each value."""
    return draw({"say": form, "with": _facts(values)} if values else {"say": form})


def tell_count(one: str, many: str, count: int, /, **values: Any) -> Told:
    """Return a sentence in the number that it stands in, which its forms know as *count*."""
    return draw({"one": one, "many": many, "count": count, "with": _facts(values)})


def figure(name: str, count: int) -> Told:
    """Return a number with its noun. name: of FIGURES."""
    return draw({"figure": name, "count": count})


def retold(text: str) -> Told:
    """Return a sentence that was stored in English, as `itam.retold` knows them."""
    return draw({"retell": text})


def joined(parts: Iterable[str], by: str = "\n") -> Told:
    """Return several texts as one."""
    return draw({"join": by, "parts": [_fact(part) for part in parts]})


def capital(text: str) -> Told:
    """Return a text that begins with a capital."""
    return draw({"capital": _fact(text)})


def draw(facts: Any) -> Told:
    """Say what facts say in the present language."""
    told = Told(_say(facts))
    told.facts = facts
    return told


def _say(facts: Any) -> str:
    match facts:
        case str():
            return facts
        case int():
            return figures.number(facts)
        case {"say": form, "with": values}:
            return gettext(form) % _drawn(values)
        case {"say": form}:
            return gettext(form)
        case {"one": one, "many": many, "count": count, "with": values}:
            return ngettext(one, many, count) % {"count": figures.number(count), **_drawn(values)}
        case {"figure": name, "count": count}:
            return FIGURES[name](count)
        case {"retell": text}:
            return retell(text)
        case {"join": by, "parts": parts}:
            return str(by).join(map(_say, parts))
        case {"capital": inner}:
            text = _say(inner)
            return f"{text[:1].upper()}{text[1:]}"
    raise ValueError(f"{facts!r}: expected facts of a text")


def _drawn(values: dict[str, Any]) -> dict[str, str]:
    return {name: _say(value) for name, value in values.items()}


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _fact(value) for name, value in values.items()}


def _fact(value: Any) -> Any:
    if isinstance(value, Told):
        return value.facts
    return value if isinstance(value, int) else str(value)
