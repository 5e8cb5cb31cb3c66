"""A row whose words leave open who and where is one row, whatever other rows of a report tell."""

from __future__ import annotations

import pytest

from licenses.analysis.usage import usage
from licenses.importing import mapping
from licenses.importing.snapshots import store_snapshot
from licenses.models import Checkout, LicensePool, LicenseServer, Person, Sighting, pseudonym
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_rows import names
from tests.factories import ServerFactory, at

from .test_doubts import BEGIN, REST, read

TEXT = """\
Flexible License Manager status on Sun 3/1/2026 {time}
License server status: 27000@lic
lic: license server UP (MASTER) v11.19.5
Vendor daemon status (on lic):
     vendord: UP v11.19.5
Feature usage info:
Users of cad:  (Total of 9 licenses issued;  Total of {held} licenses in use)
  "cad" v1.0, vendor: vendord, expiry: permanent(no expiration date)
  floating license
"""
OTHER = "bob PC77 PC77"


def told(time: str, *holders: str) -> bytes:
    text = TEXT.format(time=time, held=len(holders))
    for holder in holders:
        text += f"    {holder} (v1.0) (lic/27000 {len(holder)}), start Sun 3/1 8:01\n"
    return text.encode()


def ask(server: LicenseServer, time: str, *holders: str) -> None:
    moment = at(f"2026-03-01T{time}")
    (snapshot,) = parse_lmstat(told(time, *holders), zone=server.tzinfo, now=moment)
    assert snapshot.result == "parsed", snapshot.detail
    store_snapshot(server, snapshot, told(time, *holders), at=moment, source="poll")


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["Anna Maria PC77 xterm", "Anna Maria PC77"])
@pytest.mark.parametrize("other", [(5,), (10,), (10, 15)])
def test_a_name_of_two_words_holds_one_seat(data_dir: None, who: str, other: tuple[int]) -> None:
    server = ServerFactory(name="lic")
    for minute in (5, 10, 15, 20):
        ask(server, f"08:{minute:02d}", who, *([OTHER] if minute in other else []))
    (row,) = Sighting.objects.filter(gone_at=None)
    assert row.first_seen.minute == 5
    assert Sighting.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("log_first", [True, False])
@pytest.mark.parametrize(
    ("logged", "shown"),
    [("Anna Maria@PC77", "Anna Maria PC77 xterm"), ("anna@pc77.corp.example", "anna pc77 pc77")],
)
def test_a_seat_that_log_and_status_give_different_names_is_not_known_to_be_two(
    data_dir: None, log_first: bool, logged: str, shown: str
) -> None:
    server = ServerFactory(name="lic")
    log = (
        BEGIN.replace("bob@h1", logged).replace("8:00:00", "8:01:10")
        + f'9:01:10 (vendord) IN: "cad" {logged}\n{REST}'
    )
    if log_first:
        read(server, log)
    for minute in range(0, 60, 5):
        ask(server, f"08:{minute:02}", *([shown] if minute else []))
    for minute in range(0, 60, 5):
        ask(server, f"09:{minute:02}", *([] if minute else [shown]))
    if not log_first:
        read(server, log)
    mapping.create_pools(server)
    pool = LicensePool.objects.get()
    told = usage(pool, start=at("2026-03-01T08:10"), end=at("2026-03-01T09:00")).total
    assert (told.peak, told.peak_low, told.peak_high) == (1, 1, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("log_first", [True, False])
def test_a_login_with_two_blanks_is_one_person_in_log_and_status(
    data_dir: None, log_first: bool
) -> None:
    server = ServerFactory(name="lic")
    log = BEGIN.replace("bob@h1", "Anna  Maria@PC77").replace("8:00:00", "8:01:10")
    for step in ("log", "status") if log_first else ("status", "log"):
        if step == "log":
            read(server, log)
        else:
            ask(server, "08:05", "Anna  Maria PC77 PC77")
    (person,) = Person.objects.all()
    assert person.identity.login == "Anna Maria"
    assert person.pseudonym == pseudonym("person", "anna   maria")
    assert Checkout.objects.get().person == person


def test_the_names_of_a_row_that_its_own_words_settle_stay_apart() -> None:
    moment = at("2026-03-01T08:05")
    for who, expected in (
        ("bob PC77 PC77", ("bob", "PC77", "PC77", "")),
        ("bob pc77 PC77:0.0", ("bob", "pc77", "PC77:0.0", "")),
        ("bob PC77", ("bob", "PC77", "", "")),
        ("Anna Maria PC77 PC77", ("Anna Maria", "PC77", "PC77", "")),
        ("Anna Maria PC77", ("Anna Maria PC77",)),
    ):
        zone = ServerFactory.build(zone="UTC").tzinfo
        (snapshot,) = parse_lmstat(told("08:05", who), zone=zone, now=moment)
        (row,) = snapshot.features[0].holdings
        assert names(row) == expected
