"""Make everything derived again: holdings from facts, hours and episodes of refusals from both."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.analysis.waiting import waiting
from licenses.models import (
    Checkout,
    Denial,
    DenialEpisode,
    DirtySpan,
    Disagreement,
    KeptPart,
    LicensePool,
    LicenseServer,
    PoolHour,
    Rebuild,
    TeamHour,
)

from . import queues, renewal
from .denial_classes import reclassify
from .derive import derive
from .teams import match_again


class Rebuilt(NamedTuple):
    holdings: int
    hours: int
    episodes: int


def rebuild(tell: Callable[[Rebuild], object] | None = None) -> Rebuilt:
    """Throw away what is derived and make it again. One transaction a server; figures last.

    tell:  called after each step with how far it is, which every page can tell, too.
    """
    servers = list(LicenseServer.objects.all())
    run = Rebuild.objects.create(servers=len(servers))

    def further(**reached: int) -> None:
        run.further(**reached)
        if tell is not None:
            tell(run)

    try:
        for done, server in enumerate(servers, start=1):
            rebuild_holdings(server)
            further(servers_done=done)
        match_again()
        with transaction.atomic():
            pools = _mark_all()
            hours = waiting().hours
            run.further(hours=hours)
        rollup.drain(after=lambda: further(hours_done=max(0, hours - waiting().hours)))
        pools_now.refresh(pools, year=True)
    finally:
        run.end()
    return Rebuilt(
        Checkout.objects.count(),
        PoolHour.objects.aggregate(count=Sum("hours", default=0))["count"],
        DenialEpisode.objects.count(),
    )


def _mark_all() -> list[int]:
    """Throw away what is derived from holdings, and have all hours counted again; return the
    pools."""
    reclassify(Denial.objects.all())
    Denial.objects.exclude(served_at=None).update(served_at=None)
    DenialEpisode.objects.all().delete()
    PoolHour.objects.all().delete()
    TeamHour.objects.all().delete()
    KeptPart.objects.all().delete()
    DirtySpan.objects.all().delete()
    first = Checkout.objects.order_by("taken_at").values_list("taken_at", flat=True).first()
    covered = (
        LicenseServer.objects.exclude(coverage=None)
        .order_by("coverage__starts")
        .values_list("coverage__starts", flat=True)
        .first()
    )
    refused = Denial.objects.order_by("at").values_list("at", flat=True).first()
    known = [int(each.timestamp()) for each in (first, covered, refused) if each is not None]
    pools = list(LicensePool.objects.values_list("pk", flat=True))
    if known:
        rollup.mark_dirty(pools, min(known), int(timezone.now().timestamp()))
    return pools


def rebuild_holdings(server: LicenseServer) -> None:
    """Make the holdings of one server again from its events and status rows, and who waited."""
    with transaction.atomic():
        LicenseServer.objects.select_for_update().get(pk=server.pk)
        features = dict(server.features.values_list("pk", "daemon"))
        Checkout.objects.filter(feature__in=features).delete()
        Disagreement.objects.filter(feature__in=features).delete()
        derive(server, renewal.keys_of(features), features)
        renewal.settled(features)
        queues.rebuild(server, features)
