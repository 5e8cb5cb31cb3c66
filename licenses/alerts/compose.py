"""One message out of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext, ngettext

from itam import figures
from licenses.models import Notification

from .words import plain

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
        "fallback": gettext("not delivered elsewhere"),
        "escalated": gettext("not acknowledged"),
        "firing": gettext("new"),
        "repeat": gettext("still there"),
        "resolved": gettext("over"),
        "personal": gettext("for you"),
        "report": gettext("of reports"),
    }
    told = ", ".join(f"{number} {words.get(kind, kind)}" for kind, number in counted.items())
    first = plain(ordered[0].subject, 150)
    about = {"alerts": figures.alerts(len(ordered)), "told": told, "first": first}
    subject = gettext("%(alerts)s (%(told)s): %(first)s") % about
    if len(ordered) > 1:
        about["more"] = str(len(ordered) - 1)
        subject = gettext("%(alerts)s (%(told)s): %(first)s and %(more)s more") % about
    if digest:
        about["messages"] = figures.messages(len(ordered))
        subject = gettext("Digest of %(messages)s (%(told)s)") % about
    overview = [f"- {plain(row.subject, 200)}" for row in ordered]
    sections = [row.body for row in ordered[:MOST_SECTIONS]]
    intro = []
    if digest:
        intro = [
            ngettext(
                "You got 20 messages within an hour, so %(count)s message was held back and comes"
                " here. None was dropped.",
                "You got 20 messages within an hour, so %(count)s messages were held back and come"
                " here together. None was dropped.",
                len(ordered),
            )
            % {"count": len(ordered)}
            + "\n"
        ]
    body = "\n".join([*intro, *overview]) + "\n\n" + "\n\n----\n\n".join(sections)
    if len(ordered) > MOST_SECTIONS:
        rest = len(ordered) - MOST_SECTIONS
        text = gettext("%(count)s more are in the list above and on the alerts page.")
        body += f"\n\n----\n\n{text % {'count': rest}}"
    return subject, body, data
