"""Rows inside a page that nobody edits there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import admin_urlquote
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

register = template.Library()

Link = Callable[[Any], SafeString | str]


@register.simple_tag
def rows_to_read(inline: Any) -> SafeString:
    """Return a table's rows, and after them the hidden fields by which the form knows each.

    inline:  an inline formset of the admin whose fields are all read-only.

    Drawn here, as a template takes five times as long for some hundred cells.
    """
    rows = [row for row in inline if row.original]
    # The fields of the first row serve all: to make them finds each label and help text again.
    fields = [field for fieldset in rows[0] for line in fieldset for field in line] if rows else []
    # As texts: what is lazy would be translated in each cell.
    labels = [str(capfirst(field.field["label"])) for field in fields]
    link = _link(inline.opts)
    return format_html_join("", "{}", ([_row(row, fields, labels, link)] for row in rows))


@register.simple_tag
def rows_hidden(inline: Any) -> SafeString:
    """Return the hidden fields of the rows."""
    return format_html_join("", "{}", ([_hidden(row)] for row in inline if row.original))


def _row(row: Any, fields: list[Any], labels: list[str], link: Link) -> SafeString:
    drawn = format_html_join(
        "",
        '<td data-label="{}">{}</td>',
        ((label, _contents(field, row)) for label, field in zip(labels, fields, strict=True)),
    )
    return format_html("<tr>{}{}</tr>", drawn, link(row.original))


def _contents(field: Any, row: Any) -> SafeString:
    field.form = row.form
    return field.contents()


def _link(opts: Any) -> Link:
    """Return what makes the cell that leads from a row to its own page."""
    if not opts.show_change_link:
        return lambda original: ""
    if not opts.has_registered_model:
        return lambda original: format_html("<td></td>")
    name = f"admin:{opts.opts.app_label}_{opts.opts.model_name}_change"
    before, after = reverse(name, args=["row"]).rsplit("row", 1)
    words = gettext("Open")
    return lambda original: format_html(
        '<td><a class="lm-link" href="{}{}{}">{}<span class="lm-heard"> {}</span></a></td>',
        *(before, admin_urlquote(original.pk), after, words, original),
    )


def _hidden(row: Any) -> SafeString:
    fields = [row.pk_field().field] if row.needs_explicit_pk_field() else []
    fields += [row.fk_field().field] if row.fk_field() else []
    return format_html_join(
        "",
        '<input type="hidden" name="{}" value="{}" id="{}">',
        ((field.html_name, field.value(), field.auto_id) for field in fields),
    )
