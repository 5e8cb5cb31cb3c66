"""What Unfold makes anew for each cell of a list, made once: a third of such a page.

The heads of the columns, which it makes again for each row, and what a column's cells have in
common are kept on the list. Of what it draws by a template in each row (a state in colour, a tick,
the box that chooses the row), the template's answer is kept with a gap in it, into which the row's
own words go, escaped as the template would.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date, time
from functools import lru_cache
from typing import Any, cast

import unfold.admin
import unfold.utils
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import (  # type: ignore[attr-defined]
    FieldIsAForeignKeyColumnName,
    _get_non_gfk_field,
    lookup_field,
)
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import DateField, ForeignKey, ManyToOneRel, TimeField
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
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
    """Yield a row's cells, as `library_cells` does; what a column's cells have in common is made
    once for the list."""
    if form is not None or getattr(cl.model_admin, "ordering_field", None):
        yield from library_cells(cl, result, form)
        return
    columns: list[_Column] | None = cl.__dict__.get("_columns")
    if columns is None:
        columns = cl._columns = _columns(cl)
    for column in columns:
        yield column.cell(cl, result)


def library_cells(cl: Any, result: Any, form: Any) -> Iterator[SafeString]:
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


def _columns(cl: Any) -> list[_Column]:
    heads = [head["text"] for head in unfold_list.result_headers(cl)]
    if cl.list_display[0] == "action_checkbox":
        heads[0] = gettext("Select record")
    linked = cl.list_display_links
    first = True
    made = []
    for place, name in enumerate(cl.list_display):
        links = linked is not None and ((first and not linked) or name in linked)
        made.append(
            _Column(cl, place, name, heads[place], links, "th" if links and first else "td")
        )
        first = first and not links
    return made


class _Column:
    """One column of a list, drawn as `unfold_list.items_for_result` draws each of its cells."""

    def __init__(self, cl: Any, place: int, name: Any, head: Any, links: bool, tag: str) -> None:
        admin = cl.model_admin
        self.name, self.links, self.end = name, links, f"</{tag}>"
        self.empty = admin.get_empty_value_display()
        classes = [f"field-{unfold_list._coerce_field_name(name, place)}", *unfold_list.ROW_CLASSES]
        self.field = _field(cl.lookup_opts, name)
        self.call = None  # what is known to be asked, for it is asked of the admin itself
        self.choices: dict[Any, Any] = {}
        if self.field is None:
            if name == "action_checkbox":
                classes = unfold_list.CHECKBOX_CLASSES
            if not callable(name) and name != "__str__" and hasattr(admin, name):
                self.call = getattr(admin, name)
        else:
            choices = self.field.flatchoices if getattr(self.field, "flatchoices", None) else ()
            self.choices = {
                value: str(said) if isinstance(said, Promise) else said for value, said in choices
            }
        start, label = f'<{tag} class="{" ".join(classes)}', conditional_escape(head)
        self.start = f'{start}" data-label="{label}">'
        self.start_nowrap = f'{start} nowrap" data-label="{label}">'

    def cell(self, cl: Any, result: Any) -> SafeString:
        drawn, nowrap = self._drawn(cl, result)
        text: str = conditional_escape(drawn)
        if self.links:
            text = _link(cl, result, text)
        start = self.start_nowrap if nowrap else self.start
        return mark_safe(f"{start}{text}{self.end}")

    def _drawn(self, cl: Any, result: Any) -> tuple[Any, bool]:
        """Return what stands in the cell, and whether it is kept in one line."""
        try:
            if self.field is not None:
                return self._of_field(result)
            attr, value = self.call, None
            if attr is not None:
                value = attr(result)
            else:
                _, attr, value = lookup_field(self.name, result, cl.model_admin)
        except ObjectDoesNotExist:
            return self.empty, False
        empty = getattr(attr, "empty_value_display", self.empty)
        nowrap = isinstance(value, date | time)
        if kinds := getattr(attr, "label", False):
            return unfold_list.display_for_label(value, empty, kinds), nowrap
        if getattr(attr, "dropdown", False):
            drawn = unfold_list.display_for_dropdown(result, self.name, value, empty)
            return drawn, nowrap
        if getattr(attr, "header", False):
            return unfold_list.display_for_header(value, empty), nowrap
        boolean = getattr(attr, "boolean", False)
        return unfold_list.display_for_value(value, empty, boolean), nowrap

    def _of_field(self, result: Any) -> tuple[Any, bool]:
        field = self.field
        value = getattr(result, self.name)
        nowrap = isinstance(field, DateField | TimeField | ForeignKey)
        if isinstance(field.remote_field, ManyToOneRel):
            return (self.empty if value is None else value), nowrap
        if self.choices and isinstance(value, Hashable):
            return self.choices.get(value, self.empty), nowrap
        return unfold_list.display_for_field(value, field, self.empty), nowrap


def _field(opts: Any, name: Any) -> Any:
    """Return the field of a column that shows one as it is; None: something else is shown."""
    try:
        found = _get_non_gfk_field(opts, name)
    except (FieldDoesNotExist, FieldIsAForeignKeyColumnName):
        return None
    return None if found.auto_created else found


def _link(cl: Any, result: Any, text: str) -> str:
    """Return what leads to a row's own page, where there is one."""
    try:
        url = cl.url_for_result(result)
    except NoReverseMatch:
        return text
    values = {"preserved_filters": cl.preserved_filters, "opts": cl.opts}
    url = conditional_escape(add_preserved_filters(values, url))
    opener = ""
    if cl.is_popup:
        key = str(cl.to_field) if cl.to_field else cl.lookup_opts.pk.attname
        opener = format_html(' data-popup-opener="{}"', result.serializable_value(key))
    return f'<a href="{url}" class="{" ".join(unfold_list.LINK_CLASSES)}" {opener}>{text}</a>'


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
