"""E3: every message is delivered four times, side by side and in any order: the same tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BASE_DIR
from tests.thorough import trials

from .harness import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def delivered(folder: Path, *words: str) -> dict[str, list[str]]:
    site = Site(folder)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("deliver_often.py")), *words],
        env=site.environ,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_messages_that_come_four_times_at_once_change_nothing(tmp_path: Path) -> None:
    found = delivered(tmp_path, str(trials("E3")))
    assert found == {str(seed): [] for seed in range(trials("E3"))}


def test_a_reader_that_knows_no_row_again_would_be_noticed(tmp_path: Path) -> None:
    """What comes again is then new again: it is there twice, and its evidence."""
    found = delivered(tmp_path, "2", "without-keys")
    assert all("evidence" in tables for tables in found.values()), found
