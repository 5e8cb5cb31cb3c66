"""A report is made of one state of the data, in which all is that was recorded until then."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from licenses.evidence import entries
from reports import delivery
from reports.documents import KINDS
from tests.factories import PersonFactory, refusal
from tests.reports.conftest import END, START

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def made(world, name: str) -> delivery.Made:
    return delivery.render(name, [world.pool], START, END, ZoneInfo("UTC"), NOW)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_report_is_read_without_writing_a_thing(world, name):
    assert made(world, name).paper == made(world, name).paper


def test_who_has_taken_the_time_of_recording_is_waited_for(world):
    feature = world.pool.mappings.first().feature
    person = PersonFactory()
    stream = entries.server_stream(feature.server)
    taken, told = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                entries.append(stream, [entries.draft("note", START, {})], source="test")
                taken.set()
                told.wait(timeout=1)  # in vain: the report waits, and does not say so
                refusal(feature, START + 3600, person)
        finally:
            connection.close()

    without = made(world, "compliance").paper
    writer = threading.Thread(target=write)
    writer.start()
    assert taken.wait(timeout=30)
    with_it = made(world, "compliance").paper
    told.set()
    writer.join()
    assert with_it != without
    assert made(world, "compliance").paper == with_it
