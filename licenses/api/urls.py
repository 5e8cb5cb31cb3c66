"""Addresses of the API, below /api/v1/."""

from datetime import datetime
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from knox import views as knox
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.routers import SimpleRouter

from licenses.api import (
    alert_rules,
    changes,
    inventory,
    lists,
    log_events,
    mappings,
    over_use,
    overview,
    people,
    refusals,
    rights,
    saved_filters,
    servers,
    status,
    teams,
    undo,
    views,
)
from licenses.api import serializers as shapes
from licenses.api.answers import shape
from licenses.api.base import ReadOnly, filters_of_use, viewset
from licenses.models import Checkout, Denial, Disagreement, QueueEntry

app_name = "api"

router = SimpleRouter()
ENDPOINTS: dict[str, Any] = {
    "vendors": viewset(shapes.VendorSerializer, filters=("name",), search=("name",)),
    "products": viewset(shapes.ProductSerializer, filters=("vendor", "category"), search=("name",)),
    "teams": teams.TeamViewSet,
    "people": views.PersonViewSet,
    "reveals": people.RevealViewSet,
    "name-erasures": people.NameErasureViewSet,
    "legal-holds": people.LegalHoldViewSet,
    "memberships": teams.MembershipViewSet,
    "team-rules": teams.TeamRuleViewSet,
    "contracts": viewset(
        shapes.ContractSerializer,
        filters=("vendor", "renews"),
        search=("number", "title"),
        span_of="valid_to",
    ),
    "documents": rights.DocumentViewSet,
    "entitlements": rights.EntitlementViewSet,
    "pools": views.PoolViewSet,
    "over-use-notes": over_use.OverUseNoteViewSet,
    "mappings": mappings.MappingViewSet,
    "servers": servers.ServerViewSet,
    "ignored-lines": servers.IgnoredLinesViewSet,
    "connection-checks": viewset(
        shapes.ConnectionCheckSerializer, ReadOnly, filters=("server", "state")
    ),
    "features": views.FeatureViewSet,
    "captures": viewset(
        shapes.CaptureSerializer,
        ReadOnly,
        filters=("server", "kind", "result"),
        span_of="recorded_at",
    ),
    "coverage": viewset(
        shapes.CoverageSerializer, ReadOnly, filters=("server", "source"), span_of="starts"
    ),
    "gaps": viewset(shapes.GapSerializer, ReadOnly, filters=("server", "cause"), span_of="starts"),
    "checkouts": viewset(
        shapes.CheckoutSerializer,
        ReadOnly,
        filters=filters_of_use(Checkout, "method", "state", "end_reason", moment="taken_at"),
        related=("host",),
    ),
    "denials": viewset(
        shapes.DenialSerializer,
        ReadOnly,
        filters=filters_of_use(Denial, "reason_class", "capacity", moment="at"),
        related=("host",),
    ),
    "denial-episodes": views.DenialEpisodeViewSet,
    "queue-entries": viewset(
        shapes.QueueEntrySerializer,
        ReadOnly,
        filters=filters_of_use(QueueEntry, "outcome", "method", moment="queued_by"),
        related=("host",),
    ),
    "events": log_events.EventBlockViewSet,
    "evidence-days": viewset(shapes.EvidenceDaySerializer, ReadOnly, filters=("day",)),
    "evidence-checks": viewset(
        shapes.EvidenceCheckSerializer, ReadOnly, filters=("days",), span_of="ended_at"
    ),
    "disagreements": viewset(
        shapes.DisagreementSerializer,
        ReadOnly,
        filters=filters_of_use(Disagreement, "kind", moment="starts"),
        related=("host",),
    ),
    "issued-counts": viewset(shapes.IssuedSerializer, ReadOnly, filters=("feature", "source")),
    "alerts": views.AlertViewSet,
    "alert-rules": alert_rules.AlertRuleViewSet,
    "escalation-steps": viewset(shapes.EscalationSerializer, filters=("rule", "channel")),
    "channels": views.ChannelViewSet,
    "silences": views.SilenceViewSet,
    "notifications": viewset(
        shapes.NotificationSerializer,
        ReadOnly,
        filters=("alert", "channel", "state"),
        span_of="recorded_at",
    ),
    "sharing-rules": views.SharingRuleViewSet,
    "changes-of-several": changes.BulkChangeViewSet,
    "saved-filters": saved_filters.SavedFilterViewSet,
    "seats": status.SeatsViewSet,
    "waitlist": status.WaitlistViewSet,
    "refusals": refusals.RefusalViewSet,
    "undo-steps": undo.UndoStepViewSet,
}
for name, endpoint in ENDPOINTS.items():
    router.register(name, endpoint, basename=name.rstrip("s"))
router.register(
    "imports",
    viewset(shapes.ImportJobSerializer, ReadOnly, filters=("server", "state")),
    basename="import",
)


@extend_schema(request=None, responses={200: shape("LoggedIn", {"expiry": datetime, "token": str})})
class LoginView(knox.LoginView):
    """A token for name and password (or a session). It is shown once, and stored as a digest."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)


@extend_schema(request=None, responses={204: None})
class LogoutView(knox.LogoutView):
    """End this token."""


@extend_schema(request=None, responses={204: None})
class LogoutAllView(knox.LogoutAllView):
    """End all tokens of the user."""


urlpatterns = [
    path("overview/", overview.OverviewView.as_view(), name="overview"),
    path("counting/", overview.CountingView.as_view(), name="counting"),
    path("set-up/", overview.SetUpView.as_view(), name="set-up"),
    path("search/", lists.SearchView.as_view(), name="search"),
    path("lists/", lists.ListsView.as_view(), name="lists"),
    path("lists/<str:page>/", lists.ListFileView.as_view(), name="list-file"),
    path(
        "inventory/<str:kind>/",
        inventory.InventoryViewSet.as_view({"get": "retrieve", "post": "create"}),
        name="inventory",
    ),
    path(
        "inventory/<str:kind>/sample/",
        inventory.InventoryViewSet.as_view({"get": "sample"}),
        name="inventory-sample",
    ),
    path("auth/login/", LoginView.as_view(), name="login"),
    path("auth/logout/", LogoutView.as_view(), name="logout"),
    path("auth/logoutall/", LogoutAllView.as_view(), name="logoutall"),
    *router.urls,
]
