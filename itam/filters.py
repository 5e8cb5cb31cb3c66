"""What each template knows without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.defaultfilters import date as plain_date
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import pgettext

register = template.Library()


@register.filter(name="date", expects_localtime=True, is_safe=False)
def date(value: Any, pattern: str | None = None) -> Any:
    """Put a date as Django's filter of this name does, by the pattern of the reader's language:
    where English says "j M Y", German says "j. M Y"."""
    return plain_date(value, pgettext("date", pattern) if pattern else pattern)


@register.filter
def attributes(values: Mapping[str, Any]) -> SafeString:
    """Return attributes as they stand in a tag, those that are False left out and those that are
    True by their name alone.

    What `django/forms/widgets/attrs.html` does by a loop, for each field of each form: a tenth of
    such a page.
    """
    parts = []
    for name, value in values.items():
        if value is True:
            parts.append(f" {conditional_escape(name)}")
        elif value is not False:
            text = value if isinstance(value, SafeString) else escape(str(value))
            parts.append(f' {conditional_escape(name)}="{text}"')
    return mark_safe("".join(parts))
