"""The page of a pool's over-use: what is not explained, and how it gets its explanation."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from licenses.models import LicensePool, OverUseNote
from tests.factories import FeatureFactory, PersonFactory, PoolFactory, covered, holding

from .conftest import NOW, World

START, END = NOW - 7200, NOW - 3600


@pytest.fixture
def over(world: World) -> LicensePool:
    holding(world.my_feature, START, END, 30, person=PersonFactory(login="<b>many</b>"))
    return world.mine


def place(pool: LicensePool, name: str = "over_use") -> str:
    return reverse(f"admin:licenses_licensepool_{name}", args=[pool.pk])


def test_an_episode_is_explained_on_a_page_and_shown_with_it(
    mara: Client, over: LicensePool
) -> None:
    assert "not explained" in mara.get(place(over)).content.decode()
    form = f"{place(over, 'over_use_explain')}?from={START}&to={END}"
    answer = mara.post(form, {"cause": "<i>Launch</i>", "resolution": "", "owner": "Team CAD"})
    assert answer.status_code == 302 and answer["Location"] == place(over)
    text = mara.get(place(over)).content.decode()
    assert "&lt;i&gt;Launch&lt;/i&gt;" in text and "Team CAD" in text and "still open" in text
    assert "not explained" not in text
    assert "&lt;i&gt;Launch&lt;/i&gt;" in mara.get(form).content.decode()
    assert OverUseNote.objects.get().recorded_by.username == "mara"


def test_no_over_use_means_nothing_where_nobody_looked_or_nothing_is_allowed(
    mara: Client, world: World
) -> None:
    def told(pool: LicensePool) -> set[str]:
        answers = f"/api/v1/pools/{pool.pk}/over-use/?from=2026-11-01&to=2026-11-25"
        return {mara.get(answers).json()["none_seen"], mara.get(place(pool)).context["none"]}

    unwatched, unknown = PoolFactory(), PoolFactory()
    feature = FeatureFactory(pool=unknown)
    covered(feature.server, NOW - 7200, NOW - 3600)
    holding(feature, NOW - 7200, NOW - 3600, 30, person=PersonFactory())
    assert told(unwatched) == {"None was seen; nothing was expected to be observed."}
    assert told(unknown) == {"What is allowed is not known, so over-use cannot be told from use."}
    seen = mara.get(place(world.mine)).text
    assert "None was seen in the " in seen and " % of the time that was observed." in seen


def test_the_newest_twenty_are_shown_and_all_of_them_behind_a_link(
    mara: Client, over: LicensePool
) -> None:
    feature, person = over.mappings.get().feature, PersonFactory()
    for hour in range(3, 24):
        holding(feature, NOW - hour * 3600, NOW - hour * 3600 + 60, 30, person=person)
    few, every = (mara.get(place(over) + more).content.decode() for more in ("", "?all=1"))
    assert few.count("not explained</span>") == 20 and 'href="?all=1"' in few
    assert every.count("not explained</span>") == 22 and 'href="?all=1"' not in every


def test_readers_see_episodes_and_may_not_explain_them(
    anton: Client, vera: Client, over: LicensePool
) -> None:
    form = f"{place(over, 'over_use_explain')}?from={START}&to={END}"
    for reader in (anton, vera):
        text = reader.get(place(over)).content.decode()
        assert "not explained" in text and "over-use/explain" not in text
        assert reader.post(form, {"cause": "x", "owner": "y"}).status_code == 403


@pytest.mark.parametrize("query", ["", "?from=x&to=2", "?from=9&to=1", "?from=1&to=99999999999999"])
def test_an_address_that_means_no_time_leads_back(
    mara: Client, over: LicensePool, query: str
) -> None:
    assert mara.get(place(over, "over_use_explain") + query)["Location"] == place(over)


def test_a_pool_of_others_has_no_such_page(anton: Client, world: World) -> None:
    for name in ("over_use", "over_use_explain"):
        assert anton.get(place(world.other, name)).status_code == 404
