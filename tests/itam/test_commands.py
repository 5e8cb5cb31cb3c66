"""The steps of `up` and `nudge` that need no process."""

import io
import os

import pytest
from celery import shared_task
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from itam.runner import RunnerError
from licenses.management.commands import nudge, up
from licenses.models import LicenseServer


@pytest.fixture
def command():
    made = up.Command(stdout=io.StringIO())
    made.said = lambda: made.stdout._out.getvalue()
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("127.0.0.1:8000", ("127.0.0.1", 8000), id="both"),
        pytest.param("9000", ("127.0.0.1", 9000), id="port"),
        pytest.param("itam.example", ("itam.example", 8000), id="host"),
        pytest.param("[::1]:0", ("::1", 0), id="ipv6"),
        pytest.param(":80", ("127.0.0.1", 80), id="no-host-is-not-every-host"),
    ],
)
def test_an_address_is_read(text, expected):
    assert up.parse_address(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:http", "127.0.0.1:70000", "x:"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(CommandError, match="expected HOST:PORT"):
        up.parse_address(text)


@pytest.mark.parametrize(
    ("host", "set_up", "expected"),
    [
        pytest.param("127.0.0.1", {}, True, id="one-address"),
        pytest.param("itam.example", {}, True, id="a-name"),
        pytest.param("0.0.0.0", {}, False, id="every-address"),
        pytest.param("::", {}, False, id="every-address-of-ipv6"),
        pytest.param("127.0.0.1", {"ITAM_TLS": True}, False, id="behind-a-proxy"),
        pytest.param(
            "127.0.0.1", {"ITAM_PUBLIC_URL": "https://itam.example"}, False, id="another-is-named"
        ),
    ],
)
def test_links_lead_where_it_listens_unless_others_come_another_way(
    host, set_up, expected, settings
):
    settings.ITAM_TLS, settings.ITAM_PUBLIC_URL = False, ""
    for name, value in set_up.items():
        setattr(settings, name, value)
    assert up.leads_here(host) is expected


@pytest.mark.django_db
class TestFirstAccount:
    def test_a_password_is_made_where_none_is_given(self, command, monkeypatch):
        monkeypatch.delenv("ITAM_ADMIN_PASSWORD", raising=False)
        password = command.create_admin()
        assert len(password) == 16
        assert get_user_model().objects.get(is_superuser=True).check_password(password)

    def test_a_given_password_is_used_and_not_shown(self, command, monkeypatch):
        monkeypatch.setenv("ITAM_ADMIN_PASSWORD", "from outside")
        assert command.create_admin() == ""
        assert get_user_model().objects.get(username="admin").check_password("from outside")

    def test_an_account_that_exists_is_left_alone(self, command, monkeypatch):
        get_user_model().objects.create_superuser("root", password="kept")
        monkeypatch.setenv("ITAM_ADMIN_PASSWORD", "other")
        assert command.create_admin() == ""
        assert get_user_model().objects.count() == 1
        assert get_user_model().objects.get().check_password("kept")


@pytest.mark.django_db
class TestDemo:
    def test_it_fills_what_is_empty(self, command, monkeypatch):
        called = []
        monkeypatch.setattr(up, "get_commands", lambda: {"demo": "licenses"})
        monkeypatch.setattr(up, "call_command", lambda name, **_: called.append(name))
        command.fill_demo()
        assert called == ["demo"]

    def test_it_leaves_data_alone(self, command, monkeypatch):
        LicenseServer.objects.create(name="lic1", kind="flexnet")
        monkeypatch.setattr(up, "get_commands", lambda: {"demo": "licenses"})
        monkeypatch.setattr(up, "call_command", lambda *_, **__: pytest.fail("it was filled"))
        command.fill_demo()
        assert "leaves it as it is" in command.said()

    def test_a_version_without_one_says_so(self, command, monkeypatch):
        monkeypatch.setattr(up, "get_commands", dict)
        with pytest.raises(RunnerError, match="no simulated company"):
            command.fill_demo()


def test_the_broker_sees_none_of_our_secrets(command, monkeypatch, settings, tmp_path):
    started = []

    class Supervisor:
        stopping = False

        def start(self, child):
            started.append(child)

    monkeypatch.setenv("ITAM_SECRET_KEY", "canary")
    for name in ("CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(up.broker, "wait_until_ready", lambda *_, **__: None)
    settings.ITAM_BROKER_SOCKET = tmp_path / "s" / "valkey.sock"
    environ = command.start_broker(Supervisor())
    started[0].log.close()
    assert "canary" not in str(started[0].environ)
    assert environ["REDIS_URL"] == f"unix://{tmp_path}/s/valkey.sock?db=1"


def test_without_a_broker_program_tasks_go_through_files(command, monkeypatch):
    for name in ("CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(up.broker, "find_program", lambda: None)
    assert command.start_broker(None)["CELERY_BROKER_URL"] == "filesystem://"
    assert "WARNING: no valkey-server" in command.said()


def test_a_configured_broker_is_used(command, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://r")
    assert command.start_broker(None) == dict(os.environ)


def test_a_folder_of_another_account_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(up.os, "getuid", lambda: 12345)
    with pytest.raises(RunnerError, match="belongs to another account"):
        up.make_private(tmp_path / "run")


@pytest.mark.django_db
def test_a_nudge_goes_on_after_a_task_that_fails(monkeypatch):
    done = []

    @shared_task(name="tests.fails")
    def fails():
        raise ValueError("broken")

    @shared_task(name="tests.works")
    def works():
        done.append(1)

    monkeypatch.setattr(nudge, "TASKS", ("tests.fails", "tests.works", "tests.unknown"))
    with pytest.raises(CommandError, match=r"tests\.fails: ValueError: broken"):
        call_command("nudge")
    assert done == [1]


def test_who_starts_it_hears_whom_alerts_do_not_reach(command):
    command.greet("http://127.0.0.1:8000/", "", ["Nobody is told of any alert."], demo=True)
    assert "WARNING: Nobody is told of any alert.\n" in command.said()
