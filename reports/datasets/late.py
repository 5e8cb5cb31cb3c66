"""What the figures of a report rest on though it was recorded after their as-of time.

Rights are known as of any time, all else as it is now. So figures as of an earlier time may not be
those that were known then; a report says so, and nobody signs it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from licenses.evidence import entries, stock
from licenses.evidence.late import recorded_since
from licenses.models import (
    LicensePool,
    MappingChange,
    PoolFeature,
    PoolRetirement,
)


@dataclass(frozen=True, slots=True)
class Late:
    """records:  entries on use, refusals and what was observed, and servers of which licence files
    tell otherwise. changes: of mappings and retirements of pools."""

    records: int
    changes: int


def load_late(pools: Collection[LicensePool], start: int, end: int, as_of: datetime) -> Late:
    """Return how much of what bears on the pools before *end* was recorded after *as_of*: also
    within the same second, as both are known to the microsecond. Seven queries."""
    begins, ends = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
    chosen = [pool.pk for pool in pools]
    since = {"pool__in": chosen, "recorded_at__gt": as_of}
    fed = PoolFeature.objects.filter(
        Q(mapped_from=None) | Q(mapped_from__lt=ends),
        Q(mapped_until=None) | Q(mapped_until__gt=begins),
        pool__in=chosen,
    )
    streams = entries.streams_feeding(fed)
    changed = (PoolFeature.objects, MappingChange.objects, PoolRetirement.objects)
    vendors = LicensePool.objects.filter(pk__in=chosen).order_by()
    vendor_ids = sorted(set(vendors.values_list("product__vendor", flat=True)))
    filed = stock.filed_since(vendor_ids, set(streams.values()), as_of, end)
    return Late(
        records=sum(1 for _entry in recorded_since(streams, as_of, end)) + filed,
        changes=sum(rows.filter(**since).bearing_before(ends).count() for rows in changed),
    )
