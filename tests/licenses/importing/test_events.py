"""Events are stored once, however they come, and are read back as they were told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licenses.analysis.events import load_events, newest_event
from licenses.importing import events as storing
from licenses.importing.events import store_new
from licenses.importing.movements import Movements
from licenses.models import EventBlock
from tests.factories import FeatureFactory, HostFactory, PersonFactory

from .told import events_told

pytestmark = pytest.mark.django_db

Row = tuple[int, int, int, int, int, int, int, str]
"""Feature, person, host, seats, moment, kind, ordinal, reason."""


def moved(rows: Sequence[Row]) -> tuple[Movements, list[Row]]:
    """Return rows as an import has them, and in its order."""
    rows = sorted(rows, key=lambda row: (row[:4], row[4:7]))
    reasons = ["", *dict.fromkeys(row[7] for row in rows if row[7])]
    table = np.array([row[:7] for row in rows], dtype=np.int64).reshape(-1, 7).T
    feature, person, host, seats, at, kind, ordinal = table
    keys, key = np.unique(table[:4], axis=1, return_inverse=True)
    return Movements(
        feature=feature,
        person=person,
        host=host,
        seats=seats,
        at=at,
        kind=kind,
        reason=np.array([reasons.index(row[7]) for row in rows], dtype=np.int64),
        reasons=reasons,
        keys=keys,
        key=key.reshape(-1),
        ordinal=ordinal,
    ), rows


def stored() -> list[Row]:
    """Return what is stored, by ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, id FROM licenses_feature")
        features = dict(cursor.fetchall())
        cursor.execute("SELECT pseudonym, id FROM licenses_person")
        people = dict(cursor.fetchall())
        cursor.execute("SELECT pseudonym, id FROM licenses_host")
        hosts = dict(cursor.fetchall())
    return sorted(
        (
            *(features[row.feature], people[row.person], hosts[row.host], row.seats),
            *(row.at, row.kind, row.ordinal, row.reason),
        )
        for row in events_told()
    )


@pytest.fixture
def ids() -> tuple[list[int], list[int], list[int]]:
    return (
        [FeatureFactory().pk for _ in range(3)],
        [PersonFactory().pk for _ in range(3)],
        [HostFactory().pk for _ in range(2)],
    )


ROWS = st.lists(
    st.tuples(
        *(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.sampled_from([1, 2])),
        *(st.integers(0, 40), st.sampled_from([1, 2]), st.integers(0, 1)),
    ),
    max_size=30,
    unique=True,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(ROWS, max_size=6), start=st.integers(-5, 45), until=st.integers(-5, 45))
def test_what_is_stored_is_what_was_told_once(
    ids: tuple[list[int], list[int], list[int]],
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[tuple[int, ...]]],
    start: int,
    until: int,
) -> None:
    for name, most in {"FEW": 4, "JOINED": 6, "FULL": 9}.items():
        monkeypatch.setattr(storing, name, most)
    EventBlock.objects.all().delete()
    features, people, hosts = ids
    known: set[Row] = set()
    for batch in batches:
        told = [
            (
                *(features[row[0]], people[row[1]], hosts[row[2]], *row[3:]),
                f"WORD{row[4] % 3}" if row[4] % 3 else "",
            )
            for row in batch
        ]
        if not told:
            continue
        rows, ordered = moved(told)
        assert store_new(rows).tolist() == [row not in known for row in ordered]
        known |= set(ordered)
    assert stored() == sorted(known)
    assert EventBlock.objects.filter(count__gt=9).count() == 0
    since = {feature: start + place for place, feature in enumerate(features)}
    found = load_events(since, until)
    columns = (*found.columns[:-1], found.reason)
    assert sorted(
        (*row[:7], found.reasons[row[7]])
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ) == sorted(row for row in known if since[row[0]] <= row[4] <= until)
    newest = max((row[4] for row in known), default=None)
    assert newest_event(features) == newest


def test_a_log_read_line_by_line_leaves_few_blocks(
    ids: tuple[list[int], list[int], list[int]],
) -> None:
    (feature, *_), (person, *_), (host, *_) = ids
    for at in range(1200):
        store_new(moved([(feature, person, host, 1, at, 1 + at % 2, 0, "")])[0])
    counts = list(EventBlock.objects.order_by("pk").values_list("count", flat=True))
    assert (len(counts), sum(counts)) == (3, 1200)


def test_more_words_than_a_byte_counts_are_kept_apart(
    ids: tuple[list[int], list[int], list[int]],
) -> None:
    (feature, *_), (person, *_), (host, *_) = ids
    told: list[Row] = [(feature, person, host, 1, at, 2, 0, f"W{at}") for at in range(900)]
    store_new(moved(told)[0])
    assert stored() == sorted(told)


def test_seats_ids_and_moments_at_their_ends_are_kept(
    ids: tuple[list[int], list[int], list[int]],
) -> None:
    (feature, *_), (person, *_), (host, *_) = ids
    told: list[Row] = [
        (feature, person, host, 999_999_999, -86_400, 1, 0, ""),
        (feature, person, host, 1, 7_258_118_400, 2, 70_000, "X" * 20),
    ]
    store_new(moved(told)[0])
    assert stored() == sorted(told)
