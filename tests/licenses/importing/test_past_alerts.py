"""A log in whatever pieces and order it comes: its past alerts are those of all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from licenses.alerts import defaults, late_data
from licenses.importing import jobs
from licenses.models import Alert, ImportJob, LicensePool, LicenseServer

from .conftest import NOW, START, Year

LINES, PIECES = 16_000, 8


def told() -> list[tuple[object, ...]]:
    rows = Alert.objects.filter(past=True).order_by("rule__name", "pool__name", "started_at")
    said = ("started_at", "resolved_at", "worst_value", "limit", "denials")
    return list(rows.values_list("rule__name", "pool__name", *said))


def hand_in(name: str, data: bytes) -> None:
    """Import a file chunk by chunk, and look through what came late after each."""
    server, _new = LicenseServer.objects.get_or_create(name="berlin", zone="Europe/Berlin")
    jobs.hand_in(server, SimpleUploadedFile(name, data), create_pools=True)
    while due := jobs.due(timezone.now()):
        for job in due:
            jobs.run(job, seconds=0)
            late_data.drain(timezone.now())
    assert not ImportJob.objects.exclude(state="done").exists()


def cut(log: Path) -> list[bytes]:
    """Return the log's pieces, each from a line on that says the date."""
    lines = log.read_bytes().splitlines(keepends=True)[:LINES]
    dated = [place for place, line in enumerate(lines) if b"TIMESTAMP" in line]
    places = [
        next(at for at in dated if at >= n * LINES // PIECES) if n else 0 for n in range(PIECES)
    ]
    return [
        b"".join(lines[first:last])
        for first, last in zip(places, [*places[1:], LINES], strict=True)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(slice(None), id="in-order"),
        pytest.param(slice(None, None, -1), id="backwards", marks=[pytest.mark.once]),
    ],
)
def test_past_alerts_are_those_of_all_that_came(
    year: Year, order: slice, data_dir: Path, settings
) -> None:
    settings.ITAM_CHUNK_BYTES = 16 * 1024
    defaults.ensure_default_rules()
    hand_in("license.lic", year.license_file.read_bytes())
    for number, piece in enumerate(cut(year.log)[order]):
        hand_in(f"{number}.log", piece)
    found = told()
    assert len(found) > 50
    Alert.objects.filter(past=True).delete()
    for pool in LicensePool.objects.values_list("pk", flat=True):
        late_data.record([pool], START, NOW, timezone.now())
    assert found == told()
