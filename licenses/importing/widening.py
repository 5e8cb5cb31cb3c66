"""From when on holdings are made again, and the status rows that reach into that time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from licenses.analysis.rows import values
from licenses.models import Capture
from licenses.sources.clock import told_again

from . import disputes
from .answers import Answers
from .context import Context, Key
from .held import EVENT, LATE_RETURN, Seen, SetBack
from .holding_rows import END_REASON, JOIN, MINE, key_table, rows


def load_sightings(touched: dict[Key, int], context: Context) -> dict[Key, list[Seen]]:
    """Return the status rows that reach into the time to be made again, and widen that time so that
    each lies in it whole, as does all that the log's clock told twice."""
    answers = context.answers
    missed = _missed(answers, {key.feature for key in touched})
    shown_by, gone_by, *lacking_by = (
        _latest(answers, f"r.{each}")
        for each in ("first_seen", "gone_at", "disputed_from", "disputed_to")
    )
    while True:
        _widen_to_steps(touched, context)
        found: dict[Key, list[Seen]] = defaultdict(list)
        sql = (
            key_table(touched)
            + "SELECT k.feature, k.person, k.host, k.seats, r.id, r.started_at, r.first_seen, "
            f"r.last_seen, {gone_by}, r.state, {missed}, {shown_by}, "
            f"r.disputed_from, r.disputed_to, {', '.join(lacking_by)}, r.row_key "
            f"FROM k JOIN licenses_sighting{JOIN}"
            # Two minutes: a row belongs to an OUT of its minute or the one before. The rest are
            # those that a holding which reaches into the time goes with, and those that print a
            # time to come.
            "AND (r.gone_at IS NULL OR r.gone_at >= k.since - 120 "
            "OR r.started_at >= k.since - 120 OR EXISTS (SELECT 1 "
            "FROM licenses_checkout AS c WHERE c.feature_id = k.feature "
            "AND c.person_id = k.person AND c.host_id = k.host AND c.sighting_id = r.id "
            "AND (c.returned_at IS NULL OR c.returned_at >= k.since)))"
        )
        widened = False
        for row in rows(sql):
            key, seen = Key(*row[:4]), _seen(context.server.tzinfo, *row[4:-5])
            newest = answers.newest(key.feature) if seen.gone_at is None else None
            if newest is not None and newest > seen.last_seen:
                seen = seen._replace(last_seen=newest)
            start, end, start_by, end_by, name = row[-5:]
            lacking = None if start is None else ((start, start_by), (end, end_by))
            seen = disputes.settled(answers, key.feature, seen._replace(name=name), lacking)
            found[key].append(seen)
            # The minute before: a status that rounds up belongs to an OUT of the minute before.
            if seen.started_at - 60 < touched[key]:
                touched[key] = seen.started_at - 60
                widened = True
        if not widened:
            return found


def _latest(answers: Answers, at: str) -> str:
    """Return what says in SQL when an answer was given at the latest: many print a minute alone."""
    if not answers.by_minute:
        return at
    return (
        f"COALESCE((SELECT MAX(a.ends) FROM licenses_capture AS a WHERE a.server_id = "
        f"{answers.server.pk} AND a.kind = '{Capture.Kind.STATUS}' AND a.starts = {at}), {at})"
    )


def _missed(answers: Answers, features: Iterable[int]) -> str:
    """Return what says in SQL when the last complete answer before a row's first was given, where
    that may lie after its start."""
    told = [(feature, scope) for feature in features for scope in answers.scopes_of(feature)]
    if not told:
        return "NULL"
    return (
        "CASE WHEN r.first_seen - r.started_at > 60 "
        "THEN (SELECT a.starts FROM licenses_capture AS a "
        f"WHERE a.server_id = {answers.server.pk} AND a.kind = '{Capture.Kind.STATUS}' "
        "AND a.starts < r.first_seen AND (r.feature_id, a.scope_id) IN "
        f"(VALUES {values(told)}) ORDER BY a.starts DESC LIMIT 1) END"
    )


def _seen(
    zone: tzinfo,
    pk: int,
    started: int | None,
    first: int,
    last: int,
    gone: int | None,
    state: str,
    missed: int | None,
    shown_by: int,
) -> Seen:
    # A start that cannot be read, or that lies after the answer, is bounded by the first answer.
    start = first if started is None else min(started, first)
    again = None if started is None else told_again(started, zone)
    return Seen(pk, start, first, last, gone, state, missed, started, again, shown_by)


def _widen_to_steps(touched: dict[Key, int], context: Context) -> None:
    """Begin before a time that the log's clock told twice, not within; and before one whose INs and
    OUTs may have to be told apart anew, now that more is known of what followed."""
    while True:
        for start, until in reversed(context.told_twice):
            for key, since in touched.items():
                if start < since <= until:
                    touched[key] = start
        found = _in_doubt(touched, context.set_back, context.restart_moments)
        if not found:
            return
        touched.update(found)


def _in_doubt(
    touched: Mapping[Key, int], steps: Sequence[SetBack], restarts: Sequence[int]
) -> dict[Key, int]:
    """Return the earliest step that bears on what each key's new facts may change, where it has an
    IN that a step explained, or might have, or an OUT that a restart told twice may have lost."""
    first, last = min(touched.values(), default=0), max(touched.values(), default=0)
    near = [step for step in steps if step.at < last and step.until + LATE_RETURN >= first]
    if not near:
        return {}
    told = values((step.at, step.until, _last_within(restarts, step)) for step in near)
    sql = (
        f"{key_table(touched)}, s(starts, until, restart) AS (VALUES {told}) "
        "SELECT k.feature, k.person, k.host, k.seats, MIN(s.starts) FROM k JOIN s "
        f"ON s.starts < k.since AND s.until + {LATE_RETURN} >= k.since "
        f"WHERE EXISTS (SELECT 1 FROM licenses_disagreement AS r WHERE {MINE} "
        "AND r.kind = 'return_alone' AND r.starts >= s.starts AND r.starts < s.until) "
        f"OR EXISTS (SELECT 1 FROM licenses_checkout AS r WHERE {MINE} AND r.method = {EVENT} "
        "AND (r.taken_at = s.starts AND r.returned_after < r.returned_at "
        "OR r.taken_at >= s.starts AND r.taken_at < s.restart)) GROUP BY 1, 2, 3, 4"
    )
    return {Key(*row[:4]): row[4] for row in rows(sql)}


def _last_within(restarts: Sequence[int], step: SetBack) -> int:
    """Return the last restart of the time that a step tells twice; its beginning if there is
    none."""
    index = bisect_right(restarts, step.until) - 1
    return max(restarts[index], step.at) if index >= 0 else step.at


def widen_to_unreturned(touched: dict[Key, int]) -> None:
    """Begin at the first holding that polls ended and that an IN may still return."""
    sql = (
        key_table(touched)
        + "SELECT k.feature, k.person, k.host, k.seats, MIN(r.taken_at) "
        + f"FROM k JOIN licenses_checkout{JOIN}"
        + f"AND r.method = {EVENT} AND r.end_reason = {END_REASON.places['not_seen']} "
        + "AND r.returned_at < k.since "
        + f"AND r.taken_at >= k.since - {LATE_RETURN} GROUP BY 1, 2, 3, 4"
    )
    for *key, taken in list(rows(sql)):
        touched[Key(*key)] = taken
