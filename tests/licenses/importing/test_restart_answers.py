"""What answers tell of seats that a restart of the daemon lost, and of seats that lived through."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from django.db import transaction

from licenses.alerts.holders import holders
from licenses.alerts.world import read, read_servers
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_snapshot
from licenses.models import Checkout, Disagreement, Feature, LicenseServer, PoolFeature
from licenses.sources.flexnet.lmstat import parse_lmstat
from tests.factories import PoolFactory
from tests.licenses.importing.test_disputes import BLOCK, DAY, HEAD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

ADA = "ada pc1 pc1 (v1.0) (lic1/27000 101), start Mon 3/2 8:50"
BOB = "bob pc1 pc1 (v1.0) (lic1/27000 201), start Mon 3/2 8:55"
BORROWED = " (linger: 86400)"
DATED = "8:40:00 (acmed) TIMESTAMP 3/2/2026"
TAKEN = ('8:50:10 (acmed) OUT: "CAD" ada@pc1', '8:55:10 (acmed) OUT: "CAD" bob@pc1')


def started(time: str) -> str:
    return f"{time} (acmed) Server started on lic1 for: CAD"


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def poll(server: LicenseServer, minute: float, *rows: str) -> None:
    at = int((DAY + timedelta(minutes=minute)).timestamp())
    text = HEAD.format(at=DAY + timedelta(minutes=minute), used=len(rows))
    if rows:
        text += BLOCK + "".join(f"    {row}\n" for row in rows) + "\n"
    (snapshot,) = parse_lmstat(text.encode(), zone=server.tzinfo, now=at)
    store_snapshot(server, snapshot, text.encode(), at=at, source="poll")


def log(folder: Path, server: LicenseServer, *lines: str) -> None:
    path = folder / "debug.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    import_file(server, path, path.name, Wanted(date=date(2026, 3, 2)))


def held() -> list[tuple[str, ...]]:
    """Return who held seats, and when each was taken, until when it is known, and its end."""
    found = []
    for row in Checkout.objects.select_related("person__identity").order_by("taken_at"):
        moments = (row.taken_at, row.returned_after, row.returned_at)
        found.append(tuple("" if at is None else f"{at:%H:%M:%S}" for at in moments))
    return found


def kinds() -> list[str]:
    return sorted(Disagreement.objects.values_list("kind", flat=True))


def in_any_order(steps: Sequence[Callable[[], None]]) -> tuple[object, ...]:
    """Return what some orders of the steps, and a rebuild, leave: the same."""
    orders = list(permutations(steps))
    found = set()
    for order in random.Random(1).sample(orders, min(24, len(orders))):
        undo = transaction.savepoint()
        for step in order:
            step()
        found.add((*held(), *kinds()))
        rebuild()
        found.add((*held(), *kinds()))
        transaction.savepoint_rollback(undo)
    (only,) = found
    return only


CRASHED = [("08:50:10", "10:00:01", "10:02:00"), ("08:55:10", "10:00:01", "10:02:00")]


def test_a_crash_without_a_line_ends_what_answers_showed_after_the_last_of_them(
    tmp_path: Path, server: LicenseServer
) -> None:
    lines = (DATED, started("8:41:00"), *TAKEN, started("10:02:00"), "11:30:00 (acmed) talk")
    log(tmp_path, server, *lines)
    for minute in range(0, 61, 5):
        poll(server, minute, ADA, BOB)
    for minute in range(65, 90, 5):
        poll(server, minute)
    assert held() == CRASHED
    assert kinds() == []
    rebuild()
    assert held() == CRASHED


def test_a_seat_that_answers_cease_to_show_before_a_crash_was_returned_then(
    tmp_path: Path, server: LicenseServer
) -> None:
    log(tmp_path, server, DATED, *TAKEN, started("10:02:00"))
    poll(server, 0, ADA, BOB)
    poll(server, 20, ADA, BOB)
    poll(server, 30, BOB)
    assert held()[0] == ("08:50:10", "09:20:01", "09:30:00")
    assert held()[1] == ("08:55:10", "09:30:01", "10:02:00")


def test_no_seat_outlasts_the_stop_of_its_daemon(tmp_path: Path, server: LicenseServer) -> None:
    stop = "9:58:00 (acmed) Shutdown requested from root@lic1 IP=1.1.1.1"
    log(tmp_path, server, DATED, *TAKEN, stop, started("10:02:00"))
    for minute in (50, 61, 65):
        poll(server, minute, *([ADA] if minute < 65 else []))
    assert held()[0][1:] == ("09:58:00", "10:05:00")
    assert kinds() == ["not_in_status", "still_shown"]


def test_an_answer_after_a_restart_that_shows_a_seat_of_before_lets_none_be_known(
    tmp_path: Path, server: LicenseServer
) -> None:
    log(tmp_path, server, DATED, TAKEN[0], started("10:02:00"))
    poll(server, 65, ADA)
    assert held() == [("08:50:10", "08:50:10", "")]
    assert kinds() == ["still_shown"]


def test_where_answers_contradict_each_other_until_a_restart_the_first_are_believed(
    tmp_path: Path, server: LicenseServer
) -> None:
    log(tmp_path, server, DATED, TAKEN[0], started("10:02:00"))
    for minute, rows in ((30, [ADA]), (45, []), (65, [ADA])):
        poll(server, minute, *rows)
    assert held() == [("08:50:10", "09:30:01", "")]
    assert kinds() == ["answers_differ", "still_shown"]


@pytest.mark.once
def test_a_crash_is_the_same_in_any_order_of_logs_and_answers(
    tmp_path: Path, server: LicenseServer
) -> None:
    between = ('9:11:00 (acmed) OUT: "CAD" eve@pc1', '9:12:00 (acmed) IN: "CAD" eve@pc1')
    steps = (
        lambda: log(tmp_path, server, DATED, *TAKEN, "9:08:00 (acmed) TIMESTAMP 3/2/2026"),
        lambda: log(tmp_path, server, "9:11:00 (acmed) TIMESTAMP 3/2/2026", *between),
        lambda: log(tmp_path, server, started("10:02:00"), "10:03:00 (acmed) TIMESTAMP 3/2/2026"),
        lambda: poll(server, 5, ADA, BOB),
        lambda: poll(server, 10, ADA, BOB),
        lambda: poll(server, 70),
    )
    assert in_any_order(steps) == (
        ("08:50:10", "09:12:00", "09:12:00"),
        ("08:55:10", "09:12:00", "09:12:00"),
        ("09:11:00", "09:12:00", "09:12:00"),
    )


CARL = "carl pc1 pc1 (v1.0) (lic1/27000 301), start Mon 3/2 8:52" + BORROWED
BRIEF = ('8:41:00 (acmed) OUT: "CAD" eve@pc1', '8:42:00 (acmed) IN: "CAD" eve@pc1')


@pytest.mark.parametrize(
    ("restart", "told"),
    [
        pytest.param("8:50:59", ["not_in_log"], id="longer-before-than-clocks-differ"),
        pytest.param("8:51:00", [], id="a-minute-before"),
        pytest.param("9:09:00", [], id="before-it-is-shown"),
        pytest.param("9:10:01", ["not_in_log"], id="after-it-is-shown"),
    ],
)
def test_a_borrowed_seat_needs_no_out_only_where_a_restart_started_it_anew(
    tmp_path: Path, server: LicenseServer, restart: str, told: list[str]
) -> None:
    stamps = (f"{at} (acmed) TIMESTAMP 3/2/2026" for at in ("9:10:00", "9:50:00"))
    log(tmp_path, server, DATED, *BRIEF, *sorted([started(restart), *stamps]))
    poll(server, 10, CARL)
    poll(server, 15)
    assert kinds() == told


def test_a_restart_learned_of_late_is_why_a_borrowed_seat_has_no_out(
    tmp_path: Path, server: LicenseServer
) -> None:
    end = "9:50:00 (acmed) TIMESTAMP 3/2/2026"
    steps = (
        lambda: log(tmp_path, server, DATED, *BRIEF, end),
        lambda: log(tmp_path, server, DATED, *BRIEF, started("8:51:10")),
        lambda: poll(server, 10, CARL),
        lambda: poll(server, 15),
    )
    assert in_any_order(steps) == (
        ("08:41:00", "08:42:00", "08:42:00"),
        ("08:52:00", "09:10:01", "09:15:00"),
    )


LENT = ADA + BORROWED


@pytest.mark.once
@pytest.mark.parametrize(
    ("last", "returned", "expected"),
    [
        pytest.param(15, "", ("08:50:10", "09:15:01", ""), id="still-shown"),
        pytest.param(20, "", ("08:50:10", "09:15:01", "09:20:00"), id="gone"),
        pytest.param(20, "9:17:00", ("08:50:10", "09:17:00", "09:17:00"), id="returned"),
    ],
)
def test_a_borrowed_seat_that_answers_show_after_a_restart_lives_on(
    tmp_path: Path,
    server: LicenseServer,
    last: int,
    returned: str,
    expected: tuple[str, ...],
) -> None:
    end = [f'{returned} (acmed) IN: "CAD" ada@pc1'] if returned else []
    stamp = "10:55:00 (acmed) TIMESTAMP 3/2/2026"
    steps = (
        lambda: log(tmp_path, server, DATED, TAKEN[0], started("9:03:00"), *end, stamp),
        lambda: poll(server, 0, LENT),
        lambda: [poll(server, minute, LENT) for minute in (5, 10, 15)],
        lambda: poll(server, last, *([LENT] if last == 15 else [])),
    )
    assert in_any_order(steps) == (expected,)


def test_a_borrowed_seat_that_lives_on_is_among_those_that_are_out_while_answers_show_it(
    tmp_path: Path, server: LicenseServer
) -> None:
    log(tmp_path, server, DATED, TAKEN[0], started("9:03:00"))
    pool = PoolFactory()
    PoolFeature.objects.create(pool=pool, feature=Feature.objects.get(), weight=1)
    for minute, rows, known in ((0, (LENT,), 0), (5, (LENT,), 1), (10, (LENT,), 1), (15, (), 0)):
        poll(server, minute, *rows)
        assert Checkout.objects.open().count() == known
        world = read(DAY + timedelta(minutes=minute))
        read_servers(world)
        found = holders(world, [pool.pk])
        assert [each.people for each in found.values()] == [1] * known


def test_a_seat_that_is_not_borrowed_does_not_outlive_a_restart(
    tmp_path: Path, server: LicenseServer
) -> None:
    log(tmp_path, server, DATED, TAKEN[0], started("9:03:00"))
    for minute in (0, 5, 10):
        poll(server, minute, ADA)
    assert held() == [("08:50:10", "09:03:00", "")]
    assert kinds() == ["still_shown"]
