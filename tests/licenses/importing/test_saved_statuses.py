"""Answers of lmstat that somebody saved, one or many in a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licenses.importing.files import ImportRefused, Wanted, import_file
from licenses.models import Capture, Checkout, LicenseServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
BANNER = "lmutil - Copyright (c) 1989-2023 Flexera. All Rights Reserved.\n"
DATE = "Flexible License Manager status on Mon 3/2/2026 {at:%H:%M}\n\n"
ANSWER = """\
License server status: 27000@{host}
    License file(s) on {host}: /opt/acme/licence.lic:

  {host}: license server UP (MASTER) v11.18

Vendor daemon status (on {host}):

     {daemon}: UP v11.18
Feature usage info:

Users of CAD:  (Total of 5 licenses issued;  Total of {used} licenses in use)

"""
BLOCK = (
    '  "CAD" v1.0, vendor: {daemon}, expiry: permanent(no expiration date)\n'
    "  floating license\n\n{rows}\n"
)
ROW = "    {user} pc1 pc1 (v1.0) ({host}/27000 101), start Mon 3/2 {start:%H:%M}\n"


def answer(*users: str, host: str = "lic1", daemon: str = "acmed", start: datetime = DAY) -> str:
    text = ANSWER.format(host=host, daemon=daemon, used=len(users))
    if users:
        rows = "".join(ROW.format(user=user, host=host, start=start) for user in users)
        text += BLOCK.format(daemon=daemon, rows=rows)
    return text


def saved(at: datetime, *answers: str) -> str:
    """Return what the tool prints at a time."""
    return BANNER + DATE.format(at=at) + ("-" * 28 + "\n").join(answers)


def hand_in(folder: Path, server: LicenseServer, text: str) -> None:
    path = folder / "status.txt"
    path.write_text(text)
    import_file(server, path, path.name, Wanted())


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def test_each_answer_of_a_file_is_of_the_minute_that_it_prints(
    tmp_path: Path, server: LicenseServer
) -> None:
    times = [DAY + timedelta(minutes=minute) for minute in range(90)]
    hand_in(tmp_path, server, "".join(saved(at, answer("ada")) for at in times))
    assert list(Capture.objects.order_by("starts").values_list("starts", flat=True)) == times


def test_answers_of_one_minute_are_a_second_apart(tmp_path: Path, server: LicenseServer) -> None:
    hand_in(tmp_path, server, saved(DAY, answer("ada")) + saved(DAY, answer()))
    found = list(Capture.objects.order_by("starts").values_list("starts", flat=True))
    assert found == [DAY, DAY + timedelta(seconds=1)]


def test_two_servers_that_tell_of_one_daemon_are_refused(
    tmp_path: Path, server: LicenseServer
) -> None:
    text = saved(DAY, answer("ada"), answer("bob", host="lic2"))
    with pytest.raises(ImportRefused, match=r"27000@lic1 and 27000@lic2 tell of the daemon acmed"):
        hand_in(tmp_path, server, text)
    assert not Capture.objects.exists()


def test_two_servers_of_different_daemons_end_nothing_of_each_other(
    tmp_path: Path, server: LicenseServer
) -> None:
    for minute in (0, 5):
        at = DAY + timedelta(minutes=minute)
        other = answer("bob", host="lic2", daemon="toold")
        hand_in(tmp_path, server, saved(at, answer("ada"), other))
    assert Checkout.objects.count() == 2
    assert not Checkout.objects.exclude(returned_at=None).exists()


def test_a_server_that_moved_to_another_host_is_one(tmp_path: Path, server: LicenseServer) -> None:
    later = DAY + timedelta(minutes=5)
    hand_in(tmp_path, server, saved(DAY, answer("ada")) + saved(later, answer(host="lic2")))
    assert Capture.objects.count() == 2
