"""Make holdings from facts: for the keys that something touched, from the moment it touched them.

The state before that moment is what is stored, so an import that only appends costs what it
appends; late data costs what lies after it, for its own keys alone. The rows left behind are those
of a full rebuild, whatever the order of arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from licenses.analysis.rows import number
from licenses.models import Disagreement, Feature, LicenseServer

from .answers import Answers
from .context import Context, Key
from .held import EVENT, OUT, RETURNED, Differ, Held
from .holding_rows import (
    BATCH,
    Stored,
    delete,
    load_checkouts,
    load_events_of,
    store_differences,
    upsert_rows,
)
from .pairing import pair
from .widening import load_sightings, widen_to_unreturned

BEGINNING = -(2**62)


class Touched(NamedTuple):
    """The span of time in which holdings changed; empty where start > end."""

    start: int
    end: int


def derive(
    server: LicenseServer,
    touched: Mapping[Key, int],
    daemons: Mapping[int, str],
    answers: Answers | None = None,
) -> Touched:
    """Rebuild the holdings of these keys from these moments on, and return the span in which
    anything changed, or may have been held otherwise than it is told.

    touched: key to the earliest moment at which one of its facts is new.
    daemons: feature id to daemon, for the keys' features.
    answers: the server's complete answers, where the caller has asked for some before.

    Runs inside the caller's transaction. Queries: a handful for every 2,000 keys.
    """
    start, end = 2**62, BEGINNING
    if not touched:
        return Touched(start, end)
    context = Context(server, answers)
    keys = sorted(touched)
    for index in range(0, len(keys), BATCH):
        changed = _derive_batch(
            {key: touched[key] for key in keys[index : index + BATCH]}, daemons, context
        )
        start, end = min(start, changed.start), max(end, changed.end)
    return Touched(*context.around(start, end))


def compare_again(server: LicenseServer, features: Collection[Feature]) -> None:
    """Look anew at what the log or other answers had out and answers did not show, of features of
    which it turns out that checkouts may share a seat."""
    kinds = Disagreement.Kind.NOT_IN_STATUS, Disagreement.Kind.ANSWERS_DIFFER
    rows = Disagreement.objects.filter(feature__in=features, kind__in=kinds).order_by("-starts")
    columns = ("feature_id", "person_id", "host_id", "seats", number("starts"))
    touched = {Key(*key): starts for *key, starts in rows.values_list(*columns)}
    derive(server, touched, {feature.pk: feature.daemon for feature in features})


def _derive_batch(touched: dict[Key, int], daemons: Mapping[int, str], context: Context) -> Touched:
    widen_to_unreturned(touched)
    sightings = load_sightings(touched, context)
    stored = load_checkouts(touched)
    facts = load_events_of(touched)
    start, end = 2**62, BEGINNING
    upserts: list[tuple[Any, ...]] = []
    gone: list[int] = []
    differences: list[tuple[Key, Differ]] = []
    earlier: dict[Key, int] = {}
    for key, since in touched.items():
        daemon = daemons.get(key.feature, "")
        before = stored.get(key, [])
        contradicted = context.contradicted(key)
        seeds = [
            row.held.taken_at
            for row in before
            if row.held.method == EVENT and row.held.taken_at < since
        ]
        told = facts.get(key, ())
        taken = [*seeds, *(fact.at for fact in told if fact.kind == OUT)]
        paired = pair(
            told,
            already_out=seeds,
            restarts=[restart for restart in context.restarts(daemon) if restart.at >= since],
            set_back=[step for step in context.set_back if step.at >= since],
            seen=sightings.get(key, ()),
            next_poll=partial(context.next_answer, key.feature, shown=bool(sightings.get(key))),
            log_until=partial(context.log_until, daemon),
            next_hole=partial(context.next_hole, daemon),
            stopped=partial(context.stopped, daemon),
            latest=partial(context.latest, daemon) if context.hours_of(daemon) else None,
            known_until=context.misdated(taken)
            | {at: until for at, (_others, until) in contradicted.items()},
            heard_since=partial(context.heard_since, daemon),
            perhaps_lost=context.perhaps_lost(daemon, taken),
        )
        begun = [held.taken_at for held in paired.holdings if held.method == RETURNED]
        if min(begun, default=since) < since:
            # Others of that second may have ended before the time that is made again.
            earlier[key] = min(begun)
            continue
        differences += [
            (key, Differ("logs_differ", at, at, True, None, fewer))
            for at, (others, _until) in contradicted.items()
            for fewer in sorted(others)
            if since <= at and fewer < key.seats
        ]
        new, lost, changed = _difference(key, before, paired.holdings)
        differences += [
            (key, differ)
            for differ in paired.differences
            if differ.missed is None or not context.shares_seat(key, differ.missed)
        ]
        upserts += new
        gone += lost
        start, end = min(start, changed.start), max(end, changed.end)
    delete(gone)
    upsert_rows(upserts)
    if settled := {key: since for key, since in touched.items() if key not in earlier}:
        store_differences(settled, differences)
    if earlier:
        changed = _derive_batch(earlier, daemons, context)
        start, end = min(start, changed.start), max(end, changed.end)
    return Touched(start, end)


def _difference(
    key: Key, before: Sequence[Stored], after: Sequence[Held]
) -> tuple[list[tuple[Any, ...]], list[int], Touched]:
    """Compare what is stored with what holds now: rows to write, rows to delete, and where they
    differ."""
    # Holdings that were out already keep their number: others of their second may have ended before
    # the time that is made again, and are not in `before`.
    free: dict[int, list[int]] = defaultdict(list)
    for row in before:
        free[row.held.taken_at].append(row.ordinal)
    for numbers in free.values():
        numbers.sort(reverse=True)
    following: dict[int, int] = defaultdict(int)
    old = {(row.held.taken_at, row.ordinal): row for row in before}
    start, end = 2**62, BEGINNING
    upserts = []
    for held in after:
        numbers = free[held.taken_at]
        ordinal = numbers.pop() if numbers else following[held.taken_at]
        following[held.taken_at] = max(following[held.taken_at], ordinal + 1)
        stored = old.pop((held.taken_at, ordinal), None)
        if stored is None or stored.held != held:
            upserts.append((*key, ordinal, *held))
            start = min(start, held.taken_at)
            end = max(end, _end(held), _end(stored.held) if stored else BEGINNING)
    for row in old.values():
        start, end = min(start, row.held.taken_at), max(end, _end(row.held))
    return upserts, [row.pk for row in old.values()], Touched(start, end)


def _end(held: Held) -> int:
    """Return the end of the span that a holding can touch; an open one touches everything known
    after it, and one given back in its own second that second."""
    return max(held.returned_at, held.taken_at + 1) if held.returned_at is not None else 2**61


# --- Rows in and out: keys go into the text as the integers that they are, so that one statement
# asks for thousands -------------
