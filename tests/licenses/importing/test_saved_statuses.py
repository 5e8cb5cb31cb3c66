"""Answers of lmstat that somebody saved, one or many in a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
import time_machine
from django.db import transaction

from licenses.analysis import rollup
from licenses.analysis.coverage import expected, observed
from licenses.importing.files import ImportRefused, Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.models import (
    Capture,
    Checkout,
    Coverage,
    Disagreement,
    Feature,
    LicenseServer,
    PoolFeature,
    PoolHour,
    Sighting,
)
from tests.factories import PoolFactory
from tests.thorough import one_in

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


def test_answers_of_one_minute_are_of_that_minute(tmp_path: Path, server: LicenseServer) -> None:
    for _again in range(2):
        hand_in(tmp_path, server, saved(DAY, answer("ada")) + saved(DAY, answer()))
        assert list(Capture.objects.values_list("starts", flat=True)) == [DAY, DAY]


def test_a_file_whose_import_was_cut_off_leaves_the_rest_when_it_comes_again(
    tmp_path: Path, server: LicenseServer
) -> None:
    text = saved(DAY, answer("ada")) + saved(DAY, answer("bob")) + saved(DAY, answer("cyd"))
    hand_in(tmp_path, server, text)
    Capture.objects.latest("pk").delete()
    hand_in(tmp_path, server, text)
    assert Capture.objects.count() == 3


def stored() -> list[object]:
    """Return all that answers leave: rows, holdings, what is contradicted, and what is vouched
    for."""
    rows = Sighting.objects.values_list(
        *("person__pseudonym", "first_seen", "gone_at", "state", "disputed_from", "disputed_to")
    )
    disagreements = Disagreement.objects.values_list("person__pseudonym", "kind", "starts", "ends")
    coverage = Coverage.objects.values_list("daemon", "starts", "ends")
    names = dict(Feature.objects.values_list("pk", "name"))
    answers = [
        (
            *(answer.starts, answer.ends, answer.result, answer.scope and answer.scope.daemons),
            sorted(names[feature] for feature in (answer.scope.features if answer.scope else ())),
        )
        for answer in Capture.objects.select_related("scope")
    ]
    return [
        sorted(held()),
        *(sorted(each, key=repr) for each in (rows, disagreements, coverage, answers)),
    ]


def test_answers_leave_the_same_in_one_file_in_any_order_or_each_in_its_own(
    tmp_path: Path, server: LicenseServer
) -> None:
    at, later = DAY + timedelta(minutes=5), DAY + timedelta(minutes=10)
    texts = [
        saved(DAY, answer("ann", "cyd")),
        saved(at, answer("ann", "cyd")),
        saved(at, answer("bob", "cyd", start=DAY)),
        saved(later, answer("ann", "bob", start=DAY)),
    ]
    ways = ["".join(texts)], ["".join(reversed(texts))], texts, texts[::-1]
    found = []
    for files in ways:
        with transaction.atomic():
            for text in files:
                hand_in(tmp_path, server, text)
            found.append(stored())
            rebuild()
            found.append(stored())
            transaction.set_rollback(True)
    for each in found[1:]:
        assert each == found[0]
    assert all(found[0])


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


def held() -> list[tuple[str, str, str]]:
    """Return from when to when holdings are known, and until when they are possible."""
    rows = Checkout.objects.order_by("taken_at", "returned_at")
    moments = [(row.taken_by, row.returned_after, row.returned_at) for row in rows]
    return [tuple("" if each is None else f"{each:%H:%M:%S}" for each in row) for row in moments]


def test_an_answer_may_be_of_any_second_of_the_minute_that_it_prints(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Ann may have held her seat until the last second of 8:10, and Bob his from its first."""
    at = DAY + timedelta(minutes=10)
    hand_in(tmp_path, server, saved(DAY + timedelta(minutes=5), answer("ann")))
    hand_in(tmp_path, server, saved(at, answer("bob", start=at)))
    hand_in(tmp_path, server, saved(at + timedelta(minutes=5), answer("bob", start=at)))
    for _again in range(2):
        assert held() == [("08:00:59", "08:05:01", "08:10:59"), ("08:10:59", "", "")]
        rebuild()


def test_a_seat_that_one_answer_alone_shows_is_known_of_no_certain_second(
    tmp_path: Path, server: LicenseServer
) -> None:
    at = DAY + timedelta(minutes=5)
    for minute, users in ((0, ()), (5, ("ann",)), (10, ())):
        text = saved(DAY + timedelta(minutes=minute), answer(*users, start=at))
        hand_in(tmp_path, server, text)
    assert held() == [("08:05:59", "08:05:59", "08:10:59")]


def test_an_answer_of_this_minute_was_given_by_now(tmp_path: Path, server: LicenseServer) -> None:
    with time_machine.travel(DAY + timedelta(seconds=20), tick=False):
        hand_in(tmp_path, server, saved(DAY, answer("ann")))
    capture = Capture.objects.get()
    assert (capture.starts, capture.ends) == (DAY, DAY + timedelta(seconds=20))


def test_the_log_ends_what_an_answer_shows_no_more(tmp_path: Path, server: LicenseServer) -> None:
    """The OUT of 8:01 has no IN: by the answer of 8:10 it is over, by the end of that minute."""
    log = '8:00:00 (acmed) TIMESTAMP 3/2/2026\n8:01:00 (acmed) OUT: "CAD" ann@pc1\n'
    path = tmp_path / "a.log"
    path.write_text(log)
    import_file(server, path, path.name, Wanted())
    hand_in(tmp_path, server, saved(DAY + timedelta(minutes=10), answer()))
    assert held() == [("08:01:00", "08:01:00", "08:10:59")]


@pytest.mark.parametrize("order", one_in(6, permutations(range(4))))
def test_two_answers_of_a_minute_that_differ_may_have_come_in_either_order(
    tmp_path: Path, server: LicenseServer, order: tuple[int, ...]
) -> None:
    """Ann was there before Bob, or after he was: nobody knows that both were there at once. Bob was
    at the end of that minute, as he is later."""
    at, later = DAY + timedelta(minutes=5), DAY + timedelta(minutes=10)
    texts = [saved(at, answer("ann")), saved(at, answer("bob")), saved(later, answer("bob"))]
    texts.append(texts[0].replace("\n", "\r\n"))
    for place in order:
        hand_in(tmp_path, server, texts[place])
    found = [("08:05:59", "", ""), ("08:05:59", "08:05:59", "08:10:59")]
    for _again in range(2):
        assert sorted(held()) == found
        rebuild()


def test_an_answer_that_comes_twice_leaves_nothing_out(
    tmp_path: Path, server: LicenseServer
) -> None:
    at = DAY + timedelta(minutes=5)
    for text in (saved(at, answer("ann")), saved(at, answer("ann")).replace("\n", "\r\n")):
        hand_in(tmp_path, server, text)
    assert held() == [("08:00:59", "", "")]


def test_what_an_earlier_answer_showed_went_in_the_minute_of_two_that_differ(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Ann was in the first of the two, or one of them is wrong about Bob: nobody knows which."""
    at = DAY + timedelta(minutes=5)
    for text in (answer("ann"), answer("bob")):
        hand_in(tmp_path, server, saved(at, text))
    hand_in(tmp_path, server, saved(DAY + timedelta(minutes=3), answer("ann", "bob")))
    hand_in(tmp_path, server, saved(DAY + timedelta(minutes=10), answer("bob")))
    assert sorted(held()) == [
        ("08:00:59", "08:03:01", ""),
        ("08:00:59", "08:05:01", "08:05:59"),
    ]


def test_answers_vouch_from_the_last_second_of_the_first_ones_minute(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Nobody looked before 8:00:59, perhaps, and nobody from 8:10:00 to 8:40:59."""
    pool = PoolFactory()
    for minute in (5, 10, 0, 45, 40):
        hand_in(tmp_path, server, saved(DAY + timedelta(minutes=minute), answer()))
        if not pool.mappings.exists():
            PoolFeature.objects.create(pool=pool, feature=Feature.objects.get(), weight=1)
        rollup.drain()
    start = int(DAY.timestamp())
    window = start - 3600, start + 3600
    assert list(observed(pool, *window)) == [
        (start + 59, start + 600),
        (start + 2459, start + 2700),
    ]
    assert list(expected(pool, *window, now=start + 2700)) == [(start + 59, start + 2700)]
    (hour,) = PoolHour.objects.values_list("observed_seconds", flat=True)
    assert hour == 541 + 241
