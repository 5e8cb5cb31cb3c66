"""Inventory files: known again the second time, whole or not at all, errors that say where."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from licenses.importing.inventory import import_inventory
from licenses.importing.inventory_csv import COLUMNS
from licenses.models import (
    Entitlement,
    Identity,
    LicensePool,
    Membership,
    Person,
    PoolFeature,
    Team,
    Vendor,
    correct_entitlement,
    pseudonym,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
SAMPLES = sorted((Path(__file__).parents[3] / "docs/samples").glob("*.csv"))
SOUND = {
    "vendors": "Acme,https://acme.example,",
    "products": "Acme,Draw,CAD",
    "teams": "Below,Above,1,\nAbove,,2,head@acme.example",
    "people": "JDoe,Jo Doe,jo@acme.example,Below,2026-01-01,",
    "pools": "Draw,Acme,Draw,Europe/Berlin,Above,lic-1,acmed,DRAW,1,2026-01-01,2026-03-31",
    "contracts": "C-1,Acme,Frame,2026-01-01,2026-12-31,90,yes,1250.50,EUR,Jo",
    "entitlements": "Draw,C-1,10,concurrent,2026-01-01,,2,99.00,EUR,PO-1,",
}


def write(folder: Path, **rows: str) -> list[Path]:
    """Write the sound files, with other rows for some kinds."""
    paths = []
    for kind, text in (SOUND | rows).items():
        path = folder / f"{kind}.txt"
        path.write_text(f"{','.join(COLUMNS[kind])}\n{text}\n", encoding="utf-8")
        paths.append(path)
    return paths


def run(*paths: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("import_inventory", *map(str, paths), stdout=out, stderr=io.StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_second_import_of_the_samples_finds_everything_known() -> None:
    first = run(*SAMPLES)
    assert [row["kind"] for row in first] == list(COLUMNS)
    assert all(row["errors"] == [] for row in first)
    assert all(row["rows"] == row["new"] + row["changed"] > 0 for row in first)
    rights = Entitlement.objects.count()
    for row in run(*reversed(SAMPLES)):
        assert (row["new"], row["changed"], row["known"]) == (0, 0, row["rows"])
    assert Entitlement.objects.count() == rights


def test_what_a_file_says_is_stored(tmp_path: Path) -> None:
    run(*write(tmp_path))
    assert Team.objects.get(name="Below").parent.name == "Above"
    person = Person.objects.get(pseudonym=pseudonym("person", "jdoe"))
    assert (person.identity.name, person.identity.email) == ("Jo Doe", "jo@acme.example")
    member = Membership.objects.get(person=person)
    assert (member.team.name, member.valid_from, member.valid_to) == (
        "Below",
        date(2026, 1, 1),
        None,
    )
    pool = LicensePool.objects.get(name="Draw")
    assert [team.name for team in pool.owner_teams.all()] == ["Above"]
    mapping = PoolFeature.objects.get(pool=pool)
    # Days are the pool's: winter at one end, summer at the other, whose last day counts whole.
    assert mapping.mapped_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert mapping.mapped_until == datetime(2026, 3, 31, 22, tzinfo=UTC)
    right = Entitlement.objects.get(pool=pool)
    assert (right.quantity, right.overdraft, right.valid_to) == (10, 2, None)
    assert right.contract.renews and str(right.contract.cost) == "1250.50"


def test_people_are_one_whatever_the_case_of_their_login(tmp_path: Path) -> None:
    rows = "jdoe,Jo Doe,,Below,2026-01-01,2026-01-31\nJDOE,Jo Doe,,Above,2026-02-01,"
    results = run(*write(tmp_path, people=rows))
    assert Person.objects.count() == Identity.objects.count() == 1
    assert Membership.objects.count() == results[3]["rows"] == 2


def test_a_changed_row_changes_what_is_known_and_adds_nothing(tmp_path: Path) -> None:
    run(*write(tmp_path))
    people = "jdoe,Jo Doe-Roe,jo@acme.example,Below,2026-01-01,2026-06-30"
    pools = SOUND["pools"].replace(",1,", ",3,")
    results = {row["kind"]: row for row in run(*write(tmp_path, people=people, pools=pools))}
    for kind in ("people", "pools"):
        assert (results[kind]["new"], results[kind]["changed"]) == (0, 1)
    assert Identity.objects.get().name == "Jo Doe-Roe"
    assert Membership.objects.get().valid_to == date(2026, 6, 30)
    assert PoolFeature.objects.get().weight == 3


def test_equal_rights_bought_twice_are_two_lines_and_stay_two(tmp_path: Path) -> None:
    twice = f"{SOUND['entitlements']}\n{SOUND['entitlements']}"
    run(*write(tmp_path))
    assert run(*write(tmp_path, entitlements=twice))[-1]["new"] == 1
    assert run(*write(tmp_path, entitlements=twice))[-1]["known"] == 2
    assert Entitlement.objects.count() == 2


def test_a_corrected_right_is_known_as_it_was_and_as_it_is(tmp_path: Path) -> None:
    run(*write(tmp_path))
    correct_entitlement(
        Entitlement.objects.get(), changes={"quantity": 12}, reason="typing error", author=None
    )
    corrected = SOUND["entitlements"].replace(",10,", ",12,")
    assert run(*write(tmp_path))[-1]["new"] == 0
    assert run(*write(tmp_path, entitlements=corrected))[-1]["new"] == 0
    assert Entitlement.objects.as_of().get().quantity == 12


@pytest.mark.parametrize(
    ("kind", "rows", "expected"),
    [
        ("products", "Acne,Draw,", "line 2, column vendor: found 'Acne', expected"),
        ("teams", "A,B,,\nB,A,,", "line 2, column parent: found 'B', expected"),
        ("teams", "A,A,,", "line 2, column parent: found 'A', expected"),
        ("teams", "A,,,nobody", "line 2, column contact_email: Enter a valid email"),
        ("people", "a,,,Nowhere,,", "line 2, column team: found 'Nowhere', expected"),
        ("people", "a,,,,31.12.2025,", "line 2, column member_from: found '31.12.2025', expected"),
        (
            "people",
            "a,,,Below,2026-02-01,2026-01-01",
            "line 2, column member_from: The membership ends before it starts.",
        ),
        (
            "pools",
            f"{SOUND['pools']}\nDraw,Acme,Draw,UTC,Above,lic-1,acmed,D2,1,,",
            "line 3, column zone: found 'UTC', expected 'Europe/Berlin' as in line 2",
        ),
        (
            "pools",
            f"{SOUND['pools']}\nOther,Acme,Draw,UTC,,lic-1,acmed,DRAW,1,,",
            "line 3, column feature: DRAW (acmed at lic-1) already feeds the pool Draw",
        ),
        ("pools", "P,Acme,Draw,Mars,,s,d,f,1,,", "line 2, column zone: found 'Mars', expected"),
        ("pools", "P,Acme,Draw,UTC,,-s,d,f,1,,", "line 2, column server: Server name '-s'"),
        ("pools", "P,Acme,Draw,UTC,,s,d,f,0,,", "line 2, column weight: found '0', expected 1"),
        ("contracts", "C,Acme,,,,,maybe,,,", "line 2, column renews: found 'maybe', expected"),
        ("contracts", 'C,Acme,,,,,,"1,250.00",,', "line 2, column cost: found '1,250.00'"),
        ("entitlements", "Draw,C-9,1,token,2026-01-01,,,,,,", "line 2, column contract: found"),
        ("entitlements", "Draw,,-1,token,2026-01-01,,,,,,", "line 2, column quantity: found '-1'"),
        ("entitlements", "Draw,,1,seat,2026-01-01,,,,,,", "line 2, column metric: found 'seat'"),
        ("entitlements", "Draw,,1,token,,,,,,,", "line 2, column valid_from: found nothing"),
        ("vendors", 'A,,"one\ntwo"\nB', "line 4: found 1 values, expected 3"),
        ("vendors", 'A,,"one', "line 2: not readable as comma-separated"),
    ],
)
def test_an_error_names_line_and_column(
    tmp_path: Path, kind: str, rows: str, expected: str
) -> None:
    results = {result.kind: result for result in import_inventory(write(tmp_path, **{kind: rows}))}
    told = results[kind].as_dict()
    assert told["errors"][0].startswith(expected)
    assert (told["new"], told["known"], told["changed"]) == (0, 0, 0)


def test_a_file_with_an_error_leaves_nothing_behind_and_the_command_fails(tmp_path: Path) -> None:
    vendors, *_rest = write(tmp_path, vendors="Acme,,\nBeta,no address,\nGamma,,")
    with pytest.raises(CommandError) as raised:
        run(vendors)
    assert raised.value.returncode == 1
    assert not Vendor.objects.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "line 1: found nothing, expected a header row"),
        (b"vendor;website;notes\n", "line 1: found the header"),
        (b"vendor,website\n", "expected 'vendor,website,notes' (vendors)"),
        (b"vendor,website,notes\nA,,\xe4\n", "line 2: found the byte 0xe4, expected UTF-8"),
    ],
)
def test_a_file_of_no_kind_is_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(data)
    (result,) = import_inventory([path])
    assert expected in result.as_dict()["errors"][0]


def test_a_byte_order_mark_and_other_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "vendors.csv"
    path.write_bytes("\ufeffnotes,vendor,website\r\nwörd,Acme,\r\n\r\n".encode())
    assert run(path)[0]["new"] == 1
    assert Vendor.objects.get().notes == "wörd"
