"""Lines that could not be read: told by shape, reported without names, set aside and taken back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from licenses.alerts import quality
from licenses.analysis.unreadable import groups, report
from licenses.evidence.entries import entries, server_stream
from licenses.importing.captures import store_unreadable
from licenses.importing.unreadable import ignore, show_again
from licenses.models import Capture, IgnoredLines, LicenseServer, UnreadableShare
from licenses.overview import attention
from licenses.sources.records import Unreadable
from tests.factories import ServerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def server() -> LicenseServer:
    return ServerFactory(name="lic-one")


def read(server: LicenseServer, *texts: str, days: int = 0, reason: str = "odd") -> Capture:
    capture = Capture.objects.create(
        server=server,
        kind="debug-log",
        source="a.log",
        result="parsed",
        sha256="0" * 64,
        size=5,
        lines=50,
        unreadable_count=len(texts),
        recorded_at=timezone.now() - timedelta(days=days),
    )
    store_unreadable(capture, [Unreadable(n, text, reason) for n, text in enumerate(texts, 1)])
    return capture


ODD = '10:00:0{n} (vendord) WEIRD: "A" mia{n}@host{n}'


def test_lines_of_one_shape_are_one_group_and_the_most_frequent_comes_first(
    server: LicenseServer,
) -> None:
    read(server, ODD.format(n=1), "another line of mia")
    newest = read(server, ODD.format(n=2))
    read(server, "from long ago", days=9)
    first, second = groups(server)
    assert (first.count, first.example, first.capture) == (2, ODD.format(n=2), newest.pk)
    assert (second.count, second.example) == (1, "another line of mia")


def test_a_report_has_no_names(server: LicenseServer) -> None:
    read(server, ODD.format(n=1), "mia did something on host1")
    text = report(server, groups(server))
    assert "WEIRD" in text and "Seen: 1 times" in text
    for name in ("mia", "host1", "lic-one"):
        assert name not in text


def test_a_reason_is_told_in_its_words_but_for_what_it_cites(server: LicenseServer) -> None:
    read(server, "other", reason="expected USER@HOST, found 'mia@host1'")
    text = report(server, groups(server))
    assert "Why: expected USER@HOST, found" in text
    assert "mia" not in text and "host1" not in text


def test_what_is_ignored_is_counted_no_more_until_it_is_shown_again(
    server: LicenseServer, boss: User
) -> None:
    read(server, ODD.format(n=1), "other")
    odd, other = sorted(groups(server), key=lambda group: group.example)
    row = ignore(server, odd.digest, note="harmless", user=boss)
    read(server, ODD.format(n=3))
    assert [group.ignored for group in groups(server)] == [False, True]
    assert groups(server)[0].digest == other.digest

    def told() -> tuple[int, str]:
        quality._look_for_unreadable(timezone.now(), 1)
        found = [task for task in attention.tasks(boss) if task.kind == "unreadable"]
        return UnreadableShare.objects.get(server=server).unreadable, found[0].detail

    assert told() == (1, "1 this week: report or ignore them")
    show_again(row, user=boss)
    assert told() == (3, "3 this week: report or ignore them")
    with pytest.raises(ValidationError, match="shown already"):
        show_again(row, user=boss)


def test_it_is_evidence_who_ignored_what_and_who_took_it_back(
    server: LicenseServer, boss: User
) -> None:
    read(server, "mia in the lift did something")
    show_again(ignore(server, groups(server)[0].digest, note="by mia", user=boss), user=boss)
    found = list(entries(server_stream(server)[0]))
    assert [entry["kind"] for entry in found] == ["lines_ignored", "lines_shown_again"]
    body: dict[str, Any] = found[0]["body"]
    assert body["note_digest"] and "mia" not in json.dumps(body)
    row = IgnoredLines.objects.get()
    assert row.recorded_by == row.ended_by == boss


def test_only_what_was_seen_is_ignored_and_only_once(server: LicenseServer, boss: User) -> None:
    with pytest.raises(ValidationError, match="no such"):
        ignore(server, "f" * 32, user=boss)
    read(server, ODD.format(n=1))
    digest = groups(server)[0].digest
    ignore(server, digest, user=boss)
    with pytest.raises(ValidationError, match="already"):
        ignore(server, digest, user=boss)


def test_lines_of_another_server_are_not_ignored(server: LicenseServer, boss: User) -> None:
    other = ServerFactory()
    read(server, ODD.format(n=1))
    read(other, ODD.format(n=1))
    ignore(server, groups(server)[0].digest, user=boss)
    assert [group.ignored for group in groups(other)] == [False]
