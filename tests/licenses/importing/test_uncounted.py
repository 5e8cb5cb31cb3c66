"""Seats that nobody counts: an answer that lists no holder of them contradicts no log."""

from __future__ import annotations

from pathlib import Path

import pytest

from licenses.importing import files
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Checkout, Disagreement, LicenseServer
from tests.factories import ServerFactory

pytestmark = pytest.mark.django_db

STATUS = """\
Flexible License Manager status on Mon 1/5/2026 {time}

License server status: 27000@lic
    License file(s) on lic: /opt/lic/all.lic:

       lic: license server UP (MASTER) v11.19.5

Vendor daemon status (on lic):

  vendord: UP v11.19.5

Feature usage info:

Users of viewer:  ({total})

"""
UNCOUNTED = "Uncounted, node-locked"
COUNTED = "Total of 5 licenses issued;  Total of 0 licenses in use"
LOG = """\
8:00:00 (lmgrd) TIMESTAMP 1/5/2026
9:00:00 (vendord) OUT: "viewer" bob@h1
11:00:00 (vendord) IN: "viewer" bob@h1
12:00:00 (lmgrd) TIMESTAMP 1/5/2026
"""


def hand_in(server: LicenseServer, path: Path, text: str) -> None:
    path.write_text(text)
    files.import_file(server, path, path.name, files.Wanted())


def known() -> list[tuple[str, str]]:
    """Return until when each is known to be held, and until when it is possible."""
    rows = Checkout.objects.values_list("returned_after", "returned_at")
    return [(f"{after:%H:%M:%S}", f"{at:%H:%M:%S}") for after, at in rows]


@pytest.mark.parametrize("log_first", [True, False])
@pytest.mark.parametrize(
    ("total", "expected"),
    [
        pytest.param(UNCOUNTED, ("11:00:00", "11:00:00"), id="uncounted"),
        pytest.param(COUNTED, ("09:00:01", "11:00:00"), id="counted"),
    ],
)
def test_only_an_answer_that_counts_seats_tells_that_nobody_holds_one(
    tmp_path: Path, data_dir: Path, log_first: bool, total: str, expected: tuple[str, str]
) -> None:
    server = ServerFactory(name="lic", zone="UTC")
    if log_first:
        hand_in(server, tmp_path / "debug.log", LOG)
    for number, time in enumerate(("8:30", "9:30", "10:00", "10:30", "11:30")):
        status = STATUS.format(time=time, total=total)
        hand_in(server, tmp_path / f"{number}.txt", status)
    if not log_first:
        hand_in(server, tmp_path / "debug.log", LOG)
    assert known() == [expected]
    assert Disagreement.objects.exists() == (total == COUNTED)
    rebuild_holdings(server)
    assert known() == [expected]
