"""Whether a licence server answers, in one word and in a sentence."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from licenses.analysis.ages import ago, freshness
from licenses.models import Capture, LicenseServer


def health(server: Any) -> tuple[str, str]:
    """Return (key, words) of a server's state. key: well, failing, silent, off or new."""
    poll = getattr(server, "poll_state", None)
    if not server.enabled:
        return "off", "switched off"
    if server.polling == LicenseServer.Polling.OFF:
        return "off", "files are handed in"
    if poll is None or (poll.last_attempt_at is None and poll.last_parsed_at is None):
        return "new", "not asked yet"
    if poll.failures:
        result = dict(Capture.Result.choices).get(poll.last_result, poll.last_result)
        again = f", {poll.failures} times in a row" if poll.failures > 1 else ""
        return "failing", f"{result}{again}"
    fresh = freshness(poll.last_parsed_at, server.poll_seconds, timezone.now())
    if fresh.key in ("late", "stale", "none"):
        return "silent", f"silent: last answer {ago(fresh.age_seconds)}"
    return "well", f"answered {ago(fresh.age_seconds)}"
