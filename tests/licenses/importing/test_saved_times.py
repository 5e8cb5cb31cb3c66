"""Of which hour a saved answer is, where a clock shows two."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from licenses.importing.files import ImportRefused
from licenses.importing.saved_times import moments
from licenses.models import Capture, LicenseServer
from tests.factories import at

from .test_saved_statuses import answer, hand_in, saved

ZONE = ZoneInfo("Europe/Berlin")
BEFORE, FIRST, SECOND, AFTER = (
    at(f"2026-10-25T{time}")
    for time in ("00:55+02:00", "02:10+02:00", "02:10+01:00", "03:05+01:00")
)
LATER = at("2026-12-01")


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        pytest.param(
            [BEFORE, FIRST, FIRST + 600, FIRST, FIRST + 300, AFTER],
            LATER,
            [BEFORE, FIRST, FIRST + 600, SECOND, SECOND + 300, AFTER],
            id="in-order",
        ),
        pytest.param(
            [BEFORE, SECOND, SECOND + 600, SECOND, AFTER],
            LATER,
            [BEFORE, FIRST, FIRST + 600, SECOND, AFTER],
            id="read-as-the-second",
        ),
        pytest.param([FIRST], LATER, [None], id="alone"),
        pytest.param([FIRST + 600, FIRST], LATER, [None, None], id="in-which-order"),
        pytest.param([BEFORE, FIRST, AFTER], LATER, [BEFORE, None, AFTER], id="one-hour-only"),
        pytest.param(
            [AFTER, FIRST + 600, FIRST, BEFORE], LATER, [AFTER, None, None, BEFORE], id="backwards"
        ),
        pytest.param([FIRST], FIRST + 1200, [FIRST], id="before-the-second"),
        pytest.param([FIRST], SECOND + 120, [SECOND], id="just-now"),
        pytest.param([None, AFTER], BEFORE, [BEFORE, BEFORE], id="none-printed-or-ahead"),
    ],
)
def test_the_order_of_a_text_tells_which_of_two_hours_an_answer_is_of(
    told: list[int | None], now: int, expected: list[int | None]
) -> None:
    assert moments(told, ZONE, now) == expected


@pytest.mark.django_db
def test_an_answer_of_either_hour_is_left_out_and_named(data_dir: None, tmp_path: Path) -> None:
    server = LicenseServer.objects.create(name="berlin", zone="Europe/Berlin")
    doubled = datetime(2025, 10, 26, 2, 10)  # noqa: DTZ001
    text = saved(doubled, answer("ann", start=doubled)).replace("Mon 3/2/2026", "Sun 10/26/2025")
    with pytest.raises(ImportRefused, match="2025-10-26 02:10 is left out"):
        hand_in(tmp_path, server, text)
    assert not Capture.objects.exists()
