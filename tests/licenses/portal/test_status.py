"""The status page: who sees which pools, and what it says of their seats."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from licenses.models import LicensePool, PoolNow, Scope
from tests.factories import PoolFactory, TeamFactory, scope_of

from .conftest import NOW, figures, person, signed_in

pytestmark = pytest.mark.django_db


def page(client: Client, path: str = "/status/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client) -> set[str]:
    return {card.pool.name for card in client.get("/status/").context["cards"]}


def test_a_stranger_is_asked_to_sign_in(drawing: LicensePool) -> None:
    for path in ("/status/", f"/status/pools/{drawing.pk}/", "/status/pools/0/"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"/status/sign-in/?next={path}"


def test_a_public_page_shows_seats_to_strangers(drawing: LicensePool, settings: Any) -> None:
    settings.ITAM_STATUS_SIGN_IN = False
    assert "of 10 seats free" in page(Client())
    assert shown(signed_in(person("norole", ""))) == {"Drawing"}


def test_a_licence_user_sees_every_pool_that_is_shown(drawing: LicensePool, lena: Client) -> None:
    PoolFactory(name="Secret", on_status=False)
    PoolFactory(name="Old", retired_at=timezone.now())
    assert shown(lena) == {"Drawing"}


def test_an_account_without_a_role_sees_nothing(drawing: LicensePool) -> None:
    nobody = signed_in(person("norole", ""))
    assert shown(nobody) == set()
    assert nobody.get(f"/status/pools/{drawing.pk}/").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "team lead", "auditor", "API client"])
@pytest.mark.parametrize("public", [True, False], ids=["public", "not public"])
def test_whoever_has_a_scope_sees_what_is_in_it_and_nothing_while_it_is_empty(
    role: str, public: bool, drawing: LicensePool, settings: Any
) -> None:
    settings.ITAM_STATUS_SIGN_IN = not public
    PoolFactory(name="Other")
    user = person("vera", role)
    client = signed_in(user)
    assert shown(client) == set()
    scope = scope_of(user)
    assert shown(client) == set()
    team = TeamFactory()
    drawing.owner_teams.add(team)
    scope.teams.add(team)
    scope.vendors.add(drawing.product.vendor)
    assert shown(client) == {"Drawing"}
    Scope.objects.update(valid_until=timezone.now())
    assert shown(client) == set()


def test_a_foreign_pool_and_none_answer_alike(drawing: LicensePool, lena: Client) -> None:
    hidden = PoolFactory(name="Secret", on_status=False)
    answers = [lena.get(f"/status/pools/{pk}/") for pk in (hidden.pk, 99_999_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("values", "headline", "detail"),
    [
        pytest.param({}, "7", "of 10 seats free", id="free"),
        pytest.param({"in_use": 10}, "0", "of 10 seats free", id="full"),
        pytest.param({"in_use": 12}, "0", "of 10 seats free", id="over"),
        pytest.param(
            {"in_use": 8, "reserved_idle": 2},
            "0",
            "of 10 seats free, 2 kept for others",
            id="kept-for-others",
        ),
        pytest.param(
            {"in_use": 10_000, "limit": 12_000}, "2,000", "of 12,000 seats free", id="thousands"
        ),
        pytest.param({"issued": 5}, "2", "of 5 seats free", id="served-fewer-than-allowed"),
        pytest.param(
            {"at": NOW - 3600},
            "?",
            "not known now; 7 of 10 were free when last heard",
            id="stale",
        ),
        pytest.param({"in_use": None}, "?", "not known", id="no-use"),
        pytest.param(
            {"limit": None, "issued": None},
            "?",
            "not known: 3 in use, nobody says of how many",
            id="no-limit",
        ),
        pytest.param(
            {"at": None, "in_use": None},
            "?",
            "not known: its licence server was never heard of",
            id="never-heard",
        ),
    ],
)
def test_free_seats_are_what_somebody_could_take_and_unknown_is_never_zero(
    values: dict[str, Any], headline: str, detail: str, drawing: LicensePool, lena: Client
) -> None:
    figures(drawing, **{"in_use": 3, "limit": 10, **values})
    (card,) = lena.get("/status/").context["cards"]
    assert (card.headline, card.detail) == (headline, detail)


def test_a_pool_without_figures_is_not_known(lena: Client) -> None:
    PoolFactory(name="New")
    assert "never heard of" in page(lena)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        pytest.param(120, "2 minutes ago, asked of the server", id="fresh"),
        pytest.param(1200, "20 minutes ago, asked of the server, later than expected", id="late"),
        pytest.param(7200, "2 hours ago, asked of the server, too old to rely on", id="stale"),
    ],
)
def test_the_age_of_a_figure_and_its_source_are_told(
    age: int, words: str, drawing: LicensePool, lena: Client
) -> None:
    figures(drawing, 3, 10, at=NOW - age)
    told = page(lena)
    assert words in strip_tags(told)
    assert f'data-age="{age}"' in told
    # A figure that holds no longer is not told, so none is to be taken back.
    assert ('data-until="1860"' in told) == (age < 1860)


def test_house_rules_are_shown_as_text(drawing: LicensePool, lena: Client) -> None:
    drawing.house_rules = "Give it back.\n<script>alert(1)</script>"
    drawing.save()
    for path in ("/status/", f"/status/pools/{drawing.pk}/"):
        text = page(lena, path)
        assert "Give it back.<br>&lt;script&gt;" in text
        assert "<script>alert" not in text


def test_pools_are_searched_by_what_people_call_the_program(
    drawing: LicensePool, lena: Client
) -> None:
    PoolFactory(name="Simulation")
    assert {c.pool.name for c in lena.get("/status/?q=draw").context["cards"]} == {"Drawing"}
    assert "called “nothing&lt;”" in page(lena, "/status/?q=nothing%3C")


def test_a_page_of_pools_costs_the_same_however_many_there_are(
    lena: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        pool = PoolFactory(name=f"Pool {number:02}")
        PoolNow.objects.create(pool=pool, at=NOW, in_use=1, limit=2)
    lena.get("/status/?q=nothing")  # the session's beginning is written once
    with django_assert_max_num_queries(8):  # 1 of them for usual hours that nobody asked for yet
        first = lena.get("/status/")
    assert len(first.context["cards"]) == 24
    assert first.content.decode().count('class="hours"') == 24
    with django_assert_max_num_queries(7):
        lena.get("/status/")
    assert [c.pool.name for c in lena.get("/status/?page=3").context["cards"]][-1] == "Pool 59"


def test_a_pools_page_costs_few_queries(
    drawing: LicensePool, lena: Client, django_assert_max_num_queries: Any
) -> None:
    lena.get("/status/?q=nothing")
    with django_assert_max_num_queries(9):
        lena.get(f"/status/pools/{drawing.pk}/")


def test_the_pages_send_the_strict_policy(drawing: LicensePool, lena: Client) -> None:
    for path in ("/status/", f"/status/pools/{drawing.pk}/", "/status/sign-in/"):
        policy = lena.get(path)["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy


def test_pages_are_read_and_not_written(drawing: LicensePool, lena: Client) -> None:
    for path in ("/status/", f"/status/pools/{drawing.pk}/"):
        assert lena.post(path).status_code == 405


def test_an_id_beyond_all_rows_is_not_found(lena: Client) -> None:
    for path in ("pools/{}/", "refusals/{}/"):
        assert lena.get("/status/" + path.format(10**30)).status_code == 404
    assert lena.post(f"/status/waiting/{10**30}/leave/").status_code == 404


def test_only_who_may_see_holders_is_led_to_them(drawing: LicensePool, lena: Client) -> None:
    path = f"/status/pools/{drawing.pk}/"
    mara = signed_in(person("mara", "manager", is_staff=True))
    assert "Who holds seats" in page(mara, path)
    assert "Who holds seats" not in page(lena, path)
