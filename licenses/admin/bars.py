"""The bar of a pool: what is in use, what is kept for others, and where what can be had ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from licenses.models import PoolNow, servable

from .words import Freshness, level_of


class Bar(NamedTuple):
    """Where the parts of a bar end, in percent of its length, which is the limit, or what is taken
    where that is more.

    used:    seats in use.  taken: seats kept for others, too.  served: what can be in use at once;
             what lies behind it is allowed and served by nobody.
    """

    used: float
    taken: float
    served: float

    def spans(self) -> Iterator[tuple[str, float, float]]:
        """Yield the parts from left to right, each with its start and end."""
        yield "used", 0, self.used
        yield "kept", self.used, self.taken
        yield "free", self.taken, self.served
        yield "unserved", self.served, 100


def bar_of(now: PoolNow | None, fresh: Freshness) -> Bar | None:
    """Return the bar of a pool; None where its seats or its limit are not known, or not of now."""
    if now is None or now.in_use is None or now.limit is None or not fresh.of_now:
        return None
    taken = now.in_use + now.reserved_idle
    served = servable(now.limit, now.issued) or 0
    share = 100 / max(now.limit, taken, 1)
    return Bar(*(round(share * seats, 2) for seats in (now.in_use, taken, max(taken, served))))


def drawn(now: PoolNow | None, fresh: Freshness) -> SafeString:
    """Return the bar, hidden where there is none: the page may learn of one later."""
    bar = bar_of(now, fresh)
    parts = format_html_join(
        "",
        '<line class="lm-bar-{}" x1="{}" x2="{}" y1="4" y2="4"/>',
        ((part, str(start), str(end)) for part, start, end in (bar or Bar(0, 0, 0)).spans()),
    )
    return format_html(
        '<svg class="lm-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"{}>{}</svg>',
        level_of(now, fresh).text,
        "" if bar else SafeString(" hidden"),
        parts,
    )
