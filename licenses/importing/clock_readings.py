"""How the clocks stand, once a day for each polled server: ours to the network's, its to ours."""

from __future__ import annotations

from typing import Any, Final

from itam import kernel_clock
from licenses.evidence import entries
from licenses.models import LicenseServer, PollState
from licenses.sources.records import Result, Snapshot

DAY_SECONDS: Final = 86_400
PRINTED_SECONDS: Final = 60
"""A status text tells its time to the minute."""
_STEADY = kernel_clock.Steady()


def note(
    server: LicenseServer,
    state: PollState,
    snapshot: Snapshot,
    asked_at: int | None,
    duration_ms: int | None,
) -> list[entries.Draft]:
    """Return the evidence of how the clocks stand: with the first complete answer of each day (UTC)
    that we asked for, and nothing else.

    state:    as it was before this answer.
    asked_at: when we had the answer, by our own clock; None for a text that somebody handed in.
    """
    if asked_at is None or snapshot.result != Result.PARSED:
        return []
    last = state.last_parsed_at
    if last is not None and int(last.timestamp()) // DAY_SECONDS == asked_at // DAY_SECONDS:
        return []
    body: dict[str, Any] = {}
    if (kept := kernel_clock.kept()) is not None:
        body["synchronised"] = int(kept.synchronised)
        if kept.offset_us is not None:
            body["ntp_offset_us"] = kept.offset_us
        if kept.error_us is not None:
            body["ntp_error_us"] = kept.error_us
    if (steady := _STEADY.ran_on()) is not None:
        body["ran_on"] = int(steady)
    if server.polling == LicenseServer.Polling.TOOL and snapshot.taken_at is not None:
        body |= _server_offset(snapshot.taken_at, asked_at, duration_ms or 0)
    return [entries.draft("clock_reading", asked_at, body)]


def _server_offset(printed: int, had_at: int, duration_ms: int) -> dict[str, int]:
    """Return between which seconds the server's clock is ahead of ours (below 0: behind).

    Its time lies within the printed minute; ours, when it printed that, between the start of the
    question and the end of the second in which we had the answer.
    """
    waited = -(-duration_ms // 1000)
    return {
        "server_offset_from": printed - had_at - 1,
        "server_offset_to": printed + PRINTED_SECONDS - had_at + waited,
    }
