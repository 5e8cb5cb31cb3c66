"""Packs hold the figures of one vendor beside its evidence, and the same ones each time."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from licenses.evidence import entries, keys, pack, seal, stock, verify
from licenses.importing import mapping
from licenses.importing.rights_files import import_license_file
from licenses.models import (
    Boundary,
    Capture,
    Contract,
    Correction,
    Document,
    Host,
    Identity,
    correct_entitlement,
)
from reports.datasets.compliance import compliance
from reports.packs import writing
from reports.packs.writing import UTC_ZONE
from tests import factories as f
from tests.reports.conftest import END, START
from tests.reports.packs.conftest import NOW, made, note, state

TABLES = {
    "pools", "daily", "sessions", "denials", "overuse", "gaps", "entitlements", "changes",
    "corrections", "clock", "servers",
}  # fmt: skip


def rows(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{name}.csv"].decode(), newline="")))


def test_a_pack_holds_report_tables_and_hashes_and_all_of_it_is_signed(
    sealed: Any, tmp_path: Path
) -> None:
    files = made(sealed, tmp_path)
    assert {f"tables/{name}.csv" for name in TABLES} | {
        "report.json", "schema/report.schema.json", "docs/SHA256.txt", "verify.py", "README.txt",
    } <= set(files)  # fmt: skip
    said = verify.check(list(files), lambda name: io.BytesIO(files[name]), keys.signer().public)
    assert said.startswith("OK 2 days")
    for name in ("report.json", "tables/daily.csv", "docs/SHA256.txt"):
        changed = files | {name: files[name] + b" "}
        with pytest.raises(ValueError, match=f"changed.*: {name}$"):
            verify.check(list(changed), lambda n, c=changed: io.BytesIO(c[n]), keys.signer().public)


def test_the_same_period_and_last_day_give_the_same_bytes_whatever_comes_after(
    sealed: Any, tmp_path: Path
) -> None:
    first = made(sealed, tmp_path)
    path = tmp_path / "pack.zip"
    before = path.read_bytes()
    later = NOW + timedelta(days=3)
    with time_machine.travel(later, tick=False):
        note(sealed.server, int(NOW.timestamp()))
        f.holding(sealed.feature, int(NOW.timestamp()), None, person=sealed.people[0])
        f.EntitlementFactory(pool=sealed.pool, quantity=50, recorded_at=later)
        stock.tell({sealed.pool.pk})
        seal.seal(later)
    assert made(sealed, tmp_path, last_sealed=date(2026, 11, 1)).keys() == first.keys()
    changed = made(sealed, tmp_path, last_sealed=date(2026, 11, 1))
    different = {name for name in first if first[name] != changed[name]}
    # The list of days and its head grow; the figures do not.
    assert different <= {"checkpoint.txt", "days.txt", "pack.txt"}
    assert before


def test_what_servers_state_of_themselves_is_a_table_and_stops_no_pack_when_it_comes_later(
    sealed: Any, tmp_path: Path
) -> None:
    with time_machine.travel(NOW, tick=False):
        state(sealed.server, f.at("2026-04-01"), "ffff")
    (row,) = rows(made(sealed, tmp_path), "servers")
    assert (row["stream"], row["what"], row["value"], row["stated_at"]) == (
        entries.server_stream(sealed.server, "vendord")[0],
        "host_id", "0a1b", "2026-03-05T08:00:00Z",
    )  # fmt: skip


def test_what_was_learned_later_of_the_period_is_not_mixed_in(sealed: Any, tmp_path: Path) -> None:
    with time_machine.travel(NOW, tick=False):
        note(sealed.server, f.at("2026-03-05T08:00"), kind="checkout")
    with pytest.raises(pack.PackRefused, match="tells of the period"):
        made(sealed, tmp_path)


def test_settings_that_were_changed_and_changed_back_since_refuse_a_pack_of_before(
    sealed: Any, tmp_path: Path
) -> None:
    """Its table of changes would tell of neither."""
    row, later = sealed.feature.mappings.get(), NOW + timedelta(days=1)
    with time_machine.travel(later, tick=False):
        for weight in (2, 1):
            row.weight = weight
            mapping.save_mapping(row, reason="Tokens.", code="wrong_mapping")
        seal.seal(later + timedelta(days=1))
    before, after = (date(2026, 11, day) for day in (1, 3))
    with pytest.raises(pack.PackRefused, match="held since then, of Solver"):
        made(sealed, tmp_path, last_sealed=before)
    files = made(sealed, tmp_path, last_sealed=after)
    assert [(row["old"], row["new"]) for row in rows(files, "corrections")] == [
        ("1", "2"), ("2", "1"),
    ]  # fmt: skip


def test_an_approval_after_the_last_day_is_not_in_a_pack(sealed: Any, tmp_path: Path) -> None:
    row, second = sealed.feature.mappings.get(), User.objects.create_user("second")
    with time_machine.travel("2026-10-30T10:00Z", tick=False):
        row.weight = 2
        mapping.save_mapping(row, reason="Tokens.", code="wrong_mapping")
    later = NOW + timedelta(days=1)
    with time_machine.travel(later, tick=False):
        mapping.approve_changes(sealed.pool, user=second)
        seal.seal(later + timedelta(days=1))
    for day, approvers in ((1, ["", "–"]), (3, ["second", "second"])):
        files = made(sealed, tmp_path, last_sealed=date(2026, 11, day))
        told = json.loads(files["report.json"])["changes"]
        in_table = [row["approver"] for row in rows(files, "corrections")]
        assert [*in_table, *(row["approver"] for row in told)] == approvers


def test_no_word_of_another_vendor_is_in_a_pack(sealed: Any, tmp_path: Path) -> None:
    files = made(sealed, tmp_path)
    other = sealed.other
    words = ["quagga", str(other.server.stream)]
    for name, data in files.items():
        if name.endswith(".py") or name == "README.txt":
            continue
        text = (name + data.decode()).lower()
        assert not [word for word in words if word in text], name


def test_nobodys_name_is_in_a_pack(sealed: Any, tmp_path: Path) -> None:
    everything = b"".join(made(sealed, tmp_path).values()).decode()
    for login in Identity.objects.values_list("login", flat=True):
        assert login not in everything
    for name in Host.objects.values_list("name", flat=True):
        assert name not in everything
    assert sealed.people[0].pseudonym in everything


def test_the_report_is_as_its_schema_says(sealed: Any, tmp_path: Path) -> None:
    files = made(sealed, tmp_path)
    schema = json.loads(files["schema/report.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    report = json.loads(files["report.json"])
    jsonschema.validate(report, schema)
    for broken in ({"zone": 5}, {"more": 1}, {"pools": [{"position": {}}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(report | broken, schema)
    assert [month["verdict"] for month in report["pools"][0]["months"]].count("over_use") == 1


def test_tables_tell_what_happened_and_leave_empty_what_is_not_known(
    sealed: Any, tmp_path: Path
) -> None:
    files = made(sealed, tmp_path)
    days = {row["day"]: row for row in rows(files, "daily")}
    assert (days["2026-03-31"]["peak"], days["2026-03-31"]["zone"]) == ("3", "UTC")
    assert days["2026-03-31"]["peak_first_at"] == "2026-03-31T14:00:00Z"
    assert days["2026-06-11"]["peak"] == days["2026-06-11"]["peak_first_at"] == ""
    (over,) = rows(files, "overuse")
    assert (over["from"], over["seconds"], over["excess"]) == ("2026-03-31T14:00:00Z", "2280", "1")
    assert len(rows(files, "sessions")) == 9
    (refused,) = rows(files, "denials")
    assert (refused["class"], refused["served_at"]) == ("no_seat", "")
    (gap,) = rows(files, "gaps")
    assert (gap["from"], gap["to"]) == ("2026-06-10T00:00:00Z", "2026-06-12T00:00:00Z")
    (clock,) = rows(files, "clock")
    assert (clock["step_s"], clock["ntp_offset_ms"]) == ("3600", "")


def test_a_bounded_gap_names_the_licence_file_that_bounds_it(sealed: Any, tmp_path: Path) -> None:
    files = made(sealed, tmp_path)
    (gap,) = rows(files, "gaps")
    assert (gap["bounded_seconds"], gap["bound_basis"], gap["bound_document"]) == ("0", "", "")
    with time_machine.travel("2026-10-30T10:00Z", tick=False):
        file = Capture.objects.create(
            server=sealed.server, kind=Capture.Kind.LICENSE_FILE, source="acmed.lic", size=1,
            result="parsed", sha256="f" * 64,
        )  # fmt: skip
        Boundary.objects.create(
            server=sealed.server, daemon=sealed.feature.daemon, at=f.at("2025-10-01"),
            kind=Boundary.Kind.START,
        )  # fmt: skip
        f.IssuedCountFactory(feature=sealed.feature, count=3, capture=file)
        f.EntitlementFactory(
            pool=sealed.pool, quantity=3, valid_from=date(2025, 1, 1), recorded_at=timezone.now()
        )
        stock.tell({sealed.pool.pk})
    (gap,) = rows(made(sealed, tmp_path), "gaps")
    assert (gap["bounded_seconds"], gap["bound_value"]) == ("172800", "3")
    assert (gap["bound_basis"], gap["bound_document"]) == ("file", "f" * 64)


def test_corrections_and_papers_are_listed(sealed: Any, tmp_path: Path) -> None:
    contract = Contract.objects.create(vendor=sealed.pool.product.vendor, number="C-1")
    with time_machine.travel("2026-10-30T10:00Z", tick=False):
        Document.objects.create(
            contract=contract, kind="invoice", title="Invoice\nof May", file_name="a.pdf",
            file=ContentFile(b"%PDF-1", name="a.pdf"), size=6,
            sha256=hashlib.sha256(b"%PDF-1").hexdigest(),
        )  # fmt: skip
        line = sealed.pool.entitlements.get()
        copy = correct_entitlement(line, changes={"quantity": 3}, reason="=1+1", author=None)
        Correction.objects.create(
            pool=line.pool, line=copy, code="document_found", approved_at=timezone.now(),
            approved_by=User.objects.create_user("second"),
        )  # fmt: skip
        stock.tell({sealed.pool.pk})
    files = made(sealed, tmp_path)
    digest = hashlib.sha256(b"%PDF-1").hexdigest()
    assert files["docs/SHA256.txt"].decode() == f"{digest}  invoice  C-1  Invoice of May\n"
    (row,) = rows(files, "corrections")
    assert (row["field"], row["old"], row["new"], row["reason"]) == ("quantity", "2", "3", "'=1+1")
    assert (row["reason_code"], row["approver"]) == ("document_found", "second")
    assert [line["counts"] for line in rows(files, "entitlements")] == ["false", "true"]


def test_what_was_changed_of_a_mapping_for_the_past_is_listed(sealed: Any, tmp_path: Path) -> None:
    row = sealed.feature.mappings.get()
    second = User.objects.create_user("second")
    with time_machine.travel("2026-10-30T10:00Z", tick=False):
        row.weight, row.mapped_from = 2, datetime(2025, 12, 1, tzinfo=UTC)
        mapping.save_mapping(row, reason="Tokens.", code="wrong_mapping")
    with time_machine.travel("2026-10-31T10:00Z", tick=False):
        mapping.approve_changes(sealed.pool, user=second)
        row.mapped_until = timezone.now() + timedelta(days=1)
        mapping.save_mapping(row)  # of a time to come: that corrects nothing
        row.mapped_until = None
        mapping.save_mapping(row)
        stock.tell_all()
    told = rows(made(sealed, tmp_path), "corrections")
    assert {row["target_entry"] for row in told} == {"mapping of solver at lic1 to Solver"}
    assert [(row["field"], row["old"], row["new"]) for row in told] == [
        ("from", "", "2025-12-01T00:00:00Z"), ("weight", "1", "2"),
    ]  # fmt: skip
    assert {(row["reason_code"], row["reason"], row["approver"], row["event_time"])
            for row in told} == {("wrong_mapping", "Tokens.", "second", "")}  # fmt: skip


@pytest.mark.parametrize(
    ("first", "end"),
    [(date(2026, 1, 1), date(2026, 1, 1)), (date(2026, 1, 1), date(2026, 11, 3))],
    ids=["empty", "not sealed yet"],
)
def test_a_period_that_is_not_over_and_sealed_makes_no_pack(
    sealed: Any, tmp_path: Path, first: date, end: date
) -> None:
    wish = writing.Wish(sealed.pool.product.vendor, first, end)
    with pytest.raises(pack.PackRefused, match="period"):
        writing.write(wish, tmp_path / "pack.zip", who="tester")
    assert not (tmp_path / "pack.zip").exists()


def test_the_command_takes_days_of_a_zone(sealed: Any, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    with time_machine.travel(NOW, tick=False):
        call_command(
            "pack", "--vendor", "Northwind", "--from", "2026-03-01", "--to", "2026-04-01",
            "--zone", "Europe/Berlin", "--output", path,
        )  # fmt: skip
    assert path.is_file()


def test_a_licence_file_that_is_read_after_the_as_of_time_is_late(sealed: Any) -> None:
    """What it says holds from its own dates, so also of a time before it was known."""
    as_of = datetime(2026, 11, 2, tzinfo=UTC)
    feature = sealed.feature
    text = "SERVER lic1 ANY\nVENDOR {0}\nFEATURE {1} {0} 1 permanent {2} SIGN=0\n"

    def late() -> int:
        return compliance(
            [sealed.pool], start=START, end=END, zone=UTC_ZONE, as_of=as_of
        ).late.records

    def read(count: int, name: str, daemon: str = feature.daemon, **how: Any) -> None:
        data = text.format(daemon, name, count).encode()
        import_license_file(sealed.server, data, source="a.lic", **how)

    with time_machine.travel(NOW, tick=False):
        for step, expected in (
            (lambda: read(9, feature.name, "otherd"), 0),  # of what feeds no pool
            (lambda: read(9, "unmapped"), 0),
            (lambda: read(5, feature.name, on=date(2026, 11, 2)), 0),  # of a time to come
            (lambda: read(7, feature.name, on=date(2026, 3, 1)), 1),
        ):
            step()
            assert late() == expected


def test_a_report_and_a_pack_of_one_as_of_time_say_the_same_or_one_says_what_it_rests_on(
    sealed: Any, tmp_path: Path
) -> None:
    """Use that is learned later changes a report's figures: it says so, and no pack is made."""
    as_of = datetime(2026, 11, 2, tzinfo=UTC)  # the end of the pack's last day

    def figures() -> tuple[Any, Any]:
        found = compliance([sealed.pool], start=START, end=END, zone=UTC_ZONE, as_of=as_of)
        return found.pools[0].position, found.late

    before, late = figures()
    packed = json.loads(made(sealed, tmp_path)["report.json"])
    assert packed["pools"][0]["position"]["peak"] == before.peak == 3
    assert (late.records, late.changes) == (0, 0) == tuple(packed["late"].values())
    moment = f.at("2026-03-31T14:00")
    with time_machine.travel(NOW, tick=False):
        note(sealed.server, int(NOW.timestamp()), kind="checkout")  # of a later time
        state(sealed.server, moment, "ffff")  # no figure rests on it
        assert figures() == (before, late)
        f.holding(sealed.feature, moment, moment + 60, person=f.PersonFactory())
        note(sealed.server, moment, kind="checkout")
        note(sealed.other.server, moment, kind="checkout")
    after, late = figures()
    assert (after.peak, late.records, late.changes) == (4, 1, 0)
    with pytest.raises(pack.PackRefused, match="tells of the period"):
        made(sealed, tmp_path)
