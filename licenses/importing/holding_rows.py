"""The rows that holdings are made from, and those that they are stored in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from django.db import connection

from licenses.analysis.events import load_events
from licenses.analysis.rows import NONE, Coded, Column, insert, numbered, values
from licenses.concurrency.intervals import Ints
from licenses.models import Checkout, Disagreement
from licenses.models.fields import WordField

from .context import Key
from .coverage import moment
from .held import Differ, Fact, Held

BATCH = 2000
STATE, END_REASON = (
    cast(WordField, Checkout._meta.get_field(name)) for name in ("state", "end_reason")
)


class Stored(NamedTuple):
    pk: int
    ordinal: int
    held: Held


def key_table(touched: Mapping[Key, int]) -> str:
    rows = values((*key, since) for key, since in touched.items())
    return f"WITH k(feature, person, host, seats, since) AS (VALUES {rows}) "


MINE = (
    "r.feature_id = k.feature AND r.person_id = k.person "
    "AND r.host_id = k.host AND r.seats = k.seats "
)
JOIN = f" AS r ON {MINE}"


def rows(sql: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        yield from cursor.fetchall()


def load_checkouts(touched: Mapping[Key, int]) -> dict[Key, list[Stored]]:
    found: dict[Key, list[Stored]] = defaultdict(list)
    sql = (
        key_table(touched)
        + "SELECT k.feature, k.person, k.host, k.seats, r.id, r.ordinal, r.taken_at, "
        "r.taken_within, r.returned_after, r.returned_at, r.method, r.state, r.end_reason, "
        "r.sighting_id "
        f"FROM k JOIN licenses_checkout{JOIN}AND (r.returned_at IS NULL OR r.returned_at >= "
        f"k.since)"
    )
    for *key, pk, ordinal, taken, within, after, back, method, state, reason, seen in rows(sql):
        words = STATE.words[state], END_REASON.words[reason]
        held = Held(taken, taken + within, after, back, method, *words, seen)
        found[Key(*key)].append(Stored(pk, ordinal, held))
    return found


def load_events_of(touched: Mapping[Key, int]) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = defaultdict(list)
    since: dict[int, int] = {}
    for key, earliest in touched.items():
        since[key.feature] = min(earliest, since.get(key.feature, earliest))
    events = load_events(since)
    if not len(events):
        return found
    keys, moments = list(touched), np.array(list(touched.values()), dtype=np.int64)
    asked = np.array(keys, dtype=np.int64).T
    code, _ = numbered(*(np.append(*both) for both in zip(asked, events.identity[:4], strict=True)))
    place = np.full(len(code), -1, dtype=np.int64)
    place[code[: len(keys)]] = np.arange(len(keys))
    mine = place[code[len(keys) :]]
    events, mine = events.only(mine >= 0), mine[mine >= 0]
    asked_for = events.at >= moments[mine]
    events, mine = events.only(asked_for), mine[asked_for]
    columns = (mine, events.at, events.kind, events.reason)
    for key, at, kind, reason in zip(*(column.tolist() for column in columns), strict=True):
        found[keys[key]].append(Fact(at, kind, events.reasons[reason]))
    return found


_COLUMNS = (
    *("feature_id", "person_id", "host_id", "seats", "ordinal", "taken_at", "taken_within"),
    *("returned_after", "returned_at", "method", "state", "end_reason", "sighting_id"),
)
_UPSERT = (
    "ON CONFLICT (feature_id, taken_at, person_id, host_id, seats, ordinal) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[6:])
)


def upsert_rows(rows: Sequence[tuple[Any, ...]]) -> None:
    """Write holdings, each the columns of a key, ordinal, and those of `Held`."""
    if rows:
        upsert(
            [
                Coded.of(column)
                if isinstance(column[0], str)
                else np.array([NONE if each is None else each for each in column], dtype=np.int64)
                for column in zip(*rows, strict=True)
            ]
        )


def upsert(table: Sequence[Column]) -> None:
    """Write holdings: a column for each of a key, of ordinal, and of `Held`; NONE is None, and the
    columns of words are `Coded`."""
    # In key order: nearly twice as fast on SQLite as in order of arrival, and PostgreSQL's
    # index stays small.
    *key, taken_by, after, returned_at, method, state, reason, sighting = cast(list[Any], table)
    feature, person, host, seats, ordinal, taken_at = key
    order = np.lexsort((ordinal, seats, host, person, taken_at, feature))
    words = [_places(STATE, state), _places(END_REASON, reason)]
    stored = [*key, taken_by - taken_at, after, returned_at, method, *words, sighting]
    insert(Checkout, _COLUMNS, [column[order] for column in stored], otherwise=_UPSERT)
    _raise_longest(feature[order], taken_at[order], returned_at[order])


def _places(field: WordField, column: Coded) -> Ints:
    """Return a column of words as the database holds it."""
    places = [field.get_prep_value(word) for word in column.values]
    return np.array(places, dtype=np.int64)[column.code]


def _raise_longest(feature: Ints, taken_at: Ints, returned_at: Ints) -> None:
    """Keep the bound by which readers know how far back a holding can begin.

    feature:  in order.  returned_at:  NONE while a holding is out.
    """
    features, first = np.unique(feature, return_index=True)
    held = np.where(returned_at == NONE, 0, returned_at - taken_at)
    if not len(first):
        return
    longest = zip(features.tolist(), np.maximum.reduceat(held, first).tolist(), strict=True)
    table = values(longest)
    raised = list(
        rows(
            f"WITH k(feature, held) AS (VALUES {table}) SELECT k.held, k.feature FROM k "
            "JOIN licenses_feature AS r ON r.id = k.feature AND r.max_duration < k.held"
        )
    )
    if raised:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE licenses_feature SET max_duration = %s WHERE id = %s", raised
            )


def delete(ids: Iterable[int]) -> None:
    doomed = list(ids)
    for index in range(0, len(doomed), BATCH):
        Checkout.objects.filter(pk__in=doomed[index : index + BATCH]).delete()


def store_differences(touched: Mapping[Key, int], found: list[tuple[Key, Differ]]) -> None:
    """Put what the sources disagree on in the place of what was stored for the time made again."""
    if not Disagreement.objects.exists() and not found:
        return
    sql = (
        key_table(touched) + f"SELECT r.id FROM k JOIN licenses_disagreement{JOIN}"
        "AND (r.ends IS NULL OR r.ends >= k.since)"
    )
    doomed = [pk for (pk,) in rows(sql)]
    for index in range(0, len(doomed), BATCH):
        Disagreement.objects.filter(pk__in=doomed[index : index + BATCH]).delete()
    Disagreement.objects.bulk_create(
        Disagreement(
            feature_id=key.feature,
            person_id=key.person,
            host_id=key.host,
            seats=key.seats,
            kind=differ.kind,
            starts=moment(differ.starts),
            ends=None if differ.ends is None else moment(differ.ends),
            seats_logged=key.seats if differ.logged else 0,
            seats_shown=_shown(key, differ),
        )
        for key, differ in found
    )


def _shown(key: Key, differ: Differ) -> int | None:
    """Return the seats that the other source tells of; None where none was asked."""
    if differ.shown is None:
        return differ.others
    return key.seats if differ.shown else 0
