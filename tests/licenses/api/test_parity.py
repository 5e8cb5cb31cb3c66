"""What the administration has a list of, the API has an endpoint for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from licenses.api.urls import router
from reports.api.urls import router as of_reports

KEPT_IN_PAGES = {
    # Who may come in, and who tried: superusers alone, and not by a program.
    *("User", "Group", "Scope", "AuthToken"),
    *("AccessAttempt", "AccessFailureLog", "AccessLog"),
    "MailboxMessage",  # stands for a mail server where there is none
    "UnreadableLine",  # told by kind and without names: servers/{id}/unreadable/
    # Pieces of the evidence, which a pack hands over whole, with what proves them.
    *("EvidenceBlock", "EvidenceStream", "EvidenceKey", "EvidenceAnchor"),
}


def told(viewset: Any) -> set[str]:
    shown = getattr(viewset, "serializer_class", None)
    rows = getattr(viewset, "queryset", None)
    found = {shown.Meta.model.__name__} if hasattr(shown, "Meta") else set()
    return found | ({rows.model.__name__} if rows is not None else set())


def test_every_list_of_the_administration_is_in_the_api_too() -> None:
    endpoints = [each[1] for each in (*router.registry, *of_reports.registry)]
    known = set().union(*(told(each) for each in endpoints))
    lists = {model.__name__ for model in admin.site._registry}
    assert lists - known == KEPT_IN_PAGES
