"""Whether a seat is held, borrowed or lingering: what the last answer says that shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from django.db import transaction

from licenses.importing.files import Wanted, import_file
from licenses.importing.rebuilding import rebuild
from licenses.importing.snapshots import store_failure
from licenses.models import Checkout, LicenseServer, Sighting
from licenses.sources.records import Result

from .test_disputes import BLOCK, DAY, HEAD, ROW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

Told = tuple[int, str]
"""Minutes after 9:00, and what an answer says of the one seat; "failed" is none at all."""

LINGERS = {
    "held": "",
    "kept": " (linger: 0 / 86400)",
    "day": " (linger: 50 / 86400)",
    "week": " (linger: 50 / 604800)",
    "minutes": " (linger: 50 / 600)",
    "left": " (linger: 60)",
}
STARTED = datetime(2026, 3, 2, 8, 50, tzinfo=UTC)
HELD = ("held", None)
DAY_LONG = ("borrowed", STARTED + timedelta(days=1))
WEEK_LONG = ("borrowed", STARTED + timedelta(days=7))


class _Undo(Exception):
    pass


@pytest.fixture
def server() -> LicenseServer:
    return LicenseServer.objects.create(name="berlin", zone="UTC")


def learn(folder: Path, server: LicenseServer, told: Told) -> None:
    minute, what = told
    at = DAY + timedelta(minutes=minute)
    if what == "failed":
        moment = int(at.timestamp())
        store_failure(server, Result.TIMEOUT, "no answer", at=moment, source="poll")
        return
    # One that says of more seats than it lists is not complete.
    state, *part = what.split()
    rows = "" if state == "none" else ROW.format(user="ada", handle=101, seats=LINGERS[state])
    text = HEAD.format(at=at, used=rows.count("ada") + len(part))
    path = folder / "status.txt"
    path.write_text(text + (BLOCK + rows + "\n" if rows else ""))
    import_file(server, path, path.name, Wanted())


def states() -> tuple[list[tuple[str, datetime | None]], list[str]]:
    return list(Sighting.objects.values_list("state", "returns_by")), list(
        Checkout.objects.values_list("state", flat=True)
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(0, "held"), (5, "day"), (10, "failed")], DAY_LONG),
        ([(0, "day"), (5, "held"), (10, "failed")], HELD),
        ([(0, "day"), (5, "held"), (10, "none")], HELD),
        ([(0, "held"), (5, "day part"), (10, "failed")], DAY_LONG),
        ([(0, "held"), (5, "day"), (10, "held part")], HELD),
        ([(0, "held"), (5, "day part"), (10, "kept")], HELD),
    ],
    ids=["failed", "back", "gone", "part", "last part", "kept"],
)
def test_the_last_answer_that_shows_a_seat_says_in_what_state_it_is(
    tmp_path: Path, server: LicenseServer, told: list[Told], expected: tuple[str, datetime | None]
) -> None:
    same_in_any_order(tmp_path, server, told, expected)


@pytest.mark.once
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(10, "held"), (10, "day")], HELD),
        ([(10, "day"), (10, "week")], WEEK_LONG),
        ([(10, "minutes"), (10, "held")], ("lingering", STARTED + timedelta(minutes=20))),
        ([(0, "held"), (10, "day"), (10, "week part"), (15, "failed")], WEEK_LONG),
        ([(0, "week"), (10, "day"), (10, "held"), (15, "none")], HELD),
    ],
    ids=["held", "longer", "lingering", "incomplete", "gone"],
)
def test_of_two_answers_of_one_second_the_one_that_excuses_less_counts(
    tmp_path: Path, server: LicenseServer, told: list[Told], expected: tuple[str, datetime | None]
) -> None:
    same_in_any_order(tmp_path, server, told, expected)


@pytest.mark.once
def test_what_an_earlier_answer_says_does_not_count_beside_one_that_another_contradicts(
    tmp_path: Path, server: LicenseServer
) -> None:
    same_in_any_order(tmp_path, server, [(0, "held"), (10, "day"), (10, "none")], DAY_LONG)
    same_in_any_order(
        tmp_path, server, [(0, "held"), (5, "none"), (10, "none"), (10, "day")], DAY_LONG
    )


def test_by_when_a_seat_is_back_is_told_by_the_last_answer_though_it_says_the_same(
    tmp_path: Path, server: LicenseServer
) -> None:
    later = DAY + timedelta(minutes=5)
    same_in_any_order(tmp_path, server, [(0, "left"), (5, "left")], ("lingering", later))


def same_in_any_order(
    folder: Path, server: LicenseServer, told: list[Told], expected: tuple[str, datetime | None]
) -> None:
    for order in permutations(told):
        try:
            with transaction.atomic():
                for each in order:
                    learn(folder, server, each)
                assert states() == ([expected], [expected[0]]), order
                rebuild()
                assert states() == ([expected], [expected[0]]), order
                raise _Undo
        except _Undo:
            pass
