"""What the rules of an earlier version made of facts is made again by those of today."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from licenses import tasks
from licenses.analysis import rollup
from licenses.importing import renewal
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import (
    HOLDING_RULES,
    Checkout,
    DirtySpan,
    Feature,
    LicensePool,
    LicenseServer,
    PoolHour,
)
from tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

LOG = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:10:00 (vd) OUT: "cam" bob@pc2
8:30:00 (vd) IN: "cad" ann@pc1
8:40:00 (vd) IN: "cam" bob@pc2
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""


@pytest.fixture
def old() -> list[LicensePool]:
    """Two pools, the first with a holding that older rules did not make."""
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    pools = []
    for name in ("cad", "cam"):
        pool: LicensePool = LicensePool.objects.create(
            product=ProductFactory(), name=name, zone="UTC"
        )
        map_feature(Feature.objects.create(server=server, daemon="vd", name=name), pool)
        pools.append(pool)
    importer = LogImport(server, source="a.log", first_day=date(2026, 3, 2))
    importer.store(LOG.encode(), last=True)
    rollup.drain()
    return pools


def made() -> tuple[list[Any], list[Any]]:
    columns = ("feature", "person", "taken_at", "returned_at", "method", "end_reason")
    hours = PoolHour.objects.order_by("pool", "hour").values_list("pool", "hour", "peak_high")
    return list(Checkout.objects.order_by(*columns).values_list(*columns)), list(hours)


def grow_old(pool: LicensePool) -> None:
    gone = Checkout.objects.filter(method=Checkout.Method.RETURNED)
    assert gone.delete()[0] == 1
    Feature.objects.update(holding_rules=HOLDING_RULES - 1)
    PoolHour.objects.filter(pool=pool).update(peak_high=0)


def test_it_is_as_after_a_rebuild_and_only_what_differs_is_counted_again(
    old: list[LicensePool],
) -> None:
    rebuild()
    right = made()
    grow_old(old[0])
    assert made() != right
    assert renewal.renew(60)
    assert set(DirtySpan.objects.values_list("pool", flat=True)) == {old[0].pk}
    rollup.drain()
    assert made() == right
    assert not renewal.due().exists()
    assert renewal.renew(60)
    assert not DirtySpan.objects.exists()


def test_where_the_time_is_over_the_rest_is_left_to_the_next(old: list[LicensePool]) -> None:
    grow_old(old[0])
    assert not renewal.renew(-1)
    assert renewal.due().count() == 2


def test_a_tick_hands_it_out_once_and_a_rebuild_leaves_nothing_of_it(
    old: list[LicensePool], monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []
    for task in (tasks.renew_holdings, tasks.count_again, tasks.keep_parts, tasks.make_usual_hours):
        monkeypatch.setattr(task, "delay", lambda name=task.name: handed.append(name))
    tasks.tick()
    assert tasks.renew_holdings.name not in handed
    grow_old(old[0])
    tasks.tick()
    tasks.tick()
    assert handed.count(tasks.renew_holdings.name) == 1
    tasks.renew_holdings()
    rollup.drain()
    renewed = made()
    grow_old(old[0])
    rebuild()
    assert not renewal.due().exists()
    assert made() == renewed


def test_what_is_new_is_of_the_rules_of_today() -> None:
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    Feature.objects.create(server=server, daemon="vd", name="cad")
    assert not renewal.due().exists()
