"""A log of a machine that nobody has named for its server waits until somebody does."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from licenses.importing import jobs, logs, machines
from licenses.importing.tail import read_log
from licenses.models import (
    Boundary,
    Capture,
    Checkout,
    Coverage,
    Gap,
    ImportJob,
    LicenseServer,
    LogCursor,
)
from licenses.overview.attention import tasks
from tests.told import told_of

from .told import events_told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def banner(machine: str, hour: int = 10, day: int = 2) -> str:
    return (
        f"{hour:02}:00:00 (lmgrd) -----------------------------------------------\n"
        f"{hour:02}:00:00 (lmgrd)   Please Note:\n"
        f"{hour:02}:00:00 (lmgrd) \n"
        f"{hour:02}:00:00 (lmgrd) Server's System Date and Time: Mon Mar {day:02} 2026 "
        f"{hour:02}:00:00 CET\n"
        f"{hour:02}:00:00 (lmgrd) pid 7\n"
        f"{hour:02}:00:01 (lmgrd) FlexNet Licensing (v11.16.4.0 build 252457 x64_n6) started on "
        f"{machine} (linux) (3/{day}/2026)\n"
        f"{hour:02}:00:02 (acmed) Server started on {machine} for:\tA\n"
    )


def use(hour: int, who: str) -> str:
    return (
        f'{hour:02}:10:00 (acmed) OUT: "A" {who}@pc1  \n'
        f'{hour:02}:20:00 (acmed) IN: "A" {who}@pc1  \n'
    )


MINE = banner("lic1") + use(10, "ann") + '10:30:00 (acmed) OUT: "A" cem@pc1  \n'
OTHER = banner("lic2", 11) + use(11, "ben")


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def hand_in(server: LicenseServer, text: str, name: str = "a.log") -> ImportJob:
    job = jobs.hand_in(server, SimpleUploadedFile(name, text.encode()))
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def state() -> list[int]:
    models = (Boundary, Coverage, Capture)
    return [len(events_told()), *(model.objects.count() for model in models)]


def test_nothing_of_another_machines_log_is_stored_until_it_is_confirmed(
    server: LicenseServer,
) -> None:
    assert hand_in(server, MINE).state == "done"
    before = state()
    job = hand_in(server, OTHER, "b.log")
    assert (job.state, job.machine) == ("failed", "lic2")
    assert job.error == (
        "The log says to be of the machine lic2; the server berlin is known to run on lic1. "
        "Nothing of it is read until somebody says that lic2 is a machine of this server."
    )
    assert state() == before
    gap = Gap.objects.get(cause="other_machine")
    assert (f"{gap.starts:%H:%M:%S}", f"{gap.ends:%H:%M:%S}") == ("11:00:00", "11:20:00")
    assert jobs.due(job.finished_at) == []
    machines.confirm(server, "lic2")
    assert jobs.due(job.finished_at) == [job.pk]
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.machine, job.error) == ("done", "", "")
    assert len(events_told()) == 5
    gap.refresh_from_db()
    assert gap.filled_by is not None


def test_a_text_that_begins_without_a_name_waits_whole(server: LicenseServer) -> None:
    hand_in(server, MINE)
    before = state()
    rotated = "09:00:00 (lmgrd) TIMESTAMP 3/2/2026\n" + use(9, "dan") + OTHER
    assert hand_in(server, rotated).machine == "lic2"
    assert state() == before


def test_of_two_logs_in_one_text_the_second_waits(server: LicenseServer) -> None:
    job = hand_in(server, MINE + OTHER)
    assert (job.state, job.machine) == ("failed", "lic2")
    assert job.error.startswith("From line 11 on the log says to be of the machine lic2; ")
    assert len(events_told()) == 3
    assert not Boundary.objects.filter(at__gte="2026-03-02T11:00:00Z").exists()
    machines.confirm(server, "lic2")
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done"
    assert len(events_told()) == 5


def test_of_two_first_logs_at_once_one_waits(
    server: LicenseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = logs.store_raw

    def after_another(data: bytes) -> tuple[str, str]:
        monkeypatch.setattr(logs, "store_raw", keep)
        assert hand_in(server, OTHER).state == "done"
        return keep(data)

    monkeypatch.setattr(logs, "store_raw", after_another)
    job = hand_in(server, MINE)
    assert (job.state, job.machine) == ("failed", "lic1")
    assert len(events_told()) == 2
    machines.confirm(server, "lic1")
    jobs.run(job.pk)
    assert len(events_told()) == 5


def test_a_log_cut_anywhere_tells_of_its_machine_all_the_same(
    server: LicenseServer, settings
) -> None:
    settings.ITAM_CHUNK_BYTES = 256
    assert hand_in(server, MINE + OTHER).machine == "lic2"
    assert len(events_told()) == 3


@pytest.mark.parametrize(
    ("known", "named", "read"),
    [
        pytest.param("lic1", "LIC1", True, id="case"),
        pytest.param("lic1", "lic1.corp.example", True, id="domain in the log"),
        pytest.param("lic1.corp.example", "Lic1", True, id="domain known"),
        pytest.param("lic1.a.example", "lic1.b.example", False, id="other domain"),
        pytest.param("lic1", "lic10", False, id="longer name"),
        pytest.param("lic1", "localhost", True, id="a name that tells nothing"),
    ],
)
def test_a_machine_is_known_by_any_spelling_of_its_name(
    server: LicenseServer, known: str, named: str, read: bool
) -> None:
    hand_in(server, banner(known) + use(10, "ann"))
    assert (hand_in(server, banner(named, 11) + use(11, "ben")).state == "done") is read


@pytest.mark.parametrize(
    ("address", "read"),
    [("27000@lic1,27000@lic2,27000@lic3", True), ("27000@lic9", False), ("27000@10.0.0.1", True)],
)
def test_the_address_names_machines(server: LicenseServer, address: str, read: bool) -> None:
    server.address = address
    server.save()
    assert (hand_in(server, OTHER).state == "done") is read


STATUS = """\
Flexible License Manager status on Mon 3/2/2026 10:45
License server status: 27000@{machine}
       {machine}: license server UP (MASTER) v11.16.2
Vendor daemon status (on {machine}):
     acmed: UP v11.14.1
Feature usage info:
Users of A:  (Total of 5 licenses issued;  Total of 0 licenses in use)
"""


def test_a_status_of_another_machine_ends_nothing_until_it_is_confirmed(
    server: LicenseServer,
) -> None:
    hand_in(server, MINE)
    before = state()
    job = hand_in(server, STATUS.format(machine="lic2"), "status.txt")
    assert (job.state, job.machine) == ("failed", "lic2")
    assert job.error.startswith("The status says to be of the machine lic2; ")
    assert state() == before
    assert Checkout.objects.filter(returned_at=None).count() == 1
    machines.confirm(server, "lic2")
    jobs.run(job.pk)
    assert not Checkout.objects.filter(returned_at=None).exists()


def test_a_status_of_the_machine_of_the_log_is_read(server: LicenseServer) -> None:
    hand_in(server, MINE)
    assert hand_in(server, STATUS.format(machine="LIC1.corp.example")).state == "done"


def test_a_daemons_own_log_names_its_machine(server: LicenseServer) -> None:
    hand_in(server, MINE)
    own = "11:00:00 (acmed) TIMESTAMP 3/2/2026\n11:00:01 (acmed) Server started on lic2 for: A\n"
    assert hand_in(server, own + use(11, "ben")).machine == "lic2"


def test_utf_16_is_looked_through(server: LicenseServer) -> None:
    hand_in(server, MINE)
    upload = SimpleUploadedFile("b.log", (MINE + OTHER).encode("utf-16"))
    job = jobs.hand_in(server, upload)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.machine == "lic2"
    assert len(events_told()) == 3


def test_a_log_that_grows_waits_where_another_machine_begins(
    server: LicenseServer, tmp_path: Path
) -> None:
    log = tmp_path / "debug.log"
    log.write_text(MINE)
    server.log_path = str(log)
    server.save()
    read_log(server.pk)
    with log.open("a") as stream:
        stream.write(OTHER)
    for _time in range(2):
        assert read_log(server.pk) == 0
    cursor = LogCursor.objects.get()
    assert (cursor.machine, cursor.offset) == ("lic2", len(MINE))
    assert len(events_told()) == 3
    assert f"{Gap.objects.get(cause='other_machine').starts:%H:%M:%S}" == "11:00:00"
    assert machines.waiting(server) == ["lic2"]
    LicenseServer.objects.update(log_path="/elsewhere.log")
    assert machines.waiting(server) == []
    LicenseServer.objects.update(log_path=str(log))
    machines.confirm(server, "lic2")
    assert read_log(server.pk) == 1
    assert LogCursor.objects.get().machine == LogCursor.objects.get().detail == ""
    assert len(events_told()) == 5


def test_a_log_that_is_replaced_by_that_of_another_machine_is_missed_once(
    server: LicenseServer, tmp_path: Path
) -> None:
    log = tmp_path / "debug.log"
    log.write_text(MINE)
    server.log_path = str(log)
    server.save()
    read_log(server.pk)
    log.write_text(OTHER)
    for _time in range(3):
        read_log(server.pk)
    assert machines.waiting(server) == ["lic2"]
    assert sorted(Gap.objects.values_list("cause", flat=True)) == ["log_rotated", "other_machine"]
    assert len(events_told()) == 3


def test_the_command_refuses_it_and_takes_the_machine(
    server: LicenseServer, tmp_path: Path
) -> None:
    hand_in(server, MINE)
    log = tmp_path / "b.log"
    log.write_text(OTHER)
    told = StringIO()
    with pytest.raises(CommandError):
        call_command("import_usage", "berlin", str(log), stdout=StringIO(), stderr=told)
    assert "Say so with --machine lic2." in told.getvalue()
    assert len(events_told()) == 3
    call_command("import_usage", "berlin", str(log), machine=["lic2"], stdout=StringIO())
    assert len(events_told()) == 5
    server.refresh_from_db()
    assert server.machines == "lic2"


def test_somebody_is_told_as_long_as_it_waits(server: LicenseServer) -> None:
    user = User.objects.create_superuser("root")
    hand_in(server, MINE)
    job = hand_in(server, OTHER)
    ImportJob.objects.filter(pk=job.pk).update(requested_at="2025-01-01T00:00:00Z")
    assert [task.words for task in tasks(user) if task.kind in ("import", "server")] == [
        "berlin: a text of another machine waits"
    ]
    machines.confirm(server, "lic2")
    assert not [task for task in tasks(user) if task.kind in ("import", "server")]


def test_the_page_of_the_server_asks_and_takes_the_answer(
    server: LicenseServer, admin_client: Client
) -> None:
    hand_in(server, MINE)
    job = hand_in(server, OTHER)
    page = reverse("admin:licenses_licenseserver_overview", args=[server.pk])
    assert "lic2 is this server, too" in admin_client.get(page).content.decode()
    confirm = reverse("admin:licenses_licenseserver_confirm_machine", args=[server.pk])
    assert admin_client.post(confirm, {"machine": "lic3"}).status_code == 404
    assert admin_client.post(confirm, {"machine": "lic2"}).status_code == 302
    job.refresh_from_db()
    assert job.state == "waiting"
    assert "lic2 is this server, too" not in admin_client.get(page).content.decode()
    bodies = [each["body"] for each in told_of(server)]
    (told,) = [body for body in bodies if body.get("what") == "server changed"]
    assert told["new"] == {"machines": "lic2"}
    assert told["who"] == "admin"


def test_whoever_names_the_machine_over_http_has_it_read(
    server: LicenseServer, admin_client: Client
) -> None:
    hand_in(server, MINE)
    job = hand_in(server, OTHER)
    address = reverse("api:server-detail", args=[server.pk])
    assert admin_client.get(f"{address}health/").json()["machines_waiting"] == ["lic2"]
    bad = admin_client.patch(address, {"machines": "a b"}, content_type="application/json")
    assert bad.status_code == 400
    done = admin_client.patch(address, {"machines": "LIC2"}, content_type="application/json")
    assert done.json()["machines"] == "LIC2"
    assert jobs.due(job.requested_at) == [job.pk]
    assert admin_client.get(f"{address}health/").json()["machines_waiting"] == []
