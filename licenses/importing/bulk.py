"""Holdings of keys whose facts are all newer than what is stored: made from the columns at hand.

An import that appends need not read back what it has just written. `pair_columns` is the rule of
`pairing.pair` for keys without status rows, for all keys at once; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.db.models import Max, Min

from licenses.analysis.rows import NONE, Coded, Column
from licenses.models import LONG_SECONDS, Capture, LicenseServer

from .context import Context, Key
from .derive import BEGINNING, Touched
from .held import END_REASONS, EVENT, LATE_RETURN, OUT, Restart, held_until
from .holding_rows import upsert
from .movements import Ints, Movements

MANY = 500
"""Rows of a piece from which on this pays; fewer are looked up key by key."""
_RESTART = -2
_STILL_OUT = -1


class PairedColumns(NamedTuple):
    """Holdings, one value for each in each column.

    returned_at: 0 while `ending` is _STILL_OUT.
    ending:      the row of the IN that ended it, _STILL_OUT or _RESTART.
    seed:        the place in the seeds; -1 for a holding taken by one of the rows.
    """

    key: Ints
    taken_at: Ints
    returned_at: Ints
    ending: Ints
    seed: Ints


def pair_columns(
    key: Ints,
    at: Ints,
    kind: Ints,
    seeds: tuple[Ints, Ints],
    daemon: Ints,
    restarts: Sequence[Sequence[Restart]],
    stopped: Callable[[int, int], int | None] = lambda _place, _taken: None,
) -> tuple[PairedColumns, Ints]:
    """Pair OUTs and INs of many keys, first in, first out; return the holdings, and the keys of INs
    without an OUT.

    key, at, kind: rows sorted by key, moment and kind (OUT first).
    seeds:         (keys, moments taken) of what is out before the rows, sorted.
    daemon:        of each key, a place in *restarts*, each in time order.
    stopped:       when the daemon of a place went down, the first time after a moment.
    """
    old = len(seeds[0])
    keys, moments = np.append(seeds[0], key), np.append(seeds[1], at)
    out = np.append(np.ones(old, dtype=bool), kind == OUT)
    epoch = np.zeros(len(keys), dtype=np.int64)
    for place, known in enumerate(restarts):
        if known:
            mine = np.flatnonzero(daemon[keys] == place)
            when = np.array([restart.at for restart in known], dtype=np.int64)
            # In the second of a restart, an IN belongs to what was before and an OUT to what
            # follows.
            epoch[mine] = np.where(
                out[mine],
                np.searchsorted(when, moments[mine], side="right"),
                np.searchsorted(when, moments[mine], side="left"),
            )
    group = keys * (max(map(len, restarts), default=0) + 1) + epoch
    order = np.argsort(group, kind="stable")
    taken, ending, orphans = _first_in_first_out(group[order], out[order])
    lonely = keys[order[orphans]]
    taken = order[taken]
    ending = np.where(ending >= 0, order[ending], _STILL_OUT)
    returned = np.where(ending >= 0, moments[ending], 0)
    for place, known in enumerate(restarts):
        lost = (ending == _STILL_OUT) & (daemon[keys[taken]] == place)
        lost &= epoch[taken] < len(known)
        if lost.any():
            rows = taken[lost]
            last = [
                held_until(known[begun], stopped(place, moment))
                for begun, moment in zip(epoch[rows].tolist(), moments[rows].tolist(), strict=True)
            ]
            returned[lost] = np.maximum(np.array(last, dtype=np.int64), moments[rows])
            ending[lost] = _RESTART
    ending = np.where(ending >= 0, ending - old, ending)
    seed = np.where(taken < old, taken, -1)
    return PairedColumns(keys[taken], moments[taken], returned, ending, seed), lonely


def _first_in_first_out(group: Ints, out: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Return the rows that take, for each the row that returns it, or -1, and the rows that return
    nothing; within groups."""
    count = len(group)
    first = np.flatnonzero(np.append(True, np.diff(group) != 0))[: count or 0]
    number = np.repeat(np.arange(len(first)), np.diff(np.append(first, count)))
    level = np.cumsum(np.where(out, 1, -1))
    level -= np.append(0, level)[first][number]
    # An IN with nothing out: it takes the level of its group below all before it. Each group is
    # set so far below the one before that one running minimum serves all.
    ground = -number * (2 * count + 1)
    lowest = np.minimum.accumulate(level + ground)
    orphan = ~out & (level + ground < np.minimum(np.append(2 * count, lowest[:-1]), ground))
    taken, returning = np.flatnonzero(out), np.flatnonzero(~out & ~orphan)
    takes_before = np.append(0, np.cumsum(out))[first]
    returns_before = np.append(0, np.cumsum(~out & ~orphan))[first]
    mine = number[returning]
    ending = np.full(len(taken), -1, dtype=np.int64)
    ending[takes_before[mine] + np.arange(len(returning)) - returns_before[mine]] = returning
    return taken, ending, np.flatnonzero(orphan)


class Stock(NamedTuple):
    """What is stored of keys: holdings that are out, and keys that need the whole history."""

    keys: Ints
    taken_at: Ints
    ordinal: Ints
    busy: Ints


def derive_new(
    server: LicenseServer,
    rows: Movements,
    touched: dict[Key, int],
    daemons: Mapping[int, str],
    newest: int,
) -> Touched:
    """Make the holdings of the keys of which all that is touched is later than *newest*, and return
    the span in which anything changed.

    rows:     all of them new.
    touched:  by other things than the rows; the keys that are left come in, those made go out.
    """
    others = rows.places(np.array(list(touched), dtype=np.int64).reshape(-1, 4).T)
    firsts = np.append(0, np.flatnonzero(np.diff(rows.key)) + 1)
    since = rows.at[firsts]
    earlier = np.array(list(touched.values()), dtype=np.int64)[others >= 0]
    np.minimum.at(since, others[others >= 0], earlier)
    fresh = since > newest
    changed = _derive_fresh(server, rows, since, fresh, daemons, newest) if fresh.any() else None
    for key in rows.named(np.unique(others[others >= 0])):
        del touched[key]
    left = np.flatnonzero(~fresh)
    touched.update(zip(rows.named(left), since[left].tolist(), strict=True))
    return changed or Touched(2**62, BEGINNING)


def _derive_fresh(
    server: LicenseServer,
    rows: Movements,
    since: Ints,
    fresh: npt.NDArray[np.bool_],
    daemons: Mapping[int, str],
    newest: int,
) -> Touched | None:
    """Make the holdings of the keys that are *fresh*; take out of these what needs the whole rule.

    since, fresh:  of each key.
    """
    polls = _polls(server)
    early = polls is not None and int(rows.at.max()) < polls[0]
    if polls is not None and not early:
        fresh &= since > polls[1] + LATE_RETURN
        if not fresh.any():
            return None
    stock = _stock(rows, int(since[fresh].min()))
    fresh[stock.busy] = False
    names = sorted(set(daemons.values()))
    context = Context(server)
    restarts = [[each for each in context.restarts(name) if each.at > newest] for name in names]
    features, feature = np.unique(rows.keys[0], return_inverse=True)
    daemon = np.array([names.index(daemons[pk]) for pk in features.tolist()], dtype=np.int64)[
        feature
    ]
    mine, seeds = fresh[rows.key], fresh[stock.keys]
    stock = Stock(stock.keys[seeds], stock.taken_at[seeds], stock.ordinal[seeds], stock.busy)
    which = np.flatnonzero(mine)
    paired, lonely = pair_columns(
        rows.key[which],
        rows.at[which],
        rows.kind[which],
        (stock.keys, stock.taken_at),
        daemon,
        restarts,
        lambda place, taken: context.stopped(names[place], taken),
    )
    fresh[lonely] = False
    for place, name in enumerate(names):
        # What an IN may have returned in a hole of the log needs the whole rule, and so does what
        # was taken or returned in an hour that the clock showed twice.
        odd = _across([hole.end for hole in context.holes(name)], paired)
        for hour in context.hours_of(name):
            for moments in (paired.taken_at, paired.returned_at):
                odd |= (hour.first <= moments) & (moments < hour.second)
        fresh[paired.key[odd & (daemon[paired.key] == place)]] = False
    if polls is not None:
        # An answer may have ended what no IN has ended, or told which of two an IN ends.
        doubtful = paired.ending < 0 if early else paired.taken_at + 60 < polls[1]
        fresh[paired.key[doubtful]] = False
    keep = fresh[paired.key]
    paired = PairedColumns(*(column[keep] for column in paired))
    return Touched(*context.around(*_write(rows, which, stock, paired)))


def _across(ends: Sequence[int], paired: PairedColumns) -> npt.NDArray[np.bool_]:
    """Tell which holdings were out at one of these moments, the ends of holes in order."""
    moments = np.array(ends, dtype=np.int64)
    returned = np.where(paired.ending == _STILL_OUT, 2**62, paired.returned_at)
    following = np.searchsorted(moments, paired.taken_at, side="right")
    return following < np.searchsorted(moments, returned, side="right")


def _polls(server: LicenseServer) -> tuple[int, int] | None:
    """Return the moments of the first and the last answer of the server."""
    polls = Capture.objects.filter(server=server, kind=Capture.Kind.STATUS)
    found = polls.aggregate(first=Min("starts"), last=Max("starts"))
    if found["first"] is None:
        return None
    return int(found["first"].timestamp()), int(found["last"].timestamp())


def _stock(rows: Movements, since: int) -> Stock:
    chosen = ",".join(map(str, np.unique(rows.keys[0]).tolist()))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT feature_id, person_id, host_id, seats FROM licenses_sighting "
            f"WHERE feature_id IN ({chosen}) AND (gone_at IS NULL OR gone_at >= {int(since) - 180})"
        )
        shown = rows.places(np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 4).T)
        columns = "feature_id, person_id, host_id, seats, taken_at, ordinal"
        open_by_log = f"CASE WHEN method = {EVENT} AND sighting_id IS NULL THEN 1 ELSE 0 END"
        cursor.execute(
            f"SELECT {columns}, {open_by_log} FROM licenses_checkout "
            f"WHERE feature_id IN ({chosen}) AND returned_at IS NULL "
            f"UNION ALL SELECT {columns}, 0 FROM licenses_checkout WHERE feature_id IN ({chosen}) "
            f"AND returned_at >= {int(since)} AND taken_at >= {int(since) - LONG_SECONDS} "
            f"UNION ALL SELECT {columns}, 0 FROM licenses_checkout WHERE feature_id IN ({chosen}) "
            f"AND returned_at >= {int(since)} AND returned_at - taken_at > {LONG_SECONDS}"
        )
        found = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 7).T
    place, (taken, ordinal, out) = rows.places(found[:4]), found[4:]
    mine = np.flatnonzero((place >= 0) & (out == 1))
    mine = mine[np.lexsort((ordinal[mine], taken[mine], place[mine]))]
    busy = np.append(shown, place[out == 0])
    return Stock(place[mine], taken[mine], ordinal[mine], busy[busy >= 0])


def _write(rows: Movements, which: Ints, stock: Stock, paired: PairedColumns) -> Touched:
    """Store what is new or has ended; what was out and still is stays as it is."""
    # As in `derive`: of holdings taken in one second, those that ended first come first.
    order = np.lexsort(
        (paired.returned_at, paired.ending == _STILL_OUT, paired.taken_at, paired.key)
    )
    paired = PairedColumns(*(column[order] for column in paired))
    ordinal = np.arange(len(order))
    first = np.append(True, (np.diff(paired.key) != 0) | (np.diff(paired.taken_at) != 0))
    ordinal -= np.maximum.accumulate(np.where(first[: len(order)], ordinal, 0))
    seeds = paired.seed >= 0
    # Both in the order of keys and moments, so that the numbers go from one to the other.
    ordinal[seeds] = stock.ordinal[np.sort(paired.seed[seeds])]
    wanted = ~(seeds & (paired.ending == _STILL_OUT))
    if not wanted.any():
        return Touched(2**62, BEGINNING)
    paired, ordinal = PairedColumns(*(column[wanted] for column in paired)), ordinal[wanted]
    ended = paired.ending != _STILL_OUT
    upsert(_table(rows, which, paired, ordinal))
    end = 2**61 if not ended.all() else int(paired.returned_at.max())
    return Touched(int(paired.taken_at.min()), end)


def _table(rows: Movements, which: Ints, paired: PairedColumns, ordinal: Ints) -> list[Column]:
    """Return holdings as `upsert` takes them."""
    words = [END_REASONS.get(word, "returned") for word in rows.reasons]
    ending = paired.ending
    reason = rows.reason[which[np.maximum(ending, 0)]]
    reason = np.where(ending == _RESTART, len(words), reason)
    reason = np.where(ending == _STILL_OUT, len(words) + 1, reason)
    returned = np.where(ending == _STILL_OUT, NONE, paired.returned_at)
    # Keys are sorted: each has its first row where the number changes.
    first = np.searchsorted(rows.key, paired.key)
    whose = [column[first] for column in (rows.feature, rows.person, rows.host, rows.seats)]
    same = np.zeros(len(ordinal), dtype=np.int64)
    return [
        *whose,
        ordinal,
        paired.taken_at,
        paired.taken_at,
        returned,
        returned,
        same + EVENT,
        Coded(same, ["held"]),
        Coded(reason, [*words, "restart", ""]),
        same + NONE,
    ]
