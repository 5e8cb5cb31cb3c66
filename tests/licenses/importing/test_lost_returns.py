"""What nobody returned is not known to be held after a line that may hide its return."""

from __future__ import annotations

import pytest

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
