"""The numbers of an audit: of one vendor alone, and each with what it rests on."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import kept, rollup
from licenses.evidence import entries, stock
from licenses.models import (
    Capture,
    Contract,
    Coverage,
    Denial,
    Document,
    EvidenceStream,
    Gap,
    KeptPart,
    Person,
    ServerFact,
)
from reports.datasets.audit import audit
from tests import factories as f
from tests.reports.conftest import END, START
from tests.unguarded import backdate

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)


def numbers(*pools, **values):
    zone = values.pop("zone", "UTC")
    return audit(pools, start=START, end=END, zone=ZoneInfo(zone), as_of=AS_OF, **values)


def capture(server, kind, at="2026-02-01", **values):
    row = Capture.objects.create(
        **{
            "server": server,
            "kind": kind,
            "source": "debug.log",
            "result": "parsed",
            "sha256": "ab" * 32,
            "size": 100,
            "starts": f.at(at),
            "ends": f.at(at) + 60,
            "lines": 7,
            "new": 5,
            "known": 2,
            **values,
        }
    )
    Capture.objects.filter(pk=row.pk).update(recorded_at=f"{at}T00:00:00Z")
    return row


def table(data, name):
    return list(csv.DictReader(io.StringIO(data.tables()[name].decode(), newline="")))


def test_the_sessions_behind_the_highest_peak_add_up_to_it(world):
    (use,) = numbers(world.pool).uses
    peak = use.peaks[0]
    assert (peak.at, peak.seats, peak.allowed) == (f.at("2026-03-31T14:00"), 3, 2)
    assert sum(session.seats for session in peak.sessions) == peak.seats
    assert {session.person for session in peak.sessions} == {p.label for p in world.people}


def test_the_highest_days_come_first_and_each_day_once(world):
    (use,) = numbers(world.pool).uses
    assert [peak.seats for peak in use.peaks] == [3, 1, 1, 1, 1, 1, 1]
    assert [peak.at for peak in use.peaks[1:]] == sorted(peak.at for peak in use.peaks[1:])


def test_people_are_pseudonyms_and_counted_once(world):
    data = numbers(world.pool)
    assert data.people_count == data.uses[0].people_count == 3
    assert data.uses[0].people == tuple(sorted(person.label for person in world.people))
    text = json.dumps(data.as_json())
    assert "user1" not in text


def test_an_installation_that_keeps_counts_only_lists_nobody(world, settings):
    settings.ITAM_NAMES = "off"
    data = numbers(world.pool)
    assert (data.uses[0].people, data.uses[0].people_count) == ((), 3)
    assert not any(p.pseudonym[:8] in json.dumps(data.as_json()) for p in Person.objects.all())


def test_refusals_stand_by_code(world):
    f.refusal(world.feature, f.at("2026-05-02T10:00"), world.people[2], capacity=False)
    f.refusal(world.feature, f.at("2026-05-02T11:00"), world.people[1])
    rows = [(row.code, row.refusals, row.people) for row in numbers(world.pool).uses[0].refusals]
    assert rows == [(-4, 2, 1), (-5, 1, 1)]


def test_the_table_of_refusals_says_of_how_much_of_the_time_they_are(world):
    (row,) = table(numbers(world.pool), "denials.csv")
    assert (row["code"], row["refusals"]) == ("-4", "1")
    year = (END - START) // 86400
    assert row["logged_seconds"] == str((year - 2) * 86400)
    assert row["expected_seconds"] == str(year * 86400)
    world.server.coverage.update(source=Coverage.Source.POLLS)
    Denial.objects.all().delete()
    (row,) = table(numbers(world.pool), "denials.csv")
    names = ("code", "class", "refusals", "people", "served_within_seconds", "logged_seconds")
    assert [row[name] for name in names] == ["", "", "", "", "", "0"]
    f.covered(world.server, START, END)
    (row,) = table(numbers(world.pool), "denials.csv")
    assert [row[name] for name in names] == ["", "", "0", "0", "0", str(year * 86400)]


def test_pools_of_two_vendors_are_refused(world):
    with pytest.raises(ValueError, match="about one vendor, found 2"):
        numbers(world.pool, f.PoolFactory())


@pytest.fixture
def shared(world):
    """Another vendor's pool, fed by the same server."""
    pool = f.PoolFactory(name="Secret pool", product__name="Secret product")
    pool.product.vendor.name = "Rival"
    pool.product.vendor.save()
    feature = f.FeatureFactory(
        server=world.server, name="secretfeature", daemon="rivald", pool=pool
    )
    f.EntitlementFactory(pool=pool, purchase_order="PO-RIVAL", valid_from=date(2025, 1, 1))
    f.holding(feature, f.at("2026-03-31T14:00"), f.at("2026-03-31T15:00"))
    f.refusal(feature, f.at("2026-03-31T14:00"), world.people[0])
    capture(world.server, "debug-log", source="rivald.log")
    capture(world.server, "options-file", source="rival.opt", sha256="cd" * 32)
    return pool


def test_nothing_of_another_vendor_is_told(world, shared):
    data = numbers(world.pool)
    text = json.dumps(data.as_json()) + "".join(each.decode() for each in data.tables().values())
    for word in ("Rival", "rival", "secret", "Secret", "PO-RIVAL"):
        assert word not in text
    assert data.sources.systems[0].shared
    assert (data.sources.files[0].lines, data.sources.files[0].bytes) == (None, 100)


def test_a_daemon_that_feeds_no_pool_is_taken_for_another_vendors(world):
    f.FeatureFactory(server=world.server, daemon=world.feature.daemon, name="own")
    assert not numbers(world.pool).sources.systems[0].shared
    f.FeatureFactory(server=world.server, daemon="rivald", name="secretfeature")
    assert numbers(world.pool).sources.systems[0].shared


def test_a_file_in_pieces_is_one_row_with_its_totals(world):
    capture(world.server, "debug-log", sha256="b" * 64, offset=100)
    capture(world.server, "debug-log", sha256="a" * 64)
    capture(world.server, "debug-log", at="2024-02-01")
    (row,) = numbers(world.pool).sources.files
    assert (row.file, row.pieces, row.bytes, row.lines, row.new) == ("debug.log", 2, 200, 14, 10)
    one = numbers(world.pool)
    assert one.sources.files[0].digest == row.digest != "a" * 64


def test_polls_are_counted_by_how_they_ended(world):
    for minute, result in ((0, "parsed"), (5, "parsed"), (10, "timeout")):
        capture(world.server, "lmstat", result=result, starts=f.at("2026-02-01") + 60 * minute)
    rows = [(row.result, row.polls) for row in numbers(world.pool).sources.polls]
    assert rows == [("parsed", 2), ("timeout", 1)]


def test_what_was_read_after_the_cut_off_is_left_out(world):
    capture(world.server, "license-file", at="2026-11-25")
    assert numbers(world.pool).sources.systems[0].files == ()


def test_documents_stand_with_their_hashes(world):
    contract = Contract.objects.create(vendor=world.pool.product.vendor, number="C-9")
    f.EntitlementFactory(pool=world.pool, contract=contract, valid_from=date(2026, 1, 1))
    Document.objects.create(
        contract=contract, kind="invoice", title="INV-1", sha256="ef" * 32, size=9, file_name="x"
    )
    backdate(Document.objects.all(), "2026-01-01T00:00:00Z")
    (paper,) = numbers(world.pool).proof.documents
    assert (paper.contract, paper.title, paper.sha256, paper.ours) == (
        "C-9",
        "INV-1",
        "ef" * 32,
        True,
    )


def test_a_clock_that_went_back_is_told(world):
    Gap.objects.create(
        server=world.server,
        starts=f.at("2026-04-01"),
        ends=f.at("2026-04-01T00:01"),
        cause="clock_suspect",
        detail="Our own clock went back by 60 seconds.",
    )
    Gap.objects.update(detected_at="2026-04-01T00:01:00Z")
    (note,) = numbers(world.pool).proof.clock
    assert (note.server, note.end - note.start) == ("lic1", 60)


def tell(server, kind, at, **body):
    draft = entries.draft(kind, f.at(at), body)
    with time_machine.travel(f"{at[:10]}T23:00Z", tick=False), transaction.atomic():
        entries.append(entries.server_stream(server), [draft], source="test")


def test_clocks_are_told_by_their_readings_and_steps(world):
    said = {"synchronised": 1, "ran_on": 1, "server_offset_from": -3, "server_offset_to": 58}
    tell(world.server, "clock_reading", "2025-11-01T00:00", ntp_offset_us=-250, **said)
    tell(world.server, "clock_reading", "2025-11-02T08:00", ntp_error_us=1500, ntp_offset_us=90)
    worse = {"ran_on": 0, "server_offset_from": -9, "server_offset_to": 52, "ntp_error_us": 20}
    tell(world.server, "clock_reading", "2025-11-03T08:00", synchronised=0, **worse)
    tell(world.server, "clock", "2026-04-01", step=60)
    tell(world.server, "clock", "2026-04-02", step=-3600, line=7)
    # Before the period, of another server, and recorded after the as-of time.
    tell(world.server, "clock", "2025-10-31", step=9000)
    tell(f.ServerFactory(), "clock", "2026-04-01", step=8000)
    tell(world.server, "clock_reading", "2026-11-24", synchronised=1)
    (told,) = numbers(world.pool).proof.clocks
    assert (told.server, told.days, told.without) == ("lic1", 365, 362)
    assert (told.kept, told.loose, told.untold, told.stalled) == (1, 1, 1, 1)
    assert (told.ntp_from_us, told.ntp_to_us, told.ntp_error_us) == (-250, 90, 1500)
    assert (told.server_from, told.server_to) == (-9, 58)
    assert (told.steps, told.step) == (2, -3600)


def test_a_clock_that_nobody_read_is_not_known(world):
    (told,) = numbers(world.pool).proof.clocks
    assert (told.days, told.without, told.kept, told.loose, told.steps) == (365, 365, 0, 0, 0)
    assert {told.ntp_from_us, told.ntp_error_us, told.server_from, told.step} == {None}


def test_a_mapping_and_a_right_of_the_period_are_changes(world):
    rows = numbers(world.pool).judged.changes
    assert [row.kind for row in rows] == []
    world.pool.mappings.update(recorded_at="2026-02-01T00:00:00Z")
    (row,) = numbers(world.pool).judged.changes
    assert (row.kind, row.what, row.after) == ("mapped", "solver at lic1", "counts since ever")


def test_the_letter_says_whether_all_pools_are_in_it(world):
    assert numbers(world.pool).letter.whole
    world.pool.product.pools.create(name="Another")
    world.pool.product.pools.update(recorded_at="2026-01-01T00:00:00Z")
    assert not numbers(world.pool).letter.whole


def test_recipients_are_one_a_line(world):
    letter = numbers(world.pool, about={"recipients": " A. Auditor \n\n B\n", "nda": "N-1"}).letter
    assert (letter.recipients, letter.nda, letter.clause) == (("A. Auditor", "B"), "N-1", "")


def test_the_id_is_that_of_the_numbers_whatever_program_found_them(world, monkeypatch):
    first = numbers(world.pool).as_json()
    monkeypatch.setattr("reports.datasets.software.source_digest", lambda base: "another")
    second = numbers(world.pool).as_json()
    assert first["id"] == second["id"]
    assert first["software"] != second["software"]


def test_the_tables_hold_what_the_numbers_hold(world):
    data = numbers(world.pool)
    assert [row["cause"] for row in table(data, "gaps.csv")] == [
        gap.cause for gap in data.judged.pools[0].gaps
    ]
    assert table(data, "overuse.csv")[0]["peak"] == "3"
    sessions = table(data, "sessions.csv")
    assert len(sessions) == sum(len(peak.sessions) for peak in data.uses[0].peaks)
    assert table(data, "denials.csv")[0]["class"] == "no_seat"


def test_the_streams_are_those_of_the_vendors_servers_and_contracts(world):
    EvidenceStream.objects.create(name="server/none", kind="server")
    assert numbers(world.pool).proof.streams == ()


def test_the_vendors_own_stream_is_among_them(world):
    vendor = world.pool.product.vendor
    with time_machine.travel("2026-11-20T23:00Z", tick=False), transaction.atomic():
        stock.tell([world.pool.pk])
    (told,) = numbers(world.pool).proof.streams
    assert (told.of, told.name) == (vendor.name, f"vendor/{vendor.pk}")
    assert told.entries > 0


def state(server, what, value, day, daemon="", source="debug-log"):
    moment = f.at(day)
    ServerFact.objects.create(
        server=server, source=source, what=what, daemon=daemon, value=value, at=moment,
        seen_at=moment, recorded_at=f"{day}T00:00:00Z",
    )  # fmt: skip


def test_host_ids_and_versions_stand_with_the_day_of_each_change(world):
    daemon = world.feature.daemon
    state(world.server, "host_id", "0a1b", "2026-01-05", daemon)
    state(world.server, "host_id", "ffff", "2026-03-05", daemon)
    state(world.server, "daemon", "v11.14.1", "2026-01-05", daemon)
    state(world.server, "host", "srv", "2026-01-05")
    state(world.server, "daemon", "v1.9", "2026-01-05", "rivald")
    state(world.server, "licensed_id", "0a1b", "2026-01-05", f"{daemon}, rivald", "license-file")
    data = numbers(world.pool)
    facts = [(row.what, row.daemon, row.value) for row in data.sources.systems[0].facts]
    assert facts == [
        ("daemon", daemon, "v11.14.1"),
        ("host", "", "srv"),
        ("host_id", daemon, "0a1b"),
        ("host_id", daemon, "ffff"),
        ("licensed_id", daemon, "0a1b"),
    ]
    rows = [row for row in table(data, "servers.csv") if row["what"] == "host_id"]
    assert [(row["value"], row["stated_until"]) for row in rows] == [
        ("0a1b", "2026-03-05T00:00:00Z"),
        ("ffff", ""),
    ]
    told = json.dumps(data.as_json()["audit"]["sources"]["systems"])
    assert '"until": "2026-03-05T' in told and "rivald" not in told


def test_what_a_server_states_after_the_cut_off_is_left_out_and_what_is_read_late_is_not(world):
    state(world.server, "host", "new-name", "2026-11-25")
    assert numbers(world.pool).sources.systems[0].facts == ()
    state(world.server, "licensed_id", "0a1b", "2026-11-20", source="license-file")
    (fact,) = numbers(world.pool).sources.systems[0].facts
    assert (fact.value, fact.until) == ("0a1b", None)


@pytest.mark.django_db
def test_a_holding_of_which_parts_are_kept_is_one(monkeypatch):
    monkeypatch.setattr(kept, "PART_SECONDS", 3600)
    monkeypatch.setattr(kept, "FEWEST", 1)
    pool, nine = f.PoolFactory(), f.at("2026-03-10T09:00")
    feature = f.FeatureFactory(pool=pool)
    f.covered(feature.server, nine, nine + 6 * 3600)
    f.holding(feature, nine + 60, nine + 3 * 3600)
    rollup.mark_dirty([pool.pk], nine, nine + 6 * 3600)
    rollup.drain()
    kept.keep(nine + 6 * 3600 + kept.SETTLED_SECONDS)
    assert KeptPart.objects.filter(pool=pool).count() > 1
    (use,) = numbers(pool).uses
    assert use.holdings == 1
