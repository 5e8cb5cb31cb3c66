"""A form that is only tried: it shows what would come of it, saves nothing, and is no mistake."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.helpers import AdminErrorList
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest

TRIED = "tried"


class Tried(ValidationError):
    """Raised by a form's `clean` to say what would come of what was typed, sentence by sentence.
    The form counts as refused, so that its page is shown again with all that was typed."""

    def __init__(self, said: list[str]) -> None:
        super().__init__([ValidationError(text, code=TRIED) for text in said])


class Tries:
    """For an admin whose form raises `Tried`: says it as news and not as an error."""

    change_form_outer_before_template = "admin/licenses/tried.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        form = context["adminform"].form
        found = form.errors.as_data().get(NON_FIELD_ERRORS, []) if form.is_bound else []
        if any(error.code == TRIED for error in found):
            context["told"] = [text for error in found for text in error.messages]
            del form.errors[NON_FIELD_ERRORS]
            formsets = [each.formset for each in context["inline_admin_formsets"]]
            context["errors"] = AdminErrorList(form, formsets)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
