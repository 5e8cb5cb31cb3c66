"""What servers state of themselves becomes dated facts, and entries where it changes."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
from django.db import transaction

from licenses.analysis.server_facts import Fact, load_facts
from licenses.evidence import entries
from licenses.importing import server_facts
from licenses.importing.files import Wanted, import_file, import_status
from licenses.importing.rights_files import import_license_file
from licenses.models import LicenseServer, ServerFact
from licenses.sources.records import Stated, Statement
from tests.factories import at
from tests.thorough import one_in
from tests.told import told_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="srv", zone="UTC")


def say(server: LicenseServer, *said: tuple[int, str]) -> None:
    rows = [Stated(moment, Statement.HOST_ID, "acmed", "", value, 1) for moment, value in said]
    with transaction.atomic():
        drafts = server_facts.store(server, rows, "debug-log")
        entries.append_server(server, drafts, source="test")


def facts(server: LicenseServer) -> list[tuple[int, str, int | None]]:
    return [(row.at, row.value, row.until) for row in load_facts([server.pk]).get(server.pk, [])]


def test_only_what_changes_is_a_fact_with_its_day(server: LicenseServer) -> None:
    say(server, (10, "a"), (20, "a"))
    say(server, (30, "a"))
    say(server, (40, "b"), (50, "b"))
    say(server, (60, "a"))
    assert facts(server) == [(10, "a", 40), (40, "b", 60), (60, "a", None)]
    bodies = [
        (entry["kind"], entry["event_time"], entry["body"]["value"])
        for entry in told_of(server)
        if entry["kind"] != "stream"
    ]
    assert bodies == [("server", 10, "a"), ("server", 40, "b"), ("server", 60, "a")]


@pytest.mark.parametrize("order", one_in(6, permutations(range(4))))
def test_whatever_order_texts_come_in_a_change_is_not_lost(
    server: LicenseServer, order: tuple[int, ...]
) -> None:
    told = [(10, "a"), (20, "b"), (30, "a"), (40, "a")]
    for place in order:
        say(server, told[place])
    found = facts(server)
    assert [value for _at, value, _until in found] == ["a", "b", "a"]
    assert [moment for moment, *_rest in found][:2] == [10, 20]
    assert found[2][0] in (30, 40)  # where 30 lay between two others when 20 came


def test_the_same_again_writes_nothing(server: LicenseServer, django_assert_num_queries) -> None:
    say(server, (10, "a"))
    rows = [Stated(10, Statement.HOST_ID, "acmed", "", "a", 1)]
    with django_assert_num_queries(1):
        assert server_facts.store(server, rows, "debug-log") == []
    with django_assert_num_queries(0):
        assert server_facts.store(server, [], "debug-log") == []


def test_what_was_recorded_later_is_left_out(server: LicenseServer) -> None:
    say(server, (at("2026-01-01"), "a"), (at("2026-02-01"), "b"))
    ServerFact.objects.filter(value="b").update(recorded_at="2026-05-01T00:00:00Z")
    ServerFact.objects.filter(value="a").update(recorded_at="2026-01-01T00:00:00Z")
    moment = ServerFact.objects.get(value="a").recorded_at
    assert [each.value for each in load_facts([server.pk], as_of=moment)[server.pk]] == ["a"]


STATUS = b"""\
Flexible License Manager status on Mon 3/2/2026 09:%02d
License server status: 27000@srv
       srv: license server UP (MASTER) v11.16.2
Vendor daemon status (on srv):
     acmed: UP v11.14.%d
Feature usage info:
Users of A:  (Total of 5 licenses issued;  Total of 0 licenses in use)
"""
LOG = b"""\
10:00:00 (lmgrd) FlexNet Licensing (v11.16.4.0 build 252457 x64_n6) started on srv (linux) (3/2/2026)
10:00:02 (acmed) (@acmed-SLOG@) HostID of the License Server: "0a1b2c3d4e5f"
10:00:03 (acmed) OUT: "A" mia@host1
"""  # noqa: E501


def by_what(server: LicenseServer) -> dict[tuple[str, str], Fact]:
    return {(row.source, row.what): row for row in load_facts([server.pk])[server.pk]}


def test_each_kind_of_text_tells_what_it_states(server: LicenseServer, tmp_path: Path) -> None:
    import_status(server, STATUS % (0, 1), source="a")
    import_status(server, STATUS % (5, 1), source="b")
    assert ServerFact.objects.count() == 3
    log = tmp_path / "debug.log"
    log.write_bytes(LOG)
    import_file(server, log, "debug.log", Wanted(date=date(2026, 3, 2)))
    text = b"SERVER srv 0a1b2c3d4e5f 27000\nVENDOR acmed\nINCREMENT A acmed 1 permanent 5 SIGN=0\n"
    import_license_file(server, text, source="l.lic")
    found = by_what(server)
    assert found["lmstat", "daemon"].value == "v11.14.1"
    assert found["lmstat", "host"].value == found["debug-log", "host"].value == "srv"
    assert found["debug-log", "manager"].value == "v11.16.4.0 build 252457 x64_n6"
    assert found["debug-log", "host_id"].at == at("2026-03-02T10:00:02")
    assert found["license-file", "licensed_id"].value == "0a1b2c3d4e5f"
    import_status(server, STATUS % (10, 2), source="c")
    changed = [row for row in load_facts([server.pk])[server.pk] if row.until is not None]
    assert [(row.value, row.until) for row in changed] == [("v11.14.1", at("2026-03-02T09:10"))]
    kinds = [entry["kind"] for entry in told_of(server)]
    assert kinds.count("server") == ServerFact.objects.count() == 8


def test_a_log_read_twice_states_nothing_twice(server: LicenseServer, tmp_path: Path) -> None:
    log = tmp_path / "debug.log"
    log.write_bytes(LOG)
    for _time in range(2):
        import_file(server, log, "debug.log", Wanted(date=date(2026, 3, 2)))
    assert ServerFact.objects.count() == 3
