"""The way back in the message bar, and the same over the API."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from licenses.models import Feature, SavedFilter, UndoStep
from tests.factories import FeatureFactory

from .conftest import World


@pytest.fixture
def told(mara: Client, world: World) -> str:
    """What a manager sees who has just ignored a feature."""
    feature = FeatureFactory(server=world.server, name="NEW")
    place = reverse("admin:licenses_licenseserver_map_feature", args=[world.server.pk])
    data = {"feature": feature.pk, "deed": "ignore"}
    return mara.post(place, data, follow=True).content.decode()


def test_the_message_brings_the_way_back(mara: Client, told: str) -> None:
    step = UndoStep.objects.get()
    form = re.search(rf'<form method="post" action="/admin/undo/{step.pk}/">.*?</form>', told, re.S)
    assert form is not None and "csrfmiddlewaretoken" in form[0]
    place = re.search(r'name="next" value="([^"]+)"', form[0])
    assert place is not None
    answer = mara.post(f"/admin/undo/{step.pk}/", {"next": place[1]}, follow=True)
    assert answer.redirect_chain[0][0] == place[1]
    assert "It is as it was before." in answer.content.decode()
    assert Feature.objects.unmapped().filter(name="NEW").exists()
    again = mara.post(f"/admin/undo/{step.pk}/", {"next": place[1]}, follow=True)
    assert "undone already" in again.content.decode()


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "evil", "/\\evil.example"]
)
def test_it_leads_to_no_other_host(mara: Client, told: str, place: str) -> None:
    answer = mara.post(f"/admin/undo/{UndoStep.objects.get().pk}/", {"next": place})
    assert answer["Location"] == "/"


def test_a_link_undoes_nothing_and_others_find_nothing(
    mara: Client, root: Client, told: str
) -> None:
    place = f"/admin/undo/{UndoStep.objects.get().pk}/"
    assert mara.get(place).status_code == 405
    assert root.post(place).status_code == 404
    assert Client(enforce_csrf_checks=True).post(place).status_code == 403
    assert UndoStep.objects.get().used_at is None


def test_a_deleted_filter_is_offered_back(mara: Client, world: World) -> None:
    row = SavedFilter.objects.create(
        owner=User.objects.get(username="mara"), page="licenses.vendor", name="V", query="q=a"
    )
    place = f"/admin/licenses/savedfilter/{row.pk}/delete/"
    text = mara.post(place, {"post": "yes"}, follow=True).content.decode()
    step = UndoStep.objects.get()
    assert f"/admin/undo/{step.pk}/" in text and "“V” was deleted" in text
    mara.post(f"/admin/undo/{step.pk}/")
    assert SavedFilter.objects.get().name == "V"


def test_the_api_tells_what_can_be_taken_back_and_does_it(mara: Client, told: str) -> None:
    api = APIClient()
    api.force_authenticate(User.objects.get(username="mara"))
    (row,) = api.get("/api/v1/undo-steps/").json()["results"]
    assert (row["kind"], row["words"]) == ("feature-ignored", "Feature ignored")
    assert api.post(f"/api/v1/undo-steps/{row['id']}/take-back/").status_code == 200
    assert Feature.objects.unmapped().filter(name="NEW").exists()
    assert api.get("/api/v1/undo-steps/").json()["results"] == []
    assert api.post(f"/api/v1/undo-steps/{row['id']}/take-back/").status_code == 404
