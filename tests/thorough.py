"""How often the fault and exactness tests try: in every run, and with `--thorough`.

The one table of these counts; docs/testing.md shows it, and a test holds the two equal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest


class Trials(NamedTuple):
    """usual: of every run, CI's too. thorough: with --thorough. second_share: the run on PostgreSQL
    repeats what touches the database, and tries only one in so many of these."""

    what: str
    usual: int
    thorough: int
    second_share: int = 1


TABLE = {
    "E1": Trials("kills of an importer at random moments", 200, 1_000),
    "E2": Trials("kills of each part while importing and alerting", 5, 20),
    "E3": Trials("logs whose messages are all delivered four times", 4, 30),
    "E9": Trials("installations counted again from their packs", 50, 200, 10),
    "E10": Trials("ways to cut, order and repeat the same input", 1_000, 10_000, 50),
    "E11": Trials("random histories counted second by second", 1_000, 20_000, 10),
    "E14": Trials("outages of licence servers", 1_000, 4_000, 50),
    "E15": Trials("installations of known truth, judged", 300, 5_000, 10),
    "E20": Trials("hostile strings through PDF, CSV, JSON, HTML and mail", 2_000, 10_000, 10),
    "E22": Trials("alerts with kills at random steps", 300, 10_000, 10),
    "E23": Trials("databases restored from a backup", 10, 100, 10),
    "E24": Trials("disks that fill up at random moments", 40, 200),
    "E25": Trials("requests of each role for each operation of the API", 2, 40),
}
SECOND_RUN = os.environ.get("ITAM_TEST_ONLY_DATABASE") == "1"


_chosen = False


def usually(count: int, values: Iterable[Any]) -> list[Any]:
    """Return so many of what a test can be tried with, from beginning to end; all when asked to be
    thorough."""
    those = list(values)
    if _chosen or count >= len(those):
        return those
    return [those[place * len(those) // count] for place in range(count)]


def one_in(count: int, values: Iterable[Any]) -> list[Any]:
    """Return what a test is to be tried with, of which the run on PostgreSQL repeats one in so
    many."""
    return [
        pytest.param(value, marks=[pytest.mark.once] if place % count else [])
        for place, value in enumerate(values)
    ]


def choose(thorough: bool) -> None:
    """Say which column counts. Called once, before any test is imported."""
    global _chosen
    _chosen = thorough


def is_thorough() -> bool:
    """Tell whether this run was asked to be thorough."""
    return _chosen


def trials(aim: str) -> int:
    """Return how often the test of an aim ("E1") shall try in this run."""
    row = TABLE[aim]
    count = row.thorough if _chosen else row.usual
    return max(1, count // row.second_share) if SECOND_RUN else count
