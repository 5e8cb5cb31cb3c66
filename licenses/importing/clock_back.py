"""Our own clock going back: the time that it shows twice is vouched for by no poll."""

from __future__ import annotations

from licenses.evidence import entries
from licenses.models import Coverage, Gap, LicenseServer

from . import coverage, dirty

TOLERANCE = 2
"""Seconds by which our clock may go back without a word, as when it is kept right from outside."""


def note(server: LicenseServer, last: int | None, asked_at: int | None) -> list[entries.Draft]:
    """Write that our clock stood later at the last poll of a server than it does at this one.

    last, asked_at: when the server was asked last, and now, epoch seconds by our clock; None: it
                    was not. Returns the evidence: the step, the gap over the time that comes
                    twice, and what polls no longer vouch for. Empty where the clock ran on.
    """
    if last is None or asked_at is None or asked_at >= last - TOLERANCE:
        return []
    detail = f"Our own clock went back by {last - asked_at} seconds."
    body = {"reason": "our own clock went back", "step": asked_at - last}
    drafts = [entries.draft("clock", asked_at, body)]
    drafts += coverage.write_gap(server, "", asked_at, last, Gap.Cause.CLOCK_SUSPECT, detail)
    known = Coverage.objects.filter(
        server=server, source=Coverage.Source.POLLS, starts__lt=last, ends__gt=asked_at
    )
    for daemon in sorted(set(known.order_by().values_list("daemon", flat=True))):
        _new, lost = coverage.replace(server, daemon, Coverage.Source.POLLS, asked_at, last, [])
        drafts += [
            entries.draft(
                "coverage",
                end,
                {
                    "daemon": daemon,
                    "from": start,
                    "source": "polls",
                    "to": end,
                    "what": "withdrawn",
                },
            )
            for start, end in lost
        ]
    dirty.mark_server(server, asked_at, last + 1)
    return drafts
