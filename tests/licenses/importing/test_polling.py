"""Asking licence servers: side by side, each on its own, with a tool that may do anything."""

from __future__ import annotations

import ipaddress
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from licenses.importing import polling
from licenses.models import Capture, Gap, LicenseServer, PollState, Sighting
from licenses.sources import addresses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

STATUS = """lmutil - Copyright (c) 1989-2025 Flexera. All Rights Reserved.
Flexible License Manager status on {day:%a} {day.month}/{day.day}/{day.year} {day:%H:%M}

License server status: 27000@{host}
    License file(s) on {host}: /opt/acme/license.dat:

{host}: license server UP v11.19.5

Vendor daemon status (on {host}):

     acmed: UP v11.19.5
Feature usage info:

Users of CAD:  (Total of 5 licenses issued;  Total of {n} licenses in use)
"""
ROWS = """
  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license

    ann pc1 pc1 (v1.0) ({host}/27000 101), start {day:%a} {day.month}/{day.day} {day:%H:%M}

"""
DOWN = """lmutil - Copyright (c) 1989-2025 Flexera. All Rights Reserved.
Flexible License Manager status on Mon 1/5/2026 10:00
Error getting status: Cannot connect to license server system. (-15,578:111 "Connection refused")
"""


def status(host: str, held: bool = True) -> str:
    day = timezone.now()
    text = STATUS.format(day=day, host=host, n=int(held))
    return text + (ROWS.format(day=day, host=host) if held else "")


@pytest.fixture
def tool(tmp_path: Path, settings) -> Path:
    """A tool that prints what lies in a file named after the host, or sleeps where it says so."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    path = folder / "lmutil"
    path.write_text(
        "#!/bin/sh\n"
        'host="${4#*@}"\n'
        f'answer="{folder}/$host"\n'
        'if [ -e "$answer.hang" ]; then sleep 60; fi\n'
        'cat "$answer"\n'
    )
    path.chmod(0o755)
    settings.ITAM_LMUTIL = path
    settings.ITAM_POLL_TIMEOUT_SECONDS = 2
    return folder


def make(host: str, **values: object) -> LicenseServer:
    return LicenseServer.objects.create(
        name=host, address=f"27000@{host}", polling="tool", zone="UTC", poll_seconds=60, **values
    )


def test_a_hung_server_times_out_alone(tool: Path) -> None:
    servers = [make(f"h{n}") for n in range(6)]
    for server in servers:
        (tool / server.name).write_text(status(server.name))
    (tool / "h3.hang").touch()
    began = time.monotonic()
    captures = polling.poll([server.pk for server in servers])
    assert time.monotonic() - began < 5
    results = {server.name: captures[server.pk].result for server in servers}
    assert results.pop("h3") == "timeout"
    assert set(results.values()) == {"parsed"}
    assert Sighting.objects.count() == 5
    assert Gap.objects.get().cause == "timeout"


def test_a_name_that_leads_to_this_machine_is_not_asked(
    tool: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    one, other = make("h1"), make("h2")
    for server in (one, other):
        (tool / server.name).write_text(status(server.name))
    own = {"h1": ["10.0.0.5", "127.0.1.1"], "h2": ["10.0.0.6"]}
    monkeypatch.setattr(addresses, "system_resolver", lambda host, _port: own[host])
    captures = polling.poll([one.pk, other.pk])
    assert captures[one.pk].result == "failed" and "127.0.1.1" in captures[one.pk].detail
    assert captures[other.pk].result == "parsed"
    tried = polling.test_connection(one)
    assert not tried.ok and "ITAM_EGRESS_ALLOW" in str(tried)
    settings.ITAM_EGRESS_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    assert polling.poll([one.pk], force=True)[one.pk].result == "parsed"


def test_asking_such_a_server_by_command_exits_with_a_sentence(
    tool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make("127.0.0.1")
    with pytest.raises(CommandError) as error:
        call_command("poll", "127.0.0.1")
    assert error.value.returncode == 1
    assert "127.0.0.1 leads to 127.0.0.1" in capsys.readouterr().out


def test_a_server_that_is_asked_now_is_left_out(tool: Path) -> None:
    server = make("h1")
    (tool / "h1").write_text(status("h1"))
    PollState.objects.create(server=server, leased_until=timezone.now() + timedelta(minutes=1))
    assert polling.poll([server.pk], force=True) == {}
    PollState.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert set(polling.poll([server.pk], force=True)) == {server.pk}


def test_only_what_is_due_is_asked_and_then_not_before_its_time(tool: Path) -> None:
    server = make("h1")
    (tool / "h1").write_text(status("h1"))
    assert polling.due(timezone.now()) == [server.pk]
    polling.poll([server.pk])
    assert polling.due(timezone.now()) == []
    assert polling.poll([server.pk]) == {}
    assert polling.due(timezone.now() + timedelta(seconds=61)) == [server.pk]


def test_how_long_the_newest_answer_took_is_told_of_the_server_as_of_the_answer(
    tool: Path,
) -> None:
    server = make("h1")
    for answer in (status("h1"), DOWN):
        (tool / "h1").write_text(answer)
        polling.poll([server.pk], force=True)
        took = Capture.objects.latest("pk").duration_ms
        assert took is not None
        assert PollState.objects.get(server=server).last_duration_ms == took


def test_a_server_that_fails_is_asked_less_and_less_often_but_at_least_every_five_minutes(
    tool: Path,
) -> None:
    server = make("h1")
    pauses = []
    for turn in range(5):
        (tool / "h1").write_text(DOWN + "\n" * turn)  # the same answer of one second is one
        capture = polling.poll([server.pk], force=True)[server.pk]
        assert capture.result == "server_down"
        pauses.append((PollState.objects.get().due_at - timezone.now()).total_seconds())
    assert pauses[0] < pauses[1] < pauses[-1] <= 300
    assert Gap.objects.get().cause == "server_unreachable"


def test_a_failed_answer_ends_no_holding_and_the_next_good_one_does(tool: Path) -> None:
    server = make("h1")
    (tool / "h1").write_text(status("h1"))
    polling.poll([server.pk], force=True)
    PollState.objects.update(last_parsed_at=timezone.now() - timedelta(minutes=2))
    (tool / "h1").write_text(DOWN)
    polling.poll([server.pk], force=True)
    assert Sighting.objects.filter(gone_at=None).count() == 1
    time.sleep(1.1)  # answers are told apart by the second
    (tool / "h1").write_text(status("h1", held=False))
    polling.poll([server.pk], force=True)
    assert Sighting.objects.filter(gone_at=None).count() == 0


def failing_step(server: LicenseServer) -> tuple[str, str]:
    found = polling.test_connection(server)
    assert not found.ok and found.failed is not None
    return found.failed.name, found.failed.sentence


def test_the_connection_test_names_the_step_that_fails(tool: Path, settings) -> None:
    server = make("h1")
    (tool / "h1").write_text(DOWN)
    assert failing_step(server)[0] == "The port"
    (tool / "h1").write_text("Segmentation fault\n")
    assert failing_step(server)[0] == "The answer"
    (tool / "h1.hang").touch()
    assert failing_step(server)[0] == "The port"
    (tool / "h1.hang").unlink()
    (tool / "h1").write_text(status("h1"))
    assert polling.test_connection(server).ok
    settings.ITAM_LMUTIL = tool / "gone"
    assert failing_step(server)[0] == "The tool lmutil"
    settings.ITAM_LMUTIL = None
    assert "ITAM_LMUTIL" in failing_step(server)[1]
    assert not Capture.objects.exists(), "a test stores nothing"


def test_a_status_file_is_read_instead_of_a_tool(tmp_path: Path) -> None:
    path = tmp_path / "status.txt"
    path.write_text(status("h1"))
    server = LicenseServer.objects.create(
        name="filed", polling="file", status_path=str(path), zone="UTC"
    )
    assert polling.poll_now(server).result == "parsed"  # type: ignore[union-attr]
    path.unlink()
    assert polling.poll_now(server).result == "failed"  # type: ignore[union-attr]
