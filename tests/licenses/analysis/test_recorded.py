"""Of which days a text tells, by when it begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from licenses.analysis.recorded import load_recorded
from licenses.concurrency.timeline import OPEN
from licenses.models import Capture
from tests.factories import ServerFactory

DAY = 86_400
START = 1_764_543_600
WHEN = 1_764_900_000


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("starts", "ends", "days"),
    [
        (
            START - 3600,
            START,
            [False, False],
        ),  # it ends on the edge: all of it is of the day before
        (START - 3600, START + 1, [True, False]),
        (START, START, [True, False]),
        (START + 60, START + DAY, [True, False]),
        (START + DAY - 1, START + DAY + 1, [True, True]),
        (START + 2 * DAY, START + 2 * DAY, [False, False]),
    ],
)
def test_a_text_tells_of_the_days_of_its_first_and_last_seconds(
    starts: int, ends: int, days: list[bool]
) -> None:
    server = ServerFactory()
    Capture.objects.create(
        server=server,
        kind=Capture.Kind.LOG,
        source="a.log",
        result=Capture.Result.PARSED,
        sha256="0" * 64,
        size=1,
        starts=starts,
        ends=ends,
        recorded_at=datetime.fromtimestamp(WHEN, UTC),
    )
    edges = np.array([START, START + DAY, START + 2 * DAY])
    found = load_recorded([server.pk], edges)[server.pk]
    assert (found.first != OPEN).tolist() == days
    assert set(found.first[found.first != OPEN].tolist()) <= {WHEN}
