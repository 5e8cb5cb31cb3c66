"""Names are told as the mode of the installation says, and after a reveal by two people."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from licenses.evidence import entries, reveals
from licenses.models import Host, NameReveal, pseudonym, revealed_people, sees_names
from tests.factories import PersonFactory, PoolFactory

pytestmark = pytest.mark.django_db
REASON = "A vendor's audit asks who used the pool."


def manager(name: str) -> User:
    user = User.objects.create(username=name)
    user.groups.add(Group.objects.get(name="manager"))
    return user


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


@pytest.fixture
def mara() -> User:
    return manager("mara")


@pytest.fixture
def otto() -> User:
    return manager("otto")


@pytest.fixture(autouse=True)
def pseudonymous(settings: Any) -> None:
    settings.ITAM_NAMES = "pseudonymous"


def test_a_permission_alone_shows_no_name(mara: User) -> None:
    assert not sees_names(mara)
    assert not sees_names(User.objects.create(username="root", is_superuser=True))


def test_a_permission_suffices_in_the_named_mode_alone(mara: User, settings: Any) -> None:
    settings.ITAM_NAMES = "named"
    assert sees_names(mara)
    settings.ITAM_NAMES = "off"
    assert not sees_names(mara)


@pytest.mark.parametrize("reason", ["12345678901234", "2026-11-29 10:00", "\u0663" * 12])
def test_digits_alone_are_no_reason_to_see_names(mara: User, reason: str) -> None:
    with pytest.raises(ValidationError, match="works council"):
        reveals.ask(mara, reason)
    assert reveals.ask(mara, f"{reason} is the ticket")


def test_a_reveal_shows_what_was_asked_for_and_to_whom_who_asked(mara: User, otto: User) -> None:
    person, pool = PersonFactory(), PoolFactory()
    one = reveals.ask(mara, REASON, person=person)
    reveals.decide(one.pk, otto, granted=True)
    assert sees_names(fresh(mara), person=person.pk)
    assert revealed_people(fresh(mara)) == {person.pk}
    assert not sees_names(fresh(mara))
    assert not sees_names(fresh(mara), person=person.pk + 1)
    assert not sees_names(fresh(mara), pool=pool.pk)
    assert not sees_names(fresh(otto), person=person.pk)
    reveals.decide(reveals.ask(mara, REASON, pool=pool).pk, otto, granted=True)
    assert sees_names(fresh(mara), pool=pool.pk)
    assert not sees_names(fresh(mara))
    reveals.decide(reveals.ask(mara, REASON).pk, otto, granted=True)
    assert sees_names(fresh(mara))


def test_what_waits_and_what_was_refused_shows_nothing(mara: User, otto: User) -> None:
    asked = reveals.ask(mara, REASON)
    assert not sees_names(fresh(mara))
    reveals.decide(asked.pk, otto, granted=False)
    assert not sees_names(fresh(mara))


def test_a_reveal_ends_by_itself(mara: User, otto: User, settings: Any, time_machine: Any) -> None:
    settings.ITAM_REVEAL_HOURS = 8
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    reveals.decide(reveals.ask(mara, REASON).pk, otto, granted=True)
    time_machine.move_to(start + timedelta(hours=8, seconds=-1), tick=False)
    assert sees_names(fresh(mara))
    time_machine.move_to(start + timedelta(hours=8), tick=False)
    assert not sees_names(fresh(mara))


def test_nobody_approves_what_they_asked_for(mara: User) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    for user in (mara, root):
        asked = reveals.ask(user, REASON)
        with pytest.raises(ValidationError, match="Somebody else"):
            reveals.decide(asked.pk, user, granted=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            NameReveal.objects.filter(pk=asked.pk).update(
                granted=True, decided_by=user, valid_until=timezone.now()
            )


def test_only_who_may_approve_does(mara: User) -> None:
    asked = reveals.ask(mara, REASON)
    anton = User.objects.create(username="anton")
    with pytest.raises(ValidationError, match="may not approve"):
        reveals.decide(asked.pk, anton, granted=True)
    anton.user_permissions.add(Permission.objects.get(codename="approve_reveal"))
    assert reveals.decide(asked.pk, fresh(anton), granted=True).granted
    with pytest.raises(ValidationError, match="already"):
        reveals.decide(asked.pk, fresh(anton), granted=False)


def test_asking_needs_a_reason_and_the_permission(mara: User) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        reveals.ask(mara, "  because ")
    with pytest.raises(ValidationError, match="may not see names"):
        reveals.ask(User.objects.create(username="anton"), REASON)


def test_an_installation_without_people_has_no_names_to_ask_for(mara: User, settings: Any) -> None:
    settings.ITAM_NAMES = "off"
    with pytest.raises(ValidationError, match="counts only"):
        reveals.ask(mara, REASON)


def test_each_step_leaves_an_entry_without_the_name(mara: User, otto: User) -> None:
    person = PersonFactory(login="canary")
    reveals.decide(reveals.ask(mara, REASON, person=person).pk, otto, granted=True)
    written = [row for row in entries.entries("installation") if row["kind"] == "reveal"]
    assert [row["body"]["step"] for row in written] == ["asked", "granted"]
    assert [row["body"]["who"] for row in written] == ["mara", "otto"]
    assert {row["body"]["person"] for row in written} == {pseudonym("person", "canary")}
    assert "canary" not in str(written)


def test_people_look_alike_where_nobody_is_told_apart(settings: Any) -> None:
    people = PersonFactory.create_batch(2)
    host = Host(pseudonym="ab" * 16)
    assert len({person.label for person in people}) == 2 and host.label == "H-abababab"
    settings.ITAM_NAMES = "off"
    assert {person.label for person in people} == {"somebody"} and host.label == "a machine"


def test_the_months_list_says_who_asked_for_what_and_why(
    mara: User, otto: User, time_machine: Any
) -> None:
    time_machine.move_to(datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC), tick=False)
    pool = PoolFactory(name="CAD")
    asked = reveals.ask(mara, REASON, pool=pool)
    time_machine.move_to(datetime(2026, 10, 1, 0, 0, 0, tzinfo=UTC), tick=False)
    reveals.decide(asked.pk, otto, granted=True)
    reveals.ask(otto, REASON)
    found = reveals.month(date(2026, 9, 1), UTC)
    assert [(row.who, row.what, row.decision, row.decided_by) for row in found.requests] == [
        ("mara", "names in pool CAD", "granted", "otto")
    ]
    assert found.requests[0].reason == REASON
    later = reveals.month(date(2026, 10, 1), UTC)
    assert [(row.who, row.decision) for row in later.requests] == [("otto", "waiting")]


def test_the_command_prints_the_list_of_a_month(mara: User, time_machine: Any) -> None:
    time_machine.move_to(datetime(2026, 9, 15, tzinfo=UTC), tick=False)
    reveals.ask(mara, REASON)
    out = StringIO()
    call_command("reveals", "2026-09", "--format", "json", stdout=out)
    found = json.loads(out.getvalue())
    assert [(row["who"], row["what"]) for row in found["requests"]] == [("mara", "all names")]
    call_command("reveals", "2026-10", "--format", "csv", stdout=(out := StringIO()))
    assert out.getvalue().strip() == ",".join(reveals.Listed._fields)
    with pytest.raises(CommandError, match="2026-11"):
        call_command("reveals", "september")
