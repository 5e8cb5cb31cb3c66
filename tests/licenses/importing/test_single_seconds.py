"""Pieces of a log that are of one second: they vouch for no time, and end the time that is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import permutations

import pytest

from licenses.analysis import rollup
from licenses.importing import bulk
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import Boundary, Checkout, Feature, LicenseServer, PoolHour
from tests.factories import PoolFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

MORNING = """\
8:00:00 (acmed) TIMESTAMP 3/2/2026
8:10:00 (acmed) OUT: "cad" ann@h1
9:00:00 (acmed) TIMESTAMP 3/2/2026
"""
SECOND = """\
17:50:29 (acmed) TIMESTAMP 3/2/2026
17:50:29 (acmed) OUT: "cad" ann@h1
17:50:29 (acmed) IN: "cad" ann@h1
"""
EVENING = """\
17:54:00 (acmed) TIMESTAMP 3/2/2026
18:30:00 (acmed) OUT: "cad" bob@h2
"""
LOST = [
    ("08:10:00", "09:00:00", None),
    ("17:50:29", "17:50:29", "17:50:29"),
    ("18:30:00", None, None),
]
"""What was out before the silence may have been returned in it; the IN ends what was taken then."""


def read(server: LicenseServer, texts: Sequence[str]) -> None:
    for text in texts:
        run = LogImport(server, source="a.log", first_day=date(2026, 3, 2))
        run.store(text.encode(), last=True)


def held(server: LicenseServer) -> list[tuple[str | None, ...]]:
    rows = Checkout.objects.filter(feature__server=server).order_by("taken_at")
    return [
        tuple(
            None if moment is None else f"{moment:%H:%M:%S}"
            for moment in (row.taken_at, row.returned_after, row.returned_at)
        )
        for row in rows
    ]


@pytest.mark.parametrize("many", [1, 500])
@pytest.mark.parametrize(
    "texts", [*permutations([MORNING, SECOND, EVENING]), [MORNING + SECOND + EVENING]]
)
def test_an_in_of_one_second_after_a_silence_ends_nothing_from_before_it(
    texts: Sequence[str], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MANY", many)
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    read(server, texts)
    assert held(server) == LOST


def test_a_second_learned_later_parts_a_silence() -> None:
    """Without it seven hours and more are lost; each of the two parts is shorter, and no line of a
    log need be written in so short a time."""
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    end = '16:30:00 (acmed) TIMESTAMP 3/2/2026\n16:40:00 (acmed) IN: "cad" ann@h1\n'
    read(
        server,
        [MORNING, '16:20:00 (acmed) TIMESTAMP 3/2/2026\n16:20:00 (acmed) OUT: "cad" ann@h1\n', end],
    )
    assert held(server) == [("08:10:00", "09:00:00", None), ("16:20:00", "16:40:00", "16:40:00")]
    read(server, ['12:00:00 (acmed) TIMESTAMP 3/2/2026\n12:00:00 (acmed) OUT: "cad" bob@h1\n'])
    assert held(server) == [
        ("08:10:00", "16:40:00", "16:40:00"),
        ("12:00:00", None, None),
        ("16:20:00", None, None),
    ]
    assert Boundary.objects.filter(kind=Boundary.Kind.SECOND).count() == 2


@pytest.mark.parametrize("second", ["8:30:00", "9:00:00"])
def test_what_was_given_back_in_its_own_second_counts_in_its_hour_however_late_it_is_told(
    second: str,
) -> None:
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    map_feature(Feature.objects.create(server=server, daemon="acmed", name="cad"), PoolFactory())
    within = "".join(f'{second} (acmed) {word}: "cad" ann@h1\n' for word in ("OUT", "IN"))
    log = '8:00:00 (acmed) TIMESTAMP 3/2/2026\n8:20:00 (acmed) OUT: "cad" bob@h2\n'
    end = "9:30:00 (acmed) TIMESTAMP 3/2/2026\n"
    for text in (log + end, log + within + end):
        read(server, [text])
        rollup.drain()
    told = list(PoolHour.objects.order_by("hour").values_list("hour", "hours", "checkouts"))
    assert sum(checkouts for _hour, _hours, checkouts in told) == 2
    rebuild()
    assert told == list(PoolHour.objects.order_by("hour").values_list("hour", "hours", "checkouts"))
