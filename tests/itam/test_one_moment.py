"""Reads that belong together see one moment of the database."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import DatabaseError, connection, transaction

from itam.one_moment import one_moment
from licenses.models import Vendor

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(work: Callable[[], object]) -> None:
    """Do something in a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def test_what_others_write_meanwhile_is_not_seen():
    Vendor.objects.create(name="Quillstone")
    with one_moment():
        assert Vendor.objects.count() == 1
        elsewhere(lambda: Vendor.objects.create(name="Meridian"))
        assert Vendor.objects.count() == 1
    assert Vendor.objects.count() == 2


def test_it_is_over_after_an_error_too():
    with pytest.raises(ZeroDivisionError), one_moment():
        Vendor.objects.count()
        raise ZeroDivisionError
    Vendor.objects.create(name="Quillstone")
    elsewhere(lambda: Vendor.objects.create(name="Meridian"))
    assert Vendor.objects.count() == 2


def test_nothing_is_written_in_it():
    with pytest.raises(DatabaseError), one_moment(), transaction.atomic():
        Vendor.objects.create(name="Quillstone")
    assert not Vendor.objects.exists()


def test_inside_a_transaction_what_it_wrote_is_read():
    with transaction.atomic():
        Vendor.objects.create(name="Quillstone")
        with one_moment():
            assert Vendor.objects.count() == 1
    assert Vendor.objects.count() == 1
