"""What each source of each server vouches for."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from licenses.models import Coverage, Gap
from reports.datasets.coverage_by_source import load_source_coverage
from tests import factories as f

START, END = f.at("2026-01-01"), f.at("2026-01-11")
AS_OF = datetime(2026, 2, 1, tzinfo=UTC)


def rows(pool, as_of=AS_OF):
    return [
        (row.server, row.source, row.every_seconds, row.share, row.clock_steps)
        for row in load_source_coverage([pool], START, END, as_of)
    ]


def fed(**values):
    pool = f.PoolFactory()
    return pool, f.FeatureFactory(pool=pool, server=f.ServerFactory(name="lic1", **values)).server


def test_log_and_polls_stand_apart(db):
    pool, server = fed(poll_seconds=60)
    f.covered(server, START, START + 86_400 * 5)
    f.covered(server, START, START + 86_400, source=Coverage.Source.POLLS)
    assert rows(pool) == [
        ("lic1", "log", None, Fraction(1, 2), 0),
        ("lic1", "polls", 60, Fraction(1, 10), 0),
    ]


def test_daemons_of_one_log_are_counted_once(db):
    pool, server = fed()
    for daemon in ("a", "b"):
        f.covered(server, START, START + 86_400, daemon=daemon)
    assert rows(pool)[0][3] == Fraction(1, 10)


def test_polls_that_never_answered_are_told_all_the_same(db):
    pool, _server = fed(polling="file", status_path="/x")
    assert rows(pool) == [("lic1", "polls", 300, Fraction(0), 0)]


def test_a_period_that_still_runs_is_measured_up_to_the_cut_off(db):
    pool, server = fed()
    f.covered(server, START, START + 86_400)
    assert rows(pool, datetime(2026, 1, 3, tzinfo=UTC))[0][3] == Fraction(1, 2)


def test_steps_of_our_clock_are_counted(db):
    pool, server = fed(polling="file", status_path="/x")
    Gap.objects.create(
        server=server, starts=START, ends=START + 9, cause="clock_suspect", detected_at=AS_OF
    )
    assert rows(pool)[0][4] == 1
    assert rows(pool, datetime(2026, 1, 31, tzinfo=UTC))[0][4] == 0


def test_servers_of_other_pools_are_left_out(db):
    _pool, server = fed()
    f.covered(server, START, END)
    assert rows(f.PoolFactory()) == []
