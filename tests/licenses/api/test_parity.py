"""What the administration has a list of, the API has an endpoint for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import RequestFactory

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

ELSEWHERE = {
    ("Channel", "forget_secret"),  # there: an empty secret
    ("Document", "proves"),  # there: entitlements
}
"""Fields of forms that the API calls otherwise."""
DEEDS = {"add": "create", "change": "partial_update", "delete": "destroy"}
VERBS = {"add": "post", "change": "patch", "delete": "delete"}
BY_ANOTHER_WAY = {
    ("Person", "change"),  # people/{id}/identity/ and memberships/
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


@pytest.mark.django_db
def test_what_a_manager_may_do_with_a_row_there_a_program_may_too() -> None:
    user = User.objects.create_user("mara", is_staff=True)
    user.groups.add(Group.objects.get(name="manager"))
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=user.pk)
    ours = {model: page for model, page in admin.site._registry.items()
            if model._meta.app_label in ("licenses", "reports")}  # fmt: skip
    lacking = []
    for _prefix, view, _name in (*router.registry, *of_reports.registry):
        shape = getattr(view, "serializer_class", None)
        page = ours.get(shape.Meta.model) if hasattr(shape, "Meta") else None
        if page is None:
            continue
        name = page.model.__name__
        may = {deed for deed in DEEDS if getattr(page, f"has_{deed}_permission")(request)}
        for deed in may:
            there = hasattr(view, DEEDS[deed]) and VERBS[deed] in view.http_method_names
            if not there and (name, deed) not in BY_ANOTHER_WAY:
                lacking.append((name, deed))
        if may & {"add", "change"}:
            typed = set(page.get_form(request, None, change=True).base_fields)
            fields = shape(context={"request": request}).fields
            taken = {each for each in fields if not fields[each].read_only}
            lacking += [(name, each) for each in typed - taken if (name, each) not in ELSEWHERE]
    assert lacking == []
