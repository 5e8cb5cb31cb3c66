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
from licenses.access.undo import take_back
from licenses.models import UndoStep

TAG = "undo-"


def tell(request: HttpRequest, words: Any, step: UndoStep | None) -> None:
    """Say what was done; the message carries the way back, if there is one."""
    messages.success(request, words, extra_tags="" if step is None else f"{TAG}{step.pk}")


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
