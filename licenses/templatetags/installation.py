"""What templates may ask of the installation itself."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from licenses.overview import counting, installation

register = template.Library()


@register.simple_tag
def stopped_parts() -> list[str]:
    """Return which parts of the installation stand still, in sentences."""
    return installation.stopped()


@register.simple_tag(takes_context=True)
def counted_again(context: Any, pool: Any = None) -> dict[str, Any]:
    """Return what is said of figures that are being counted again, and how far a rebuild is.

    pool:  the one that is shown; none: all that the reader may see.
    """
    found = counting.counting(context["request"].user, pool.pk if pool else None)
    return {"sentences": counting.sentences(found, timezone.now()), "run": found.run}
