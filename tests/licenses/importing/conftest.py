"""A simulated year of one server, as text, and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from licenses.simulator import license_file
from licenses.simulator.activity import simulate
from licenses.simulator.debug_log import write_debug_log
from licenses.simulator.history import History
from licenses.simulator.world import build_world

NOW = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())
START = int(datetime(2025, 4, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Year:
    history: History
    server: str
    log: Path
    license_file: Path


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """Twelve months of the Berlin server, with both clock changes."""
    history = simulate(build_world(7, NOW, mishaps=False), START, NOW)
    (server,) = [
        name for name, server in history.world.servers.items() if server.zone == "Europe/Berlin"
    ]
    folder = tmp_path_factory.mktemp("year")
    log, issued = folder / "debug.log", folder / "license.lic"
    with log.open("wb") as out:
        write_debug_log(history, server, out)
    issued.write_text(license_file.license_text(history.world, server, dated=False))
    return Year(history, server, log, issued)


@pytest.fixture
def data_dir(tmp_path: Path, settings) -> Path:
    """A data folder of the test's own."""
    settings.ITAM_DATA_DIR = tmp_path
    settings.ITAM_CAPTURE_DIR = tmp_path / "captures"
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path
