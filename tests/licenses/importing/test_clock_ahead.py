"""A licence server whose clock is ahead of ours prints minutes that are not yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from licenses.importing.rebuilding import rebuild_holdings
from licenses.models import Disagreement, LicensePool, LicenseServer

from .test_doubts import BEGIN, REST, ask, read
from .test_lost_returns import held, pool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

__all__ = ["pool"]

AHEAD = """\
9:03:10 (vendord) OUT: "cad" mia@h2
9:07:50 (vendord) IN: "cad" mia@h2
9:30:00 (vendord) IN: "cad" bob@h1
"""


def log(server: LicenseServer) -> None:
    read(server, BEGIN + AHEAD + REST)


def answers(server: LicenseServer) -> None:
    """Three minutes behind: Mia was there from 9:00:10 to 9:04:50 by our clock."""
    for time in ("08:55", "09:00"):
        ask(server, time, "bob h1 8:00")
    for time in ("09:01", "09:03"):
        ask(server, time, "bob h1 8:00", "mia h2 9:03")
    for time in ("09:05", "09:10"):
        ask(server, time, "bob h1 8:00")


@pytest.mark.parametrize("order", [(log, answers), (answers, log)])
def test_a_row_that_prints_a_minute_to_come_is_the_holding_that_the_log_tells_of(
    pool: LicensePool, order: tuple[Callable[[LicenseServer], None], ...]
) -> None:
    server = LicenseServer.objects.get()
    for tell in order:
        tell(server)
    for _ in range(2):
        assert held()[:2] == [("bob", "09:30:00", "09:30:00"), ("mia", "09:07:50", "09:07:50")]
        assert not Disagreement.objects.exists()
        rebuild_holdings(server)
