"""When lines were written that stand before a date line that contradicts the calendar.

Between the date line before and this one, days of the text are lost, or the clock was set, and
nothing says where. Logs print the date every six hours, so a line belongs to the day of the one or
the other by which of them it is near. Where it may be either, no line is lost and the use that
follows is the least: seats that such a line takes, and none returns, are taken on the later day.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from licenses.sources.clock import FOLD_SLACK, LOG_SILENCE
from licenses.sources.flexnet.byte_names import Ints
from licenses.sources.flexnet.debug_log import LogPiece
from licenses.sources.flexnet.line_parser import Jump
from licenses.sources.records import Checkin, Checkout, LogRecord, ServerStart


class Settled(NamedTuple):
    """A piece whose lines stand where the date lines around them say.

    unsure: moments from which on lines may be misdated or missing; None: from the first line on.
    stored: those of them from which on lines before the piece may be of another day.
    moved:  whether lines may stand elsewhere than the calendar had them.
    """

    piece: LogPiece
    unsure: list[int | None]
    stored: list[int | None]
    moved: bool


def settle(
    piece: LogPiece, jumps: Sequence[Jump], zone: ZoneInfo, lines: int, latest: int | None
) -> Settled:
    """Put the lines before contradicting date lines where they belong.

    lines, latest: how many lines came before the piece, and the latest time seen in them: what
                   they told is stored, and cannot be dated anew.
    """
    unsure: list[int | None] = []
    stored: list[int | None] = []
    for jump in jumps:
        piece, doubtful = _settle(piece, jump, zone)
        if jump.since <= lines and not surely_before(jump, latest):
            stored.append(jump.confirmed)
        elif doubtful:
            unsure.append(jump.confirmed)
    return Settled(piece, unsure + stored, stored, bool(jumps))


def surely_before(jump: Jump, latest: int | None) -> bool:
    """Whether what is stored can only be of the day of the date line before."""
    if latest is None:
        return True
    if jump.confirmed is None:
        return False
    near = latest - jump.confirmed <= LOG_SILENCE < jump.read_as - latest
    return near or latest <= jump.confirmed


def _settle(piece: LogPiece, jump: Jump, zone: ZoneInfo) -> tuple[LogPiece, bool]:
    """Return the piece with the lines before one date line settled, and whether the day of any is
    in doubt."""
    events = piece.events
    rows = np.flatnonzero((events.line > jump.since) & (events.line < jump.line))
    timed = [
        each for each in piece.others if jump.since < each.line < jump.line and hasattr(each, "at")
    ]
    told = cast(list[Any], events.at_rows(rows).records() + timed)
    told.sort(key=lambda each: each.line)
    first, second = split(np.array([each.at for each in told], dtype=np.int64), jump)
    moved = {each.line for each in told[second:]}
    if jump.days > 0:
        moved |= _not_returned(told[first:second])
    later = rows[np.isin(events.line[rows], list(moved))]
    dated = replace(events, at=events.at.copy())
    dated.at[later] = _moved(events.at[later], jump, zone)
    others = [
        _later(each, jump, zone) if each.line in moved and hasattr(each, "at") else each
        for each in piece.others
    ]
    return replace(piece, events=dated, others=others), first < second


def split(at: Ints, jump: Jump) -> tuple[int, int]:
    """Return how many of these moments, in the order of the text, are surely of the day of the date
    line before, and from which on they are surely of the day of the contradicting one."""
    before = np.zeros(len(at), dtype=bool)
    if jump.confirmed is not None:
        before = _within(at - jump.confirmed)
    after = _within(jump.read_as - at)
    first = 0 if after.all() else int(np.flatnonzero(~after)[-1]) + 1
    second = len(at) if before.all() else int(np.argmin(before))
    return (first, second) if first <= second else (0, len(at))


def _within(seconds: Ints) -> npt.NDArray[np.bool_]:
    return (seconds >= -FOLD_SLACK) & (seconds <= LOG_SILENCE)


def _not_returned(told: Iterable[LogRecord]) -> set[int]:
    """Return the lines OUT of which none of these lines is the IN."""
    out: dict[tuple[Any, ...], deque[int]] = defaultdict(deque)
    for each in told:
        if isinstance(each, Checkout):
            out[each[1:6]].append(each.line)
        elif isinstance(each, Checkin) and out[each[1:6]]:
            out[each[1:6]].popleft()
    return {line for lines in out.values() for line in lines}


def _moved(at: Ints, jump: Jump, zone: ZoneInfo) -> Ints:
    """Return the same times of day on other days."""
    known: dict[int, int] = {}
    for moment in np.unique(at).tolist():
        local = datetime.fromtimestamp(moment, UTC).astimezone(zone)
        then = (local.replace(tzinfo=None) + timedelta(days=jump.days)).replace(tzinfo=zone)
        known[moment] = int(then.timestamp())
    return np.array([known[moment] for moment in at.tolist()], dtype=np.int64)


def _later(record: Any, jump: Jump, zone: ZoneInfo) -> LogRecord:
    (at,) = _moved(np.array([record.at]), jump, zone).tolist()
    moved: LogRecord = record._replace(at=at)
    if isinstance(moved, ServerStart) and moved.last_seen is not None:
        before = moved.last_seen
        if _within(np.array([jump.read_as - before])).all():
            (before,) = _moved(np.array([before]), jump, zone).tolist()
        moved = moved._replace(last_seen=before if before <= at else None)
    return moved
