"""The small world of reports, with a second vendor beside it, sealed on the day after."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import transaction

from licenses.evidence import entries, keys, seal, stock
from licenses.importing import server_facts
from licenses.sources.records import Stated, Statement
from reports.packs import writing
from tests import factories as f

NOW = datetime(2026, 11, 2, 1, tzinfo=UTC)


@pytest.fixture
def sealed(world: Any, settings: Any, tmp_path: Path) -> Any:
    settings.ITAM_SECRETS_DIR = tmp_path / "secrets"
    settings.ITAM_EVIDENCE_DIR = tmp_path / "evidence"
    world.pool.product.vendor.name = "Northwind"
    world.pool.product.vendor.save()
    other = f.PoolFactory(name="Quaggapool", product__name="Quaggaproduct")
    other.product.vendor.name = "Quaggavendor"
    other.product.vendor.save()
    server = f.ServerFactory(name="quaggaserver")
    feature = f.FeatureFactory(server=server, name="quaggafeature", pool=other)
    f.holding(feature, f.at("2026-03-05T08:00"), f.at("2026-03-05T16:00"), person=world.people[0])
    world.other = SimpleNamespace(pool=other, server=server)
    with time_machine.travel(datetime(2026, 10, 31, 12, tzinfo=UTC), tick=False):
        keys.signer()
        stock.tell_all()
        for each in (world.server, server):
            note(each, f.at("2026-03-05T08:00"))
            state(each, f.at("2026-03-05T08:00"), "0a1b")
    with time_machine.travel(NOW, tick=False):
        seal.seal(NOW)
    return world


def note(server: Any, moment: int, kind: str = "clock") -> None:
    """Write an entry on a server."""
    with transaction.atomic():
        draft = entries.draft(kind, moment, {"reason": f"of {server.name}", "step": 3600})
        entries.append(entries.server_stream(server), [draft], source="test")


def state(server: Any, moment: int, value: str) -> None:
    """Let a server state a host id."""
    row = Stated(moment, Statement.HOST_ID, "vendord", "", value, 1)
    with transaction.atomic():
        drafts = server_facts.store(server, [row], "debug-log")
        entries.append_server(server, drafts, source="test")


def made(world: Any, folder: Path, now: datetime = NOW, **how: Any) -> dict[str, bytes]:
    """Make a pack of the year, and return its files by name."""
    path = folder / "pack.zip"
    wish = writing.Wish(world.pool.product.vendor, date(2025, 11, 1), date(2026, 11, 1), **how)
    with time_machine.travel(now, tick=False):
        writing.write(wish, path, who="tester")
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}
