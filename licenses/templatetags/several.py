"""Words of fields that were changed for several rows at once."""

from __future__ import annotations

from django import template
from django.core.exceptions import FieldDoesNotExist
from django.utils.text import capfirst

from licenses.importing.changes import EDITABLE

register = template.Library()


@register.filter
def field_words(name: str, kind: str) -> str:
    """Return what a field is called; its plain name where it is no more."""
    try:
        field = EDITABLE[kind][0]._meta.get_field(name)
    except (KeyError, FieldDoesNotExist):
        return name
    return str(capfirst(str(getattr(field, "verbose_name", name))))
