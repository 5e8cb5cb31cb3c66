"""When a pool is usually busy, for who wants a seat of it, over the API."""

from __future__ import annotations

import pytest

from licenses.models import LICENSE_USER
from tests.factories import PoolFactory

from .test_api import client

pytestmark = pytest.mark.django_db


def test_usual_hours_are_those_of_the_status_page() -> None:
    pool = PoolFactory(zone="Europe/Berlin")
    told = client(LICENSE_USER).get(f"/api/v1/seats/{pool.pk}/hours/").json()
    assert told["zone"] == "Europe/Berlin"
    assert told["words"].startswith("Not enough is known yet")
    assert [len(day) for day in told["levels"]] == [24] * 7
    assert {level for day in told["levels"] for level in day} == {"unknown"}
    assert {share for day in told["shares"] for share in day} == {None}
    hidden = PoolFactory(on_status=False)
    assert client(LICENSE_USER, "b").get(f"/api/v1/seats/{hidden.pk}/hours/").status_code == 404
