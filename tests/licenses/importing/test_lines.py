"""From a holding back to the raw lines it rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from licenses.importing import lines
from licenses.importing.files import import_status
from licenses.importing.lines import lines_of
from licenses.importing.tail import read_log
from licenses.models import Capture, Checkout, Identity, LicenseServer
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LOG = """10:00:00 (lmgrd) TIMESTAMP 1/5/2026
10:01:00 (acmed) OUT: "F1" Ann@PC1
10:01:00 (acmed) OUT: "F1" ben@pc2
10:02:00 (acmed) OUT: "F2" ann@pc1
10:05:00 (acmed) IN: "F1" ann@pc1
10:30:00 (acmed) OUT: "F1" ann@pc1
10:31:00 (acmed) IN: "F1" ann@pc1
"""
NEXT = """9:01:00 (lmgrd) TIMESTAMP 1/6/2026
10:01:00 (acmed) OUT: "F1" ann@pc1
"""


@pytest.fixture
def server(tmp_path: Path) -> LicenseServer:
    path = tmp_path / "debug.log"
    path.write_text(LOG)
    server = LicenseServer.objects.create(name="plant", zone="Europe/Berlin", log_path=str(path))
    read_log(server.pk)
    with path.open("a") as stream:
        stream.write(NEXT)
    read_log(server.pk)
    return server


def found(feature: str, moment: str) -> list[lines.Line]:
    row = Checkout.objects.get(feature__name=feature, taken_at=at(moment), person__identity=ann())
    return lines_of([row.pk], at(moment))


def ann() -> Identity:
    return Identity.objects.get(login__iexact="ann")


def test_taking_and_return_lead_to_their_lines(server: LicenseServer) -> None:
    taken, returned = found("F1", "2026-01-05T10:01:00+01:00")
    assert (taken.what, taken.line, taken.text) == (
        "taken",
        2,
        '10:01:00 (acmed) OUT: "F1" Ann@PC1',
    )
    assert (returned.what, returned.line) == ("returned", 5)
    assert returned.text == '10:05:00 (acmed) IN: "F1" ann@pc1'
    capture = Capture.objects.get(pk=taken.capture)
    assert (capture.server, capture.sha256) == (server, taken.sha256)


def test_the_same_time_of_another_day_is_another_line(server: LicenseServer) -> None:
    (second,) = found("F1", "2026-01-06T10:01:00+01:00")
    assert second.line == 2
    assert Capture.objects.get(pk=second.capture).offset == len(LOG)


def test_a_later_holding_of_the_same_person_has_its_own_lines(server: LicenseServer) -> None:
    assert [line.line for line in found("F1", "2026-01-05T10:30:00+01:00")] == [6, 7]


def test_a_line_before_a_date_that_contradicts_it_is_found_on_the_day_it_was_stored_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "debug.log"
    path.write_text(
        "9:00:00 (lmgrd) TIMESTAMP 1/5/2026\n"
        f'{LOG}10:40:00 (acmed) OUT: "F1" ben@pc3\n'
        "11:00:00 (lmgrd) TIMESTAMP 1/9/2026\n"
        '11:05:00 (acmed) OUT: "F2" ben@pc3\n'
    )
    server = LicenseServer.objects.create(name="lost", zone="Europe/Berlin", log_path=str(path))
    read_log(server.pk)
    row = Checkout.objects.get(taken_at=at("2026-01-09T10:40:00+01:00"))
    taken = lines_of([row.pk], at("2026-01-09T12:00:00+01:00"))[0]
    assert (taken.line, taken.text, taken.problem) == (9, '10:40:00 (acmed) OUT: "F1" ben@pc3', "")


def test_a_line_is_found_though_the_name_was_erased(server: LicenseServer) -> None:
    pks = list(Checkout.objects.filter(person__identity=ann()).values_list("pk", flat=True))
    Identity.objects.all().delete()
    assert all(line.line for line in lines_of(pks, at("2026-01-06T12:00+01:00")))


def test_without_names_the_place_is_told_and_not_the_text(server: LicenseServer) -> None:
    taken, _ = found("F1", "2026-01-05T10:01:00+01:00")
    hidden = taken.without_names()
    assert (hidden.line, hidden.sha256) == (2, taken.sha256)
    assert "ann" not in str(hidden.as_dict(server.tzinfo)).lower()


def test_a_text_that_is_gone_or_changed_says_so(server: LicenseServer) -> None:
    capture = Capture.objects.order_by("pk").first()
    assert capture is not None
    path = Path(settings.ITAM_DATA_DIR) / capture.stored
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    assert "damaged" in found("F2", "2026-01-05T10:02:00+01:00")[0].problem
    path.unlink()
    (line,) = found("F2", "2026-01-05T10:02:00+01:00")
    assert line.problem == "The raw text is no longer kept." and line.capture == capture.pk
    Capture.objects.all().delete()
    assert "No log of that moment" in found("F2", "2026-01-05T10:02:00+01:00")[0].problem


def test_no_more_raw_text_is_read_than_one_answer_may(
    server: LicenseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_BYTES", 10)
    assert "Too much raw text" in found("F2", "2026-01-05T10:02:00+01:00")[0].problem


STATUS = """lmstat - Copyright (c) 1989-2024 Flexera. All Rights Reserved.
Flexible License Manager status on Mon 1/5/2026 11:00

License server status: 27000@lic1
    License file(s) on lic1: /opt/a.lic:

      lic1: license server UP (MASTER) v11.19

Vendor daemon status (on lic1):

     acmed: UP v11.19
Feature usage info:

Users of F1:  (Total of 5 licenses issued;  Total of 1 license in use)

  "F1" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license

    cleo pc7 :0 (v1.0) (lic1/27000 101), start Mon 1/5 10:30
"""


def test_a_holding_that_a_status_showed_leads_to_its_row(tmp_path: Path) -> None:
    server = LicenseServer.objects.create(name="other", zone="UTC")
    result = import_status(server, STATUS.encode(), source="upload")
    assert Capture.objects.get().result == "parsed", result
    row = Checkout.objects.get()
    (line,) = lines_of([row.pk], at("2026-01-05T11:30"))
    assert (line.what, line.at) == ("listed", at("2026-01-05T11:00"))
    assert line.text.strip().startswith("cleo pc7 :0") and line.line == 19
    (early,) = lines_of([row.pk], at("2026-01-05T10:45"))
    assert early.problem == "No answer of the day before that moment was read."


def test_the_lines_of_many_holdings_take_two_queries(
    server: LicenseServer, django_assert_num_queries: Callable[[int], Any]
) -> None:
    pks = list(Checkout.objects.values_list("pk", flat=True))
    assert len(pks) == 5
    with django_assert_num_queries(2):
        told = lines_of(pks, at("2026-01-06T12:00+01:00"))
    assert [(line.what, line.line) for line in told if line.line is None] == []
    assert len(told) == 7
