"""Who waited at a licence server, from logs and statuses: the same whatever the order, the number
and the cuts of the texts, and never a seat in use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.models import Checkout, LicenseServer, PoolFeature, PoolHour, QueueEntry, QueueEvent
from tests.factories import PoolFactory, at
from tests.thorough import one_in, usually

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

DAY = at("2026-03-02T00:00")
HOUR = 3600
COLUMNS = (
    *("person__pseudonym", "host__name", "seats", "queued_at", "queued_by", "ended_after"),
    *("ended_at", "outcome", "method"),
)


class _Undo(Exception):
    pass


def line(second: int, text: str) -> str:
    return f"{datetime.fromtimestamp(DAY + second, UTC):%H:%M:%S} (vend) {text}\n"


def log(*said: tuple[int, str]) -> str:
    stamp = (0, "TIMESTAMP 3/2/2026")
    return "".join(line(second, text) for second, text in [stamp, *said])


def status(second: int, waiting: Sequence[str], holding: Sequence[tuple[str, int]] = ()) -> str:
    """Return a status of a server with one seat. waiting: logins; holding: login and start."""
    moment = datetime.fromtimestamp(DAY + second, UTC)
    rows = [
        f"    {login} pc-{login} /dev/tty (v1) (srv/27000 101), start "
        f"{datetime.fromtimestamp(DAY + start, UTC):%a %-m/%-d %-H:%M}"
        for login, start in holding
    ]
    rows += [
        f"    {login} pc-{login} /dev/tty (v1) (srv/27000 201) queued for 1 license"
        for login in waiting
    ]
    return "\n".join(
        [
            f"lmutil - Copyright\nFlexible License Manager status on {moment:%a %-m/%-d/%Y %H:%M}",
            "",
            "License server status: 27000@srv",
            "    License file(s) on srv: /opt/lic:",
            "",
            "srv: license server UP (MASTER) v11.16",
            "",
            "Vendor daemon status (on srv):",
            "    vend: UP v11.16",
            "",
            "Feature usage info:",
            "",
            f"Users of cad:  (Total of 1 license issued;  Total of {len(holding)} license"
            f"{'' if len(holding) == 1 else 's'} in use)",
            "",
            '  "cad" v1, vendor: vend',
            "  floating license",
            "",
            *rows,
            "",
        ]
    )


def sent(folder: Path, *texts: str) -> LicenseServer:
    server = LicenseServer.objects.create(name=f"srv{LicenseServer.objects.count()}", zone="UTC")
    for number, text in enumerate(texts):
        path = folder / f"{server.name}-{number}"
        path.write_text(text)
        import_file(server, path, path.name, Wanted())
    return server


def entries(server: LicenseServer) -> list[tuple[Any, ...]]:
    rows = QueueEntry.objects.filter(feature__server=server).values_list(*COLUMNS)
    return sorted((tuple(map(_plain, row)) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    return int(value.timestamp()) - DAY if isinstance(value, datetime) else value


def told(server: LicenseServer) -> list[tuple[Any, ...]]:
    """Return who waited, without pseudonym, since when, until when and how it ended."""
    return [(row[1], *row[3:]) for row in sorted(entries(server), key=lambda row: row[1:])]


WAITS = log(
    (8 * HOUR, 'OUT: "cad" ann@pc-ann'),
    (8 * HOUR + 60, 'QUEUED: "cad" ben@pc-ben'),
    (8 * HOUR + 120, 'QUEUED: "cad" cleo@pc-cleo'),
    (9 * HOUR, 'DEQUEUED: "cad" cleo@pc-cleo'),
    (10 * HOUR, 'IN: "cad" ann@pc-ann'),
    (10 * HOUR, 'DEQUEUED: "cad" ben@pc-ben'),
    (10 * HOUR, 'OUT: "cad" ben@pc-ben'),
    (12 * HOUR, 'IN: "cad" ben@pc-ben'),
)


def test_a_log_tells_to_the_second_who_waited_and_how_it_ended(tmp_path: Path) -> None:
    server = sent(tmp_path, WAITS)
    first, second = 8 * HOUR + 60, 8 * HOUR + 120
    assert told(server) == [
        ("pc-ben", first, first, 10 * HOUR, 10 * HOUR, "seated", 1),
        ("pc-cleo", second, second, 9 * HOUR, 9 * HOUR, "gave up", 1),
    ]


def test_who_waits_holds_no_seat(tmp_path: Path) -> None:
    server = sent(tmp_path, WAITS)
    holdings = Checkout.objects.filter(feature__server=server)
    assert sorted(holdings.values_list("host__name", flat=True)) == ["pc-ann", "pc-ben"]
    feature = server.features.get()
    pool = PoolFactory()
    PoolFeature.objects.create(pool=pool, feature=feature)
    rebuild()
    assert max(PoolHour.objects.filter(pool=pool).values_list("peak_high", flat=True)) == 1


def test_statuses_bound_a_wait_and_a_log_makes_it_exact(tmp_path: Path) -> None:
    statuses = [
        status(8 * HOUR, [], [("ann", 8 * HOUR)]),
        status(8 * HOUR + 300, ["ben"], [("ann", 8 * HOUR)]),
        status(8 * HOUR + 600, ["ben"], [("ann", 8 * HOUR)]),
        status(8 * HOUR + 900, [], [("ben", 8 * HOUR + 720)]),
    ]
    server = sent(tmp_path, *statuses)
    # The minute alone is known of a status that somebody saved.
    assert told(server) == [
        ("pc-ben", 8 * HOUR, 8 * HOUR + 359, 8 * HOUR + 600, 8 * HOUR + 959, "seated", 2)
    ]
    exact = log(
        (8 * HOUR, 'OUT: "cad" ann@pc-ann'),
        (8 * HOUR + 200, 'QUEUED: "cad" ben@pc-ben'),
        (8 * HOUR + 730, 'IN: "cad" ann@pc-ann'),
        (8 * HOUR + 730, 'DEQUEUED: "cad" ben@pc-ben'),
        (8 * HOUR + 731, 'OUT: "cad" ben@pc-ben'),
        (9 * HOUR, 'IN: "cad" ben@pc-ben'),
    )
    path = tmp_path / "exact"
    path.write_text(exact)
    import_file(server, path, path.name, Wanted())
    since, until = 8 * HOUR + 200, 8 * HOUR + 730
    assert told(server) == [("pc-ben", since, since, until, until, "seated", 1)]


def test_a_failed_answer_ends_no_wait(tmp_path: Path) -> None:
    down = status(8 * HOUR + 300, []).replace("vend: UP v11.16", "vend: DOWN")
    server = sent(tmp_path, status(8 * HOUR, ["ben"]), down, status(8 * HOUR + 600, ["ben"]))
    assert told(server) == [("pc-ben", None, 8 * HOUR + 59, None, None, "waiting", 2)]


def day(chance: random.Random) -> tuple[list[tuple[int, str]], list[str]]:
    """Return the lines of a log, in order, and statuses, of some people who wait: of some only one
    of the two tells."""
    said: list[tuple[int, str]] = []
    waiting: list[tuple[str, int, int]] = []
    for _ in range(chance.randrange(3, 12)):
        login = chance.choice(["ann", "ben", "cleo"])
        start = 8 * HOUR + chance.randrange(4 * HOUR)
        end = start + chance.choice([0, 3, 400, 2000, 7000])
        who = f'"cad" {login}@pc-{login}'
        waiting.append((login, start, end))
        if chance.random() < 0.8:
            said.append((start, f"QUEUED: {who}"))
        if chance.random() < 0.8:
            said.append((end, f"DEQUEUED: {who}"))
        if chance.random() < 0.6:
            taken = end + chance.choice([0, 0, 2, 5, 6])
            said += [(taken, f"OUT: {who}"), (taken + 900, f"IN: {who}")]
    if chance.random() < 0.4:
        restart = 8 * HOUR + chance.randrange(5 * HOUR)
        said.append((restart, "(@vend-SLOG@) Start-Date: Mon Mar 02 2026"))
        said.append((restart, "Server started on srv for: cad"))
    said.sort(key=lambda each: each[0])
    polled = [
        status(moment, [who for who, start, end in waiting if start <= moment < end])
        for moment in range(8 * HOUR, 14 * HOUR, chance.choice([1200, 3600]))
        if chance.random() < 0.9
    ]
    return said, polled if chance.random() < 0.7 else []


def cut(said: Sequence[tuple[int, str]], chance: random.Random) -> list[str]:
    """Return the log in pieces that overlap where they meet, in any order, some twice."""
    edges = sorted({0, len(said), *(chance.randrange(len(said) + 1) for _ in range(3))})
    pieces = []
    for first, last in pairwise(edges):
        part = said[max(0, first - 1) : last]
        start = part[0][0]
        pieces.append(line(start, "TIMESTAMP 3/2/2026") + "".join(line(*each) for each in part))
    return pieces


def after(folder: Path, texts: Sequence[str], chance: random.Random) -> list[Any]:
    """Return the entries that texts leave, and that a rebuild does."""
    found: list[Any] = []
    try:
        with transaction.atomic():
            server = sent(folder, *texts)
            found = [entries(server)]
            rebuild()
            found.append(entries(server))
            raise _Undo
    except _Undo:
        return found


@pytest.mark.parametrize("seed", one_in(5, usually(10, range(25))))
def test_order_cuts_and_repetition_of_the_texts_change_nothing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    said, statuses = day(chance)
    pieces = cut(said, chance)
    first = after(tmp_path, [*pieces, *statuses], chance)
    shuffled = [*pieces, *statuses, chance.choice(pieces)]
    chance.shuffle(shuffled)
    second = after(tmp_path, shuffled, chance)
    assert first[0] == first[1]
    assert second[0] == second[1]
    assert first[0] == second[0]


def test_equal_requests_of_two_seconds_are_two_waits(tmp_path: Path) -> None:
    said = ((60, "QUEUED"), (61, "QUEUED"), (120, "DEQUEUED"), (180, "DEQUEUED"))
    lines = [(8 * HOUR + at, f'{word}: "cad" ben@pc-ben') for at, word in said]
    pieces = [log(*lines[:1]), log(*lines[1:])]
    for texts in ([log(*lines)], pieces, pieces[::-1]):
        waited = [row[2:5] for row in told(sent(tmp_path, *texts))]
        assert waited == [
            (8 * HOUR + a, 8 * HOUR + b, 8 * HOUR + b) for a, b in [(60, 120), (61, 180)]
        ]


def test_a_log_that_tells_of_waits_twice_stores_each_line_once(tmp_path: Path) -> None:
    server = sent(tmp_path, WAITS, WAITS)
    assert QueueEvent.objects.filter(feature__server=server).count() == 4
    assert told(server) == told(sent(tmp_path, WAITS))
