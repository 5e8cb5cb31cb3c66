"""Every list as a file: what it shows and no more, and on record who took it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from licenses.admin import exporting
from licenses.models import EvidenceBlock, PoolNow
from tests.factories import PoolFactory

from .conftest import World

MODELS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("licenses", "auth", "reports")
]


def place(model: Any, kind: str) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_listfile"
    return reverse(name, args=[kind])


def rows(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_every_list_is_a_file(root: Client, world: World) -> None:
    for model in MODELS:
        for kind in exporting.TYPES:
            answer = root.get(place(model, kind))
            assert answer.status_code == 200, model
            assert "attachment" in answer["Content-Disposition"]
        heads, *cells = rows(root.get(place(model, "csv")))
        assert heads[0] == "id" and len(cells) >= 0
        assert not any("<" in cell or "lm-" in cell for row in cells for cell in row), model


def test_nobody_takes_rows_that_the_list_would_not_show(
    anton: Client, vera: Client, world: World
) -> None:
    for client in (anton, vera):
        names = {row[1] for row in rows(client.get("/admin/licenses/licensepool/as-file/csv/"))}
        assert names == {"Pool", "Mine Pool"}
    assert vera.get("/admin/licenses/contract/as-file/csv/").status_code == 403
    assert Client().get("/admin/licenses/licensepool/as-file/csv/").status_code == 302
    assert vera.get("/admin/licenses/licensepool/as-file/pdf/").status_code == 404


def test_a_file_is_filtered_as_the_list_is(mara: Client, world: World) -> None:
    _, *found = rows(mara.get("/admin/licenses/licensepool/as-file/csv/?q=Other&p=7&all="))
    assert [row[1] for row in found] == ["Other Pool"]


def test_formulas_and_control_characters_do_no_harm(mara: Client, world: World) -> None:
    PoolFactory(name="=1+1", product=world.mine.product)
    PoolFactory(name="bell\x07", product=world.mine.product)
    _, *found = rows(mara.get("/admin/licenses/licensepool/as-file/csv/"))
    assert "'=1+1" in {row[1] for row in found}
    answer = mara.get("/admin/licenses/licensepool/as-file/xlsx/")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    names = {row[1].value for row in sheet.iter_rows(min_row=2)}
    assert {"'=1+1", "bell\N{REPLACEMENT CHARACTER}"} <= names
    assert all(isinstance(row[0].value, int) for row in sheet.iter_rows(min_row=2))


def test_moments_carry_their_offset(mara: Client, world: World) -> None:
    heads, *found = rows(mara.get("/admin/licenses/checkout/as-file/csv/"))
    assert found
    assert all(row[heads.index("Taken at")].endswith("+00:00") for row in found)


def test_a_file_is_in_english_whoever_reads_the_page(mara: Client, world: World) -> None:
    path = "/admin/licenses/licensepool/as-file/csv/"
    german = mara.get(path, headers={"accept-language": "de"})
    assert rows(german) == rows(mara.get(path, headers={"accept-language": "en"}))
    assert rows(german)[0][:3] == ["id", "Pool", "In use"]


def test_who_takes_a_file_is_on_record(mara: Client, world: World) -> None:
    before = EvidenceBlock.objects.count()
    mara.get("/admin/licenses/contract/as-file/csv/")
    assert EvidenceBlock.objects.count() > before


def test_long_lists_cost_no_query_a_row_and_have_an_end(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/admin/licenses/licensepool/as-file/csv/"
    mara.get(path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert mara.get(path).status_code == 200
        return len(seen)

    before = queries()
    for _ in range(5):
        PoolFactory()
    assert queries() <= before
    monkeypatch.setattr(exporting, "ROWS_A_PAGE", 3)
    assert len(rows(mara.get(path))) == 1 + 7  # over three pages
    monkeypatch.setattr(exporting, "MOST_ROWS", 6)
    assert mara.get(path).status_code == 302


def test_a_figure_that_leads_to_its_moment_is_a_number_in_a_file(
    mara: Client, world: World
) -> None:
    PoolNow.objects.filter(pool=world.mine).update(peak_12_months=1234, in_use=1, limit=3001)
    page = mara.get("/admin/licenses/licensepool/").content.decode()
    assert "/peak/" in page and ">1,234<" in page and ">3,000<" in page and ">3,001<" in page
    book = mara.get("/admin/licenses/licensepool/as-file/xlsx/").content
    heads, *shown = load_workbook(io.BytesIO(book)).active.iter_rows(values_only=True)
    assert 1234 in [row[heads.index("12-month peak")] for row in shown]
    assert 3000 in [row[heads.index("Free")] for row in shown]
