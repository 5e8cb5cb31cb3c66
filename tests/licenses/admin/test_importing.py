"""Sheets in and out: a preview, errors by row and column, formulas disarmed, rights only added."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tablib
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from licenses import resources
from licenses.admin import importing
from licenses.models import (
    DirtySpan,
    Entitlement,
    LicensePool,
    Membership,
    Person,
    Product,
    Team,
    Vendor,
    correct_entitlement,
    pseudonym,
)
from licenses.resources import disarm

from .conftest import World

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
KINDS = {
    "vendors": resources.VendorResource,
    "products": resources.ProductResource,
    "teams": resources.TeamResource,
    "people": resources.PersonResource,
    "pools": resources.PoolResource,
    "contracts": resources.ContractResource,
    "entitlements": resources.EntitlementResource,
}


def load(resource: Any, text: str, **options: Any) -> Any:
    data = tablib.Dataset().load(text, format="csv")
    return resource().import_data(data, **options)


def problems(result: Any) -> dict[int, dict[str, Any]]:
    return {row.number: row.error_dict for row in result.invalid_rows}


def test_the_documented_samples_go_in_and_a_second_time_change_nothing(db: None) -> None:
    for again in (False, True):
        for name, resource in KINDS.items():
            text = (SAMPLES / f"{name}.csv").read_text(encoding="utf-8")
            result = load(resource, text)
            assert not result.has_errors() and not result.has_validation_errors(), name
            if again:
                assert result.totals["new"] == result.totals["update"] == 0, name
    assert LicensePool.objects.filter(mappings__isnull=False).exists()
    assert DirtySpan.objects.exists()


@pytest.mark.parametrize(
    ("resource", "text", "expected"),
    [
        pytest.param(
            resources.ProductResource,
            "vendor,product\nMine Vendor,Good\nNobody,Bad\n",
            {2: ("vendor", "there is no vendor 'Nobody'")},
            id="unknown-vendor",
        ),
        pytest.param(
            resources.ProductResource,
            "vendor,product\nMine Vendor,\n",
            {1: ("product", "cannot be blank")},
            id="empty-name",
        ),
        pytest.param(
            resources.TeamResource,
            "team,contact_email\n,nobody\n",
            {1: ("team", "cannot be blank")},
            id="empty-team",
        ),
        pytest.param(
            resources.EntitlementResource,
            "pool,quantity,valid_from\nMine Pool,ten,2026-01-01\nMine Pool,5,01.02.2026\n",
            {
                1: ("quantity", "'ten': expected a whole number"),
                2: ("valid_from", "expected a date"),
            },
            id="cells",
        ),
        pytest.param(
            resources.EntitlementResource,
            "pool,contract,quantity,valid_from\nMine Pool,Other-1,5,2026-01-01\n",
            {1: ("contract", "no contract 'Other-1' with the pool's vendor")},
            id="foreign-contract",
        ),
        pytest.param(
            resources.EntitlementResource,
            "pool,quantity,valid_from,valid_to\nMine Pool,5,2026-02-01,2026-01-01\n",
            {1: ("valid_to", "before it starts")},
            id="ends-before-start",
        ),
        pytest.param(
            resources.PersonResource,
            "login,team,member_from,member_to\nmia,Mine Team,2026-02-01,2026-01-01\n,Mine Team,,\n",
            {1: ("member_to", "lies before"), 2: ("login", "empty")},
            id="people",
        ),
        pytest.param(
            resources.PoolResource,
            "pool,vendor,product,zone,server,feature\nA,Mine Vendor,Mine Product,Mars/X,shared,\n",
            {1: ("feature", "a mapping names a server and a feature")},
            id="half-a-mapping",
        ),
        pytest.param(
            resources.PoolResource,
            "pool,vendor,product,server,feature\nA,Mine Vendor,Mine Product,shared,Mine_FEATURE\n",
            {1: ("feature", "already feeds the pool Mine Pool")},
            id="mapped-elsewhere",
        ),
        pytest.param(
            resources.ContractResource,
            "contract,vendor,renews,cost\nC,Mine Vendor,perhaps,-3\n",
            {1: ("renews", "expected yes or no")},
            id="yes-or-no",
        ),
    ],
)
def test_errors_name_row_and_column(
    resource: Any, text: str, expected: dict[int, tuple[str, str]], world: World
) -> None:
    found = problems(load(resource, text))
    assert set(found) == set(expected)
    for row, (column, message) in expected.items():
        assert message in " ".join(str(part) for part in found[row][column])


def test_an_unknown_column_is_refused(world: World) -> None:
    result = load(resources.VendorResource, "vendor,webiste\nA,https://a.example\n")
    assert "Unknown column 'webiste'" in str(result.base_errors[0].error)
    assert not Vendor.objects.filter(name="A").exists()


def test_a_corrected_line_is_not_added_again(world: World) -> None:
    text = "pool,quantity,valid_from\nMine Pool,7,2026-03-01\n"
    assert load(resources.EntitlementResource, text).totals["new"] == 1
    line = Entitlement.objects.get(quantity=7)
    correct_entitlement(line, changes={"quantity": 8}, reason="typo", author=None)
    assert load(resources.EntitlementResource, text).totals["skip"] == 1
    twice = "pool,quantity,valid_from\nMine Pool,9,2026-03-01\nMine Pool,9,2026-03-01\n"
    assert load(resources.EntitlementResource, twice).totals["new"] == 2


def test_a_person_may_have_two_memberships(world: World) -> None:
    Team.objects.create(name="Second")
    text = "login,name,team,member_from\nMia,Mia Made,Mine Team,\nmia,,Second,2026-01-01\n"
    result = load(resources.PersonResource, text)
    assert not result.has_validation_errors()
    person = Person.objects.get(pseudonym=pseudonym("person", "mia"))
    assert person.identity.name == "Mia Made"
    assert Membership.objects.filter(person=person).count() == 2


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *((cell, "'" + cell) for cell in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝x", " =x")),
        ("plain", "plain"),
        (12, 12),
        (-3, -3),
        (None, None),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_disarmed(cell: Any, expected: Any) -> None:
    assert disarm(cell) == expected


def upload(client: Client, name: str, text: str) -> tuple[str, str]:
    """Return the preview and the page after confirming it, if that was offered."""
    path = f"/admin/licenses/{name}/import/"
    file = SimpleUploadedFile("sheet.csv", text.encode())
    preview = client.post(path, {"import_file": file, "format": "0"}).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', preview))
    if "import_file_name" not in fields:
        return preview, ""
    confirmed = client.post(f"/admin/licenses/{name}/process_import/", fields, follow=True)
    return preview, confirmed.content.decode()


@pytest.mark.parametrize(
    "model", ["vendor", "product", "team", "contract", "entitlement", "licensepool", "person"]
)
def test_each_import_offers_a_file_with_its_columns(mara: Client, model: str) -> None:
    page = mara.get(reverse(f"admin:licenses_{model}_import"))
    (address,) = re.findall(r'href="(\S+/set-up/samples/\S+\.csv)"', page.text)
    columns = b"".join(mara.get(address).streaming_content).decode().splitlines()[0].split(",")
    assert set(columns) == set(page.context["fields_list"][0][1])


def test_nothing_is_stored_before_the_preview_is_confirmed(mara: Client, world: World) -> None:
    text = "vendor,product,category\nMine Vendor,Fresh,CAD\n"
    path = "/admin/licenses/product/import/"
    page = mara.post(path, {"import_file": SimpleUploadedFile("a.csv", text.encode()), "format": 0})
    assert "Fresh" in page.content.decode()
    assert not Product.objects.filter(name="Fresh").exists()
    _, done = upload(mara, "product", text)
    assert "1 new" in done
    assert Product.objects.filter(name="Fresh").exists()


def test_nothing_is_stored_where_a_preview_no_longer_holds(mara: Client, world: World) -> None:
    path = "/admin/licenses/product/import/"
    text = "vendor,product\nMine Vendor,Fresh\nGone Vendor,Late\n"
    gone = Vendor.objects.create(name="Gone Vendor")
    file = SimpleUploadedFile("a.csv", text.encode())
    page = mara.post(path, {"import_file": file, "format": 0}).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page))
    gone.delete()
    done = mara.post("/admin/licenses/product/process_import/", fields, follow=True)
    assert "Nothing was imported" in done.content.decode()
    assert not Product.objects.filter(name="Fresh").exists()


def test_a_preview_tells_no_name_to_who_may_not_see_it(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(resources.PersonResource, "login,name\nmia,Mia Made\n")
    text = "login,name,team\nmia,,Mine Team\n"
    assert "Mia Made" in upload(mara, "person", text)[0]
    Membership.objects.all().delete()
    monkeypatch.setattr(importing, "sees_names", lambda _user: False)
    preview, done = upload(mara, "person", text)
    assert "Mia Made" not in preview and "Mine Team" in preview and done


def test_the_preview_shows_errors_and_offers_nothing(mara: Client, world: World) -> None:
    preview, done = upload(mara, "entitlement", "pool,quantity,valid_from\nMine Pool,ten,x\n")
    assert "expected a whole number" in preview and "expected a date" in preview
    assert done == ""


def test_a_sheet_that_cannot_be_read_is_told_in_a_sentence(mara: Client, world: World) -> None:
    preview, _done = upload(mara, "product", "vendor,nme\nMine Vendor,Fresh\n")
    assert "<p>Unknown column &#x27;nme&#x27;. Missing column" in preview
    assert "Traceback" not in preview and "raise Validation" not in preview


def test_imported_rights_keep_their_author(mara: Client, world: World) -> None:
    upload(mara, "entitlement", "pool,quantity,valid_from\nMine Pool,7,2026-03-01\n")
    assert Entitlement.objects.get(quantity=7).recorded_by.username == "mara"


def test_a_viewer_is_offered_no_import(vera: Client, world: World) -> None:
    assert vera.get("/admin/licenses/licensepool/import/").status_code == 403
    assert vera.post("/admin/licenses/licensepool/process_import/").status_code == 403


def test_exports_keep_to_the_scope_and_disarm_formulas(anton: Client, world: World) -> None:
    world.mine.product.category = "=cmd()"
    world.mine.product.save()
    data = {"format": "0", "resource": "", "export_items": []}
    for field in ("vendor", "name", "category"):
        data[f"productresource_{field}"] = "on"
    answer = anton.post("/admin/licenses/product/export/", data)
    text = answer.content.decode()
    assert "Mine Product" in text and "'=cmd()" in text
    assert "Other" not in text


def test_what_was_exported_goes_in_again(world: World) -> None:
    world.mine.product.category = "=cmd()"
    world.mine.product.save()
    data = resources.ProductResource().export()
    rows = [[disarm(cell) for cell in row] for row in data]
    again = tablib.Dataset(*rows, headers=data.headers)
    result = resources.ProductResource().import_data(again)
    assert result.totals["skip"] == len(rows)
    for name in ("pools", "people", "contracts", "entitlements"):
        data = KINDS[name]().export()
        result = KINDS[name]().import_data(data)
        assert not result.has_errors() and not result.has_validation_errors(), name
        assert result.totals["new"] == 0, name


def packed(**parts: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(f"xl/{name}.xml", data)
    return file


ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lol">]><x>&a;&a;</x>'


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        pytest.param({"sheet": bytes(9000)}, "unpacks to more", id="bomb"),
        pytest.param({f"p{n}": b"" for n in range(12)}, "unpacks to more", id="parts"),
        pytest.param({"a": b"<a/>", "b": ENTITIES.encode()}, "xl/b.xml defines", id="entities"),
        pytest.param({"a": ENTITIES.encode("utf-16")}, "defines entities", id="utf-16"),
        pytest.param(
            {"a": b"<!--" + bytes(7000) + b"-->" + ENTITIES.encode()}, "defines entities", id="late"
        ),
    ],
)
def test_a_sheet_that_could_take_all_memory_is_refused(
    parts: dict[str, bytes], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_UNPACKED", 8000)
    monkeypatch.setattr(importing, "MOST_PARTS", 10)
    file = packed(**parts)
    with pytest.raises(ValidationError, match=words):
        importing.check_sheet(file)
    assert file.tell() == 0


def test_a_part_that_cannot_be_unpacked_hides_no_other() -> None:
    data = bytearray(packed(a=b"<a/>", b=ENTITIES.encode()).getvalue())
    for head, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(head) + flags] |= 1  # the first part says that it is encrypted
    with pytest.raises(ValidationError, match="could not be read"):
        importing.check_sheet(io.BytesIO(bytes(data)))


@pytest.mark.parametrize("file", [packed(a=b"<a/>"), io.BytesIO(b"a,b\n1,2\n"), io.BytesIO()])
def test_other_files_are_left_to_their_readers(file: io.BytesIO) -> None:
    importing.check_sheet(file)
    assert file.tell() == 0
