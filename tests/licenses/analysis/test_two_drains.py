"""Two workers that drain at one time: the rows are those of one, and no mark is lost."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from licenses.analysis import rollup
from licenses.models import DirtySpan, PoolHour
from tests.factories import FeatureFactory, PoolFactory, at, covered, holding

NINE = at("2026-03-10T09:00")
HOUR = 3600


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_drains_at_once_count_every_hour_and_do_no_harm(monkeypatch):
    monkeypatch.setattr(rollup, "BATCH_HOURS", 8)  # two pools each time
    pools = [PoolFactory() for _ in range(6)]
    for pool in pools:
        feature = FeatureFactory(pool=pool)
        covered(feature.server, NINE, NINE + 4 * HOUR)
        holding(feature, NINE + 60, NINE + 2 * HOUR)
        for hour in range(4):
            rollup.mark_dirty([pool.pk], NINE + hour * HOUR, NINE + (hour + 1) * HOUR)
    ready = threading.Barrier(2)
    failures: list[BaseException] = []

    def drain() -> None:
        try:
            ready.wait(timeout=30)
            rollup.drain()
        except BaseException as error:  # noqa: BLE001  # told to the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    # A drain leaves alone what another one holds, so the last marks may be waiting for the next.
    rollup.drain()
    assert DirtySpan.objects.count() == 0
    for pool in pools:
        hours = rollup.hours(pool, NINE - HOUR, NINE + 5 * HOUR)
        assert [row.peak for row in hours] == [1, 1, 0, 0]
    assert PoolHour.objects.count() == 3 * len(pools)
