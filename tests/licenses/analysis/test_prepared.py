"""Queries whose text is made once say what they would say if it were made each time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.models import Coverage, DirtySpan, LicenseServer, PollState
from tests.factories import PoolFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def pools() -> list[int]:
    ids = [PoolFactory().pk for _ in range(3)]
    DirtySpan.objects.bulk_create(
        DirtySpan(pool_id=pool, starts=at, ends=at + 60) for pool in ids for at in (100, 200, 300)
    )
    return ids


def asked(pool_ids: list[int], start: int) -> Asked:
    rows = DirtySpan.objects.filter(pool__among=pool_ids, starts__gte=start)
    return rows.order_by("pk"), ("pool_id", number("starts"))


@pytest.mark.parametrize(("chosen", "start"), [(3, 200), (1, 300), (0, 0), (2, 400)])
def test_one_text_serves_all_values(pools, chosen, start):
    prepared = Prepared(asked)
    prepared.rows(pools[:2], 100)
    queryset, names = asked(pools[:chosen], start)
    expected = list(queryset.values_list(*names))
    assert prepared.rows(pools[:chosen], start) == expected
    assert list(prepared.each(pools[:chosen], start)) == expected
    columns = prepared.columns(dict.fromkeys(pools[:chosen]), start)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


def test_only_the_asked_rows_are_deleted(pools):
    prepared = Prepared(asked)
    prepared.delete(pools[:1], 300)
    prepared.delete({pools[1]}, 200)
    left = DirtySpan.objects.order_by("pk").values_list("pool_id", number("starts"))
    assert list(left) == [
        *((pools[0], at) for at in (100, 200)),
        (pools[1], 100),
        *((pools[2], at) for at in (100, 200, 300)),
    ]


def test_a_query_that_leaves_out_a_value_is_refused(pools):
    prepared = Prepared(lambda pool_ids, start: (DirtySpan.objects.filter(starts=start), ["pk"]))
    with pytest.raises(ValueError, match="does not stand in its text"):
        prepared.rows(pools, 100)


def test_each_asking_is_one_query(pools):
    with CaptureQueriesContext(connection) as queries:
        Prepared(asked).columns(pools, 0)
    assert len(queries) == 1


def test_rows_are_counted_as_many_as_there_are(pools):
    prepared = Prepared(asked)
    assert prepared.count(pools, 0) == len(prepared.rows(pools, 0)) > 0
    assert prepared.count([], 0) == 0


def test_objects_are_those_of_the_model(pools):
    server = LicenseServer.objects.create(name="berlin", zone="UTC")
    PollState.objects.create(
        server=server,
        due_at=datetime(2026, 3, 2, 7, 30, 1, 5, UTC),
        last_parsed_at=datetime(2026, 3, 2, tzinfo=UTC),
        lease=uuid.UUID(int=7),
        told={"acmed": 5},
        line_digest=b"\0\xff",
    )
    prepared = Prepared(lambda server: (PollState.objects.filter(server=server), ()))
    assert prepared.objects(0) == []
    assert prepared.first(0) is None
    assert prepared.first(server.pk) == PollState.objects.get()
    (found,) = prepared.objects(server.pk)
    wanted = PollState.objects.get()
    for field in PollState._meta.concrete_fields:
        value = getattr(found, field.attname)
        assert _typed(value) == _typed(getattr(wanted, field.attname)), field
    found.failures = 3
    found.save()
    assert PollState.objects.get().failures == 3


def _typed(value):
    return type(value), value


def test_texts_are_asked_as_they_are(pools):
    server = LicenseServer.objects.create(name="berlin", zone="UTC")
    for daemon in ("", "acmed", "x'%s"):
        Coverage.objects.create(server=server, daemon=daemon, source="log", starts=1, ends=2)

    def of_source(daemon: str, source: str) -> Asked:
        return Coverage.objects.filter(daemon=daemon, source=source), ("daemon",)

    prepared = Prepared(of_source)
    assert prepared.rows("acmed", Coverage.Source.POLLS) == []
    for daemon in ("", "acmed", "x'%s"):
        assert prepared.rows(daemon, Coverage.Source.LOG) == [(daemon,)]


def test_only_the_asked_rows_are_updated(pools):
    def ended(pool_ids: list[int], start: int, end: int) -> Asked:
        return DirtySpan.objects.filter(pool__among=pool_ids, starts=start), {"ends": end}

    prepared = Prepared(ended)
    prepared.update(pools[:1], 100, 700)
    prepared.update(pools[1:], 300, 800)
    longer = DirtySpan.objects.filter(ends__gt=500).order_by("pk")
    assert list(longer.values_list("pool_id", number("starts"), number("ends"))) == [
        (pools[0], 100, 700),
        (pools[1], 300, 800),
        (pools[2], 300, 800),
    ]
