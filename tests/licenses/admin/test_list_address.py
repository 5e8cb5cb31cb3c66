"""The address of a list: its days are read as the fields beside them, and it says what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from licenses.admin.saved_filters import check
from licenses.models import Capture, LicenseServer, Vendor

from .conftest import World

CAPTURES = "/admin/licenses/capture/"


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def listed(answer: Any) -> set[str]:
    return {row.source for row in answer.context_data["cl"].result_list}


@pytest.fixture
def captures(world: World) -> None:
    """One from the evening of the 20th, and one from each end of the 21st, in Berlin."""
    Capture.objects.all().delete()
    for name, hour in (("evening", 22), ("first", 23), ("last", 46)):
        Capture.objects.create(
            server=LicenseServer.objects.order_by("pk")[0],
            kind="lmstat", source=name, result="parsed", sha256=name, size=1,
            recorded_at=datetime(2026, 11, 20 + hour // 24, hour % 24, 30, tzinfo=UTC),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "language", "found"),
    [
        pytest.param("from=2026-11-21", "en", {"first", "last"}, id="from-its-midnight"),
        pytest.param("to=2026-11-21", "en", {"evening", "first", "last"}, id="to-its-end"),
        pytest.param("to=2026-11-20", "en", {"evening"}, id="not-to-the-next"),
        pytest.param("from=21.11.2026", "de", {"first", "last"}, id="as-Germans-write"),
        pytest.param("from=21/11/2026", "en", {"first", "last"}, id="as-the-English-write"),
    ],
)
def test_a_day_is_whole_in_the_readers_zone(
    root: Client, captures: None, asked: str, language: str, found: set[str]
) -> None:
    root.cookies["itam-zone"] = "Europe/Berlin"
    answer = root.get(f"{CAPTURES}?recorded_at_{asked}", headers={"accept-language": language})
    assert listed(answer) == found
    assert said(answer) == []


def test_one_day_is_from_and_to_itself(root: Client, captures: None) -> None:
    root.cookies["itam-zone"] = "Europe/Berlin"
    day = "recorded_at_from=2026-11-21&recorded_at_to=2026-11-21"
    assert listed(root.get(f"{CAPTURES}?{day}")) == {"first", "last"}


def test_what_is_no_day_is_said_and_stays(root: Client, captures: None) -> None:
    answer = root.get(f"{CAPTURES}?recorded_at_from=21.13.2026&recorded_at_to=2026-11-21")
    assert listed(answer) == set()
    assert said(answer) == [
        "Recorded at: “21.13.2026” is not a day. Write it as 2026-11-24; until then no row is"
        " shown."
    ]
    assert 'value="21.13.2026"' in answer.content.decode()


def test_what_is_no_day_makes_no_file_and_no_filter(root: Client, captures: None) -> None:
    wrong = "recorded_at_from=21.13.2026"
    answer = root.get(f"{CAPTURES}as-file/csv/?{wrong}")
    assert answer.status_code == 302 and wrong in answer["Location"]
    user = answer.wsgi_request.user
    with pytest.raises(ValidationError, match="no such filter"):
        check(user, "licenses.capture", wrong)
    assert check(user, "licenses.capture", "recorded_at_from=2026-11-21")


def test_every_list_says_that_it_has_no_such_filter(root: Client, world: World) -> None:
    for model in admin.site._registry:
        start = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        path = reverse(start)
        for query in ("rubbish=1", "rubbish=1&e=1"):
            answer = root.get(f"{path}?{query}", follow=True)
            assert answer.redirect_chain[-1][0] == f"{path}?e=1", path
            assert [text[:38] for text in said(answer)] == [
                "The address asked for a filter or a pa"
            ], path
            assert answer.context_data["cl"].opts.model is model


def test_a_page_that_is_no_more_is_said_too(root: Client, world: World) -> None:
    for number in range(30):
        Vendor.objects.create(name=f"Vendor {number}")
    answer = root.get("/admin/licenses/vendor/?p=40", follow=True)
    assert len(said(answer)) == 1


def test_the_head_of_a_list_counts_only_what_was_searched_or_filtered(
    root: Client, world: World
) -> None:
    def head(query: str) -> str:
        page = root.get(f"/admin/licenses/licensepool/{query}").content.decode()
        return page.partition("<h1")[2].partition("</h1>")[0]

    assert "result" not in head("")
    assert "1 result" in head("?q=Mine") and "Show all" in head("?q=Mine")


def test_a_list_is_called_by_what_it_lists(root: Client) -> None:
    for path, name in (
        (reverse("admin:licenses_licensepool_changelist"), "Pools"),
        (reverse("admin:licenses_checkout_changelist"), "Checkouts"),
        (reverse("admin:auth_user_changelist"), "Users"),
        (reverse("admin:reports_report_changelist"), "Reports"),
    ):
        assert f"<title> {name} | " in " ".join(root.get(path).text.split()), path
