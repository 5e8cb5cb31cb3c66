"""A date line that contradicts the calendar dates what stands before it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import QuerySet

from licenses.analysis.usage import usage
from licenses.importing.logs import LogImport
from licenses.importing.pieces import blocks
from licenses.models import Boundary, Checkout, Coverage, LicenseServer
from licenses.sources.flexnet.log_dates import first_line_date
from tests.factories import FeatureFactory, PoolFactory, ServerFactory, at

pytestmark = pytest.mark.django_db


def log(*lines: tuple[str, str]) -> bytes:
    """Return a log of these moments and messages; "*" stands for a date line."""
    text = ""
    for moment, message in lines:
        then = datetime.fromisoformat(f"2026-{moment}")
        stated = f"TIMESTAMP {then.month}/{then.day}/{then.year}"
        text += f"{then:%H:%M:%S} (cadd) {stated if message == '*' else message}\n"
    return text.encode()


def taken(who: str) -> str:
    return f'OUT: "F" {who}@pc  '


def returned(who: str) -> str:
    return f'IN: "F" {who}@pc  '


def read(text: bytes, size: int = 0, server: LicenseServer | None = None) -> LogImport:
    stream = io.BytesIO(text)
    first = first_line_date(stream)
    stream.seek(0)
    run = LogImport(server or ServerFactory(), source="a.log", first_day=first)
    for block, last in blocks(stream, size):
        run.store(block, last=last)
    return run


def unsure() -> QuerySet[Boundary]:
    """Return the boundaries that tell of a doubt: not the seconds of date lines that agreed."""
    return Boundary.objects.exclude(kind=Boundary.Kind.SECOND)


def held() -> list[tuple[str, str, str | None]]:
    return sorted(
        (
            row.person.identity.login,
            f"{row.taken_at:%m-%dT%H:%M:%S}",
            row.returned_after and f"{row.returned_after:%m-%dT%H:%M:%S}",
        )
        for row in Checkout.objects.all()
    )


WEEKEND = log(
    ("06-05T18:00:00", "*"),
    ("06-05T19:00:00", taken("ann")),
    ("06-08T09:00:00", taken("bob")),
    ("06-08T09:30:00", taken("cy")),
    ("06-08T10:00:00", returned("cy")),
    ("06-08T12:00:00", "*"),
    ("06-08T14:00:00", returned("bob")),
    ("06-08T18:00:00", "*"),
)


@pytest.mark.parametrize("size", [0, 250, 330])
def test_what_stands_before_the_date_line_after_lost_days_is_of_its_day(size: int) -> None:
    run = read(WEEKEND, size)
    assert held() == [
        ("ann", "06-05T19:00:00", "06-05T19:00:01"),
        ("bob", "06-08T09:00:00", "06-08T14:00:00"),
        ("cy", "06-08T09:30:00", "06-08T10:00:00"),
    ]
    assert run.result.unreadable_count == 0
    assert not unsure().exists()


def test_what_may_be_of_either_day_is_kept_as_the_least_use_and_proves_nothing() -> None:
    run = read(
        log(
            ("06-05T06:00:00", "*"),
            ("06-05T06:30:00", taken("ann")),
            ("06-05T08:00:00", taken("bob")),
            ("06-08T08:20:00", taken("cy")),
            ("06-08T08:30:00", returned("ann")),
            ("06-08T08:40:00", returned("cy")),
            ("06-08T12:00:00", "*"),
            ("06-08T16:00:00", returned("bob")),
            ("06-08T18:00:00", "*"),
        )
    )
    assert held() == [
        ("ann", "06-05T06:30:00", "06-05T08:30:00"),
        ("bob", "06-08T08:00:00", "06-08T16:00:00"),
        ("cy", "06-05T08:20:00", "06-05T08:40:00"),
    ]
    assert run.result.unreadable_count == 0
    since = datetime.fromtimestamp(at("2026-06-05T06:00:00"), UTC)
    assert set(unsure().values_list("kind", "at")) == {
        (Boundary.Kind.DOUBT, since),
        (Boundary.Kind.LOSS, since),
    }


def test_a_date_line_at_midnight_that_is_a_day_ahead_moves_the_calendar() -> None:
    read(
        log(
            ("06-09T18:00:00", "*"),
            ("06-10T00:00:00", "*"),
            ("06-10T00:15:00", taken("ann")),
            ("06-10T00:16:00", returned("ann")),
            ("06-11T00:00:00", "*"),
            ("06-11T00:15:00", taken("ann")),
            ("06-11T00:16:00", returned("ann")),
            ("06-11T06:00:00", "*"),
        )
    )
    assert held() == [
        ("ann", "06-10T00:15:00", "06-10T00:16:00"),
        ("ann", "06-11T00:15:00", "06-11T00:16:00"),
    ]


def test_a_late_line_after_a_quiet_hour_is_of_the_day_that_is_over() -> None:
    read(
        log(
            ("06-09T22:00:00", "*"),
            ("06-09T22:01:00", taken("ann")),
            ("06-10T00:00:01", taken("bob")),
            ("06-09T23:59:59", returned("ann")),
            ("06-10T00:00:02", "*"),
            ("06-10T01:00:00", returned("bob")),
            ("06-10T06:00:00", "*"),
        )
    )
    assert held() == [
        ("ann", "06-09T22:01:00", "06-09T23:59:59"),
        ("bob", "06-10T00:00:01", "06-10T01:00:00"),
    ]


def test_files_in_the_wrong_order_in_one_text_are_read_as_each_alone() -> None:
    first = datetime.fromisoformat("2026-06-02T00:00:00")
    days = []
    for day in range(3):
        lines = [
            (1.5, taken(f"u{day}")), (4.5, returned(f"u{day}")), (6, "*"),
            (7, taken(f"v{day}")), (11, returned(f"v{day}")), (12, "*"), (18, "*"),
        ]  # fmt: skip
        days.append(
            log(
                *(
                    (f"{first + timedelta(days=day, hours=hour):%m-%dT%H:%M:%S}", message)
                    for hour, message in lines
                )
            )
        )
    read(days[2] + days[0] + days[1])
    mixed = held()
    Checkout.objects.all().delete()
    for text in days:
        read(text, server=ServerFactory())
    assert mixed == held()


def test_what_was_stored_before_the_date_line_came_is_only_possible_from_the_one_before() -> None:
    lines = WEEKEND.splitlines(keepends=True)
    run = LogImport(ServerFactory(), source="a.log", first_day=first_line_date(io.BytesIO(WEEKEND)))
    run.store(b"".join(lines[:3]))
    run.store(b"".join(lines[3:]), last=True)
    since = datetime.fromtimestamp(at("2026-06-05T18:00:00"), UTC)
    assert set(unsure().values_list("kind", "at")) == {
        (Boundary.Kind.DOUBT, since),
        (Boundary.Kind.LOSS, since),
    }
    assert ("cy", "06-08T09:30:00", "06-08T10:00:00") in held()


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 5, 9])
def test_no_use_is_known_of_a_day_that_lines_stored_before_may_not_be_of(lines: int) -> None:
    """However the text is cut: what was stored before the date line is possible there, no more."""
    told = WEEKEND.splitlines(keepends=True)
    run = LogImport(ServerFactory(), source="a.log", first_day=first_line_date(io.BytesIO(WEEKEND)))
    for place in range(0, len(told), lines):
        run.store(b"".join(told[place : place + lines]), last=place + lines >= len(told))
    for row in Checkout.objects.all():
        right = {"ann": 5, "bob": 8, "cy": 8}[row.person.identity.login]
        assert row.taken_at.day == right or row.returned_after == row.taken_by
    lost = datetime(2026, 6, 6, 2, tzinfo=UTC), datetime(2026, 6, 8, 5, tzinfo=UTC)
    assert not Coverage.objects.filter(starts__lt=lost[1], ends__gt=lost[0]).exists()


@pytest.mark.parametrize("day", ["02-29", "03-01"])
@pytest.mark.parametrize("size", [0, 60, 120])
def test_silence_until_the_same_time_of_another_day_is_watched_by_nobody(
    size: int, day: str
) -> None:
    pool = PoolFactory()
    server = ServerFactory(zone="UTC")
    FeatureFactory(server=server, daemon="cadd", name="F", pool=pool)
    text = log(
        ("02-28T08:00:00", "*"),
        ("02-28T09:00:00", taken("ann")),
        ("02-28T09:00:00", returned("ann")),
        ("02-28T09:10:00", "*"),
        ("02-28T09:20:00", "*"),
        ("02-28T09:30:00", taken("bob")),
    )
    later = f"TIMESTAMP {int(day[:2])}/{int(day[3:])}/2028".encode()
    read(
        text.replace(b"2026", b"2028").replace(
            b"09:20:00 (cadd) TIMESTAMP 2/28/2028", b"09:20:00 (cadd) " + later
        ),
        size,
        server,
    )
    # Some 24 or 48 hours lie between two lines that are ten minutes apart by their times of day.
    silent = usage(pool, start=at("2028-02-28T09:20:00"), end=at(f"2028-{day}T09:00:00"))
    (first, *_rest) = silent.periods
    assert (first.peak_low, first.peak_high, first.observed_seconds) == (None, None, 0)
    assert Coverage.objects.count() == 2
