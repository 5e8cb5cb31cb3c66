"""What each template knows without loading it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.defaultfilters import date as plain_date
from django.utils.translation import pgettext

register = template.Library()


@register.filter(name="date", expects_localtime=True, is_safe=False)
def date(value: Any, pattern: str | None = None) -> Any:
    """Put a date as Django's filter of this name does, by the pattern of the reader's language:
    where English says "j M Y", German says "j. M Y"."""
    return plain_date(value, pgettext("date", pattern) if pattern else pattern)
