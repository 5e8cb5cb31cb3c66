"""Note what was learned late, so that somebody looks through it for what alerts would have told."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from licenses.models import LATE_SECONDS, LateSpan, LicenseServer


def mark(server: LicenseServer, start: int, end: int) -> None:
    """Note that something was learned of [start, end), epoch seconds, as far as it is late.

    To be called in the transaction that stores it. What is fresh is left to the alerts of the
    present.
    """
    last = min(end, int(timezone.now().timestamp()) - LATE_SECONDS)
    if start < last:
        LateSpan.objects.create(
            server=server,
            starts=datetime.fromtimestamp(start, UTC),
            ends=datetime.fromtimestamp(last, UTC),
        )
