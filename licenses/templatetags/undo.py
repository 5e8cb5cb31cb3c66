"""Which message carries a way back."""

from __future__ import annotations

import re
from typing import Any

from django import template

register = template.Library()
_TAG = re.compile(r"(?:^|\s)undo-(\d+)(?:\s|$)")


@register.filter
def undo_of(message: Any) -> int | None:
    """Return the id of the step that a message offers to undo; None: none."""
    found = _TAG.search(getattr(message, "extra_tags", "") or "")
    return int(found[1]) if found else None
