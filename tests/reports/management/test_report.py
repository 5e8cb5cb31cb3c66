"""`manage.py report` writes the file and the numbers, and its exit code says what went wrong."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pypdf import PdfReader

from licenses.evidence import entries
from tests import factories as f

SPAN = ["--from", "2025-11-01", "--to", "2026-11-01"]


@pytest.mark.parametrize(
    "which", [["--pool", "Solver"], ["--vendor", "the vendor"], ["--all"]], ids=lambda w: w[0]
)
def test_the_report_and_its_numbers_are_written(world, tmp_path, which):
    world.pool.product.vendor.name = "The Vendor"
    world.pool.product.vendor.save()
    paper, data = tmp_path / "a.pdf", tmp_path / "a.json"
    call_command("report", "compliance", *which, *SPAN, "--output", str(paper), "--data", str(data))
    assert paper.read_bytes().startswith(b"%PDF")
    assert PdfReader(paper).attachments["report.json"] == [data.read_bytes()]
    assert json.loads(data.read_text())["pools"][0]["position"]["peak"] == 3


def test_the_same_as_of_gives_the_same_file(world, tmp_path):
    files = [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for file in files:
        call_command(
            "report", "compliance", "--all", *SPAN, "--as-of", "2026-11-24", "--output", str(file)
        )
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--pool", "Solvr", *SPAN], 1, "Near: Solver"),
        (["--vendor", "Nobody", *SPAN], 1, "No vendor"),
        (["--pool", "Solver", *SPAN, "--zone", "Mars/North"], 2, "Unknown time zone"),
        (["--pool", "Solver", "--from", "2026-01-01", "--to", "2026-01-01"], 2, "exclusive"),
        (
            ["--pool", "Solver", "--from", "2099-01-01", "--to", "2099-02-01"],
            2,
            "begins on 2099-01-01",
        ),
        (["--pool", "Solver", "--from", "soon", "--to", "2026-01-01"], 2, "--from soon"),
    ],
    ids=["pool", "vendor", "zone", "span", "future", "day"],
)
def test_what_cannot_be_reported_is_refused(world, tmp_path, arguments, code, words):
    file = tmp_path / "a.pdf"
    with pytest.raises(CommandError, match=words) as refused:
        call_command("report", "compliance", *arguments, "--output", str(file))
    assert refused.value.returncode == code
    assert not file.exists()


def test_a_folder_that_does_not_exist_is_refused(world, tmp_path):
    with pytest.raises(CommandError, match="does not exist") as refused:
        file = tmp_path / "nowhere" / "a.pdf"
        call_command("report", "compliance", "--all", *SPAN, "--output", str(file))
    assert refused.value.returncode == 2


def test_an_audit_report_is_written_with_its_occasion_and_noted_as_an_export(world, tmp_path):
    paper, data = tmp_path / "a.pdf", tmp_path / "a.json"
    vendor = world.pool.product.vendor.name
    call_command(
        *("report", "audit", "--vendor", vendor, *SPAN, "--output", str(paper)),
        *("--data", str(data), "--nda", "N-7", "--recipient", "A", "--recipient", "B"),
    )
    numbers = json.loads(data.read_text())
    assert (numbers["report"], numbers["audit"]["letter"]["nda"]) == ("audit", "N-7")
    assert numbers["audit"]["letter"]["recipients"] == ["A", "B"]
    noted = [entry for entry in entries.entries("installation") if entry["kind"] == "export"]
    digest = hashlib.sha256(paper.read_bytes()).hexdigest()
    assert [entry["body"]["sha256"] for entry in noted] == [digest]


def test_a_compliance_report_is_noted_as_an_export_too(world, tmp_path):
    paper = tmp_path / "a.pdf"
    call_command("report", "compliance", "--pool", world.pool.name, *SPAN, "--output", str(paper))
    (noted,) = [entry for entry in entries.entries("installation") if entry["kind"] == "export"]
    assert noted["body"]["what"] == "compliance report"
    assert noted["body"]["sha256"] == hashlib.sha256(paper.read_bytes()).hexdigest()


def test_an_audit_of_two_vendors_is_refused(world, tmp_path):
    f.PoolFactory()
    with pytest.raises(
        CommandError, match="about one vendor, found 2; choose with --vendor"
    ) as refused:
        call_command("report", "audit", "--all", *SPAN, "--output", str(tmp_path / "a.pdf"))
    assert refused.value.returncode == 2


def test_an_occasion_has_no_place_in_a_compliance_report(world, tmp_path):
    with pytest.raises(CommandError, match="has no place for nda"):
        file = str(tmp_path / "a.pdf")
        call_command("report", "compliance", "--all", *SPAN, "--output", file, "--nda", "N-7")
