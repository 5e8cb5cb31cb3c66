"""Seats of which a log tells the return alone: nobody knows when they were taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from licenses.importing.files import Wanted, import_file
from licenses.models import Checkout, LicenseServer

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LOG = """\
08:00:00 (lmgrd) TIMESTAMP 3/2/2026
08:30:00 (acmed) IN: "cad" ann@pc1
09:00:00 (acmed) OUT: "cad" bob@pc1
09:10:00 (acmed) IN: "cad" bob@pc1
12:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""


def test_the_list_of_checkouts_claims_no_start_of_them(
    admin_client: Client, tmp_path: Path
) -> None:
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    path = tmp_path / "a.log"
    path.write_text(LOG)
    import_file(server, path, path.name, Wanted())

    def listed(method: int) -> str:
        answer = admin_client.get(f"/admin/licenses/checkout/?method={method}")
        assert answer.status_code == 200
        return answer.content.decode()

    taken, alone = listed(Checkout.Method.EVENT), listed(Checkout.Method.RETURNED)
    # Filters say it as often in both.
    assert alone.count("not known") == taken.count("not known") + 2
    assert "2 Mar 2026" in taken
