"""Every list of the API as CSV: the rows of its JSON, harmless to a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from openpyxl import load_workbook
from rest_framework.test import APIClient

from licenses.api.tables import CsvRenderer, table
from licenses.api.urls import router
from tests.factories import EntitlementFactory, PoolFactory, VendorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Any:
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


def rows_of(answer: HttpResponse) -> list[list[str]]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_each_list_has_its_rows_in_both_forms(api: Any) -> None:
    EntitlementFactory(contract=None)
    for name, _viewset, _basename in router.registry:
        place = f"/api/v1/{name}/"
        shown = api.get(place).json()["results"]
        head, *rows = rows_of(api.get(f"{place}?format=csv"))
        assert len(rows) == len(shown), name
        for row, said in zip(rows, shown, strict=True):
            assert head == list(said), name
            assert row[head.index("id")] == str(said["id"]) if "id" in said else True


def test_each_list_is_a_sheet_of_the_same_cells(api: Any) -> None:
    EntitlementFactory(contract=None)
    for name in ("pools", "entitlements", "people", "gaps"):
        answer = api.get(f"/api/v1/{name}/?format=xlsx")
        assert answer["Content-Disposition"] == f'attachment; filename="{name}.xlsx"'
        shown = load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True)
        told = [["" if cell is None else str(cell) for cell in row] for row in shown]
        assert told == rows_of(api.get(f"/api/v1/{name}/?format=csv"))


def test_the_header_asks_for_it_too_and_a_page_leads_to_the_next(api: Any) -> None:
    for name in "abc":
        VendorFactory(name=name)
    answer = api.get("/api/v1/vendors/?page_size=2", headers={"accept": "text/csv"})
    assert len(rows_of(answer)) == 3
    assert 'rel="next"' in answer["Link"]
    place = answer["Link"].split(">")[0].removeprefix("<")
    last = api.get(place, headers={"accept": "text/csv"})
    assert [row[1] for row in rows_of(last)][1:] == ["a"] and 'rel="prev"' in last["Link"]


def test_no_cell_is_run(api: Any) -> None:
    PoolFactory(name="=HYPERLINK(1)", house_rules="\t@x")
    head, row = rows_of(api.get("/api/v1/pools/?format=csv"))
    assert row[head.index("name")] == "'=HYPERLINK(1)"
    assert row[head.index("house_rules")].startswith("'")


def test_lists_within_a_cell_and_what_is_not_known() -> None:
    rows = table([{"a": [1, "x"], "b": None, "c": True}], ["a", "b", "c"])
    assert CsvRenderer().write(rows) == b'a,b,c\r\n"[1, ""x""]",,true\r\n'


def test_a_refusal_is_json_and_a_single_row_is_no_table(api: Any) -> None:
    stranger = APIClient().get("/api/v1/pools/?format=csv")
    assert stranger.status_code == 401 and stranger.json()["type"] == "client_error"
    wrong = api.get("/api/v1/pools/?format=csv&product=x")
    assert wrong.status_code == 400 and wrong.json()["errors"][0]["attr"] == "product"
    pool = PoolFactory()
    assert api.get(f"/api/v1/pools/{pool.pk}/?format=csv").status_code == 404
