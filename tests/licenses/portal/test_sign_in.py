"""Signing in to the status page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from .conftest import person

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"


def sign_in(name: str, after: str = "", **values: Any) -> Any:
    form = {"username": name, "password": PASSWORD, "next": after, **values}
    return Client().post("/status/sign-in/", form)


def test_somebody_without_an_account_in_the_admin_signs_in() -> None:
    person("lena", password=PASSWORD)
    assert sign_in("lena")["Location"] == "/status/"
    assert sign_in("lena", "/status/pools/3/")["Location"] == "/status/pools/3/"


def test_nobody_is_sent_to_another_host_after_signing_in() -> None:
    person("lena", password=PASSWORD)
    assert sign_in("lena", "https://elsewhere.example/")["Location"] == "/status/"


def test_accounts_of_programs_and_closed_ones_are_refused() -> None:
    person("program", "API client", password=PASSWORD)
    person("gone", password=PASSWORD, is_active=False)
    assert "for programs" in sign_in("program").content.decode()
    assert sign_in("gone").status_code == 200


def test_who_is_signed_in_and_has_no_place_in_the_admin_reads_why_it_asks() -> None:
    client = Client()
    said = "no place in the administration"
    assert said not in client.get("/admin/", follow=True).content.decode()
    client.force_login(person("lena"))
    text = client.get("/admin/", follow=True).content.decode()
    assert f"You are signed in as lena, an account that has {said}." in text
    assert 'href="/status/"' in text


def test_signing_out_takes_a_post() -> None:
    client = Client()
    client.force_login(person("lena"))
    assert client.get("/status/sign-out/").status_code == 405
    assert client.post("/status/sign-out/")["Location"] == "/status/"
    assert client.get("/status/").status_code == 302


def test_tries_are_counted_over_both_pages_to_sign_in(settings: Any) -> None:
    settings.ITAM_LOGIN_TRIES_PER_ADDRESS = 2
    client = Client()
    codes = [
        client.post(path, {"username": "a", "password": "b"}).status_code
        for path in ("/admin/login/", "/status/sign-in/", "/status/sign-in/")
    ]
    assert codes == [200, 200, 429]


def test_people_change_their_password_without_the_admin() -> None:
    client = Client()
    assert client.get("/status/password/")["Location"] == "/status/sign-in/?next=/status/password/"
    user = person("lena", password=PASSWORD)
    client.force_login(user)
    form = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert "too short" in client.post("/status/password/", form).content.decode()
    new = "another long password"
    form |= {"new_password1": new, "new_password2": new}
    assert client.post("/status/password/", form)["Location"] == "/status/"
    assert "Your password was changed." in client.get("/status/").content.decode()
    user.refresh_from_db()
    assert user.check_password(new)
