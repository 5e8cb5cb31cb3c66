"""Why was I refused: who may read it, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from licenses.analysis.rollup import drain, mark_dirty
from licenses.evidence import entries
from licenses.models import (
    Capture,
    Denial,
    DenialEpisode,
    Feature,
    LicensePool,
    Person,
    Scope,
    SharingRule,
)
from tests.factories import (
    EntitlementFactory,
    PersonFactory,
    TeamFactory,
    covered,
    holding,
    refusal,
    waited,
)

from .conftest import NOW, person, signed_in

pytestmark = pytest.mark.django_db

HOUR = 3600


@pytest.fixture
def feature(drawing: LicensePool) -> Feature:
    """Two seats, held by two others, when lena is refused twice at nine and gives up."""
    feature: Feature = drawing.mappings.get().feature
    EntitlementFactory(pool=drawing, quantity=2)
    covered(feature.server, NOW - 30 * 86_400, NOW)
    for name in ("dora", "emil"):
        holding(feature, NOW - 2 * HOUR, NOW - HOUR // 2, person=PersonFactory(login=name))
    lena = PersonFactory(login="lena")
    for moment in (NOW - HOUR, NOW - HOUR + 120):
        refusal(feature, moment, lena)
    Denial.objects.update(reason='Licensed number of users already reached <b>"&')
    mark_dirty([drawing.pk])
    drain()
    return feature


@pytest.fixture
def episode(feature: Feature) -> DenialEpisode:
    return DenialEpisode.objects.get()


def get(user: User, episode: DenialEpisode) -> Any:
    return signed_in(user).get(f"/status/refusals/{episode.pk}/")


def test_who_waited_in_the_servers_queue_reads_how_long_and_others_do_not(
    feature: Feature,
) -> None:
    lena = Person.objects.get(identity__login="lena")
    waited(feature, NOW - HOUR, NOW - HOUR // 2, lena, "gave up")
    text = signed_in(person("lena")).get("/status/refusals/").content.decode()
    assert "In the server's queue" in text
    assert "gave up" in text
    assert "waited 30 minutes" in text
    text = signed_in(person("mona")).get("/status/refusals/").content.decode()
    assert "In the server's queue" not in text


def test_the_person_reads_why_in_plain_words(episode: DenialEpisode) -> None:
    client = signed_in(person("lena"))
    row = client.get("/status/refusals/").content.decode()
    assert "All seats were in use." in row
    assert "Got no seat: 2 tries within 2 min, then no more." in row
    page = get(person("lena2"), episode)
    assert page.status_code == 404
    text = client.get(f"/status/refusals/{episode.pk}/").content.decode()
    for part in (
        "Why was I refused?",
        "Tuesday, 24 November 2026, 09:00:00",
        "2 of 2 seats were in use.",
        "The limit: 2 seats.",
        "2 people held 2 seats.",
        "Licensed number of users already reached &lt;b&gt;&quot;&amp;",
        "Give it back over lunch.",
        "Who they are is not shown to you.",
    ):
        assert part in text
    for hidden in ("dora", "emil", "P-", "longest"):
        assert hidden not in text


def test_an_account_of_the_same_name_in_other_case_is_the_same_person(
    episode: DenialEpisode,
) -> None:
    assert get(person("Lena"), episode).status_code == 200


def test_a_foreign_episode_and_none_answer_alike(episode: DenialEpisode) -> None:
    mallory = person("mallory")
    client, api = signed_in(mallory), APIClient()
    api.force_authenticate(mallory)
    for ask, path in ((client, "/status/refusals/{}/"), (api, "/api/v1/refusals/{}/")):
        answers = [ask.get(path.format(pk)) for pk in (episode.pk, 99_999_999)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert api.get("/api/v1/refusals/").json()["results"] == []
    assert api.get("/api/v1/refusals/x/").status_code == 404
    assert "no refusal of the login" in client.get("/status/refusals/").content.decode()


@pytest.mark.parametrize("role", ["", "API client"])
def test_an_account_without_a_role_reads_nothing_though_it_has_the_name(
    role: str, episode: DenialEpisode
) -> None:
    assert get(person("lena", role), episode).status_code == 404


def test_a_pool_that_is_not_shown_tells_people_nothing(episode: DenialEpisode) -> None:
    LicensePool.objects.update(on_status=False)
    lena = person("lena")
    assert get(lena, episode).status_code == 404
    # There is one, so "none is on record" would be wrong.
    told = signed_in(lena).get("/status/refusals/").text
    assert "In the pools that are shown here, no refusal of the login “lena” is on record." in told


def test_who_sees_names_reads_them_and_leaves_an_entry(episode: DenialEpisode) -> None:
    mara = person("mara", "manager")
    text = get(mara, episode).content.decode()
    for part in ("Why was lena (P-", "dora (P-", "emil (P-"):
        assert part in text
    (entry,) = [each for each in written() if each["what"] == "why somebody was refused"]
    assert (entry["who"], entry["count"]) == ("mara", 3)


def written() -> list[dict[str, Any]]:
    return [
        entry["body"]
        for entry in entries.entries(entries.INSTALLATION[0])
        if entry["kind"] == "reveal"
    ]


def test_ones_own_page_leaves_no_entry(episode: DenialEpisode) -> None:
    get(person("lena"), episode)
    assert written() == []


def test_without_a_reveal_others_are_pseudonyms(episode: DenialEpisode, settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"
    text = get(person("mara", "manager"), episode).content.decode()
    assert "Why was P-" in text
    assert "lena" not in text and "dora" not in text


def test_where_nobody_is_told_apart_there_are_no_own_refusals(
    episode: DenialEpisode, settings: Any
) -> None:
    settings.ITAM_NAMES = "off"
    lena = signed_in(person("lena"))
    assert "keeps counts only" in lena.get("/status/refusals/").content.decode()
    assert lena.get(f"/status/refusals/{episode.pk}/").status_code == 404
    text = get(person("mara", "manager"), episode).content.decode()
    assert "2 seats were held." in text and "P-" not in text


def test_a_viewer_reads_what_is_in_the_scope(episode: DenialEpisode) -> None:
    vera = person("vera", "viewer")
    assert get(vera, episode).status_code == 404
    team = TeamFactory()
    episode.pool.owner_teams.add(team)
    Scope.objects.create(user=vera).teams.add(team)
    vera = User.objects.get(pk=vera.pk)
    text = get(vera, episode).content.decode()
    assert "Why was P-" in text and "dora" not in text


def test_a_team_lead_reads_of_nobody_single(episode: DenialEpisode) -> None:
    tom, team = person("tom", "team lead"), TeamFactory()
    episode.pool.owner_teams.add(team)
    Scope.objects.create(user=tom).teams.add(team)
    assert get(tom, episode).status_code == 404


@pytest.fixture
def withheld(feature: Feature) -> DenialEpisode:
    """Ann is refused since she is on an exclude list."""
    ann = PersonFactory(login="ann")
    row = refusal(feature, NOW - 3 * HOUR, ann, capacity=False)
    Denial.objects.filter(pk=row.pk).update(code=-38, reason_class="policy", reason="on EXCLUDE")
    capture = Capture.objects.create(
        server=feature.server, kind="options", source="o", result="parsed", sha256="0" * 64, size=1
    )
    for line, (keyword, name, kind, holder) in enumerate(
        (
            ("EXCLUDE", "DRAW", "USER", "ann"),
            ("EXCLUDE", "OTHER", "USER", "ann"),
            ("INCLUDE", "DRAW", "GROUP", "drafters"),
            ("EXCLUDEALL", "", "GROUP", "guests"),
        )
    ):
        SharingRule.objects.create(
            server=feature.server, feature_name=name, keyword=keyword, holder_type=kind,
            holder=holder, line=line, capture=capture,
        )  # fmt: skip
    mark_dirty([feature.mappings.get().pool_id])
    drain()
    return DenialEpisode.objects.get(reason_class="policy")


def test_a_rule_that_withheld_the_seat_is_shown_and_no_other(withheld: DenialEpisode) -> None:
    text = get(person("ann"), withheld).content.decode()
    assert "A rule of the licence server withheld a seat" in text
    assert "EXCLUDE DRAW USER (hidden)" in text
    assert "EXCLUDEALL GROUP guests" in text
    assert "INCLUDE DRAW" not in text and "OTHER" not in text


def test_free_seats_that_we_saw_are_said(feature: Feature) -> None:
    late = PersonFactory(login="zoe")
    refusal(feature, NOW - 600, late)
    mark_dirty([feature.mappings.get().pool_id])
    drain()
    episode = DenialEpisode.objects.get(person=late)
    text = get(person("zoe"), episode).content.decode()
    assert "as far as we saw some were free" in text
    assert "0 of 2 seats were in use." in text
    assert "Nobody is known to have held a seat then." in text


def test_how_long_the_longest_held_is_told_of_five_and_more(
    drawing: LicensePool, feature: Feature
) -> None:
    for number in range(3):
        holding(
            feature, NOW - 6 * HOUR, NOW - HOUR // 2, person=PersonFactory(login=f"more{number}")
        )
    mark_dirty([drawing.pk])
    drain()
    text = get(person("lena"), DenialEpisode.objects.get()).content.decode()
    assert "5 people held 5 seats, the longest for 5 h." in text


def test_the_api_says_the_same(episode: DenialEpisode) -> None:
    api = APIClient()
    api.force_authenticate(person("lena"))
    (row,) = api.get("/api/v1/refusals/").json()["results"]
    assert row["id"] == episode.pk
    found = api.get(f"/api/v1/refusals/{episode.pk}/").json()
    assert found["own"] is True
    assert found["what"] == "All seats were in use."
    assert [line["at"] for line in found["refusals"]] == [
        "2026-11-24T09:00:00+00:00",
        "2026-11-24T09:02:00+00:00",
    ]
    assert found["held_by"] == {
        "words": "2 people held 2 seats.", "people": 2, "seats": 2, "holders": None,
        "more_holders": None,
    }  # fmt: skip
    assert (
        "At this hour of the week it is sometimes full."
        in get(User.objects.get(username="lena"), episode).text
    )
    hours = api.get(f"/api/v1/seats/{episode.pool_id}/hours/").json()
    assert hours["next_free"] == {"at": "2026-11-24T11:00:00+00:00", "sure": True}
    assert found["usual"] == {"that_hour": "tight", "next_free": hours["next_free"]}


def test_of_a_refusal_that_no_other_hour_would_help_none_is_told(withheld: DenialEpisode) -> None:
    api = APIClient()
    api.force_authenticate(person("ann"))
    assert api.get(f"/api/v1/refusals/{withheld.pk}/").json()["usual"] is None


def test_the_admin_leads_to_the_page(episode: DenialEpisode) -> None:
    mara = signed_in(person("mara", "manager", is_staff=True))
    path = f"/status/refusals/{episode.pk}/"
    assert path in mara.get("/admin/licenses/denialepisode/").content.decode()
    page = mara.get(path).content.decode()
    assert f"/admin/licenses/licensepool/{episode.pool_id}/at/?at=2026-11-24T09:00:00Z" in page


def test_the_pages_cost_the_same_however_many_refusals_there_are(
    feature: Feature, django_assert_max_num_queries: Any
) -> None:
    lena, client = Person.objects.get(identity__login="lena"), Client()
    client.force_login(person("lena"))
    for number in range(40):
        refusal(feature, NOW - 10 * 86_400 + number * HOUR, lena)
    mark_dirty([feature.mappings.get().pool_id])
    drain()
    client.get("/status/waiting/")
    with django_assert_max_num_queries(7):
        assert len(client.get("/status/refusals/").context["rows"]) == 30
    episode = DenialEpisode.objects.latest("starts")
    client.get(f"/status/refusals/{episode.pk}/")
    with django_assert_max_num_queries(26):
        client.get(f"/status/refusals/{episode.pk}/")


def test_times_of_a_refusal_are_the_readers(episode: DenialEpisode) -> None:
    client = signed_in(person("lena"))
    client.cookies["itam-zone"] = "Asia/Kolkata"
    assert "24 Nov 2026, 14:30" in client.get("/status/refusals/").content.decode()
    text = client.get(f"/status/refusals/{episode.pk}/").content.decode()
    assert "24 November 2026, 14:30:00 (Asia/Kolkata)" in text


def test_an_episode_of_a_stranger_asks_to_sign_in(episode: DenialEpisode, settings: Any) -> None:
    settings.ITAM_STATUS_SIGN_IN = False
    assert Client().get(f"/status/refusals/{episode.pk}/").status_code == 302
