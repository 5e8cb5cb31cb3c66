"""What every request and answer goes through: address, headers, policy, limits of a login."""

from __future__ import annotations

import functools
import ipaddress
import time
import zoneinfo
from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth import logout
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation
from django.utils.translation import gettext

from itam import errors

Handler = Callable[[HttpRequest], HttpResponseBase]
_FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
)


def client_address(request: HttpRequest) -> str:
    """Return the address that the request came from, as ProxyMiddleware left it."""
    return str(request.META.get("REMOTE_ADDR", ""))


class ProxyMiddleware:
    """Believe X-Forwarded-* from trusted proxies only; anyone may write such a header."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.trusted = [
            ipaddress.ip_network(network, strict=False) for network in settings.ITAM_TRUSTED_PROXIES
        ]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Kept for those who open a door to this machine only: a proxy on it is not its clients.
        request.META["itam.forwarded"] = any(name in request.META for name in _FORWARDED)
        if self._is_trusted(client_address(request)):
            chain = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
            # From the right: each proxy appends the address it saw. The first one that is none of
            # ours is the client; what stands left of it was written by the client.
            for address in reversed([part.strip() for part in chain if part.strip()]):
                try:
                    ipaddress.ip_address(address)
                except ValueError:
                    break
                request.META["REMOTE_ADDR"] = address
                if not self._is_trusted(address):
                    break
        else:
            for name in _FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.trusted)


class HeadersMiddleware:
    """Forbid caches to keep what shows data, and features that no page uses."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"
        )
        return response


class PolicyMiddleware(CSPMiddleware):
    """Send the strict content policy, and a wider one only under the paths that need it."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        for beginning, directives in settings.ITAM_POLICY_EXCEPTIONS.items():
            if request.path_info.startswith(beginning) and not hasattr(response, "_csp_replace"):
                response._csp_replace = directives  # type: ignore[attr-defined]
        return super().process_response(request, response)


class LanguageMiddleware(LocaleMiddleware):
    """Speak the language that the reader chose or the browser asks for, and English to programs."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(settings.ITAM_ENGLISH_PATHS):
            translation.activate("en-gb")
            request.LANGUAGE_CODE = translation.get_language()
        else:
            super().process_request(request)


class ZoneMiddleware:
    """Write times in the zone that the reader's browser told, and in the installation's otherwise.

    Only where people read: what programs ask for does not hang on where their browser stands.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(settings.ITAM_ENGLISH_PATHS):
            return self.get_response(request)
        with timezone.override(_known_zone(request.COOKIES.get(settings.ITAM_ZONE_COOKIE, ""))):
            return self.get_response(request)


@functools.lru_cache(maxsize=64)
def _known_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone of that name; None, which stands for the installation's: there is none.

    Anybody can write a cookie: only names of the list are looked up, as a name is a file's path.
    """
    return zoneinfo.ZoneInfo(name) if name in _zones() else None


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


class SessionLimitsMiddleware:
    """End a session that was idle for too long, or that began too long ago."""

    STEP_SECONDS = 300  # how often the last use is written; each request would be a write

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated and request.session.session_key:
            now = int(time.time())
            began = request.session.get("began", now)
            seen = request.session.get("seen", now)
            idle = settings.ITAM_SESSION_IDLE_SECONDS
            if now - began > settings.SESSION_COOKIE_AGE or now - seen > idle:
                logout(request)
            elif "began" not in request.session or now - seen >= min(self.STEP_SECONDS, idle // 2):
                request.session["began"] = began
                request.session["seen"] = now
        return self.get_response(request)


class LoginThrottleMiddleware:
    """Refuse an address that tries to log in too often, whatever names it uses."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info in map(str, settings.ITAM_LOGIN_PAGES):
            window = settings.ITAM_LOGIN_WINDOW_SECONDS
            key = f"login:{client_address(request)}:{int(time.time()) // window}"
            cache.add(key, 0, timeout=window)
            try:
                tries = cache.incr(key)
            except ValueError:  # expired in between
                tries = 1
            if tries > settings.ITAM_LOGIN_TRIES_PER_ADDRESS:
                refused = errors.answer(
                    request,
                    429,
                    gettext(
                        "Too many attempts to log in from this address. Try again in some minutes."
                    ),
                )
                refused.headers["Retry-After"] = str(window)
                return refused
        return self.get_response(request)
