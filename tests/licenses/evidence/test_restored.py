"""E23: a database that was restored from a backup is flagged at the next seal or by a pack's check.

Backups are of any moment of the days before, with what was recorded and sealed until then, and what
happens after them is made up at random. In some, the folder with the remembered heads is restored
too: then nothing on the machine knows better, and only a head that was given away does.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any, NamedTuple

import pytest
import time_machine

from licenses.evidence import entries, heads, nightly, selfcheck
from licenses.models import (
    EvidenceAnchor,
    EvidenceBlock,
    EvidenceDay,
    EvidenceKey,
    EvidenceStream,
)
from tests.thorough import trials
from tests.unguarded import unguarded

from .conftest import Log, at, check

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

TABLES: list[Any] = [EvidenceStream, EvidenceKey, EvidenceBlock, EvidenceDay, EvidenceAnchor]


class Backup(NamedTuple):
    """All that the evidence's tables held at a moment, and the file of heads beside them."""

    sealed: int
    rows: list[list[Any]]
    heads: str

    @classmethod
    def take(cls) -> Backup:
        rows = [list(model.objects.order_by("pk")) for model in TABLES]
        return cls(EvidenceDay.objects.count(), rows, heads.path().read_text())

    def restore(self, *, whole: bool) -> None:
        """whole: the folder with the heads, too."""
        with unguarded():
            for model in reversed(TABLES):
                model.objects.all().delete()
            for model, rows in zip(TABLES, self.rows, strict=True):
                model.objects.bulk_create(rows)
        if whole:
            heads.path().write_text(self.heads)


class Life:
    """An installation that goes on from day to day."""

    def __init__(self, log: Log, dice: random.Random) -> None:
        self.log, self.dice, self.day = log, dice, 0
        self.backups: deque[Backup] = deque(maxlen=12)
        for _ in range(4):
            assert self.live(1) == []

    def live(self, days: int) -> list[str]:
        """Let days pass, some with entries, and seal after the last; return what that flags."""
        for _ in range(days):
            for hour in sorted(self.dice.sample(range(2, 24), self.dice.randrange(0, 3))):
                if self.dice.random() < 0.5:
                    self.keep()
                server = self.dice.randrange(3)
                self.log.write(self.day, self.dice.randrange(1, 4), server=server, hour=hour)
            self.day += 1
        return self.night(self.day)

    def night(self, day: int) -> list[str]:
        with time_machine.travel(at(day, 1), tick=False):
            found = nightly.run(at(day, 1))
        self.keep()
        return found

    def keep(self) -> None:
        if heads.path().exists():
            self.backups.append(Backup.take())

    def restores(self) -> int:
        kinds = [entry["kind"] for entry in entries.entries("installation")]
        return kinds.count("restore")


def older(found: list[str]) -> bool:
    return any("older state" in line for line in found)


def fits(life: Life, head: str) -> bool:
    try:
        return check(life.log.pack(), life.log.public, head).endswith("1 anchors")
    except (ValueError, LookupError):
        return False


def test_a_restored_database_is_flagged_at_the_next_seal_or_by_a_head_given_away(log: Log) -> None:
    dice = random.Random(23)
    life = Life(log, dice)
    flagged = blind = 0
    for number in range(trials("E23")):
        given = log.checkpoint
        sealed = EvidenceDay.objects.count()
        assert fits(life, given)
        backup = dice.choice([each for each in life.backups if each.sealed < sealed])
        whole = number % 4 == 3
        backup.restore(whole=whole)
        before = life.restores()
        found = life.live(dice.choice([1, 1, 1, 2, 5]))
        assert older(found) is not whole, (number, found)
        assert not fits(life, given), number
        if whole:
            blind += 1
        else:
            flagged += 1
            assert life.restores() == before + 1
            assert older(life.live(1)), "until somebody accepts it"
            with time_machine.travel(at(life.day, 2), tick=False):
                assert selfcheck.accept("restored", "admin") > 0
        life.backups.clear()
        for _ in range(2):
            assert life.live(1) == []
    assert flagged + blind == trials("E23")
