"""What every page does, whatever it shows."""

import json

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from itam.middleware import HeadersMiddleware, ProxyMiddleware
from licenses.alerts.heartbeat import Lookout
from licenses.models import Heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    cache.clear()
    monkeypatch.setattr("itam.views.lookout", Lookout())


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("ann", password="correct horse battery")


def test_the_health_page_tells_each_part(client):
    Heartbeat.objects.create(name="worker", at=timezone.now())
    answer = client.get("/healthz")
    assert answer.status_code == 200
    parts = dict.fromkeys(("database", "migrations", "broker", "worker"), "ok")
    assert answer.json() == {"status": "ok"} | parts


def test_the_health_page_fails_without_the_schema(client, monkeypatch):
    monkeypatch.setattr("itam.health._latest_migrations", lambda: {("licenses", "9999_later")})
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "migrations: licenses.9999_later not applied"


def test_a_broker_that_is_away_is_told_but_keeps_the_pages(client, settings):
    settings.CELERY_BROKER_URL = "redis+socket:///nonexistent/valkey.sock?virtual_host=0"
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["broker"] == "broker: ConnectionError"


def test_the_health_page_is_cheap(client, django_assert_max_num_queries):
    client.get("/healthz")
    with django_assert_max_num_queries(4):
        client.get("/healthz")


def test_metrics_are_for_this_machine(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert 'itam_part_up{part="database"} 1.0' in answer.text
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 401
    # A proxy on this machine that nobody told us about.
    assert client.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 401


def test_metrics_with_a_token_are_for_its_holder(client, settings):
    settings.ITAM_METRICS_TOKEN = "sesame"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer Sesame"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer sesame"}).status_code == 200


def test_the_root_leads_to_the_admin(client):
    assert client.get("/").headers["Location"] == "/admin/"


@pytest.mark.parametrize("path", ["/healthz", "/admin/login/", "/api/schema/", "/nowhere"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "http" not in headers["Content-Security-Policy"]
    assert policy["script-src"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "styled"),
    [
        pytest.param("/admin/login/", True, id="admin"),
        pytest.param("/healthz", False, id="elsewhere"),
        pytest.param("/administrator", False, id="a-like-name"),
    ],
)
def test_only_the_admin_carries_a_style_and_it_is_that_of_one_answer(client, path, styled):
    first, second = (client.get(path).headers["Content-Security-Policy"] for _ in range(2))
    assert "unsafe" not in first
    assert ("'nonce-" in first) is styled
    assert (first != second) is styled


def test_a_page_may_say_how_long_it_keeps():
    middleware = HeadersMiddleware(lambda _: HttpResponse(headers={"Cache-Control": "max-age=5"}))
    assert middleware(RequestFactory().get("/")).headers["Cache-Control"] == "max-age=5"


def test_the_api_pages_load_nothing_from_elsewhere(client, user):
    client.force_login(user)
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert "//cdn" not in page.text and '<html lang="en">' in page.text
    assert 'src="http' not in page.text
    assert client.get("/api/schema/", headers={"accept": "application/json"}).status_code == 200


class TestProxy:
    @pytest.fixture
    def seen(self, settings):
        def ask(remote, forwarded, trusted):
            settings.ITAM_TRUSTED_PROXIES = trusted
            found = {}

            def view(request):
                found.update(request.META)
                return HttpResponse()

            request = RequestFactory().get(
                "/",
                REMOTE_ADDR=remote,
                HTTP_X_FORWARDED_FOR=forwarded,
                HTTP_X_FORWARDED_PROTO="https",
            )
            ProxyMiddleware(view)(request)
            return found["REMOTE_ADDR"], "HTTP_X_FORWARDED_PROTO" in found

        return ask

    @pytest.mark.parametrize(
        ("remote", "forwarded", "trusted", "expected"),
        [
            pytest.param("192.0.2.1", "6.6.6.6", [], ("192.0.2.1", False), id="nobody-is-trusted"),
            pytest.param(
                "192.0.2.1", "6.6.6.6", ["10.0.0.0/8"], ("192.0.2.1", False), id="spoofed"
            ),
            pytest.param(
                "10.0.0.1", "192.0.2.9", ["10.0.0.0/8"], ("192.0.2.9", True), id="a-proxy"
            ),
            pytest.param(
                "10.0.0.1",
                "6.6.6.6, 192.0.2.9, 10.0.0.2",
                ["10.0.0.0/8"],
                ("192.0.2.9", True),
                id="spoofed-before-two-proxies",
            ),
            pytest.param("10.0.0.1", "<script>", ["10.0.0.0/8"], ("10.0.0.1", True), id="rubbish"),
            pytest.param("10.0.0.1", "", ["10.0.0.0/8"], ("10.0.0.1", True), id="no-header"),
        ],
    )
    def test_only_a_trusted_proxy_names_the_client(
        self, seen, remote, forwarded, trusted, expected
    ):
        assert seen(remote, forwarded, trusted) == expected


class TestLogin:
    def attempt(self, client, name, password="wrong", **options):
        return client.post(
            reverse("admin:login"), {"username": name, "password": password}, **options
        )

    def test_the_account_is_locked_for_the_address_that_guesses(self, client, user, settings):
        for _ in range(settings.AXES_FAILURE_LIMIT):
            answer = self.attempt(client, "ann")
        assert answer.status_code == 429
        locked = self.attempt(client, "ann", "correct horse battery")
        assert locked.status_code == 429
        elsewhere = self.attempt(Client(), "ann", "correct horse battery", REMOTE_ADDR="192.0.2.77")
        assert elsewhere.status_code == 302

    def test_a_forwarded_address_of_a_stranger_changes_nothing(self, client, user, settings):
        for number in range(settings.AXES_FAILURE_LIMIT):
            answer = self.attempt(
                client, "ann", headers={"x-forwarded-for": f"198.51.100.{number}"}
            )
        assert answer.status_code == 429

    @time_machine.travel("2026-05-04T10:00:10Z", tick=False)
    def test_many_names_from_one_address_are_slowed(self, client, settings):
        # With a clock that stands still: tries are counted by fixed windows, and one may end.
        for number in range(settings.ITAM_LOGIN_TRIES_PER_ADDRESS):
            assert self.attempt(client, f"name{number}").status_code == 200
        assert self.attempt(client, "one more").status_code == 429
        assert self.attempt(client, "one more", REMOTE_ADDR="192.0.2.5").status_code == 200

    def test_a_login_gets_a_new_session(self, client, user):
        client.get(reverse("admin:login"))
        client.session.save()
        before = client.session.session_key
        self.attempt(client, "ann", "correct horse battery")
        assert client.session.session_key not in (None, before)

    @pytest.mark.parametrize(
        ("hours", "idle_hours", "alive"),
        [
            pytest.param(0, 0, True, id="fresh"),
            pytest.param(11, 1, True, id="long-day"),
            pytest.param(13, 1, False, id="began-too-long-ago"),
            pytest.param(3, 2.5, False, id="idle"),
        ],
    )
    def test_a_session_ends_by_itself(
        self, client, user, time_machine_at, hours, idle_hours, alive
    ):
        client.force_login(user)
        session = client.session
        session["began"] = time_machine_at - int(hours * 3600)
        session["seen"] = time_machine_at - int(idle_hours * 3600)
        session.save()
        answer = client.get("/api/docs/")
        assert (answer.status_code == 200) is alive

    def test_a_changed_password_ends_other_sessions(self, client, user):
        client.force_login(user)
        assert client.get("/api/docs/").status_code == 200
        user.set_password("another horse battery")
        user.save()
        assert client.get("/api/docs/").status_code in (401, 403)

    @pytest.fixture
    def time_machine_at(self, monkeypatch):
        at = 1_795_000_000
        monkeypatch.setattr("itam.middleware.time.time", lambda: at)
        return at


def test_the_schema_is_openapi_3_1(client, user):
    client.force_login(user)
    answer = client.get("/api/schema/?format=json")
    assert json.loads(answer.content)["openapi"].startswith("3.1")


def test_the_front_door_leads_people_to_what_is_theirs(client, user):
    assert client.get("/")["Location"] == "/admin/"
    client.force_login(user)
    assert client.get("/")["Location"] == "/admin/"
    client.force_login(get_user_model().objects.create_user("lena"))
    assert client.get("/")["Location"] == "/status/"
