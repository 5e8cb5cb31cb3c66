"""Statuses that contradict each other: some show a seat, and one between them does not."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from licenses.analysis.usage import PeriodFigures, usage
from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.models import Checkout, Disagreement, Feature, LicenseServer, PoolFeature, Sighting
from tests.factories import PoolFactory
from tests.thorough import one_in, usually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEAD = """\
lmutil - Copyright (c) 1989-2023 Flexera. All Rights Reserved.
Flexible License Manager status on Mon 3/2/2026 {at:%H:%M}

License server status: 27000@lic1
    License file(s) on lic1: /opt/acme/licence.lic:

  lic1: license server UP (MASTER) v11.18

Vendor daemon status (on lic1):

     acmed: UP v11.18
Feature usage info:

Users of CAD:  (Total of 20 licenses issued;  Total of {used} licenses in use)

"""
BLOCK = '  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)\n  floating license\n\n'
ROW = "    {user} pc1 pc1 (v1.0) (lic1/27000 {handle}), start Mon 3/2 8:50{seats}\n"


def answer(minute: int, **held: int) -> str:
    """Return a status of some minutes after 9:00, with the seats of each user."""
    text = HEAD.format(at=DAY + timedelta(minutes=minute), used=sum(held.values()))
    rows = [
        ROW.format(user=user, handle=100 + len(user), seats="" if n == 1 else f", {n} licenses")
        for user, n in held.items()
    ]
    return text + (BLOCK + "".join(rows) + "\n" if rows else "")


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def hand_in(folder: Path, server: LicenseServer, *texts: str) -> None:
    for text in texts:
        path = folder / "status.txt"
        path.write_text(text)
        import_file(server, path, path.name, Wanted())


def held() -> list[tuple[str, ...]]:
    """Return of each holding when it was taken, the span in which it is known, and its end."""
    return sorted(
        tuple(
            "" if each is None else f"{each:%H:%M:%S}"
            for each in (row.taken_at, row.taken_by, row.returned_after, row.returned_at)
        )
        for row in Checkout.objects.all()
    )


def figures(start: int = 0, end: int = 60) -> PeriodFigures:
    """Return what counts from some minutes after 9:00 to others."""
    pool = PoolFactory()
    PoolFeature.objects.create(pool=pool, feature=Feature.objects.get(), weight=1)
    first, last = (int((DAY + timedelta(minutes=each)).timestamp()) for each in (start, end))
    return usage(pool, start=first, end=last).total


def test_pairs_of_one_minute_that_contradict_each_other_add_no_seats_up(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Each time one status has Ada's row with one seat, the other with two: none with three."""
    for minute in (0, 5, 10):
        hand_in(tmp_path, server, answer(minute, ada=1), answer(minute, ada=2))
    found = figures()
    assert (found.peak_low, found.peak_high, found.over_seconds) == (0, 3, 0)
    assert sorted(held()) == [("08:50:00", "09:00:59", "09:00:59", "")] * 2


def test_statuses_that_contradict_each_other_by_turns_add_no_seats_up(
    tmp_path: Path, server: LicenseServer
) -> None:
    for minute, seats in ((0, 1), (5, 2), (10, 1), (15, 2), (20, 1)):
        hand_in(tmp_path, server, answer(minute, ada=seats))
    found = figures()
    assert (found.peak_low, found.peak_high, found.checkouts) == (1, 3, 0)
    rows = Disagreement.objects.order_by("seats").values_list(
        "kind", "seats", "seats_logged", "seats_shown"
    )
    assert list(rows) == [("answers_differ", 1, 1, 0), ("answers_differ", 2, 2, 0)]


def test_one_status_that_lacks_a_seat_leaves_it_known_before_and_after(
    tmp_path: Path, server: LicenseServer
) -> None:
    for minute in (0, 5, 15, 20):
        hand_in(tmp_path, server, answer(minute, ada=1, bob=1))
    hand_in(tmp_path, server, answer(10, bob=1))
    assert held() == [
        ("08:50:00", "08:50:59", "", ""),
        ("08:50:00", "08:50:59", "09:05:01", "09:10:00"),
        ("09:10:00", "09:15:59", "", ""),
    ]
    found = figures(-60)
    assert (found.peak_low, found.peak_high, found.checkouts, found.people) == (2, 2, 2, 2)
    (row,) = Disagreement.objects.all()
    assert (row.starts, row.ends) == (DAY + timedelta(minutes=10),) * 2


def test_a_log_that_tells_of_the_seat_settles_it(tmp_path: Path, server: LicenseServer) -> None:
    hand_in(tmp_path, server, *(answer(minute, ada=seats) for minute, seats in ((0, 1), (5, 2))))
    hand_in(tmp_path, server, answer(10, ada=1))
    path = tmp_path / "a.log"
    path.write_text(
        "8:40:00 (acmed) TIMESTAMP 3/2/2026\n"
        '8:50:10 (acmed) OUT: "CAD" ada@pc1\n9:30:00 (acmed) IN: "CAD" ada@pc1\n'
    )
    import_file(server, path, path.name, Wanted())
    assert ("08:50:10", "08:50:10", "09:30:00", "09:30:00") in held()


def import_log(folder: Path, server: LicenseServer, *lines: str) -> None:
    path = folder / "a.log"
    path.write_text("8:40:00 (acmed) TIMESTAMP 3/2/2026\n" + "\n".join(lines) + "\n")
    import_file(server, path, path.name, Wanted())


OUT = '8:50:10 (acmed) OUT: "CAD" ada@pc1'
LAST = "9:12:00 (acmed) TIMESTAMP 3/2/2026"


@pytest.mark.parametrize("log_last", [True, False])
def test_a_log_that_ended_before_statuses_contradict_each_other_settles_nothing_after_it(
    tmp_path: Path, server: LicenseServer, log_last: bool
) -> None:
    """The log has the seat until 9:12; at 9:20 one status lacks it, those before and after do
    not."""
    if not log_last:
        import_log(tmp_path, server, OUT, LAST)
    for minute in (0, 20, 30, 35):
        hand_in(tmp_path, server, answer(minute, **({"bob": 1} if minute == 20 else {"ada": 1})))
    if log_last:
        import_log(tmp_path, server, OUT, LAST)
    seats = [
        ("08:50:10", "08:50:10", "09:12:00", "09:20:00"),
        ("09:20:00", "09:30:59", "", ""),
    ]
    assert [row for row in held() if row[0] != "08:50:00"] == seats
    rebuild()
    assert [row for row in held() if row[0] != "08:50:00"] == seats
    assert Checkout.objects.filter(method=Checkout.Method.EVENT).count() == 1
    import_log(tmp_path, server, OUT, LAST, '9:35:30 (acmed) IN: "CAD" ada@pc1')
    assert ("08:50:10", "08:50:10", "09:35:30", "09:35:30") in held()
    assert all(row[0] != "09:20:00" for row in held())


def test_what_a_log_tells_until_within_a_dispute_is_known_until_it_ends(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Nobody shows it twice after the last status that lacks it."""
    import_log(tmp_path, server, OUT, LAST)
    for minute in (0, 5, 10, 15, 20):
        hand_in(tmp_path, server, answer(minute, **({"bob": 1} if minute % 10 else {"ada": 1})))
    assert [row for row in held() if row[0] == "08:50:10"] == [
        ("08:50:10", "08:50:10", "09:12:00", "")
    ]


def test_one_status_alone_against_those_before_it_makes_no_seat_known(
    tmp_path: Path, server: LicenseServer
) -> None:
    """Bob takes a seat, Ada has gone; then one status tells what was before."""
    for minute in (0, 10, 15, 20, 30):
        users = {"ada": 1} if minute in (0, 20) else {"bob": 1}
        hand_in(tmp_path, server, answer(minute, **users))
    found = figures()
    assert (found.peak_low, found.peak_high) == (1, 2)
    assert ("08:50:00", "08:50:59", "09:00:01", "09:30:59") in held()


@pytest.mark.parametrize(
    ("lines", "shown", "expected"),
    [
        pytest.param([], 1, ("08:55:00", "10:10:59"), id="the-log-ended"),
        pytest.param([], 2, ("08:55:00", "09:00:59"), id="two-are-of-one-mind"),
        pytest.param(
            ['9:58:00 (acmed) IN: "CAD" ada@pc1'], 1, ("08:50:11", "09:58:00"), id="it-has-an-in"
        ),
    ],
)
@pytest.mark.parametrize("log_first", [True, False])
def test_one_status_that_shows_a_logged_seat_after_many_that_lack_it_makes_it_known_no_longer(
    tmp_path: Path,
    server: LicenseServer,
    lines: list[str],
    shown: int,
    expected: tuple[str, str],
    log_first: bool,
) -> None:
    lines = [OUT, "8:55:00 (acmed) TIMESTAMP 3/2/2026", *lines]
    if log_first:
        import_log(tmp_path, server, *lines)
    for minute in (0, 10, 20, 30, 45):
        hand_in(tmp_path, server, answer(minute, bob=1))
    for minute in (50, 55)[-shown:]:
        hand_in(tmp_path, server, answer(minute, ada=1))
    hand_in(tmp_path, server, answer(70, bob=1))
    if not log_first:
        import_log(tmp_path, server, *lines)
    found = [row for row in held() if row[0] == "08:50:10"]
    assert [row[2:] for row in found] == [expected]
    later = [row for row in held() if row[0] == "09:00:59"]
    assert later == ([("09:00:59", "09:50:59", "09:55:01", "10:10:59")] if shown == 2 else [])
    before = held()
    rebuild()
    assert held() == before


@pytest.mark.parametrize(
    ("lines", "shown", "known"),
    [
        pytest.param([], 1, "", id="it-stands-alone-against-the-log"),
        pytest.param([], 2, "09:15:01", id="two-are-of-one-mind"),
        pytest.param(['9:17:00 (acmed) IN: "CAD" ada@pc1'], 1, "09:17:00", id="so-says-an-in"),
        pytest.param(['8:55:00 (acmed) IN: "CA'], 1, "09:15:01", id="the-log-lost-a-line"),
    ],
)
@pytest.mark.parametrize("log_first", [True, False])
def test_what_one_status_shows_and_the_log_lacks_is_possible_only(
    tmp_path: Path,
    server: LicenseServer,
    lines: list[str],
    shown: int,
    known: str,
    log_first: bool,
) -> None:
    other = [f'8:41:00 (acmed) {kind}: "CAD" cyd@pc1' for kind in ("OUT", "IN")]
    lines = [*other, *lines, "9:40:00 (acmed) TIMESTAMP 3/2/2026"]
    if log_first:
        import_log(tmp_path, server, *lines)
    for minute in (10, 15)[-shown:]:
        hand_in(tmp_path, server, answer(minute, ada=1))
    hand_in(tmp_path, server, answer(25, bob=1))
    if not log_first:
        import_log(tmp_path, server, *lines)
    (row,) = [row for row in held() if row[3] in ("09:25:59", "09:17:00")]
    assert row[2] == known or (not known and row[2] == row[1])
    before = held()
    rebuild()
    assert held() == before


def test_an_in_of_the_minute_of_a_status_ends_what_that_shows(
    tmp_path: Path, server: LicenseServer
) -> None:
    hand_in(tmp_path, server, answer(0, ada=1).replace("start Mon 3/2 8:50", "start Mon 3/2 9:00"))
    path = tmp_path / "a.log"
    path.write_text(
        '9:00:05 (acmed) TIMESTAMP 3/2/2026\n9:00:20 (acmed) IN: "CAD" ada@pc1\n'
        "9:30:00 (acmed) TIMESTAMP 3/2/2026\n"
    )
    import_file(server, path, path.name, Wanted())
    assert held() == [("09:00:00", "09:00:20", "09:00:20", "09:00:20")]


TEXTS = [
    *(answer(0, ada=1), answer(0, ada=2), answer(5, ada=2)),
    *(answer(10, ada=1), answer(10, ada=2)),
]


@pytest.mark.parametrize("order", one_in(10, usually(30, permutations(range(len(TEXTS))))))
def test_the_order_in_which_statuses_come_changes_nothing(
    tmp_path: Path, server: LicenseServer, order: tuple[int, ...]
) -> None:
    hand_in(tmp_path, server, *(TEXTS[place] for place in order))
    assert held() == [
        ("08:50:00", "09:00:59", "09:00:59", ""),
        ("08:50:00", "09:00:59", "09:00:59", ""),
    ]


USERS = ("ada", "bob", "cy")


def told(texts: list[tuple[int, frozenset[str]]]) -> set[tuple[str, int | None, ...]]:
    """Return of each row the first and the last minute that shows it, the first after it that does
    not, and the first and the last within that lack it: by looking at all of them."""
    found = set()
    for user in USERS:
        shown = [minute for minute, users in texts if user in users]
        if not shown:
            continue
        first, last = min(shown), max(shown)
        lacking = [minute for minute, users in texts if user not in users]
        within = [minute for minute in lacking if first <= minute <= last]
        gone = min((minute for minute in lacking if minute > last), default=None)
        # While no later one lacks it, the last that shows it is the newest, which is not written.
        ends = (min(within), max(within)) if within else (None, None)
        found.add((user, first, None if gone is None else last, gone, *ends))
    return found


@pytest.mark.parametrize("seed", one_in(10, usually(50, range(150))))
def test_what_is_noted_is_what_all_statuses_together_tell(
    tmp_path: Path, server: LicenseServer, seed: int
) -> None:
    chance = random.Random(seed)
    texts = sorted(
        {
            (5 * chance.randrange(6), frozenset(user for user in USERS if chance.random() < 0.6))
            for _text in range(chance.randrange(2, 9))
        },
        key=str,
    )
    chance.shuffle(texts)
    hand_in(tmp_path, server, *(answer(minute, **dict.fromkeys(u, 1)) for minute, u in texts))
    rows = Sighting.objects.select_related("person__identity")
    assert {
        (
            row.person.identity.login,
            *(
                None if each is None else int((each - DAY).total_seconds()) // 60
                for each in (
                    row.first_seen,
                    None if row.gone_at is None else row.last_seen,
                    row.gone_at,
                    row.disputed_from,
                    row.disputed_to,
                )
            ),
        )
        for row in rows
    } == told(texts)
    before = held()
    rebuild()
    assert held() == before
