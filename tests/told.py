"""What the evidence log tells, for tests to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from licenses.evidence import entries
from licenses.models import EvidenceStream, LicenseServer


def told_of(server: LicenseServer) -> Iterator[dict[str, Any]]:
    """Yield the entries of all streams of a server, stream by stream."""
    streams = EvidenceStream.objects.filter(name__startswith=f"server/{server.stream}")
    for stream in streams.order_by("name"):
        yield from entries.entries(stream.name)
