"""A log that leaves returns out tells when seats were taken, and not until when they were held."""

from __future__ import annotations

import pytest

from licenses.analysis.usage import usage
from licenses.analysis.verdict import Verdict
from licenses.importing.logs import LogImport
from licenses.importing.rights_files import import_options_file
from licenses.models import Boundary, LicensePool, LicenseServer
from tests.factories import EntitlementFactory, FeatureFactory, PoolFactory, ServerFactory
from tests.told import told_of

from .test_doubts import END, START, judged, read
from .test_lost_returns import check_cuts_and_repeats, held

pytestmark = pytest.mark.django_db

BEGIN = "0:00:01 (vendord) TIMESTAMP 3/1/2026\n0:00:02 (vendord) Server started on lic for: cad\n"
FINISH = "".join(
    f"{time} (vendord) TIMESTAMP 3/1/2026\n" for time in ("14:00:00", "18:00:01", "23:59:59")
)
SOON = "11:50:00 (vendord) TIMESTAMP 3/1/2026\n"


def taken(count: int, people: int, *, minutes: int = 10) -> str:
    """Return seats taken from eight o'clock on, by people in turn."""
    moments = [8 * 60 + number * minutes for number in range(count)]
    return "".join(
        f'{at // 60}:{at % 60:02}:00 (vendord) OUT: "cad" u{number % people}@h1\n'
        for number, at in enumerate(moments)
    )


@pytest.fixture
def pool() -> LicensePool:
    pool: LicensePool = PoolFactory()
    FeatureFactory(server=ServerFactory(name="lic"), name="cad", pool=pool)
    EntitlementFactory(pool=pool, quantity=5)
    return pool


def bounds(pool: LicensePool) -> tuple[int | None, int | None, int | None]:
    (period,) = usage(pool, start=START, end=END).periods
    return period.peak_low, period.peak_high, period.over_seconds


def test_over_use_is_not_stated_by_a_log_that_tells_of_no_return(pool: LicensePool) -> None:
    server = LicenseServer.objects.get()
    run = LogImport(server, source="a.log")
    run.store(f"{BEGIN}{taken(30, 5)}{FINISH}".encode(), last=True)
    assert bounds(pool) == (1, 30, 0)
    (period,) = usage(pool, start=START, end=END).periods
    assert (period.people, period.seat_seconds) == (5, 30), "each for its own second"
    assert judged(pool).verdict not in (Verdict.OVER_USE, Verdict.PROVEN)
    assert any("NOLOG IN" in note for note in run.result.notes)
    (loss,) = [each for each in told_of(server) if each["body"].get("what") == "log loss"]
    assert loss["body"]["daemon"] == "vendord" and loss["body"]["until"] > loss["event_time"]


@pytest.mark.parametrize(
    ("text", "high"),
    [
        pytest.param(taken(30, 30, minutes=1) + FINISH, 30, id="each-took-one-seat"),
        pytest.param(taken(19, 2, minutes=15) + FINISH, 19, id="too-few-to-tell"),
        pytest.param(taken(30, 5, minutes=1) + SOON, 30, id="in-the-first-hours"),
    ],
)
def test_seats_of_which_the_log_may_well_tell_all_are_known(
    pool: LicensePool, text: str, high: int
) -> None:
    read(LicenseServer.objects.get(), BEGIN + text)
    assert not Boundary.objects.filter(kind=Boundary.Kind.LOSS).exists()
    assert bounds(pool)[:2] == (high, high)


def test_returns_of_a_later_text_tell_until_when_seats_were_held(pool: LicensePool) -> None:
    server = LicenseServer.objects.get()
    read(server, f"{BEGIN}{taken(30, 5)}18:00:00 (vendord) TIMESTAMP 3/1/2026\n")
    returned = "".join(
        f'19:00:00 (vendord) IN: "cad" u{person}@h1\n' for person in range(5) for _ in range(6)
    )
    read(server, f"18:00:00 (vendord) TIMESTAMP 3/1/2026\n{returned}{FINISH}")
    assert set(held()) == {(f"u{person}", "19:00:00", "19:00:00") for person in range(5)}
    assert bounds(pool)[:2] == (30, 30)


def test_an_options_file_that_keeps_lines_out_of_the_log_is_told_of(data_dir: None) -> None:
    server = ServerFactory(name="lic")
    result = import_options_file(
        server, b"NOLOG IN\nNOLOG DENIED\nMAX 2 cad USER bob\n", source="o"
    )
    (note,) = result.notes
    assert note.startswith("NOLOG IN DENIED: ")
    assert not import_options_file(server, b"MAX 3 cad USER bob\n", source="o").notes


@pytest.mark.parametrize("size", [100, 300, 700])
def test_it_does_not_depend_on_how_the_text_is_cut_or_how_often_it_comes(
    pool: LicensePool, size: int
) -> None:
    check_cuts_and_repeats(f"{BEGIN}{taken(30, 5)}{FINISH}", size)
