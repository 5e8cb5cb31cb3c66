"""Pages in German say nothing of the catalogue in English."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from itam import catalog
from licenses.admin.pool_tabs import TABS
from licenses.analysis.rollup import rollup
from licenses.importing.captures import store_unreadable
from licenses.models import (
    AlertRule,
    Capture,
    Contract,
    Entitlement,
    ImportJob,
    LicensePool,
    LicenseServer,
    Membership,
    UnreadableLine,
)
from licenses.sources.records import Unreadable
from reports.models import Report

from .conftest import NOW, World
from .test_pages import place
from .test_server_page import hand_in

pytestmark = pytest.mark.once  # the words of a page

LISTED = (LicensePool, LicenseServer, Contract, Entitlement, AlertRule, Report)
# A gap in a sentence may hold whatever a page puts there, but no markup and no other sentence.
GAP = re.compile(r"%%?\(\w+\)s|\{\w+\}")


def english() -> re.Pattern[str]:
    """Return a pattern for each sentence of two words or more that German says otherwise."""
    found = []
    for entry in catalog.read(catalog.po_path()).values():
        for text in (entry.message.text, entry.message.plural):
            words = GAP.sub(" ", text)
            if len(re.findall(r"[A-Za-z]{2,}", words)) < 2 or text in entry.texts:
                continue
            parts = [re.escape(part) for part in GAP.split(" ".join(text.split()))]
            if max(map(len, parts)) >= 10:
                found.append(r"[^<>\n]{0,60}?".join(parts))
    return re.compile(
        r"(?<![\w'’])(?:" + "|".join(sorted(found, key=len, reverse=True)) + r")(?!\w)"
    )


def visible(page: str) -> str:
    """Return what a page shows and says: its text, and what stands in attributes for people."""
    page = re.sub(r"<(script|style|template)\b.*?</\1>", "", page, flags=re.DOTALL)
    said = re.findall(r'(?:title|aria-label|placeholder|data-label)="([^"]*)"', page)
    rows = [re.sub(r"\s+", " ", part) for part in re.split(r"<[^>]*>", page)]
    return html.unescape("\n".join(row for row in [*rows, *said] if row.strip()))


@pytest.fixture(autouse=True)
def nobody_else_reads_german() -> Iterator[None]:
    """Put the language back: what a request activates stays in the thread for later tests."""
    with translation.override(translation.get_language()):
        yield


@pytest.fixture(scope="module")
def pattern() -> re.Pattern[str]:
    return english()


def paths(world: World) -> list[str]:
    return [
        reverse("admin:index"),
        *(
            reverse("admin:licenses_licensepool_overview", args=[world.mine.pk]) + f"?tab={tab.key}"
            for tab in TABS
        ),
        reverse("admin:licenses_licensepool_at", args=[world.mine.pk]),
        reverse("admin:licenses_licenseserver_overview", args=[world.server.pk]),
        reverse("admin:set-up-step", args=["server"]),
        reverse("admin:set-up-step", args=["contracts"]),
        *(place(model) for model in LISTED),
        *(place(model, "add") for model in LISTED if model is not Report),
        reverse("portal:status"),
        reverse("portal:pool", args=[world.mine.pk]),
        reverse("portal:waiting"),
        reverse("portal:refusals"),
    ]


def test_german_pages_say_no_english_sentence(
    root: Client, world: World, pattern: re.Pattern[str]
) -> None:
    left: dict[str, Any] = {}
    for path in paths(world):
        answer = root.get(path, HTTP_ACCEPT_LANGUAGE="de")
        assert answer.status_code == 200 and answer.headers["Content-Language"] == "de", path
        if found := set(pattern.findall(visible(answer.text))):
            left[path] = found
    assert not left


def test_the_crawl_finds_english_where_it_is(
    root: Client, world: World, pattern: re.Pattern[str]
) -> None:
    page = visible(root.get(reverse("admin:index"), HTTP_ACCEPT_LANGUAGE="en").text)
    assert "Needs attention" in pattern.findall(page)


def test_the_rights_of_a_group_and_the_scripts_of_their_form_speak_german(root: Client) -> None:
    form = root.get(reverse("admin:auth_group_add"), HTTP_ACCEPT_LANGUAGE="de").text
    assert ">Person: Namen hinter Pseudonymen sehen</option>" in form
    assert ">Pool: ändern</option>" in form
    assert "Can " not in form
    script = root.get(reverse("admin:jsi18n"), HTTP_ACCEPT_LANGUAGE="de").text
    assert '"Choose all %s": "Alle %s ausw' in script


def test_codes_and_decimals_are_german_too(root: Client, world: World, settings: Any) -> None:
    settings.ITAM_NAMES = "named"  # else nothing is told of a team of one
    Capture.objects.create(
        server=world.server, kind="lmstat", source="poll", result="parsed", sha256="1" * 64, size=5
    )
    for path in ("", f"{Capture.objects.latest('pk').pk}/change/"):
        page = root.get(f"/admin/licenses/capture/{path}", headers={"accept-language": "de"})
        words = visible(page.content.decode()).split("\n")
        assert "Abfrage" in words and "poll" not in words, path
    person = world.mine.mappings.get().feature.checkouts.get().person
    Membership.objects.create(person=person, team=world.team)
    rollup(world.mine, NOW - 7200, NOW)
    place = reverse("admin:licenses_licensepool_overview", args=[world.mine.pk])
    page = root.get(f"{place}?tab=teams", headers={"accept-language": "de"})
    assert "100,0 %" in visible(page.content.decode())


def test_what_a_reader_found_is_told_in_german(mara: Client, world: World) -> None:
    lines = [Unreadable(9, "10:00 (d) ODD", "expected a number")]
    store_unreadable(Capture.objects.get(), lines)
    capture, line = Capture.objects.get(), UnreadableLine.objects.get(line=9)
    Capture.objects.filter(pk=capture.pk).update(detail="fine; line 3: the row is cut")
    job = ImportJob.objects.create(
        server=world.server,
        file_name="cad.log",
        state="failed",
        error="cad.log: cannot be read: no such file",
        result={
            "unreadable": [{"line": 9, "reason": "the row is cut"}],
            "notes": ["line 9: clock moved by -60 s: the clock went back"],
        },
    )
    mara.cookies["itam-language"] = "de"
    shown = {
        place(world.server, "overview", world.server.pk): ["erwartet wurde eine Zahl"],
        place(line, "change", line.pk): ["erwartet wurde eine Zahl"],
        reverse("admin:licenses_unreadableline_changelist"): ["erwartet wurde eine Zahl"],
        place(capture, "change", capture.pk): ["Zeile 3: die Zeile ist abgeschnitten", "eine Zahl"],
        place(job, "change", job.pk): [
            "cad.log: nicht lesbar: no such file",
            "Zeile 9 war nicht lesbar: die Zeile ist abgeschnitten",
            "Zeile 9: Uhr um -60 s verstellt: die Uhr ging zurück",
        ],
        reverse("admin:index"): ["nicht lesbar: no such file"],
    }
    for path, words in shown.items():
        page = visible(mara.get(path).text)
        assert [each for each in words if each not in page] == [], path


def test_a_file_that_cannot_be_taken_is_refused_in_german(mara: Client, world: World) -> None:
    mara.cookies["itam-language"] = "de"
    page = hand_in(mara, world.server, "once upon a time\n" * 20).text
    assert "Gefunden: Text in einem anderen Format; erwartet wurde die Ausgabe von lmstat" in page
