"""What several pages do with functions of other layers, said once."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string


def optional(dotted: str) -> Any:
    """Return a function of a part that need not be there, else None.

    Reports stand above us: we never import them, and without them a button is missing.
    """
    try:
        return import_string(dotted)
    except ImportError:
        return None
