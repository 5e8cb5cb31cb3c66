"""What was recorded after a moment and yet tells of the time before another: figures that rest on
it are not those that were known then."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from licenses.models import EvidenceBlock

from . import entries

TELL_NOTHING: Final = frozenset(
    ["capture", "clock", "clock_reading", "entitlement", "export", "mapping", "reveal", "seal",
     "server", "stock", "stream"]
)  # fmt: skip
"""Kinds of entries on which no figure rests, or one that is known as of any time. (Of licence files
`stock.filed_since` tells: what they say holds from their own dates.)"""


def recorded_since(
    streams: Collection[str], moment: datetime, end: int
) -> Iterator[dict[str, Any]]:
    """Yield the entries of streams, recorded at a moment or later, that tell of a time before
    *end*."""
    blocks = EvidenceBlock.objects.filter(stream__name__in=streams, recorded_at__gte=moment)
    for block in blocks.order_by("pk").iterator(chunk_size=20):
        for line in entries.read(block).splitlines():
            entry = json.loads(line)
            since = entry["body"].get("from", entry["event_time"])
            told = since if isinstance(since, int) else entry["event_time"]
            if told < end and entry["kind"] not in TELL_NOTHING:
                yield entry
