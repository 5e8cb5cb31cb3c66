"""What two texts of a log tell otherwise of the same time: lines that one has and the other lacks.

Lines get lost, and are not made up: all of them count. But whoever hands the texts in is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import NamedTuple

import numpy as np

from licenses.analysis.events import load_events
from licenses.analysis.rows import number
from licenses.concurrency.intervals import Flags, IntervalSet, Ints
from licenses.models import Boundary, LicenseServer
from licenses.sources.clock import QUARTER, told_again, told_before

from .facts import Stored
from .joints import prints


class Otherwise(NamedTuple):
    """How many events of a time one text has and the other lacks.

    start, end: the first and the last of them.
    mine:       of the text that is read. theirs: of those that were read before.
    """

    start: int
    end: int
    mine: int
    theirs: int


def compare(
    stored: Stored,
    server: LicenseServer,
    daemons: Iterable[str],
    spans: Iterable[tuple[int, int]],
    first: int | None,
    before: int | None,
    last: int | None,
) -> Otherwise | None:
    """Return what a piece of a text tells otherwise than others that cover its time; None where
    none does.

    daemons:  those of which the text tells.
    spans, first, before, last: as for `Joints.meet`. A text may be cut within the seconds of its
              first line and its last.
    """
    since = first if before is None else before
    rows, new = stored.movements, stored.new_rows
    if rows is None or new is None or since is None or last is None:
        return None
    inner = [(start + 1, end) for start, end in spans if start + 1 < end]
    time = IntervalSet.of_spans(inner).clip(since + 1, last)
    if not len(time):
        return None
    # A clock that was set back explains what texts tell of the time that it told twice.
    steps = Boundary.objects.filter(server=server, kind=Boundary.Kind.SET_BACK)
    twice = steps.exclude(last_seen=None).values_list(number("at"), number("last_seen"))
    time = time.subtract(IntervalSet.of_spans((at, until + 1) for at, until in twice))
    if not len(time):
        return None
    features = server.features.filter(daemon__in=daemons).values_list("pk", flat=True)
    told = load_events(dict.fromkeys(features, int(time.starts[0])), int(time.ends[-1]))
    zone = server.tzinfo
    lacking = _within(told.at, time) & ~np.isin(prints(told), prints(rows)) & _once(told.at, zone)
    more = _within(rows.at, time) & new & _once(rows.at, zone)
    at = np.concatenate([rows.at[more], told.at[lacking]])
    if not len(at):
        return None
    return Otherwise(int(at.min()), int(at.max()), int(more.sum()), int(lacking.sum()))


def _within(at: Ints, time: IntervalSet) -> Flags:
    place = np.searchsorted(time.starts, at, side="right") - 1
    found: Flags = (place >= 0) & (at < time.ends[place])
    return found


def _once(at: Ints, zone: tzinfo) -> Flags:
    """Tell of moments whether the zone's clock shows their time once: of others a text may not tell
    which it means."""
    quarters, place = np.unique(at // QUARTER, return_inverse=True)
    starts = (quarters * QUARTER).tolist()
    once = [told_again(each, zone) is None and told_before(each, zone) is None for each in starts]
    found: Flags = np.array(once, dtype=np.bool_)[place]
    return found
