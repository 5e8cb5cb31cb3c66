from __future__ import annotations

import pytest
from django.core import serializers
from django.db import connection

from licenses.models import Checkout
from tests.factories import FeatureFactory, HostFactory, PersonFactory

NINE = 1_773_133_200
# What databases hold: a number never comes to mean another word.
NUMBERS = {
    "state": {"held": 0, "borrowed": 1, "lingering": 2},
    "end_reason": {
        "": 0, "returned": 1, "inactive": 2, "shutdown": 3, "removed": 4, "restart": 5,
        "not_seen": 6, "lost": 7,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_word_of_a_holding_has_the_number_that_it_always_had(name):
    field = Checkout._meta.get_field(name)
    assert field.places == NUMBERS[name]
    assert {value for value, _label in field.choices} <= field.places.keys()


def stored(**words):
    return Checkout.objects.create(
        feature=FeatureFactory(), person=PersonFactory(), host=HostFactory(), seats=1,
        taken_at=NINE, method=Checkout.Method.EVENT, **words,
    )  # fmt: skip


@pytest.mark.django_db
def test_words_are_numbers_in_the_database_and_words_everywhere_else():
    row = stored(state="borrowed", end_reason=Checkout.EndReason.LOST)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, end_reason FROM licenses_checkout")
        assert cursor.fetchall() == [(1, 7)]
    row.refresh_from_db()
    assert (row.state, row.end_reason, row.get_end_reason_display()) == (
        "borrowed", "lost", "not known (the log has a hole)",
    )  # fmt: skip
    assert Checkout.objects.filter(end_reason__in=["returned", "lost"], state="borrowed").exists()
    assert not Checkout.objects.exclude(end_reason="lost").exists()
    assert list(Checkout.objects.values_list("state", "end_reason")) == [("borrowed", "lost")]
    Checkout.objects.update(end_reason="")
    text = serializers.serialize("json", Checkout.objects.all())
    (again,) = serializers.deserialize("json", text)
    assert (again.object.state, again.object.end_reason) == ("borrowed", "")


@pytest.mark.django_db
def test_a_word_that_has_no_number_is_neither_stored_nor_looked_for():
    with pytest.raises(ValueError, match="expected one of"):
        stored(state="lent")
    with pytest.raises(ValueError, match="expected one of"):
        Checkout.objects.filter(end_reason="vanished")


@pytest.mark.django_db
def test_a_list_asked_for_an_unknown_word_answers_as_for_any_wrong_filter(admin_client):
    asked = "/admin/licenses/checkout/?{}__exact=vanished"
    answers = [admin_client.get(asked.format(name)) for name in ("method", "end_reason")]
    assert [(answer.status_code, answer.get("Location")) for answer in answers] == [
        (302, "/admin/licenses/checkout/?e=1")
    ] * 2
