"""What people and programs get when something goes wrong."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.template import TemplateDoesNotExist
from django.test import Client, RequestFactory
from django.urls import path, reverse

from itam import errors
from itam.urls import handler400, handler403, handler404, handler500
from itam.urls import urlpatterns as real_urls

__all__ = ["handler400", "handler403", "handler404", "handler500"]
SECRET = "the-password-is-swordfish"


def breaks(request):
    raise ValueError(SECRET)


def odd(request):
    raise SuspiciousOperation(SECRET)


def sends(request):
    return HttpResponse("stored")


urlpatterns = [
    path("broken/", breaks),
    path("admin/broken/", breaks),
    path("api/v1/broken/", breaks),
    path("odd/", odd),
    path("sends/", sends),
    *real_urls,
]


def request_of(path="/", language=""):
    return RequestFactory().get(path, headers={"accept-language": language} if language else {})


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_of_an_error_needs_no_database_and_nothing_of_others(status, language):
    answer = errors.answer(request_of("/admin/x", language), status)
    assert answer.status_code == status
    text = answer.text
    assert f'lang="{"de" if language == "de" else "en-gb"}"' in text
    assert ("Lizenzen" if language == "de" else "Licences") in text
    assert 'href="/admin/"' in text and "viewport" in text
    assert "http:" not in text and "https:" not in text and "<style" not in text


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        pytest.param("/admin/nothing", "/admin/", id="admin"),
        pytest.param("/status/nothing", "/status/", id="status-page"),
        pytest.param("/<script>", "/", id="elsewhere"),
    ],
)
def test_each_place_has_its_way_back(path, leads_to):
    text = errors.answer(request_of(path), 404).text
    assert f'class="button" href="{leads_to}"' in text
    assert "<script>" not in text


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_programs_get_the_one_shape_of_errors(status):
    answer = errors.answer(request_of("/api/v1/nothing", "de"), status)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    found = json.loads(answer.text)
    assert found["type"] == ("server_error" if status == 500 else "client_error")
    assert [set(each) for each in found["errors"]] == [{"code", "detail", "attr"}]


def test_what_broke_is_tried_again_with_all_that_was_asked_and_only_where_nothing_is_stored():
    text = errors.server_error(request_of("/admin/pools/?tab=use&q=<i>")).text
    assert 'href="/admin/pools/?tab=use&amp;q=%3Ci%3E"' in text
    assert 'href="//evil' not in errors.server_error(request_of("//evil.example/")).text
    stored = errors.server_error(RequestFactory().post("/admin/pools/"))
    assert 'class="button main"' not in stored.text


def test_a_page_that_cannot_be_drawn_is_two_plain_sentences(monkeypatch):
    def fails(*_):
        raise TemplateDoesNotExist("error.html")

    monkeypatch.setattr(errors, "render_to_string", fails)
    answer = errors.server_error(request_of())
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "logged" in answer.text and "protokolliert" in answer.text


@pytest.mark.django_db
@pytest.mark.urls("tests.itam.test_errors")
class TestPages:
    @pytest.fixture
    def calm(self):
        return Client(raise_request_exception=False, enforce_csrf_checks=True)

    @pytest.mark.parametrize("place", ["/broken/", "/admin/broken/", "/api/v1/broken/", "/odd/"])
    def test_no_page_tells_what_broke(self, calm, place):
        answer = calm.get(place)
        assert answer.status_code == (400 if place == "/odd/" else 500)
        assert SECRET not in answer.text and "Traceback" not in answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]

    def test_an_address_that_is_not_there(self, calm):
        answer = calm.get("/status/pools/77/")
        assert answer.status_code in (302, 404)
        assert "There is nothing here" in calm.get("/status/nowhere").text
        assert calm.get("/api/v1/nowhere").json()["errors"][0]["code"] == "not_found"

    def test_a_form_without_its_token_says_what_to_do(self, calm):
        answer = calm.post("/sends/")
        assert answer.status_code == 403
        assert "Go back, reload the page" in answer.text
        assert "not for your account" not in answer.text

    @pytest.mark.parametrize("tls", [False, True])
    def test_a_strange_host_gets_a_page_with_the_policy(self, calm, settings, tls):
        settings.SECURE_SSL_REDIRECT = tls
        answer = calm.get("/", headers={"host": "evil.example"})
        assert answer.status_code == 400
        assert "evil" not in answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]

    def test_whoever_is_locked_out_reads_why(self, calm, settings):
        settings.AXES_FAILURE_LIMIT = 1
        page = Client()
        for _ in range(2):
            answer = page.post(reverse("admin:login"), {"username": "ann", "password": "no"})
        assert answer.status_code == 429
        assert "locked for a while" in answer.text and "<!doctype html>" in answer.text
