"""A connection is tried by a worker, once, whoever asks how often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from licenses.importing import connection, polling
from licenses.importing.polling import ConnectionStep, ConnectionTest
from licenses.models import ConnectionCheck, LicenseServer
from tests.factories import ServerFactory

pytestmark = pytest.mark.django_db

FOUND = ConnectionTest(
    False,
    [ConnectionStep("The port", False, "It refuses."), ConnectionStep("Rest", None, "not reached")],
    "server_down",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> LicenseServer:
    monkeypatch.setattr(polling, "test_connection", lambda _: FOUND)
    return ServerFactory(polling="tool", address="1@h")


def test_what_a_worker_found_is_kept_step_by_step(server: LicenseServer) -> None:
    user = User.objects.create(username="ann")
    check = connection.ask_for(server, user)
    assert connection.progress(check, timezone.now()) == 0
    assert connection.due(timezone.now()) == [check.pk]
    connection.run(check.pk)
    check.refresh_from_db()
    assert (check.state, check.ok, check.result) == ("done", False, "server_down")
    assert check.steps[0] == {"step": "The port", "ok": False, "sentence": "It refuses."}
    assert connection.progress(check, timezone.now()) == 100
    assert connection.due(timezone.now()) == []


def test_who_asks_while_one_waits_gets_the_same(server: LicenseServer) -> None:
    assert connection.ask_for(server, None).pk == connection.ask_for(server, None).pk


def test_a_check_is_done_once_and_again_only_where_its_worker_died(
    server: LicenseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def die(_: object) -> ConnectionTest:
        asked.append(1)
        raise KeyboardInterrupt

    check = connection.ask_for(server, None)
    monkeypatch.setattr(polling, "test_connection", die)
    with pytest.raises(KeyboardInterrupt):
        connection.run(check.pk)
    monkeypatch.setattr(polling, "test_connection", lambda _: asked.append(2) or FOUND)
    connection.run(check.pk)
    assert asked == [1]
    assert 0 <= connection.progress(ConnectionCheck.objects.get(), timezone.now()) <= 95
    ConnectionCheck.objects.update(started_at=timezone.now() - timedelta(minutes=5))
    assert connection.due(timezone.now()) == [check.pk]
    connection.run(check.pk)
    assert asked == [1, 2]
