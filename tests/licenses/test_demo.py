"""The simulated company as an installation holds it."""

from __future__ import annotations

import io
import os
import re
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from licenses.analysis.now import holders
from licenses.evidence import keys, verify
from licenses.models import (
    Coverage,
    Document,
    LicensePool,
    LicenseServer,
    PollState,
    PoolHour,
    PoolNow,
    Vendor,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ITAM_LMUTIL = None
    return tmp_path


def test_three_weeks_of_the_company_fill_an_installation(folder: Path) -> None:
    call_command("demo", days=21, stderr=io.StringIO())
    pools = LicensePool.objects.all()
    assert len(pools) >= 8
    counted = PoolHour.objects.filter(seat_seconds__gt=0).values("pool").distinct().count()
    assert counted >= len(pools) - 1
    assert PoolNow.objects.exclude(at=None).count() == len(pools)
    in_use = {row.pool_id: row.in_use for row in PoolNow.objects.all()}
    for pool in pools:
        assert sum(row.seats for row in holders(pool).rows) == in_use[pool.pk]
    assert PoolNow.objects.exclude(limit=None).count() >= len(pools) - 1
    assert Document.objects.exists() and not Document.objects.filter(quantity=None)
    tool = folder / "demo" / "lmutil"
    assert os.access(tool, os.X_OK)
    assert not (tool.stat().st_mode | tool.parent.stat().st_mode) & 0o022
    for server in LicenseServer.objects.all():
        assert server.polling == LicenseServer.Polling.TOOL
        assert PollState.objects.get(server=server).due_at is not None
        answer = subprocess.run(
            [tool, "lmstat", "-a", "-c", server.address], capture_output=True, timeout=20, text=True
        )
        assert "license server UP" in answer.stdout
        # The log reaches to the first answer, from which on answers vouch for the time.
        newest = Coverage.objects.filter(server=server, source="log").latest("ends")
        first = PollState.objects.get(server=server, last_result="parsed").last_attempt_at
        assert newest.ends - newest.starts > timedelta(hours=6)
        assert newest.ends >= first.replace(microsecond=0)


@pytest.mark.once
def test_a_pack_can_be_made_of_it_at_once(
    folder: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ITAM_SECRETS_DIR = folder / "secrets"
    settings.ITAM_EVIDENCE_DIR = folder / "evidence"
    noon = timezone.now().replace(hour=12, minute=0)
    with time_machine.travel(noon, tick=True):
        call_command("demo", days=5, stderr=io.StringIO())
        pool = LicensePool.objects.select_related("product__vendor").order_by("pk")[0]
        first, end = (date.fromordinal(noon.date().toordinal() - ago) for ago in (3, 1))
        span = {"first": first, "end": end, "vendor": pool.product.vendor.name}
        call_command("pack", **span, shared=True, output=folder / "pack.zip")
    assert verify.main([str(folder / "pack.zip"), keys.signer().public]) == 0
    told = re.findall(r"OK (\d+) days, (\d+) entries", capsys.readouterr().out)
    days, entries = map(int, told[0])
    assert days == 1 and entries > 100


def test_an_installation_that_holds_something_is_left_alone(folder: Path) -> None:
    Vendor.objects.create(name="Acme")
    with pytest.raises(CommandError, match="holds vendors already") as raised:
        call_command("demo", days=21, stderr=io.StringIO())
    assert raised.value.returncode == 1
    assert not (folder / "demo").exists()
