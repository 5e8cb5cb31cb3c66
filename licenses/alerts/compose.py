"""One message out of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from licenses.models import Notification

from .messages import plain, plural

__all__ = ["plain", "together"]

MOST_SECTIONS = 50
_ORDER = {"fallback": 0, "escalated": 1, "firing": 2, "repeat": 3, "resolved": 4}


def together(
    rows: Sequence[Notification], *, digest: bool = False
) -> tuple[str, str, dict[str, Any]]:
    """Return subject, body and data of one message that tells of all these.

    digest: they were held back because the recipient had got too many; the message says so and
        counts them. Of a long digest the first 50 are told in full and the others by their subject,
        so none is dropped.
    """
    ordered = sorted(rows, key=lambda row: (_ORDER.get(row.transition, 9), row.pk))
    data: dict[str, Any] = {"alerts": [], "held_back": len(rows) if digest else 0}
    for row in ordered:
        # One that was written for another channel, or about no alert, brings its own list.
        data |= {key: value for key, value in row.data.items() if key == "watching"}
        data["alerts"] += row.data.get("alerts", [row.data])
        if "reports" in row.data:
            data["reports"] = [*data.get("reports", ()), *row.data["reports"]]
    if len(ordered) == 1 and not digest:
        return ordered[0].subject, ordered[0].body, data
    counted = Counter(row.transition for row in ordered)
    words = {
        "fallback": "not delivered elsewhere",
        "escalated": "not acknowledged",
        "firing": "new",
        "repeat": "still there",
        "resolved": "over",
        "personal": "for you",
        "report": "of reports",
    }
    told = ", ".join(f"{number} {words.get(kind, kind)}" for kind, number in counted.items())
    first = plain(ordered[0].subject, 150)
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    subject = f"{plural(len(ordered), 'alert')} ({told}): {first}{more}"
    if digest:
        subject = f"Digest of {plural(len(ordered), 'message')} ({told})"
    overview = [f"- {plain(row.subject, 200)}" for row in ordered]
    sections = [row.body for row in ordered[:MOST_SECTIONS]]
    intro = []
    if digest:
        intro = [
            "You got 20 messages within an hour, so"
            f" {plural(len(ordered), 'message was', 'messages were')}"
            " held back and come here together. None was dropped.\n"
        ]
    body = "\n".join([*intro, *overview]) + "\n\n" + "\n\n----\n\n".join(sections)
    if len(ordered) > MOST_SECTIONS:
        rest = len(ordered) - MOST_SECTIONS
        body += f"\n\n----\n\n{rest} more are in the list above and on the alerts page."
    return subject, body, data
