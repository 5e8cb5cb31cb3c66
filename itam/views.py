"""The front door, and pages for machines: health and figures of the installation itself."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from itam import health
from itam import metrics as figures
from itam.middleware import client_address
from licenses.alerts.heartbeat import Lookout

lookout = Lookout()


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send people to what is theirs: those with an account but no place in the admin to the status
    page, everybody else to the admin."""
    visitor = request.user.is_authenticated and not request.user.is_staff
    return redirect("portal:status" if visitor else "admin:index")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the installation can serve and 503 while it cannot.

    A broker that is away or a worker that stands still is told but is no reason to take the web
    pages out of service. Whoever looks at a worker that stands still has people told of it.
    """
    parts = health.web_problems()
    if parts["database"] == "ok":
        parts["worker"] = lookout.look()
    well = parts["database"] == "ok" and parts["migrations"] == "ok"
    return JsonResponse(
        {"status": "ok" if well else "failing", **parts}, status=200 if well else 503
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the figures for Prometheus, to the holder of the token or to this machine."""
    if not _may_read_metrics(request):
        return HttpResponse("A token is needed.\n", status=401, content_type="text/plain")
    return HttpResponse(figures.text(), content_type=figures.CONTENT_TYPE)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.ITAM_METRICS_TOKEN:
        expected = f"Bearer {settings.ITAM_METRICS_TOKEN}"
        return hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), expected.encode()
        )
    if request.META.get("itam.forwarded"):
        return False
    try:
        return ipaddress.ip_address(client_address(request)).is_loopback
    except ValueError:
        return False
