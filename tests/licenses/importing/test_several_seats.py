"""Somebody with two seats at once, one of which is shown by answers, and a log of both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Disagreement, LicensePool, LicenseServer

from .test_doubts import AGAIN, BEGIN, REST, ask, judged, read
from .test_lost_returns import held, pool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

__all__ = ["pool"]

SHORT = '8:06:40 (vendord) OUT: "cad" bob@h1\n8:07:30 (vendord) IN: "cad" bob@h1\n'
OTHER = '9:00:05 (vendord) OUT: "cad" mia@h2\n9:25:00 (vendord) IN: "cad" mia@h2\n'
Step = Callable[[LicenseServer], object]


def log(*texts: str) -> Step:
    return lambda server: read(server, "".join(texts))


def answers(first: int, *others: str) -> list[Step]:
    """Return answers every five minutes of an hour from a minute on, which show Bob's first."""
    return [
        lambda server, minute=minute: ask(server, f"08:{minute:02d}", "bob h1 8:00", *others)
        for minute in range(first, 60, 5)
    ]


ORDERS: dict[str, list[Step]] = {
    "log-first": [log(BEGIN, SHORT, OTHER, AGAIN, REST), *answers(5)],
    "answers-first": [*answers(5), log(BEGIN, SHORT, OTHER, AGAIN, REST)],
    "as-it-happens": [
        log(BEGIN),
        *answers(5)[:1],
        log(BEGIN, SHORT),
        *answers(10),
        log(BEGIN, SHORT, OTHER, AGAIN, REST),
    ],
    "backwards": [log(BEGIN, SHORT, OTHER, AGAIN, REST), *reversed(answers(5))],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_return_ends_the_seat_that_answers_do_not_show(
    pool: LicensePool, order: list[Step]
) -> None:
    server = LicenseServer.objects.get()
    for step in order:
        step(server)
    expected = [("bob", "09:25:00", "09:25:00"), ("bob", "08:07:30", "08:07:30")]
    for _ in range(2):
        assert held()[:2] == expected
        assert not Disagreement.objects.exists()
        assert judged(pool).over_seconds == 50 + 25 * 60 - 5
        rebuild_holdings(server)


def test_what_answers_show_long_after_its_return_is_possible_until_they_do_not(
    pool: LicensePool,
) -> None:
    """The return may have been that of a seat whose OUT was lost."""
    server = LicenseServer.objects.get()
    read(server, f'{BEGIN}8:07:30 (vendord) IN: "cad" bob@h1\n{REST}')
    for step in answers(5):
        step(server)
    assert held()[0] == ("bob", "08:07:30", "")
    assert Disagreement.objects.get().kind == "still_shown"
    ask(server, "09:00")
    assert held()[0] == ("bob", "08:07:30", "09:00:00")


def test_a_return_that_an_answer_explains_ends_no_seat_that_is_still_shown(
    pool: LicensePool,
) -> None:
    """Of the second seat, taken at 8:06, the log lost the OUT."""
    server = LicenseServer.objects.get()
    read(server, f'{BEGIN}8:17:30 (vendord) IN: "cad" bob@h1\n{REST}')
    ask(server, "08:10", "bob h1 8:00", "bob h1 8:06")
    ask(server, "08:15", "bob h1 8:00", "bob h1 8:06")
    ask(server, "08:20", "bob h1 8:00")
    assert held()[:2] == [("bob", "", ""), ("bob", "08:17:30", "08:17:30")]
