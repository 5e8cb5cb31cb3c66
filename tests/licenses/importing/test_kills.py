"""E1: kill -9 of an import at random moments: nothing lost, nothing doubled.

Facts have keys, so a doubled row cannot show; a doubled *evidence entry* would. The two wrong
orders of rows and cursor must fail, or the test proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from licenses.evidence import entries
from tests.thorough import trials

from .conftest import Year
from .harness import Site, import_with_kills

KILLS = trials("E1")
WRONG_KILLS = 20
"""A wrong order is open to a kill for some third of its time: one of so many hits it."""
LINES_A_KILL = 150
"""Enough for all kills to hit an import at work."""


@pytest.fixture
def cut(year: Year, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Give the beginning of a log, long enough for so many kills."""

    def cut(kills: int) -> Path:
        path = tmp_path_factory.mktemp("piece") / "debug.log"
        with year.log.open("rb") as log:
            path.write_bytes(b"".join(islice(log, LINES_A_KILL * kills)))
        return path

    return cut


def logged(piece: Path) -> int:
    text = piece.read_bytes()
    return text.count(b") OUT: ") + text.count(b") IN: ")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, cut: Callable[[int], Path], tmp_path_factory
) -> None:
    piece = cut(KILLS)
    undisturbed = Site(tmp_path_factory.mktemp("undisturbed"))
    assert import_with_kills(undisturbed, piece, "right", 0, 0) == 0
    expected = undisturbed.facts()
    site = Site(tmp_path)
    assert import_with_kills(site, piece, "right", KILLS, 1) == KILLS
    assert site.facts() == expected
    assert expected.events == expected.entries


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_cursor_ahead_of_its_rows_would_be_noticed(tmp_path: Path, cut) -> None:
    site, piece = Site(tmp_path), cut(WRONG_KILLS)
    import_with_kills(site, piece, "cursor_first", WRONG_KILLS, 2)
    assert site.facts().events < logged(piece), "rows were lost, and the count shows it"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_rows_ahead_of_their_cursor_would_be_noticed(tmp_path: Path, cut) -> None:
    site, piece = Site(tmp_path), cut(WRONG_KILLS)
    import_with_kills(site, piece, "rows_first", WRONG_KILLS, 3)
    assert site.facts().entries > logged(piece), "entries were doubled, and the count shows it"


def test_evidence_outside_its_transaction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = SimpleNamespace(in_atomic_block=False)
    monkeypatch.setattr(entries.transaction, "get_connection", lambda: outside)
    with pytest.raises(RuntimeError, match="inside the transaction"):
        entries.append(entries.INSTALLATION, [entries.draft("config", 0, {})], source="test")
