"""Holdings that other rules made: made again by those of today, a feature at a time."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from licenses.analysis.events import events_by_feature
from licenses.analysis.rows import numbered
from licenses.models import HOLDING_RULES, Feature, LicenseServer, Sighting

from . import dirty, queues
from .context import Key
from .derive import BEGINNING, derive


def due() -> Any:
    """Return the features of which other rules made the holdings, as a queryset."""
    return Feature.objects.exclude(holding_rules=HOLDING_RULES)


def renew(limit_seconds: float) -> bool:
    """Make such holdings again until none is left or the time is over; tell whether none is.

    A transaction for each feature. What differs is counted again as what any import changed. Safe
    to run any number of times, and beside imports: what is left to do stands in the rows.
    """
    until = time.monotonic() + limit_seconds
    for feature, server in _in_order(due()):
        if time.monotonic() > until:
            return False
        _renew(feature, server)
    return True


def renew_pools(pools: Collection[int]) -> None:
    """Make all such holdings of these pools again: what goes out under a signature rests on the
    rules that its reader is told of. One query where there is none."""
    for feature, server in _in_order(due().filter(mappings__pool__in=pools).distinct()):
        _renew(feature, server)


def _in_order(features: Any) -> list[tuple[int, int]]:
    return list(features.order_by("server", "pk").values_list("pk", "server"))


@transaction.atomic
def _renew(feature: int, server_id: int) -> None:
    server = LicenseServer.objects.select_for_update().get(pk=server_id)
    if not due().filter(pk=feature).exists():
        return  # another worker's
    daemons = dict(server.features.values_list("pk", "daemon"))
    changed = derive(server, keys_of([feature]), {feature: daemons[feature]})
    if changed.start <= changed.end:
        queues.derive(server, daemons, changed.start, changed.end)
        dirty.mark_features([feature], changed.start, changed.end)
    settled([feature])


def keys_of(features: Collection[int]) -> Mapping[Key, int]:
    """Return everything that facts tell of these features, from the beginning of time."""
    rows = Sighting.objects.filter(feature__in=features).order_by().distinct()
    keys = {Key(*row) for row in rows.values_list("feature_id", "person_id", "host_id", "seats")}
    for _, told in events_by_feature(features):
        _, firsts = numbered(*told.identity[:4])
        keys |= {
            Key(*row)
            for row in zip(*(each[firsts].tolist() for each in told.identity[:4]), strict=True)
        }
    return dict.fromkeys(keys, BEGINNING)


def settled(features: Collection[int]) -> None:
    """Note that today's rules made all holdings of these features."""
    Feature.objects.filter(pk__in=features).update(holding_rules=HOLDING_RULES)
