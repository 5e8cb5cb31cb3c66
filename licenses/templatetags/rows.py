"""Rows inside a page that nobody edits there."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_urls import admin_urlquote
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

register = template.Library()


@register.simple_tag
def rows_to_read(inline: Any) -> SafeString:
    """Return a table's rows, and after them the hidden fields by which the form knows each.

    inline:  an inline formset of the admin whose fields are all read-only.

    Drawn here, as a template takes five times as long for some hundred cells.
    """
    rows = [row for row in inline if row.original]
    # The fields of the first row serve all: to make them finds each label and help text again.
    fields = [field for fieldset in rows[0] for line in fieldset for field in line] if rows else []
    labels = [capfirst(field.field["label"]) for field in fields]
    return format_html_join("", "{}", ([_row(row, fields, labels, inline.opts)] for row in rows))


@register.simple_tag
def rows_hidden(inline: Any) -> SafeString:
    """Return the hidden fields of the rows."""
    return format_html_join("", "{}", ([_hidden(row)] for row in inline if row.original))


def _row(row: Any, fields: list[Any], labels: list[str], opts: Any) -> SafeString:
    drawn = format_html_join(
        "",
        '<td data-label="{}">{}</td>',
        ((label, _contents(field, row)) for label, field in zip(labels, fields, strict=True)),
    )
    return format_html("<tr>{}{}</tr>", drawn, _link(row.original, opts))


def _contents(field: Any, row: Any) -> SafeString:
    field.form = row.form
    return field.contents()


def _link(original: Any, opts: Any) -> SafeString | str:
    if not opts.show_change_link:
        return ""
    if not opts.has_registered_model:
        return format_html("<td></td>")
    name = f"admin:{opts.opts.app_label}_{opts.opts.model_name}_change"
    return format_html(
        '<td><a class="lm-link" href="{}">{}<span class="lm-heard"> {}</span></a></td>',
        reverse(name, args=[admin_urlquote(original.pk)]),
        gettext("Open"),
        original,
    )


def _hidden(row: Any) -> SafeString:
    fields = [row.pk_field().field] if row.needs_explicit_pk_field() else []
    fields += [row.fk_field().field] if row.fk_field() else []
    return format_html_join(
        "",
        '<input type="hidden" name="{}" value="{}" id="{}">',
        ((field.html_name, field.value(), field.auto_id) for field in fields),
    )
