"""What templates may ask of the installation itself."""

from __future__ import annotations

from django import template

from licenses.overview import installation

register = template.Library()


@register.simple_tag
def stopped_parts() -> list[str]:
    """Return which parts of the installation stand still, in sentences."""
    return installation.stopped()
