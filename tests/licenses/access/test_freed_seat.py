"""From a status text in which somebody is gone to the mail of somebody who waits."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.management import call_command

from licenses import tasks
from licenses.importing import mapping
from licenses.models import LicensePool, LicenseServer, WaitlistEntry
from tests.factories import ServerFactory, at

pytestmark = pytest.mark.django_db

START = at("2026-11-24T10:00")


def status(users: dict[str, str]) -> str:
    """Return a status of two seats, held by these since that time of the day."""
    rows = "".join(
        f"    {user} ws-{user} ws-{user} (v1.0) (lic1/27000 1), start Tue 11/24 {since}\n"
        for user, since in users.items()
    )
    return (
        "License server status: 27000@lic1\nlic1: license server UP (MASTER) v11.19.7\n"
        "Vendor daemon status (on lic1):\nacmed: UP v11.19.7\nFeature usage info:\n"
        "Users of DRAW:  (Total of 2 licenses issued;  "
        f"Total of {len(users)} licenses in use)\n\n"
        f'  "DRAW" v1.0, vendor: acmed, expiry: 31-dec-2030\n  floating license\n\n{rows}\n'
    )


@pytest.fixture
def server(tmp_path: Path, settings: Any, db: None) -> LicenseServer:
    settings.ITAM_DATA_DIR, settings.ITAM_CAPTURE_DIR = tmp_path, tmp_path / "captures"
    path = str(tmp_path / "status.txt")
    return ServerFactory(polling="file", status_path=path, zone="UTC", poll_seconds=300)


def poll(server: LicenseServer, clock: time_machine.Coordinates, minute: int, **who: str) -> None:
    """Let the server be asked in that minute, and what waits be sent."""
    clock.move_to(START + 60 * minute)
    Path(server.status_path).write_text(status(who))
    tasks.poll_servers([server.pk])
    tasks.deliver()


def account(name: str) -> User:
    user = User.objects.create_user(name, f"{name}@company.example", "a long password")
    user.groups.add(Group.objects.get(name="licence user"))
    return user


def sent() -> list[str]:
    return [letter.to[0] for letter in mail.outbox]


def test_a_freed_seat_is_told_to_the_first_then_to_the_next(
    server: LicenseServer, client: Any
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        poll(server, clock, 0, dora="9:01", emil="9:30")
        mapping.create_pools(server)
        poll(server, clock, 5, dora="9:01", emil="9:30")
        pool = LicensePool.objects.get()
        for name in ("ann", "bob"):
            client.force_login(account(name))
            client.post(f"/status/pools/{pool.pk}/wait/")
        assert WaitlistEntry.objects.open().count() == 2

        poll(server, clock, 10, dora="9:01", emil="9:30")
        assert sent() == []
        poll(server, clock, 15, dora="9:01")
        assert sent() == ["ann@company.example"]
        assert "1 of 2 seats of DRAW were free at 2026-11-24 10:15 UTC" in mail.outbox[0].body
        poll(server, clock, 20, dora="9:01")
        assert len(sent()) == 1, "the seat is ann's to come for"

        poll(server, clock, 31, dora="9:01")
        assert sent() == ["ann@company.example", "bob@company.example"]
        poll(server, clock, 36, dora="9:01", bob="10:33")
        states = WaitlistEntry.objects.order_by("pk").values_list("state", flat=True)
        assert list(states) == ["missed", "served"]


def test_without_a_broker_a_nudge_tells(server: LicenseServer, client: Any) -> None:
    with time_machine.travel(START, tick=False) as clock:
        poll(server, clock, 0, dora="9:01", emil="9:30")
        mapping.create_pools(server)
        poll(server, clock, 5, dora="9:01", emil="9:30")
        client.force_login(account("ann"))
        client.post(f"/status/pools/{LicensePool.objects.get().pk}/wait/")
        clock.move_to(START + 600)
        Path(server.status_path).write_text(status({"dora": "9:01"}))
        call_command("poll", stdout=StringIO())
        assert sent() == []
        call_command("nudge", stdout=StringIO())
        assert sent() == ["ann@company.example"]


def test_a_server_that_does_not_answer_frees_no_seat(server: LicenseServer, client: Any) -> None:
    with time_machine.travel(START, tick=False) as clock:
        poll(server, clock, 0, dora="9:01", emil="9:30")
        mapping.create_pools(server)
        poll(server, clock, 5, dora="9:01", emil="9:30")
        client.force_login(account("ann"))
        client.post(f"/status/pools/{LicensePool.objects.get().pk}/wait/")
        clock.move_to(START + 600)
        Path(server.status_path).write_text("lmgrd is not running: Connection refused")
        tasks.poll_servers([server.pk])
        tasks.deliver()
        assert sent() == []
