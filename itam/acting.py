"""Who acts at this moment: the account of a request, or a command.

Known to whatever a change reaches, so that no way in can forget to say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]
_who: ContextVar[Callable[[], str] | None] = ContextVar("who", default=None)


def who() -> str | None:
    """Return the login of the account that acts, "" for nobody signed in, or *command* with its
    name; None where neither a request nor a command does."""
    said = _who.get()
    return None if said is None else said()


@contextmanager
def acting(say: Callable[[], str]) -> Iterator[None]:
    """Let the block be the deed of somebody. say: asked when something is changed, as a request to
    the API knows its account late."""
    token = _who.set(say)
    try:
        yield
    finally:
        _who.reset(token)


class ActingMiddleware:
    """Comes after the one that knows the account."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: request.user.get_username()):
            return self.get_response(request)
