"""Several workers that serve one list at once tell each person once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections

from licenses.access import waitlist
from licenses.models import Notification, PoolNow, WaitlistEntry
from tests.factories import FeatureFactory, PoolFactory, ServerFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
WORKERS, FREE, WAITING = 4, 3, 8


def test_four_workers_at_once_offer_each_free_seat_once() -> None:
    pool = PoolFactory()
    FeatureFactory(pool=pool, server=ServerFactory(polling="tool", address="27000@lic"))
    PoolNow.objects.create(pool=pool, at=int(NOW.timestamp()), in_use=9, limit=9, source="polls")
    group = Group.objects.get_or_create(name="licence user")[0]
    for number in range(WAITING):
        user = User.objects.create_user(f"user{number}", f"user{number}@company.example")
        user.groups.add(group)
        waitlist.join(user, pool, NOW)
    PoolNow.objects.update(in_use=9 - FREE)
    start = threading.Barrier(WORKERS)
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            start.wait(timeout=10)
            waitlist.serve(NOW + timedelta(minutes=1))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=serve) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert failures == []
    told = Notification.objects.order_by("pk").values_list("recipient", flat=True)
    assert list(told) == [f"user{number}@company.example" for number in range(FREE)]
    offered = WaitlistEntry.objects.filter(state="offered").order_by("pk")
    assert list(offered.values_list("seat", flat=True)) == [1, 2, 3]
