"""Parts of pages that are drawn once and kept in memory, for what is around each page.

    {% kept links=links title=title %} … {% fresh %}{% csrf_token %}{% endfresh %} … {% endkept %}

What is between is drawn by the values that the tag names and by nothing else: neither the request
nor the user is known there, so that what is kept for one reader can hold nothing of another. It is
kept in the memory of the process, for each set of values, each language and each zone. What is
`fresh` inside is drawn each time, from the page at hand; it may not use what a loop around it,
inside of `kept`, defines.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import astuple, is_dataclass
from typing import Any

from django import template
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.urls import get_script_prefix
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

MOST = 256
"""How many drawings each place of a template keeps before all of them are forgotten."""

# Nobody can write it into a name: it is another one in each process.
_GAP = secrets.token_hex(16)
_GAPS = re.compile(rf"{_GAP}:(\d+);")
_FRESH = f"fresh {_GAP}"

register = template.Library()

Piece = str | NodeList


class KeptNode(Node):
    """Draws its contents once for each set of values."""

    def __init__(self, nodelist: NodeList, values: dict[str, FilterExpression]) -> None:
        self.nodelist = nodelist
        self.values = values
        self.drawn: dict[Any, list[Piece]] = {}

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self.values.items()}
        if _FRESH in context:  # part of what is kept around it
            with context.push(**values):
                return self.nodelist.render(context)
        key = get_language(), get_current_timezone_name(), get_script_prefix(), frozen(values)
        pieces = self.drawn.get(key)
        if pieces is None:
            if len(self.drawn) >= MOST:
                self.drawn.clear()
            pieces = self.drawn[key] = self._draw(context, values)
        return mark_safe(
            "".join(
                piece if isinstance(piece, str) else str(piece.render(context)) for piece in pieces
            )
        )

    def _draw(self, context: Context, values: dict[str, Any]) -> list[Piece]:
        fresh: list[NodeList] = []
        alone = Context({**values, _FRESH: fresh}, autoescape=context.autoescape)
        assert context.template is not None  # it is this node's
        with alone.bind_template(context.template):
            parts = _GAPS.split(self.nodelist.render(alone))
        # Split by a pattern with one group: texts and the numbers of gaps take turns.
        return [fresh[int(part)] if place % 2 else part for place, part in enumerate(parts)]


class FreshNode(Node):
    """Leaves a gap in what is kept around it; drawn as it stands where nothing is."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        fresh = context.get(_FRESH)
        if fresh is None:
            return self.nodelist.render(context)
        fresh.append(self.nodelist)
        return f"{_GAP}:{len(fresh) - 1};"


def frozen(value: Any) -> Any:
    """Return what stands for a value in a key: equal only for what is drawn equally.

    Texts that are safe differ from those that are escaped, and True from 1. Mappings, sequences and
    dataclasses are gone through. Raises TypeError for what cannot be told from others: a row of the
    database, a function.
    """
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind in _PLAIN:
        return kind, value
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return kind, tuple((name, frozen(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return kind, tuple(map(frozen, value))
    if is_dataclass(value) and not isinstance(value, type):
        return kind, frozen(astuple(value))
    raise TypeError(f"{kind.__name__} cannot be kept by: name the texts and numbers of it")


_PLAIN = frozenset({SafeString, int, bool, float})


class PutNode(Node):
    """Gives what is drawn in it a name in the page's values."""

    def __init__(self, nodelist: NodeList, name: str) -> None:
        self.nodelist = nodelist
        self.name = name

    def render(self, context: Context) -> str:
        context[self.name] = self.nodelist.render(context)
        return ""


@register.tag("put")
def do_put(parser: Parser, token: Token) -> PutNode:
    _, name = token.split_contents()
    nodelist = parser.parse(("endput",))
    parser.delete_first_token()
    return PutNode(nodelist, name)


@register.tag("kept")
def do_kept(parser: Parser, token: Token) -> KeptNode:
    bits = token.split_contents()[1:]
    values = token_kwargs(bits, parser)
    if bits:
        raise TemplateSyntaxError(f"kept takes values with a name each, and not {bits[0]}")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodelist, values)


@register.tag("fresh")
def do_fresh(parser: Parser, token: Token) -> FreshNode:
    nodelist = parser.parse(("endfresh",))
    parser.delete_first_token()
    return FreshNode(nodelist)
