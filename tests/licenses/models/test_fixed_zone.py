"""A server keeps its zone once what it wrote was read: in another, its use would count twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from licenses.importing.files import Wanted, import_file
from licenses.models import LicenseServer
from tests.factories import ServerFactory

pytestmark = pytest.mark.django_db
LOG = """\
9:00:00 (cad) (@cad-SLOG@) Start-Date: Tue Mar 10 2026 09:00:00 UTC
9:00:00 (cad) TIMESTAMP 3/10/2026
9:00:01 (cad) OUT: "DRAW" ada@ws1
"""

Move = Callable[[LicenseServer, str], str]
"""Tries to give a server a zone; returns why not, "" where that went well."""


def by_form(server: LicenseServer, zone: str) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = reverse("admin:licenses_licenseserver_change", args=[server.pk])
    given = {"name": server.name, "kind": "flexnet", "polling": "off", "poll_seconds": 300}
    answer: Any = client.post(page, given | {"zone": zone, "enabled": "on"})
    if answer.status_code == 302:
        return ""
    errors = answer.context_data["adminform"].form.errors
    assert errors.keys() == {"zone"}
    return " ".join(errors["zone"])


def by_api(server: LicenseServer, zone: str) -> str:
    api = APIClient()
    api.force_authenticate(User.objects.create_superuser("root"))
    answer = api.patch(f"/api/v1/servers/{server.pk}/", {"zone": zone}).json()
    assert {each["attr"] for each in answer.get("errors", [])} <= {"zone"}
    return " ".join(each["detail"] for each in answer.get("errors", []))


@pytest.fixture(params=[by_form, by_api])
def move(request: Any) -> Move:
    found: Move = request.param
    return found


@pytest.fixture
def server() -> LicenseServer:
    made: LicenseServer = ServerFactory(name="cad", zone="UTC")
    return made


def read(server: LicenseServer, path: Path) -> None:
    path.write_text(LOG)
    import_file(server, path, path.name, Wanted())


@pytest.mark.parametrize("other", ["Europe/Berlin", ""])
def test_another_zone_is_refused_once_a_log_was_read(
    server: LicenseServer, move: Move, other: str, tmp_path: Path
) -> None:
    read(server, tmp_path / "debug.log")
    told = move(server, other)
    assert "On record of cad: 1 text, whose times were read in the zone UTC." in told
    assert "Record another server with the right zone" in told
    server.refresh_from_db()
    assert server.zone == "UTC"


def test_the_zone_is_free_until_a_text_was_read(server: LicenseServer, move: Move) -> None:
    server.captures.create(kind="lmstat", source="poll", result="timeout", sha256="0" * 64, size=0)
    assert move(server, "Europe/Berlin") == ""
    server.refresh_from_db()
    assert server.zone == "Europe/Berlin"


def test_a_server_of_which_texts_were_read_is_edited_all_the_same(
    server: LicenseServer, move: Move, tmp_path: Path
) -> None:
    read(server, tmp_path / "debug.log")
    assert move(server, "UTC") == ""
