"""The row of saved filters over a list."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.inclusion_tag("admin/licenses/saved_filters.html", takes_context=True)
def saved_filters_row(context: Any) -> dict[str, Any]:
    from licenses.admin import saved_filters  # the admin itself needs templates to be imported

    request = context["request"]
    found = saved_filters.shown(request, context["cl"])
    return {**found, "user": request.user, "csrf_token": context.get("csrf_token")}
