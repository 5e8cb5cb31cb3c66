"""Whether a licence server answers, in one word and in a sentence."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from licenses.analysis.ages import ago, freshness
from licenses.models import Capture, LicenseServer


def health(server: Any) -> tuple[str, str]:
    """Return (key, words) of a server's state. key: well, failing, silent, off or new."""
    poll = getattr(server, "poll_state", None)
    if not server.enabled:
        return "off", gettext("switched off")
    if server.polling == LicenseServer.Polling.OFF:
        return "off", gettext("files are handed in")
    if poll is None or (poll.last_attempt_at is None and poll.last_parsed_at is None):
        return "new", gettext("not asked yet")
    if poll.failures:
        result = dict(Capture.Result.choices).get(poll.last_result, poll.last_result)
        if poll.failures < 2:
            return "failing", str(result)
        told = gettext("%(result)s, %(count)s times in a row")
        return "failing", told % {"result": result, "count": poll.failures}
    fresh = freshness(poll.last_parsed_at, server.poll_seconds, timezone.now())
    if fresh.key in ("late", "stale", "none"):
        return "silent", gettext("silent: last answer %(ago)s") % {"ago": ago(fresh.age_seconds)}
    return "well", gettext("answered %(ago)s") % {"ago": ago(fresh.age_seconds)}
