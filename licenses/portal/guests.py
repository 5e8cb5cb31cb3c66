"""Who may open the pages of the status page at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext

from itam.errors import Missing
from licenses.access.accounts import is_public, shown_pools
from licenses.models import LicensePool

View = Callable[..., HttpResponseBase]


def open_page(view: View) -> View:
    """Let everybody in where the status page is public, and those who are signed in otherwise."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_public() or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return to_sign_in(request)

    return guarded


def own_page(view: View) -> View:
    """Let those in who are signed in: the page is about them."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return to_sign_in(request)

    return guarded


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    return redirect_to_login(request.get_full_path(), reverse("portal:sign-in"))


def pools(request: HttpRequest) -> Any:
    """Return the pools that whoever asks finds on the status page."""
    return shown_pools(request.user).select_related("product__vendor")


def find_pool(request: HttpRequest, pk: int) -> LicensePool:
    """Return a pool of the status page. One that is not there and one that is not shown to whoever
    asks give the same answer."""
    pool: LicensePool | None = pools(request).filter(pk=pk).first()
    if pool is None:
        raise Missing(gettext("There is no such pool, or it is not shown to you."))
    return pool
