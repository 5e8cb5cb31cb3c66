"""How the admin looks: colours, style sheets, scripts and the sidebar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext, gettext_lazy


def _style(_request: HttpRequest) -> str:
    return static("itam/admin.css")


def _script(_request: HttpRequest) -> str:
    return static("itam/live.js")


def _access(_request: HttpRequest) -> str:
    return static("itam/access.js")


def _zone(_request: HttpRequest) -> str:
    return static("itam/zone.js")


def _icon(_request: HttpRequest) -> str:
    return static("itam/icon.svg")


def _names(request: HttpRequest) -> list[str]:
    """Return the banner that says how much of people this reader is shown, and its colour."""
    from licenses.models import names_told  # no models when the settings are read

    shown = {
        "off": gettext("Counts only"),
        "none": gettext("Names hidden"),
        "some": gettext("Some names shown"),
        "all": gettext("Names shown"),
    }
    told = names_told(request.user)
    return [shown[told], "warning" if told in ("some", "all") else "info"]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": gettext_lazy("Licences"),
    "SITE_HEADER": gettext_lazy("Licences"),
    "SITE_SUBHEADER": gettext_lazy("Concurrent use, rights and proof"),
    "SITE_SYMBOL": "key",
    "SITE_URL": "/status/",  # where the page to sign in sends those who have no place here
    "ENVIRONMENT": "itam.unfold._names",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [_style],
    "SCRIPTS": [_script, _access, _zone],
    "DASHBOARD_CALLBACK": "licenses.admin.dashboard.fill",
    "BORDER_RADIUS": "8px",
    "COLORS": {
        # A calm teal. Red, amber and green are kept for what they say of a pool.
        "primary": {
            "50": "oklch(97.6% .014 195)",
            "100": "oklch(94.5% .032 195)",
            "200": "oklch(89% .06 195)",
            "300": "oklch(81% .09 195)",
            "400": "oklch(71% .105 197)",
            "500": "oklch(60% .1 199)",
            "600": "oklch(51% .088 201)",
            "700": "oklch(43.5% .074 204)",
            "800": "oklch(37% .06 207)",
            "900": "oklch(31% .048 210)",
            "950": "oklch(23% .036 213)",
        }
    },
    "COMMAND": {"search_models": True, "show_history": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
    },
}
