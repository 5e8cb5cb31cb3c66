import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest

from licenses.simulator.inventory import (
    HEADERS,
    cell,
    inventory_texts,
    invoices,
    write_inventory,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def simulated(world):
    return inventory_texts(world)


def samples():
    return {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("samples/*.csv")}


@pytest.fixture(params=["simulated", "samples"])
def texts(request, world):
    return inventory_texts(world) if request.param == "simulated" else samples()


def test_each_kind_has_its_own_header(texts):
    assert {kind: text.splitlines()[0] for kind, text in texts.items()} == HEADERS


def test_what_a_row_names_stands_in_the_file_of_its_kind(texts):
    tables = {kind: rows(text) for kind, text in texts.items()}
    vendors = {row["vendor"] for row in tables["vendors"]}
    products = {(row["vendor"], row["product"]) for row in tables["products"]}
    teams = {row["team"] for row in tables["teams"]}
    pools = {row["pool"]: row["vendor"] for row in tables["pools"]}
    contracts = {row["contract"]: row["vendor"] for row in tables["contracts"]}
    assert {vendor for vendor, _ in products} == vendors
    assert {row["parent"] for row in tables["teams"]} - {""} <= teams
    assert {row["team"] for row in tables["people"]} <= teams
    assert {(row["vendor"], row["product"]) for row in tables["pools"]} <= products
    assert {row["owner_team"] for row in tables["pools"]} <= teams
    assert set(contracts.values()) <= vendors
    for row in tables["entitlements"]:
        assert contracts[row["contract"]] == pools[row["pool"]]


def test_days_and_numbers_are_written_one_way(texts):
    for kind, text in texts.items():
        for row in rows(text):
            for name, value in row.items():
                if re.search("_from|_to$|_until", name):
                    assert not value or date.fromisoformat(value)
                elif name in ("quantity", "weight", "notice_days", "overdraft"):
                    assert re.fullmatch(r"\d+", value), (kind, name)
                elif name in ("cost", "unit_price"):
                    assert re.fullmatch(r"\d+\.\d\d", value), (kind, name)
                elif name == "renews":
                    assert value in ("yes", "no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "", id="nothing"),
        pytest.param(True, "yes", id="yes"),
        pytest.param(False, "no", id="no"),
        pytest.param(date(2026, 3, 5), "2026-03-05", id="day"),
        pytest.param(1234.5, "1234.50", id="money"),
        pytest.param(7, "7", id="count"),
    ],
)
def test_a_cell_is_written_by_its_type(value, text):
    assert cell(value) == text


def test_a_person_with_two_teams_has_two_rows(simulated, world):
    assert len(rows(simulated["people"])) == sum(len(p.memberships) for p in world.people) > 306


def test_every_feature_that_is_logged_feeds_a_pool(simulated, year):
    mapped = {(row["server"], row["daemon"], row["feature"]) for row in rows(simulated["pools"])}
    logged = {
        (s.server, s.daemon, name)
        for s in year.sessions
        for name in (s.feature, s.component)
        if name
    }
    assert logged == mapped


def test_the_weighted_feature_carries_its_weight(simulated):
    weights = {row["feature"]: row["weight"] for row in rows(simulated["pools"])}
    assert (weights["BOR_LAYOUT"], weights["BOR_VIEW"]) == ("2", "1")


def test_the_files_are_written_in_the_order_in_which_they_can_be_read(world, tmp_path):
    paths = write_inventory(world, tmp_path)
    assert [path.stem for path in paths] == list(HEADERS)
    assert b"\r" not in paths[3].read_bytes()


def test_each_invoice_names_contract_rights_and_total(world):
    papers = invoices(world)
    assert len(papers) == sum(len(contract.invoices) for contract in world.contracts) > 20
    names = [bill.file_name for bill in papers]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "/" in name]
    text = next(bill.text for bill in papers if bill.contract == "MDW-7730")
    assert "Contract  MDW-7730: Drawing office" in text
    assert re.search(r"10 x Meridian CAD +2,900\.00  PO-\d+", text)
    assert "Total     61,900.00 EUR" in text


def test_the_columns_are_described():
    text = (DOCS / "inventory-csv.md").read_text(encoding="utf-8")
    for kind, header in HEADERS.items():
        section = text.split(f"## {kind}.csv")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", section, re.M) == header.split(",")
