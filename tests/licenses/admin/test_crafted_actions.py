"""Actions on lists, sent by hand by roles that are offered none: nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from licenses.models import EvidenceBlock
from tests.factories import scope_of
from tests.rows import several

from .conftest import World, logged_in


def actions() -> Iterator[tuple[Any, str]]:
    """Yield each model of ours whose list has actions, and the name of each."""
    for model, page in admin.site._registry.items():
        if model._meta.app_label in ("licenses", "reports"):
            for name in ("delete_selected", *(page.actions or ())):
                yield model, name if isinstance(name, str) else name.__name__


def test_there_are_some() -> None:
    assert {name for _model, name in actions()} > {"approve", "refuse", "delete_selected"}


@pytest.mark.parametrize("role", ["auditor", "viewer"])
def test_a_role_that_only_reads_changes_nothing_by_a_crafted_action(
    role: str, account: Callable[..., User], world: World
) -> None:
    account("somebody")  # to whom the rows belong that are made here
    user = account("reader", role)
    scope = scope_of(user)
    scope.vendors.add(world.vendor)
    scope.teams.add(world.team)
    client = logged_in(user)
    for model, name in actions():
        if not model._default_manager.exists():
            several(model, 1)
        before = list(model._default_manager.order_by("pk").values())
        blocks = EvidenceBlock.objects.count()
        place = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        answer = client.post(
            place,
            {"action": name, "_selected_action": [row["id"] for row in before], "post": "yes"},
        )
        assert answer.status_code in (200, 302, 403), (model, name)
        assert list(model._default_manager.order_by("pk").values()) == before, (model, name)
        assert EvidenceBlock.objects.count() == blocks, (model, name)
