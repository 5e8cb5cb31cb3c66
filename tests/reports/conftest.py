"""A small world for reports: a year of one pool, with over-use, a gap, a correction-free right."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from types import SimpleNamespace

import pytest

from licenses.models import Strength
from tests import factories as f

START, END = f.at("2025-11-01"), f.at("2026-11-01")


@pytest.fixture
def poppler():
    """Return a function that runs one of poppler's programs and returns what it says.

    A machine without them skips the test: what they confirm, others hold with libraries of ours.
    """

    def run(name, *arguments):
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not here (apt-get install poppler-utils)")
        return subprocess.run([program, *arguments], capture_output=True, text=True).stdout

    return run


@pytest.fixture
def world(db):
    """A pool of 2 that held 3 seats in March, was not observed in June, and refused once in May."""
    pool = f.PoolFactory(name="Solver")
    server = f.ServerFactory(name="lic1")
    feature = f.FeatureFactory(server=server, name="solver", pool=pool)
    f.EntitlementFactory(
        pool=pool,
        quantity=2,
        valid_from=date(2025, 1, 1),
        valid_to=date(2026, 12, 31),
        purchase_order="PO-77",
        strength=Strength.CLAIMED,
        recorded_at="2025-01-01T00:00:00Z",
    )
    pool.mappings.update(recorded_at="2025-01-01T00:00:00Z")
    f.covered(server, f.at("2025-10-01"), f.at("2026-06-10"))
    f.covered(server, f.at("2026-06-12"), f.at("2026-12-01"))
    people = [f.PersonFactory(login=f"user{number}") for number in range(3)]
    for month in ("2025-11", "2025-12", "2026-01", "2026-02", "2026-04", "2026-07"):
        f.holding(feature, f.at(f"{month}-05T08:00"), f.at(f"{month}-05T16:00"), person=people[0])
    for person in people:
        f.holding(feature, f.at("2026-03-31T14:00"), f.at("2026-03-31T14:38"), person=person)
    f.refusal(feature, f.at("2026-05-02T09:00"), people[1])
    f.derived(pool, f.at("2026-05-02"), f.at("2026-05-03"))
    return SimpleNamespace(pool=pool, server=server, feature=feature, people=people)
