"""Rows inside a page that nobody edits there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import admin_urlquote
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.template.defaultfilters import linebreaksbr
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.fields import UnfoldAdminReadonlyField
from unfold.utils import display_for_field

register = template.Library()

Cell = Callable[[Any], str]
"""Makes what stands in a column's cell of a row, as HTML."""

SHOWN_AS_THEY_ARE = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.DecimalField,
    models.DateField,
    models.BooleanField,
)


@register.simple_tag
def rows_to_read(inline: Any) -> SafeString:
    """Return a table's rows.

    inline:  an inline formset of the admin whose fields are all read-only, of `RowsToRead`.

    Drawn here and by the column: a template takes five times as long for some hundred cells, and
    the theme's own fields find out anew in each row what they are.
    """
    rows = inline.formset.rows
    if not rows:
        return mark_safe("")
    # As texts: what is lazy would be translated in each cell.
    columns = [
        (format_html('<td data-label="{}">', str(capfirst(field["label"]))), _cell(inline, field))
        for field in inline.fields()
    ]
    link = _link(inline.opts)
    return format_html_join("", "{}", ([_row(row, columns, link)] for row in rows))


def _row(row: Any, columns: Sequence[tuple[str, Cell]], link: Cell) -> SafeString:
    cells = "".join([f"{start}{cell(row)}</td>" for start, cell in columns])
    return mark_safe(f"<tr>{cells}{link(row)}</tr>")


def _cell(inline: Any, field: dict[str, Any]) -> Cell:
    """Return what draws a column's cells, as the theme's field that is only read draws each."""
    name, admin = field["name"], inline.opts
    found = (
        None if name in getattr(admin, "readonly_preprocess_fields", ()) else _field(admin, name)
    )
    if isinstance(found, models.ForeignKey):
        return _leading(admin, name, found)
    if type(found) in SHOWN_AS_THEY_ARE or isinstance(found, models.DateTimeField):
        return _shown(admin, name, found)
    form = SimpleNamespace(_meta=inline.formset.form._meta, fields={}, instance=None)
    drawn = UnfoldAdminReadonlyField(form, name, False, model_admin=admin)

    def cell(row: Any) -> str:
        form.instance = row
        return drawn.contents()

    return cell


def _field(admin: Any, name: Any) -> Any:
    try:
        return admin.opts.get_field(name)
    except FieldDoesNotExist:
        return None


def _shown(admin: Any, name: str, field: Any) -> Cell:
    empty = admin.get_empty_value_display()
    choices = {
        value: str(said) if isinstance(said, Promise) else said
        for value, said in field.flatchoices or ()
    }
    if choices:
        return lambda row: conditional_escape(choices.get(getattr(row, name), empty))
    known: dict[Any, str] = {}  # most rows of a table have dates and numbers in common

    def cell(row: Any) -> str:
        value = getattr(row, name)
        text = known.get(value)
        if text is None:
            text = known[value] = conditional_escape(display_for_field(value, field, empty))
        return text

    return cell


def _leading(admin: Any, name: str, field: Any) -> Cell:
    """Return what draws cells that lead to what rows refer to, where that has a page."""
    empty = conditional_escape(admin.get_empty_value_display())
    opts = field.related_model._meta
    try:
        place = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=["row"])
    except NoReverseMatch:
        place = ""
    before, after = map(conditional_escape, place.rsplit("row", 1)) if place else ("", "")

    def cell(row: Any) -> str:
        other = getattr(row, name)
        if other is None:
            return empty
        text = linebreaksbr(str(other))
        if not place:
            return text
        return f'<a href="{before}{admin_urlquote(other.pk)}{after}" class="text-link">{text}</a>'

    return cell


def _link(opts: Any) -> Cell:
    """Return what makes the cell that leads from a row to its own page."""
    if not opts.show_change_link:
        return lambda row: ""
    if not opts.has_registered_model:
        return lambda row: "<td></td>"
    name = f"admin:{opts.opts.app_label}_{opts.opts.model_name}_change"
    before, after = reverse(name, args=["row"]).rsplit("row", 1)
    words = gettext("Open")
    return lambda row: format_html(
        '<td><a class="lm-link" href="{}{}{}">{}<span class="lm-heard"> {}</span></a></td>',
        *(before, admin_urlquote(row.pk), after, words, row),
    )
