"""What Unfold makes anew for each cell of a list, made once: a third of such a page.

The heads of the columns, which it makes again for each row, are kept on the list. Of what it draws
by a template in each row (a state in colour, a tick, the box that chooses the row), the template's
answer is kept with a gap in it, into which the row's own words go, escaped as the template would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, cast

import unfold.admin
import unfold.utils
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext
from unfold.templatetags import unfold_list

GAP = "\N{OBJECT REPLACEMENT CHARACTER}gap\N{OBJECT REPLACEMENT CHARACTER}"

Heads = Callable[[Any], Iterable[dict[str, Any]]]


def once_for_a_page(make: Heads) -> Heads:
    """Return *make* with a memory: its answer is kept on the list that it was asked about."""

    def heads(cl: Any) -> Iterable[dict[str, Any]]:
        found: list[dict[str, Any]] | None = cl.__dict__.get("_heads")
        if found is None:
            found = cl._heads = [_in_words(head) for head in make(cl)]
        return found

    return heads


def _in_words(head: dict[str, Any]) -> dict[str, Any]:
    """Return a head whose text is translated now, and not in each cell below it."""
    text = head["text"]
    return {**head, "text": str(text)} if isinstance(text, Promise) else head


@lru_cache(maxsize=64)
def _label(kind: str | None, language: str | None) -> tuple[str, str]:
    context = {"label": GAP, "label_type": kind, "multiple": False}
    return _around(render_to_string("unfold/helpers/display_label.html", context))


@lru_cache(maxsize=64)
def _box(name: str, language: str | None) -> tuple[str, str]:
    return _around(_box_widget.render(name, GAP))


@lru_cache(maxsize=64)
def _icon(value: bool | None, language: str | None) -> str:
    return str(_template_icon(value))


def _around(text: str) -> tuple[str, str]:
    before, _, after = text.partition(GAP)
    return before, after


def label(value: Any, empty: str, kinds: Any) -> SafeString:
    """Return a cell's words in the colour of their kind, as `display_for_label` does.

    value:  a pair of kind and words, or one for both. Lists, numbers and what is empty are left
            to it.
    """
    kind = None
    words = value
    if isinstance(kinds, dict) and isinstance(value, tuple) and len(value) == 2:
        key, words = value
        if key not in kinds:
            return _template_label(value, empty, kinds)
        kind = kinds[key]
    elif isinstance(kinds, dict) and not isinstance(value, list | tuple) and value in kinds:
        kind = kinds[value]
    if not words or not isinstance(words, str | Promise):  # numbers are written as one reads them
        return _template_label(value, empty, kinds)
    before, after = _label(kind, get_language())
    return mark_safe(f"{before}{conditional_escape(cast(str, words))}{after}")


class Box:
    """The box that chooses a row, instead of the widget that draws each by a template."""

    def render(self, name: str, value: Any) -> SafeString:
        before, after = _box(name, get_language())
        return mark_safe(f"{before}{conditional_escape(value)}{after}")


def icon(value: bool | None) -> str:
    """Return a tick, a cross or a question mark."""
    return _icon(value, get_language())


def cells(cl: Any, result: Any, form: Any) -> Iterator[SafeString]:
    """Yield a row's cells; the first one of a list in which no row can be chosen under its name.

    The library calls whatever comes first in a row, and leads nowhere, "Select record".
    """
    found = _library_cells(cl, result, form)
    if "action_checkbox" not in cl.list_display:
        first = next(found, None)
        if first is not None:
            wrong = f'data-label="{conditional_escape(gettext("Select record"))}"'
            head = next(iter(unfold_list.result_headers(cl)))["text"]
            yield mark_safe(first.replace(wrong, f'data-label="{conditional_escape(head)}"', 1))
    yield from found


_library_cells = unfold_list.items_for_result
_template_label: Callable[..., SafeString] = unfold_list.display_for_label
_template_icon = unfold.utils._boolean_icon
_box_widget = unfold.admin.checkbox


def install() -> None:
    """Let Unfold's lists use all of this. Called when the admin is ready."""
    unfold_list.result_headers = once_for_a_page(unfold_list.result_headers)
    unfold_list.items_for_result = cells
    unfold_list.display_for_label = label
    unfold.utils._boolean_icon = icon
    unfold.admin.checkbox = Box()
