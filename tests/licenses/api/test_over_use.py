"""Over-use over the API: its episodes, and notes on them by asset managers."""

from __future__ import annotations

import pytest

from tests.factories import PersonFactory, holding

from .test_history import NINE, client, get, pool, pytestmark

__all__ = ["pool", "pytestmark"]

DAY = "from=2026-03-10&to=2026-03-11"
NOTE = {
    "starts": "2026-03-10T10:20:00+01:00",
    "ends": "2026-03-10T10:21:00+01:00",
    "cause": "Launch day",
    "owner": "Team CAD",
}


@pytest.fixture
def over(pool):
    feature = pool.mappings.get().feature
    holding(feature, NINE + 1200, NINE + 1800, 12, person=PersonFactory(login="ben"))
    return pool


def test_a_manager_explains_an_episode_and_an_auditor_reads_it(over):
    auditor, manager = client("auditor", over), client("manager", over)
    (episode,) = get(auditor, over, f"over-use/?{DAY}")["episodes"]
    assert (episode["from"], episode["excess"]) == ("2026-03-10T10:20:00+01:00", 2)
    assert episode["note"] is None
    made = manager.post("/api/v1/over-use-notes/", {"pool": over.pk, **NOTE}, format="json")
    assert made.status_code == 201, made.content
    (episode,) = get(auditor, over, f"over-use/?{DAY}")["episodes"]
    assert (episode["note"]["cause"], episode["note"]["author"]) == ("Launch day", "manager")
    (listed,) = auditor.get(f"/api/v1/over-use-notes/?pool={over.pk}").json()["results"]
    assert (listed["owner"], listed["resolution"]) == ("Team CAD", "")


def test_only_asset_managers_write_notes_and_nobody_changes_one(over):
    auditor, manager = client("auditor", over), client("manager", over)
    body = {"pool": over.pk, **NOTE}
    assert auditor.post("/api/v1/over-use-notes/", body, format="json").status_code == 403
    pk = manager.post("/api/v1/over-use-notes/", body, format="json").json()["id"]
    assert manager.patch(f"/api/v1/over-use-notes/{pk}/", {"cause": "x"}).status_code in (403, 405)
    assert manager.delete(f"/api/v1/over-use-notes/{pk}/").status_code in (403, 405)


def test_a_note_on_a_time_without_over_use_is_refused(over):
    body = {"pool": over.pk, **NOTE, "starts": "2026-03-10T09:00:00+01:00"}
    body["ends"] = "2026-03-10T09:10:00+01:00"
    answer = client("manager", over).post("/api/v1/over-use-notes/", body, format="json")
    assert answer.status_code == 400 and "No over-use" in answer.content.decode()


def test_notes_of_another_vendor_are_not_there(over):
    manager, auditor = client("manager", over), client("auditor", over)
    pk = manager.post("/api/v1/over-use-notes/", {"pool": over.pk, **NOTE}).json()["id"]
    over.product.vendor.scope_set.clear()
    assert auditor.get(f"/api/v1/over-use-notes/{pk}/").status_code == 404
    assert auditor.get(f"/api/v1/pools/{over.pk}/over-use/?{DAY}").status_code == 404
