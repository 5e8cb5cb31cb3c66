"""Saving how a list is filtered, in the admin and over the API: one check, one's own rows."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from licenses.models import SavedFilter

from .conftest import World

LIST = "/admin/licenses/licensepool/"
KEEP = "/admin/licenses/savedfilter/keep/"
PAGE = "licenses.licensepool"


def keep(client: Client, query: str, name: str = "Mine", **more: str) -> str:
    """Save a filter of the pools; returns where one is sent."""
    answer = client.post(KEEP, {"page": PAGE, "query": query, "name": name, **more})
    assert answer.status_code == 302
    return answer["Location"]


def refused(client: Client, query: str, name: str = "Mine", **more: str) -> str:
    """Ask for a filter that is not saved; returns the page that says why."""
    answer = client.post(KEEP, {"page": PAGE, "query": query, "name": name, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_filter_is_saved_shown_renamed_and_deleted(mara: Client, world: World) -> None:
    text = mara.get(f"{LIST}?q=Mine&o=1").content.decode()
    assert "Save this filter" in text and 'value="o=1&amp;q=Mine"' in text
    assert "Save this filter" not in mara.get(LIST).content.decode()
    place = keep(mara, "?q=Mine&o=1", "My <b>pools</b>")
    assert place == f"{LIST}?o=1&q=Mine"
    text = mara.get(place).content.decode()
    assert 'href="?o=1&amp;q=Mine" aria-current="true"' in text
    assert "My &lt;b&gt;pools&lt;/b&gt;" in text and "Save this filter" not in text
    row = SavedFilter.objects.get()
    change = f"/admin/licenses/savedfilter/{row.pk}/"
    assert mara.post(f"{change}change/", {"name": "Renamed"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.query) == ("Renamed", "o=1&q=Mine")
    mara.post(f"{change}delete/", {"post": "yes"})
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="nothing"),
        pytest.param("p=3", id="only-a-page"),
        pytest.param("id__gt=3", id="no-filter-of-the-list"),
        pytest.param("product__vendor__products__id=1", id="a-lookup-that-leads-away"),
        pytest.param("https://evil.example/?q=x", id="an-address"),
        pytest.param("//evil.example", id="another-host"),
        pytest.param("../../auth/user/?q=x", id="another-path"),
        pytest.param("o=1;drop", id="no-order"),
        pytest.param("q=%00", id="a-control-character"),
        pytest.param("q=" + "x" * 2000, id="too-long"),
    ],
)
def test_only_what_the_list_would_write_is_saved(mara: Client, world: World, query: str) -> None:
    text = refused(mara, query)
    assert "This list has no such filter." in text and 'value="Mine"' in text
    assert not SavedFilter.objects.exists()


def test_a_page_that_is_no_list_leads_nowhere_else(mara: Client, world: World) -> None:
    text = refused(mara, "q=x", page="//evil.example")
    assert 'href="/admin/licenses/savedfilter/?q=x"' in text and 'href="//evil' not in text


def test_a_name_that_is_taken_is_said_beside_it_and_nothing_typed_is_lost(
    mara: Client, world: World
) -> None:
    keep(mara, "q=a", "Mine")
    text = refused(mara, "q=b", "Mine", shared="1")
    field = re.search(r'<input[^>]*name="name".*?You have a filter of this name', text, re.S)
    assert field and len(field[0]) < 1500 and 'value="Mine"' in field[0]
    assert re.search(r'name="query" value="q=b"', text)
    assert re.search(r'<input[^>]*name="shared"[^>]*checked', text)
    assert keep(mara, "q=b", "Other", shared="1") == f"{LIST}?q=b"


def test_others_see_only_what_a_manager_shares(mara: Client, vera: Client, world: World) -> None:
    keep(mara, "q=a", "Private")
    keep(mara, "q=b", "For all", shared="1")
    assert "Only managers show filters" in refused(vera, "q=c", "Of Vera", shared="1")
    keep(vera, "q=c", "Of Vera")
    text = vera.get(LIST).content.decode()
    assert "For all" in text and "Of Vera" in text and "Private" not in text
    assert not SavedFilter.objects.filter(name="Of Vera", shared=True).exists()
    shared = SavedFilter.objects.get(name="For all")
    vera.post(f"/admin/licenses/savedfilter/{shared.pk}/delete/", {"post": "yes"})
    assert SavedFilter.objects.filter(pk=shared.pk).exists()
    own = SavedFilter.objects.get(name="Of Vera")
    assert "Of Vera" not in mara.get("/admin/licenses/savedfilter/").content.decode()
    mara.post(f"/admin/licenses/savedfilter/{own.pk}/delete/", {"post": "yes"})
    assert SavedFilter.objects.filter(pk=own.pk).exists()


def test_a_list_that_is_not_theirs_cannot_be_saved(vera: Client, world: World) -> None:
    vera.post(KEEP, {"page": "auth.user", "query": "q=a", "name": "x"})
    assert not SavedFilter.objects.exists()


def test_the_api_keeps_to_the_same_rules(mara: Client, vera: Client, world: World) -> None:
    api = APIClient()
    api.force_authenticate(User.objects.get(username="vera"))
    wish = {"page": PAGE, "name": "Full", "query": "?o=-2&q=x"}
    made = api.post("/api/v1/saved-filters/", wish)
    assert made.status_code == 201 and made.json()["query"] == "o=-2&q=x"
    place = f"/api/v1/saved-filters/{made.json()['id']}/"
    assert api.post("/api/v1/saved-filters/", wish).status_code == 400
    for bad in ({"query": "id__gt=1"}, {"shared": True}, {"page": "licenses.vendor"}):
        assert api.patch(place, bad).status_code == 400, bad
    assert api.patch(place, {"name": "Fuller"}).json()["name"] == "Fuller"
    keep(mara, "q=b", "For all", shared="1")
    keep(mara, "q=b", "Private")
    rows = {row["name"]: row["id"] for row in api.get("/api/v1/saved-filters/").json()["results"]}
    assert set(rows) == {"Fuller", "For all"}
    foreign = f"/api/v1/saved-filters/{rows['For all']}/"
    assert api.patch(foreign, {"name": "x"}).status_code == 403
    assert api.delete(foreign).status_code == 403
    assert api.delete(place).status_code == 204
