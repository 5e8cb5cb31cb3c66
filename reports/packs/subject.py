"""Of what a pack tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from licenses.models import LicensePool, Vendor


@dataclass(frozen=True)
class Subject:
    """What a pack tells of. streams: names of those that lie in it whole."""

    vendor: Vendor
    pools: Sequence[LicensePool]
    streams: frozenset[str]
    start: int
    end: int
    as_of: datetime
    zone: ZoneInfo

    @property
    def names(self) -> dict[int, str]:
        return {pool.pk: pool.name for pool in self.pools}
