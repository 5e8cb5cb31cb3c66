"""Store what a log says of checkouts once: the same text again adds nothing."""

from __future__ import annotations

import numpy as np
from django.db import connection

from licenses.analysis.events import Events, load_events, open_blocks, packed
from licenses.analysis.rows import numbered
from licenses.concurrency.intervals import Flags
from licenses.models import EventBlock

from .movements import Movements

FEW = 64
"""Rows of a feature from which on they are a block of their own; fewer go to its newest one."""
JOINED = 500
"""Rows up to which a block takes in more: what is written again for a few rows has an end."""
FULL = 1000
"""Rows of the largest block. What is read of a feature is more than is asked for by less than two
blocks and what came late."""


def store_new(rows: Movements) -> Flags:
    """Store the rows that are not stored yet, and tell which those are.

    Runs in the transaction that holds the server's lock, as nothing else keeps a row from being
    stored twice. Queries: one, two more where something is new, one more for features with few.
    """
    who = (rows.feature, rows.person, rows.host, rows.seats)
    found = Events(rows.reasons, *who, rows.at, rows.kind, rows.ordinal, rows.reason)
    features, firsts = np.unique(rows.feature, return_index=True)
    earliest = np.minimum.reduceat(rows.at, firsts)
    since = dict(zip(features.tolist(), earliest.tolist(), strict=True))
    new = ~_among(found, load_events(since, int(rows.at.max())))
    _append(found.only(new))
    return new


def _among(asked: Events, known: Events) -> Flags:
    """Tell which rows are among others."""
    count = len(asked)
    if not len(known):
        return np.zeros(count, dtype=np.bool_)
    both = [np.append(mine, its) for mine, its in zip(asked.identity, known.identity, strict=True)]
    code, _ = numbered(*both)
    return np.isin(code[:count], code[count:])


def _append(events: Events) -> None:
    """Write rows that stand in the order of their features."""
    if not len(events):
        return
    features, counts = np.unique(events.feature, return_counts=True)
    doomed, known = open_blocks(features[counts < FEW].tolist(), JOINED)
    if doomed:
        events = known.joined(events)
        events = events.only(np.argsort(events.feature, kind="stable"))
        EventBlock.objects.filter(pk__in=doomed).delete()
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO licenses_eventblock (feature_id, starts, ends, count, reasons, rows) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            list(packed(events, FULL)),
        )
