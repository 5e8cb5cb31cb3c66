"""What the administration shows of holds, events and sealed days, the API tells and takes too."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from licenses.models import EvidenceCheck, EvidenceDay, LegalHold
from tests.factories import FeatureFactory, HostFactory, PersonFactory, VendorFactory, at, events

pytestmark = pytest.mark.django_db


def signed_in(role: str) -> APIClient:
    user = User.objects.create(username=role)
    user.groups.add(Group.objects.get(name=role))
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def mara() -> APIClient:
    return signed_in("manager")


def test_a_hold_is_set_and_released_and_neither_changed_nor_deleted(mara: APIClient) -> None:
    vendor, other = VendorFactory(), VendorFactory()
    made = mara.post("/api/v1/legal-holds/", {"vendor": vendor.pk, "reason": "Case 12"})
    assert made.status_code == 201, made.content
    place = f"/api/v1/legal-holds/{made.json()['id']}/"
    hold = LegalHold.objects.get()
    assert hold.set_by is not None and hold.set_by.username == "manager"
    released = {"released_at": "2026-11-24T10:00:00Z", "reason": "x", "vendor": other.pk}
    assert mara.patch(place, released).status_code == 200
    hold.refresh_from_db()
    assert (hold.vendor, hold.reason) == (vendor, "Case 12")
    assert hold.released_at is not None
    assert mara.delete(place).status_code == 405
    assert mara.post("/api/v1/legal-holds/", {"reason": "of nothing"}).status_code == 400


def test_events_are_told_as_they_were_logged(mara: APIClient) -> None:
    feature = FeatureFactory()
    person = PersonFactory()
    moments = {at("2026-11-24T08:30"): "IN", at("2026-11-24T08:00"): "OUT"}
    events(feature, person, HostFactory(), moments)
    (row,) = mara.get("/api/v1/events/", {"feature": feature.pk}).json()["results"]
    assert row["starts"].startswith("2026-11-24T08:00:00") and row["count"] == 2
    told = mara.get(f"/api/v1/events/{row['id']}/").json()["events"]
    assert [(each["at"][11:16], each["kind"], each["person"]) for each in told] == [
        ("08:00", 1, person.pk),
        ("08:30", 2, person.pk),
    ]
    assert mara.get("/api/v1/events/", {"feature": feature.pk + 1}).json()["results"] == []


def test_a_check_of_the_evidence_is_told_with_what_it_found_to_managers(mara: APIClient) -> None:
    EvidenceCheck.objects.create(days=4, entries=9, set_back=["back"], problems=["gone"])
    (row,) = mara.get("/api/v1/evidence-checks/").json()["results"]
    assert (row["days"], row["set_back"], row["problems"]) == (4, ["back"], ["gone"])
    answer: Any = signed_in("auditor").get("/api/v1/evidence-checks/")
    assert answer.status_code == 403 or answer.json()["results"] == []


def test_a_sealed_day_is_told_with_its_checkpoint_to_managers(mara: APIClient) -> None:
    EvidenceDay.objects.create(
        day=date(2026, 11, 23), number=1, streams=b"", count=0, entries=0, root="0" * 64,
        checkpoint="of a day",
    )  # fmt: skip
    (row,) = mara.get("/api/v1/evidence-days/").json()["results"]
    assert (row["day"], row["checkpoint"]) == ("2026-11-23", "of a day")
    answer: Any = signed_in("auditor").get("/api/v1/evidence-days/")
    assert answer.status_code == 403 or answer.json()["results"] == []
