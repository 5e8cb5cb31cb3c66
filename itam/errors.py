"""Pages for what goes wrong: each says what happened and what to do, in the product's look.

They ask neither the database nor the session nor a context processor: what broke may be one of
them. Programs get the API's one shape of errors instead of a page.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language_from_request, gettext, override

logger = logging.getLogger(__name__)
_API = "/api/"
_CODES = {400: "bad_request", 403: "permission_denied", 404: "not_found", 429: "throttled"}
_PLAIN = (
    "Something went wrong here, and it was logged. / "
    "Hier ist etwas schiefgegangen; es wurde protokolliert.\n"
)


class Missing(Http404):
    """What was asked for is not there or not the reader's to see; its words are meant for them."""


@dataclass(frozen=True)
class _Words:
    title: str
    text: str
    advice: str = ""


def answer(
    request: HttpRequest, status: int, said: str = "", advice: str = "", title: str = ""
) -> HttpResponse:
    """Return the page of a status, or its JSON for programs.

    said, advice, title:  replace the page's usual words on what happened and what to do.

    Never raises: a page that cannot be drawn becomes two plain sentences.
    """
    path = request.path_info
    if path.startswith(_API):
        return _json(status, said)
    try:
        with override(get_language_from_request(request)):
            words = _words(status)
            context = {
                "status": status,
                "title": title or words.title,
                "text": said or words.text,
                "advice": advice or words.advice,
                "moment": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC" if status >= 500 else "",
                "place": next((p for p in ("/admin/", "/status/") if path.startswith(p)), "/"),
                "repeat": request.get_full_path()
                if status >= 500 and request.method == "GET"
                else "",
            }
            return HttpResponse(render_to_string("error.html", context), status=status)
    except Exception:  # whatever broke the page may break its template too: something must be said
        logger.exception("The page of an error could not be drawn")
        return HttpResponse(_PLAIN, status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = str(exception) if isinstance(exception, Missing) else ""
    return answer(request, 404, said)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token that proves that it came from a page of ours."""
    said = gettext("This form was open for too long, or your browser keeps no cookies.")
    advice = gettext("Nothing was stored. Go back, reload the page, and send it again.")
    return answer(request, 403, said, advice, title=gettext("This form could not be taken"))


def locked_out(request: HttpRequest, original: Any = None, credentials: Any = None) -> HttpResponse:
    """Answer an account and address that failed to sign in too often."""
    return answer(
        request,
        429,
        gettext("Too many attempts to sign in failed. This account is locked for a while here."),
    )


def _words(status: int) -> _Words:
    if status == 404:
        return _Words(
            gettext("There is nothing here"),
            gettext("The address is wrong, or what stood here is gone or not yours to see."),
        )
    if status == 403:
        return _Words(
            gettext("This is not for your account"),
            gettext("Your account has no right to see or do this."),
            gettext("If you need it for your work, ask an administrator for the role."),
        )
    if status == 429:
        return _Words(
            gettext("Too often"),
            gettext("This was asked for too often in a short time."),
            gettext("Try again in some minutes."),
        )
    if status >= 500:
        return _Words(
            gettext("Something went wrong here"),
            gettext("The fault is on our side. It was logged, with all that is needed to mend it."),
            gettext("Try again. If it stays so, give an administrator the time below."),
        )
    return _Words(
        gettext("This cannot be answered"),
        gettext("What your browser sent is not what this page expects."),
        gettext("Go back, reload the page, and try again."),
    )


def _json(status: int, said: str) -> JsonResponse:
    """Return the one shape of errors that the API has, in English."""
    with override("en-gb"):
        detail = said or _words(status).text
    kind = "server_error" if status >= 500 else "client_error"
    error = {"code": _CODES.get(status, "error"), "detail": detail, "attr": None}
    return JsonResponse({"type": kind, "errors": [error]}, status=status)
