"""What nobody returned is not known to be held after a line that may hide its return."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations

import pytest
from django.db import transaction

from licenses.analysis.usage import usage
from licenses.analysis.verdict import Verdict
from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Checkout, Disagreement, LicensePool, LicenseServer
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory

from .test_doubts import BEGIN, END, FINISH, REST, START, ask, judged, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> LicensePool:
    """Of one seat."""
    pool: LicensePool = PoolFactory()
    FeatureFactory(server=ServerFactory(name="lic"), name="cad", pool=pool)
    EntitlementFactory(pool=pool, quantity=1)
    return pool


def held() -> list[tuple[str, str, str]]:
    """Return person, until when a seat is known to be held, and until when it is possible."""
    rows = Checkout.objects.order_by("taken_at", "pk").select_related("person__identity")
    return [
        (
            row.person.identity.login,
            "" if row.returned_after is None else f"{row.returned_after:%H:%M:%S}",
            "" if row.returned_at is None else f"{row.returned_at:%H:%M:%S}",
        )
        for row in rows
    ]


def check_cuts_and_repeats(text: str, size: int) -> None:
    """Hold that a text gives the same when it comes again, in pieces, and when it is rebuilt."""
    server = LicenseServer.objects.get()
    read(server, text)
    whole = held()
    read(server, text)
    assert held() == whole
    other = FeatureFactory(server=ServerFactory(name="other")).server
    read(other, text, size=size)
    assert sorted(held()) == sorted(whole * 2)
    rebuild_holdings(other)
    assert sorted(held()) == sorted(whole * 2)


SECOND = '9:30:00 (vendord) OUT: "cad" mia@h2\n10:00:00 (vendord) IN: "cad" mia@h2\n'


@pytest.mark.parametrize(
    ("line", "until"),
    [
        pytest.param('9:00:00 (vendord) IN: "ca', "09:00:00", id="half-a-return"),
        pytest.param('9:x0:00 (vendord) IN: "cad" bob@h1', "08:00:00", id="no-time"),
        pytest.param("\0" * 40, "08:00:00", id="lost-with-the-power"),
        pytest.param("9:00:00 (vendord) IN: " + "x" * 70_000, "08:00:00", id="too-long"),
    ],
)
def test_over_use_is_not_stated_by_a_seat_that_a_damaged_line_may_have_returned(
    pool: LicensePool, line: str, until: str
) -> None:
    server = LicenseServer.objects.get()
    read(server, f"{BEGIN}{line}\n{SECOND}{REST}")
    assert held()[0] == ("bob", until, "")
    month = judged(pool)
    assert (month.verdict, month.over_seconds) == (Verdict.AS_OBSERVED, 0)
    (period,) = usage(pool, start=START, end=END).periods
    assert (period.peak_low, period.peak_high) == (1, 2)


@pytest.mark.parametrize(
    "line",
    ['9:00:00 (vendord) OUT: "ca', '9:00:00 (vendord) DENIED: "ca', '9:00:00 (otherd) IN: "ca'],
)
def test_a_line_that_is_no_return_of_the_daemon_leaves_over_use_known(
    pool: LicensePool, line: str
) -> None:
    read(LicenseServer.objects.get(), f"{BEGIN}{line}\n{SECOND}{REST}")
    assert held()[0] == ("bob", "", "")
    assert judged(pool).verdict == Verdict.OVER_USE


def test_what_is_returned_later_was_held_over_a_damaged_line(pool: LicensePool) -> None:
    read(LicenseServer.objects.get(), f'{BEGIN}9:00:00 (vendord) IN: "ca\n{SECOND}{FINISH}')
    assert held()[0] == ("bob", "10:00:00", "10:00:00")


def test_a_return_after_a_damaged_line_ends_what_was_taken_after_it(pool: LicensePool) -> None:
    again = '9:30:00 (vendord) OUT: "cad" bob@h1\n'
    read(LicenseServer.objects.get(), f'{BEGIN}9:00:00 (vendord) IN: "ca\n{again}{FINISH}')
    assert held()[:2] == [("bob", "09:00:00", ""), ("bob", "10:00:00", "10:00:00")]


@pytest.mark.parametrize("size", [40, 64, 100, 200])
def test_damaged_returns_do_not_depend_on_how_the_text_is_cut_or_how_often_it_comes(
    pool: LicensePool, size: int
) -> None:
    check_cuts_and_repeats(f'{BEGIN}9:00:00 (vendord) IN: "ca\n{SECOND}{REST}', size)


def test_an_answer_that_shows_the_seat_after_a_damaged_line_makes_it_known(
    pool: LicensePool, data_dir: None
) -> None:
    server = LicenseServer.objects.get()
    read(server, f'{BEGIN}9:00:00 (vendord) IN: "ca\n{SECOND}{REST}')
    ask(server, "10:30", "bob h1 8:00")
    assert held()[0] == ("bob", "", "")
    assert judged(pool).verdict == Verdict.OVER_USE


@pytest.mark.parametrize("log_first", [True, False])
@pytest.mark.parametrize(
    ("shown", "known"),
    [
        pytest.param((), "08:00:01", id="never-shown"),
        pytest.param(("08:05", "08:10"), "08:10:01", id="shown-for-a-while"),
    ],
)
def test_a_seat_is_not_known_to_be_held_while_answers_do_not_show_it(
    pool: LicensePool, data_dir: None, log_first: bool, shown: tuple[str, ...], known: str
) -> None:
    """Its own IN was lost, and the IN that reads as its end was of another OUT that was lost."""
    server = LicenseServer.objects.get()
    text = f'{BEGIN}8:20:00 (vendord) OUT: "cad" mia@h2\n8:40:00 (vendord) IN: "cad" mia@h2\n'
    if log_first:
        read(server, text + FINISH)
    for time in ("08:05", "08:10"):
        ask(server, time, *(["bob h1 8:00"] if time in shown else []))
    for time in ("08:15", "08:20"):
        ask(server, time)
    for time in ("08:25", "08:30", "08:35"):
        ask(server, time, "mia h2 8:20")
    if not log_first:
        read(server, text + FINISH)
    for _ in range(2):
        assert held()[:2] == [("bob", known, "10:00:00"), ("mia", "08:40:00", "08:40:00")]
        (differ,) = Disagreement.objects.all()
        assert (differ.kind, f"{differ.starts:%H:%M}") == (
            "not_in_status",
            "08:15" if shown else "08:05",
        )
        assert f"{differ.ends:%H:%M}" == "10:00"
        rebuild_holdings(server)
    assert judged(pool).verdict == Verdict.AS_OBSERVED


OUT = '8:00:00 (vendord) OUT: "cad" bob@h1\n'


def dated(time: str) -> str:
    return f"{time} (vendord) TIMESTAMP 3/1/2026\n"


def piece(start: str, end: str) -> str:
    """Return a text that tells of another's seat and vouches for the time from start to end."""
    return f'{dated(start)}{start} (vendord) OUT: "cad" mia@h2\n{dated(end)}'


def told_to_differ() -> list[tuple[str, str, str]]:
    """Return on what the sources differ that tell of Bob."""
    rows = Disagreement.objects.filter(person__identity__login="bob").order_by("starts", "kind")
    return [(row.kind, f"{row.starts:%H:%M}", f"{row.ends:%H:%M}") for row in rows]


def from_log(pieces: Sequence[str]) -> list[Callable[[LicenseServer], None]]:
    return [partial(read, text=piece) for piece in pieces]


def from_answers(**shown: bool) -> list[Callable[[LicenseServer], None]]:
    """shown: whether an answer of a time (as a0810) shows Bob."""
    return [
        partial(_ask, time=f"{name[1:3]}:{name[3:]}", holders=["bob h1 8:00"] if there else [])
        for name, there in shown.items()
    ]


def _ask(server: LicenseServer, time: str, holders: list[str]) -> None:
    ask(server, time, *holders)


def in_any_order(steps: Sequence[Callable[[LicenseServer], None]]) -> list[tuple[str, str, str]]:
    """Return on what the sources differ that tell of Bob: the same in any order, and rebuilt."""
    server, found = LicenseServer.objects.get(), set()
    orders = list(permutations(steps))
    for order in random.Random(1).sample(orders, min(24, len(orders))):
        undo = transaction.savepoint()
        for step in order:
            step(server)
        found.add(tuple(told_to_differ()))
        rebuild_holdings(server)
        found.add(tuple(told_to_differ()))
        transaction.savepoint_rollback(undo)
    (only,) = found
    return list(only)


BEFORE = f"{dated('7:59:59')}{OUT}"
SHOWN = {"a0810": True, "a0820": False, "a0825": False, "a0900": False}
GONE = [("not_in_status", "08:20", "08:20")]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([BEFORE + dated("12:00:00")], GONE, id="log-goes-on"),
        pytest.param([BEFORE, piece("8:00:00", "8:19:00")], [], id="log-ends"),
        pytest.param(
            [BEFORE, piece("8:09:00", "8:11:00"), piece("8:19:00", "12:00:00")],
            [],
            id="log-lacks-time-between",
        ),
        pytest.param(
            [
                BEFORE,
                piece("8:09:00", "8:11:00"),
                piece("8:10:50", "8:19:10"),
                piece("8:19:00", "12:00:00"),
            ],
            GONE,
            id="log-in-pieces",
        ),
        pytest.param(
            [f'{BEFORE}8:15:00 (vendord) IN: "ca\n{dated("12:00:00")}'],
            [],
            id="damaged-return-between",
        ),
        pytest.param(
            [f'{BEFORE}8:22:00 (vendord) IN: "ca\n{dated("12:00:00")}'],
            GONE,
            id="damaged-return-after",
        ),
        pytest.param(
            [f"{BEFORE}8:20:30 (vendord) Server started on lic for: cad\n{dated('12:00:00')}"],
            [],
            id="lost-in-a-restart-by-a-clock-half-a-minute-ahead",
        ),
    ],
)
def test_a_seat_that_answers_show_no_more_while_the_log_has_it_out_is_a_difference(
    pool: LicensePool, data_dir: None, pieces: list[str], expected: list[tuple[str, str, str]]
) -> None:
    assert in_any_order([*from_log(pieces), *from_answers(**SHOWN)]) == expected


def test_that_answers_show_a_seat_no_more_changes_no_figure_of_it(
    pool: LicensePool, data_dir: None
) -> None:
    server = LicenseServer.objects.get()
    for step in [*from_log([BEFORE + dated("12:00:00")]), *from_answers(**SHOWN)]:
        step(server)
    assert held() == [("bob", "08:10:01", "08:20:00")]
    (differ,) = Disagreement.objects.all()
    assert (differ.seats_logged, differ.seats_shown) == (1, 0)


def test_a_return_within_a_minute_of_the_answer_leaves_no_difference(
    pool: LicensePool, data_dir: None
) -> None:
    back = f'8:20:40 (vendord) IN: "cad" bob@h1\n{dated("12:00:00")}'
    pieces = [BEFORE + dated("8:20:30"), dated("8:20:30") + back]
    assert in_any_order([*from_log(pieces), *from_answers(**SHOWN)]) == []
