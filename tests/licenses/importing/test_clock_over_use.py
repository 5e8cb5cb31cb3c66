"""Whoever sets the clock of a licence server hides no over-use by it, wherever the steps lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from licenses.analysis.verdict import MonthVerdict, Verdict, verdicts
from licenses.importing.files import Wanted, import_file
from licenses.importing.mapping import map_feature
from licenses.models import Feature, LicenseServer
from tests.factories import EntitlementFactory, PoolFactory, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEEDS = [
    *((minute, "OUT", f"u{minute}") for minute in (10, 12, 14)),
    *((minute, "IN", f"u{minute - 30}") for minute in (40, 42, 44)),
]
"""Three seats of two, from a quarter past noon to twenty to one."""


def log(*steps: tuple[int, int]) -> str:
    """Return a log of a day around the over-use, whose clock is set (minute after noon, minutes
    forth or back) once or several times."""
    lines = [
        (-718, "(lmgrd) TIMESTAMP {day}"),
        (-717, "(acmed) FlexNet Licensing version v11.19.0.0 build 285000 x64_lsb"),
        (-717, "(acmed) Server started on lic1 for:    F1"),
        (-716, '(acmed) OUT: "F1" early@pc'),
        (-400, "(lmgrd) talk"),
        (-100, '(acmed) IN: "F1" early@pc'),
        *((minute, f'(acmed) {word}: "F1" {user}@pc') for minute, word, user in DEEDS),
        (200, '(acmed) OUT: "F1" late@pc'),
        (220, '(acmed) IN: "F1" late@pc'),
        (500, '(acmed) OUT: "F1" late@pc'),
        (775, '(acmed) IN: "F1" late@pc'),
        (778, "(lmgrd) TIMESTAMP {day}"),
    ]
    text = []
    for minute, words in lines:
        off = sum(step for since, step in steps if minute >= since)
        moment = NOON + timedelta(minutes=minute + off)
        day = f"{moment.month}/{moment.day}/{moment.year}"
        text.append(f"{moment:%H:%M:%S} {words.format(day=day)}")
    return "\n".join(text) + "\n"


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((), id="a clock that runs on"),
        pytest.param(((9, 180), (46, -180)), id="forth before it and back after it"),
        pytest.param(((9, -120), (46, 120)), id="back before it and forth after it"),
        pytest.param(((16, 60),), id="forth while all three are out"),
        pytest.param(((13, -30), (15, 30)), id="back and forth between the seats"),
        pytest.param(((46, -40),), id="back over it once it is over"),
        pytest.param(((16, -15), (41, 15)), id="back by as much as it lasted"),
    ],
)
def test_over_use_is_never_lost_by_setting_the_clock(
    steps: tuple[tuple[int, int], ...], tmp_path: Path
) -> None:
    found = judged(tmp_path, *steps)
    assert found.verdict == Verdict.OVER_USE, (found.verdict, found.reason, found.peak)


def test_what_was_only_possible_before_a_clock_was_set_back_is_never_proven_away(
    tmp_path: Path,
) -> None:
    """Set back while all three are out: known of each is what lies after the step."""
    found = judged(tmp_path, (16, -60))
    assert found.verdict == Verdict.AS_OBSERVED, found.reason
    assert found.proven_seconds < found.observed_seconds


def test_the_same_log_without_over_use_and_with_a_clock_that_runs_on_proves(tmp_path: Path) -> None:
    found = judged(tmp_path, seats=3)
    assert found.proven_seconds == found.observed_seconds


def judged(folder: Path, *steps: tuple[int, int], seats: int = 2) -> MonthVerdict:
    """Return the verdict of the day of a log whose clock was set."""
    path = folder / "debug.log"
    path.write_text(log(*steps))
    server = LicenseServer.objects.create(name="clock", zone="UTC")
    import_file(server, path, path.name, Wanted())
    pool = PoolFactory()
    map_feature(Feature.objects.get(name="F1"), pool)
    EntitlementFactory(pool=pool, quantity=seats, valid_from=date(2026, 1, 1))
    day = at("2026-03-02"), at("2026-03-03")
    (found,) = verdicts(pool, [day], now=at("2026-04-01"))
    return found
