"""Every list as a file: what it shows and no more, and on record who took it."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from licenses.admin import exporting
from licenses.models import Denial, EvidenceBlock, PoolNow
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
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def sheet(answer: Any) -> Any:
    return load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active


def test_every_list_is_a_file(root: Client, world: World) -> None:
    for model in MODELS:
        for kind in exporting.TYPES:
            answer = root.get(place(model, kind))
            assert answer.status_code == 200, model
            assert "attachment" in answer["Content-Disposition"]
            b"".join(answer.streaming_content)
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
    shown = list(sheet(answer).iter_rows(min_row=2, values_only=True))
    assert {"'=1+1", "bell\N{REPLACEMENT CHARACTER}"} <= {row[1] for row in shown}
    assert all(isinstance(row[0], int) for row in shown)


def test_moments_carry_their_offset(mara: Client, world: World) -> None:
    heads, *found = rows(mara.get("/admin/licenses/checkout/as-file/csv/"))
    assert found
    assert all(row[heads.index("Taken at")].endswith("+00:00") for row in found)


def test_a_file_is_in_english_whoever_reads_the_page(mara: Client, world: World) -> None:
    path = "/admin/licenses/licensepool/as-file/csv/"
    german = rows(mara.get(path, headers={"accept-language": "de"}))
    assert german == rows(mara.get(path, headers={"accept-language": "en"}))
    assert german[0][:3] == ["id", "Pool", "In use"]


def test_who_takes_a_file_is_on_record(mara: Client, world: World) -> None:
    before = EvidenceBlock.objects.count()
    mara.get("/admin/licenses/contract/as-file/csv/")
    assert EvidenceBlock.objects.count() > before


def test_long_lists_cost_no_query_a_row(mara: Client, world: World) -> None:
    path = "/admin/licenses/licensepool/as-file/csv/"
    rows(mara.get(path))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            rows(mara.get(path))
        return len(seen)

    before = queries()
    for _ in range(5):
        PoolFactory()
    assert queries() <= before


def test_a_file_goes_on_over_all_pages_in_the_order_of_the_list(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcde":
        PoolFactory(name=f"N{name}")
    path = "/admin/licenses/licensepool/as-file/csv/?o=-1"
    whole = rows(mara.get(path))
    assert [row[1] for row in whole[1:]] == [
        *("Other Pool", "Ne", "Nd", "Nc", "Nb", "Na", "Mine Pool"),
    ]
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 3)
    assert rows(mara.get(path)) == whole


def test_rows_that_come_or_go_while_a_file_is_read_disturb_no_other(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [PoolFactory(name=f"N{name}") for name in "abcde"]
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 3)
    pieces = iter(mara.get("/admin/licenses/licensepool/as-file/csv/?o=1").streaming_content)
    start = next(pieces) + next(pieces)  # the head, and three rows
    PoolFactory(name="Maa")
    made[3].delete()
    text = (start + b"".join(pieces)).decode()
    names = [row[1] for row in csv.reader(io.StringIO(text))][1:]
    assert names == ["Mine Pool", "Na", "Nb", "Nc", "Ne", "Other Pool"]


def test_more_rows_than_a_sheet_holds_are_taken_as_csv(
    mara: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_OF_A_SHEET", 2)  # a head and a row
    answer = mara.get("/admin/licenses/licensepool/as-file/xlsx/?q=Pool", follow=True)
    assert answer.redirect_chain == [("/admin/licenses/licensepool/?q=Pool", 302)]
    assert "This list has 2 rows, and a sheet holds 1: take it as CSV" in answer.content.decode()
    assert len(rows(mara.get("/admin/licenses/licensepool/as-file/csv/"))) == 3
    assert sheet(mara.get("/admin/licenses/licensepool/as-file/xlsx/?q=Mine")).max_row == 2


def test_the_memory_that_a_file_takes_does_not_hang_on_its_length(
    root: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten times as many rows, less than twice the memory."""
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 50)

    def peak(kind: str) -> int:
        tracemalloc.start()
        answer = root.get(f"/admin/licenses/denial/as-file/{kind}/")
        for _piece in answer.streaming_content:
            pass
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    def more(count: int) -> None:
        one = Denial.objects.all()[0]
        given = {field.attname: getattr(one, field.attname) for field in Denial._meta.fields}
        del given["id"]
        start = given.pop("at")
        Denial.objects.bulk_create(
            Denial(**given, at=start + timedelta(seconds=9 * (number + 1) + count))
            for number in range(count)
        )

    for kind in exporting.TYPES:
        peak(kind)  # what is made once for a process
    more(150)
    few = {kind: peak(kind) for kind in exporting.TYPES}
    more(1350)
    for kind in exporting.TYPES:
        assert peak(kind) < 2 * few[kind], kind


def test_a_figure_that_leads_to_its_moment_is_a_number_in_a_file(
    mara: Client, world: World
) -> None:
    PoolNow.objects.filter(pool=world.mine).update(peak_12_months=1234, in_use=1, limit=3001)
    page = mara.get("/admin/licenses/licensepool/").content.decode()
    assert "/peak/" in page and ">1,234<" in page and ">3,000<" in page and ">3,001<" in page
    book = sheet(mara.get("/admin/licenses/licensepool/as-file/xlsx/"))
    heads, *shown = book.iter_rows(values_only=True)
    assert 1234 in [row[heads.index("12-month peak")] for row in shown]
    assert 3000 in [row[heads.index("Free")] for row in shown]
    (mine,) = [dict(zip(heads, row, strict=True)) for row in shown if row[1] == "Mine Pool"]
    assert (mine["In use"], mine["Limit"], mine["Known from"]) == (1, 3001, "log")
    assert mine["State"] == "3,000 seats free" and mine["As of"] == "2026-11-24T09:59:00+00:00"
