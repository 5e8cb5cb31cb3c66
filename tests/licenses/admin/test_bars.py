"""The bar of a pool ends where what can be had ends."""

from __future__ import annotations

import pytest
from django.test import Client

from licenses.admin.bars import Bar, bar_of
from licenses.analysis.ages import Freshness
from licenses.models import PoolNow

from .conftest import World


@pytest.mark.parametrize(
    ("in_use", "limit", "issued", "kept", "expected"),
    [
        pytest.param(3, 10, 10, 0, (30, 30, 100), id="all-can-be-had"),
        pytest.param(8, 10, 8, 0, (80, 80, 80), id="full-and-two-are-served-by-nobody"),
        pytest.param(2, 10, 8, 0, (20, 20, 80), id="six-can-be-had"),
        pytest.param(5, 10, 10, 5, (50, 100, 100), id="full-as-the-rest-is-kept"),
        pytest.param(9, 10, 8, 0, (90, 90, 90), id="more-in-use-than-is-served"),
        pytest.param(4, 2, 2, 0, (100, 100, 100), id="over-the-limit"),
        pytest.param(3, 10, None, 0, (30, 30, 100), id="what-is-served-is-not-known"),
        pytest.param(0, 0, 0, 0, (0, 0, 0), id="nothing-can-be-had"),
        pytest.param(None, 10, 10, 0, None, id="use-not-known"),
        pytest.param(3, None, None, 0, None, id="limit-not-known"),
    ],
)
def test_where_the_parts_end(
    in_use: int | None,
    limit: int | None,
    issued: int | None,
    kept: int,
    expected: tuple[float, float, float] | None,
) -> None:
    now = PoolNow(in_use=in_use, limit=limit, issued=issued, reserved_idle=kept)
    assert bar_of(now, Freshness("late", 900)) == (None if expected is None else Bar(*expected))
    assert bar_of(now, Freshness("stale", 9000)) is None


def test_pages_draw_the_bar_to_where_seats_are_served(mara: Client, world: World) -> None:
    PoolNow.objects.filter(pool=world.mine).update(in_use=8, limit=10, issued=8)
    drawn = '<line class="lm-bar-unserved" x1="80.0" x2="100"'
    assert drawn in mara.get("/admin/").content.decode()
    assert drawn in mara.get("/admin/licenses/licensepool/").content.decode()
    live = mara.get(f"/admin/live/pools/?ids={world.mine.pk}").json()
    assert live["pools"][str(world.mine.pk)]["bar"] == [80, 80, 80]


def test_a_bar_that_has_no_length_is_hidden(mara: Client, world: World) -> None:
    PoolNow.objects.update(limit=None)
    text = mara.get("/admin/").content.decode()
    assert text.count('class="lm-bar"') == text.count('" hidden><line') == 2
