"""What is out by several names, or by several checkouts, and is one seat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from licenses.analysis.mappings import Mapping
from licenses.analysis.rows import EVER
from licenses.concurrency.intervals import Flags, Ints
from licenses.models import Host, Person

if TYPE_CHECKING:
    from licenses.analysis.holdings import Holdings


def counted_once(
    rows: Holdings, mappings: list[Mapping], packages: set[tuple[int, str, str, str]]
) -> Holdings:
    """Take the time out of component holdings in which the package that took them counts.

    A package logs itself and its components in one second, for one person on one host; each
    package holding stands for one holding of each component. A component that is given back
    later than its package counts from then on. Answers may list the one name alone: what is known
    of either is known of the seat.
    """
    if not packages or not len(rows):
        return rows
    ids = {(m.server, m.daemon, m.name): m.feature for m in mappings}
    free = rows.fresh.copy()
    pairs: list[tuple[int, int]] = []
    for server, daemon, package, component in sorted(packages):
        outer = ids.get((server, daemon, package))
        inner = ids.get((server, daemon, component))
        if outer is not None and inner is not None and outer != inner:
            found = _together(rows, free, outer, inner)
            found += _going_on(rows, found, outer, inner)
            free[[place for _, place in found]] = False
            pairs += found
    if not pairs:
        return rows
    outers, inners = np.array(pairs, dtype=np.int64).T
    taken_by, returned_after = rows.taken_by.copy(), rows.returned_after.copy()
    alike = rows.seats[outers] == rows.seats[inners]
    whole, part = outers[alike], inners[alike]
    np.minimum.at(taken_by, whole, np.maximum(rows.taken_by[part], rows.taken_at[whole]))
    np.maximum.at(
        returned_after, whole, np.minimum(rows.returned_after[part], rows.returned_at[whole])
    )
    exact = rows.exact.copy()
    exact[whole] |= (rows.taken_at == taken_by)[whole] & (returned_after == rows.returned_at)[whole]
    taken_at, ends = rows.taken_at.copy(), np.full(len(rows), EVER, dtype=np.int64)
    np.maximum.at(ends, inners, rows.returned_at[outers])
    taken_at[inners] = taken_by[inners] = ends[inners]
    # Its package may have been held longer than is told: then a seat that outlasts it counts twice.
    earliest = np.where(ends > EVER, ends, rows.earliest)
    changed = replace(
        rows,
        earliest=earliest,
        taken_at=taken_at,
        taken_by=taken_by,
        returned_after=returned_after,
        exact=exact,
        fresh=free,
    )
    return changed.where(rows.returned_at > ends)


def _going_on(
    rows: Holdings, pairs: list[tuple[int, int]], package: int, component: int
) -> list[tuple[int, int]]:
    """Return the pairs of what goes on after answers that contradict each other. It goes with what
    the part before it goes with or, where that lies outside of the rows, with what is out then.

    pairs: of the rows that begin.
    """
    seconds = rows.second
    if not seconds.any():
        return []
    found: list[tuple[int, int]] = []
    for mine in (0, 1):
        of, other = (package, component) if mine == 0 else (component, package)
        places = _beginning(rows, seconds, of)
        for place in sorted(places, key=lambda each: int(rows.taken_at[each])):
            known = pairs + found
            if mine == 1 and any(pair[1] == place for pair in known):
                continue
            at = rows.taken_at[place]
            out = (rows.feature == other) & (rows.taken_at <= at) & (at < rows.returned_at)
            out &= (rows.person == rows.person[place]) & (rows.host == rows.host[place])
            mates = _beginning(rows, out, other)
            before = {pair[1 - mine] for pair in known if rows.returned_at[pair[mine]] == at}
            taken = {pair[1 - mine] for pair in known}
            chosen = [mate for mate in mates if mate in before]
            chosen += [mate for mate in mates if mate not in taken]
            if chosen:
                found.append((place, chosen[0]) if mine == 0 else (chosen[0], place))
    return found


def _together(rows: Holdings, free: Flags, package: int, component: int) -> list[tuple[int, int]]:
    """Return the places of package holdings and of those of a component that they brought: of one
    second or, where only answers tell of the one or the other, of one minute."""
    outers, inners = (_beginning(rows, free, feature) for feature in (package, component))
    found: list[tuple[int, int]] = []
    for unit in (1, 60):
        alone: dict[tuple[int, ...], list[int]] = {}
        for place in outers:
            alone.setdefault(_holder(rows, place, unit), []).append(place)
        for place in inners:
            waiting = alone.get(_holder(rows, place, unit), [])
            known = unit > 1 and rows.taken_at[place] == rows.taken_by[place]
            outer = next(
                (o for o in waiting if not known or rows.taken_at[o] < rows.taken_by[o]), None
            )
            if outer is not None:
                waiting.remove(outer)
                found.append((outer, place))
        taken = {place for pair in found for place in pair}
        outers, inners = ([p for p in places if p not in taken] for places in (outers, inners))
    return found


def shared(rows: Holdings, mappings: list[Mapping]) -> Holdings:
    """Let checkouts that may share a seat be known to hold one together: what begins while another
    is out is possible only, until it is the one that goes on."""
    letters = {m.feature: m.shared for m in mappings if m.shared}
    if not letters or not len(rows):
        return rows
    until, exact = rows.returned_after.copy(), rows.exact.copy()
    newest: dict[tuple[int, ...], int] = {}
    places = np.flatnonzero(np.isin(rows.feature, list(letters)))
    for place in places[_in_order(rows.where(places))].tolist():
        feature = int(rows.feature[place])
        by_user = int(rows.person[place]) if "U" in letters[feature] else 0
        by_host = int(rows.host[place]) if "H" in letters[feature] else 0
        before = newest.setdefault((feature, by_user, by_host), place)
        if before == place or rows.taken_by[place] >= rows.returned_after[before]:
            newest[feature, by_user, by_host] = place
            continue
        ended = place
        if rows.returned_after[place] > rows.returned_after[before]:
            newest[feature, by_user, by_host], ended = place, before
        until[ended], exact[ended] = rows.taken_by[place], False
    return replace(rows, returned_after=until, exact=exact)


def _beginning(rows: Holdings, free: Flags, feature: int) -> list[int]:
    """Return the places of a feature's flagged holdings, by seats and return: of several taken in
    one second, those alike belong together."""
    places = np.flatnonzero((rows.feature == feature) & free)
    columns = (rows.returned_after, rows.returned_at, rows.seats)
    found: list[int] = places[np.lexsort([column[places] for column in columns])].tolist()
    return found


def _holder(rows: Holdings, place: int, unit: int) -> tuple[int, ...]:
    return int(rows.person[place]), int(rows.host[place]), int(rows.taken_at[place]) // unit


def _in_order(rows: Holdings) -> Ints:
    """Return the places of holdings in order of when they are known, those known for longest first.
    What is alike goes by the pseudonyms of those who hold it, as whoever counts again has them: two
    queries where there is any."""
    columns: list[Ints] = [-rows.seats, -rows.returned_after, rows.taken_by]
    if len(np.unique(np.stack(columns), axis=1).T) < len(rows):
        names = _names(Host, rows.host), _names(Person, rows.person)
        columns = [*names, rows.returned_at, rows.taken_at, *columns]
    order: Ints = np.lexsort(columns)
    return order


def _names(model: type[Host | Person], ids: Ints) -> Ints:
    """Return where each stands in the order of pseudonyms."""
    rows = model.objects.filter(pk__in=np.unique(ids).tolist()).values_list("pseudonym", "pk")
    places = {pk: place for place, (_name, pk) in enumerate(sorted(rows))}
    return np.array([places[pk] for pk in ids.tolist()], dtype=np.int64)
