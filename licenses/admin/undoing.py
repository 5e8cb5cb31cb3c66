"""The way back in the message bar: what was just done, and a button that undoes it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from itam.errors import Missing
from licenses.access.reversible import saved, together
from licenses.access.undo import take_back
from licenses.importing.edits import EDITED, values
from licenses.models import UndoStep

TAG = "undo-"


def tell(request: HttpRequest, words: Any, step: UndoStep | None) -> None:
    """Say what was done; the message carries the way back, if there is one."""
    messages.success(request, words, extra_tags="" if step is None else f"{TAG}{step.pk}")


class OffersUndo:
    """Comes before the admin of rows that people edit: what was saved can be taken back, unless it
    holds what is told to nobody, or rows below it were saved along that left no way back
    (`request.rows_step`, of save_formset)."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and obj._meta.label_lower in EDITED:
            before = type(obj)._default_manager.get(pk=obj.pk)
            request.before_saving = values(before, form.changed_data)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        below = any(formset.has_changed() for formset in formsets)
        of_rows: UndoStep | None = getattr(request, "rows_step", None)
        steps = [of_rows] if below else []
        old = getattr(request, "before_saving", None)
        if form.has_changed() and None not in steps:
            row = type(form.instance)._default_manager.get(pk=form.instance.pk)
            steps.insert(0, saved(row, old, values(row, form.changed_data), user=request.user))
        known = [step for step in steps if step is not None]
        if known and len(known) == len(steps):
            request.way_back = together(known)  # type: ignore[attr-defined]

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        extra_tags: str = "",
        fail_silently: bool = False,
    ) -> None:
        """Have the word of a row that was saved carry the way back."""
        step = getattr(request, "way_back", None)
        if step is not None and level == messages.SUCCESS:
            extra_tags = f"{extra_tags} {TAG}{step.pk}".strip()
        super().message_user(request, message, level, extra_tags, fail_silently)  # type: ignore[misc]


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what whoever asks did, and go to where they are (`next`, a page of ours)."""
    step = UndoStep.objects.for_user(request.user).filter(pk=pk).first()
    if step is None:
        raise Missing(gettext("There is nothing like that to undo."))
    try:
        take_back(step, user=request.user, now=timezone.now())
        messages.success(request, gettext("It is as it was before."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    place = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(place, None) and place.startswith("/")
    return redirect(place if own else "home")


def urls(site: Any) -> list[URLPattern]:
    return [path("undo/<int:pk>/", site.admin_view(undo), name="undo")]
