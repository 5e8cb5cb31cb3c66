"""The waitlist: first come, first told; one offer a free seat; nobody told of what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from licenses.access import waitlist
from licenses.alerts import failing, outbox
from licenses.alerts.defaults import ensure_channel
from licenses.models import Channel, LicensePool, Notification, PoolNow, WaitlistEntry
from tests.factories import (
    FeatureFactory,
    PersonFactory,
    PoolFactory,
    ServerFactory,
    at,
    holding,
    polled,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
EPOCH = at("2026-11-24T10:00")
MINUTE = timedelta(minutes=1)
State = WaitlistEntry.State


def later(minutes: int) -> datetime:
    return NOW + minutes * MINUTE


@pytest.fixture
def pool(db: None) -> LicensePool:
    """Two seats, both in use."""
    pool: LicensePool = PoolFactory(name="Drawing", house_rules="Be quick.")
    FeatureFactory(pool=pool, server=ServerFactory(polling="tool", address="27000@lic"))
    seen(pool, in_use=2, minute=0)
    return pool


def seen(pool: LicensePool, *, in_use: int | None, minute: int) -> None:
    """Let the server's answer of that minute show so many seats of two in use."""
    PoolNow.objects.update_or_create(
        pool=pool,
        defaults={"in_use": in_use, "limit": 2, "at": EPOCH + 60 * minute, "source": "polls"},
    )


def user(name: str, **values: Any) -> User:
    account = User.objects.create_user(name, f"{name}@company.example", **values)
    account.groups.add(Group.objects.get(name="licence user"))
    return account


def wait(name: str, pool: LicensePool, minute: int = 1) -> WaitlistEntry:
    return waitlist.join(user(name), pool, later(minute))


def states(*entries: WaitlistEntry) -> list[str]:
    for entry in entries:
        entry.refresh_from_db()
    return [str(entry.state) for entry in entries]


def told() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("recipient", flat=True))


def test_who_came_first_is_told_first_and_one_at_a_time(pool: LicensePool) -> None:
    first, second = wait("ann", pool), wait("bob", pool)
    assert waitlist.serve(later(4)) == 0
    seen(pool, in_use=1, minute=5)
    assert waitlist.serve(later(5)) == 1
    assert waitlist.serve(later(5)) == 0
    assert told() == ["ann@company.example"]
    assert states(first, second) == ["offered", "waiting"]
    letter = Notification.objects.get()
    assert letter.subject == "A seat of Drawing is free"
    for part in ("1 of 2 seats", "10:05 UTC", "until 2026-11-24 10:20 UTC", "not reserved",
                 f"/status/pools/{pool.pk}/", "Be quick."):  # fmt: skip
        assert part in letter.body


def test_who_does_not_come_in_time_makes_way_for_the_next(pool: LicensePool) -> None:
    first, second = wait("ann", pool), wait("bob", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    outbox.deliver(later(5))
    seen(pool, in_use=1, minute=19)
    assert waitlist.serve(later(19)) == 0
    assert waitlist.serve(later(21)) == 0, "no answer of the server is newer than the offer"
    seen(pool, in_use=1, minute=24)
    assert waitlist.serve(later(24)) == 1
    assert states(first, second) == ["missed", "offered"]
    assert told() == ["ann@company.example", "bob@company.example"]


def test_two_free_seats_are_offered_to_two(pool: LicensePool) -> None:
    entries = [wait(name, pool) for name in ("ann", "bob", "cid")]
    seen(pool, in_use=0, minute=5)
    assert waitlist.serve(later(5)) == 2
    assert states(*entries) == ["offered", "offered", "waiting"]
    assert [entry.seat for entry in entries] == [1, 2, None]


def test_who_takes_the_seat_is_served_and_no_other_is_told(pool: LicensePool) -> None:
    first, second = wait("ann", pool), wait("bob", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    feature = pool.mappings.get().feature
    polled(feature.server, EPOCH + 600)
    holding(feature, EPOCH + 400, None, person=PersonFactory(login="ann"))
    seen(pool, in_use=2, minute=10)
    assert waitlist.serve(later(10)) == 0
    assert states(first, second) == ["served", "waiting"]


def test_a_seat_held_since_before_is_not_the_one_waited_for(pool: LicensePool) -> None:
    feature = pool.mappings.get().feature
    polled(feature.server, EPOCH)
    holding(feature, EPOCH - 3600, None, person=PersonFactory(login="ann"))
    entry = wait("ann", pool, minute=2)
    waitlist.serve(later(3))
    assert states(entry) == ["waiting"]


def test_whose_seat_was_taken_by_somebody_else_keeps_the_place(pool: LicensePool) -> None:
    PersonFactory(login="ann")
    first, second = wait("ann", pool), wait("bob", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    seen(pool, in_use=2, minute=24)
    assert waitlist.serve(later(24)) == 0
    assert states(first, second) == ["waiting", "waiting"]
    seen(pool, in_use=1, minute=30)
    waitlist.serve(later(30))
    assert states(first, second) == ["offered", "waiting"]


def test_whoever_leaves_hands_the_offer_on_at_once(pool: LicensePool) -> None:
    first, second = wait("ann", pool), wait("bob", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    assert waitlist.leave(first, later(6))
    assert not waitlist.leave(first, later(6))
    assert states(first, second) == ["left", "offered"]
    assert told() == ["bob@company.example"], "what was not sent yet is taken back"


@pytest.mark.parametrize(
    ("in_use", "minute"),
    [
        pytest.param(None, 5, id="not-known"),
        pytest.param(1, -20, id="late"),
        pytest.param(1, -120, id="stale"),
    ],
)
def test_of_what_is_not_known_now_nobody_is_told(
    in_use: int | None, minute: int, pool: LicensePool
) -> None:
    entry = wait("ann", pool)
    seen(pool, in_use=in_use, minute=minute)
    assert waitlist.serve(later(5)) == 0
    assert states(entry) == ["waiting"]


def test_a_place_ends_and_its_owner_is_told(pool: LicensePool, settings: Any) -> None:
    settings.ITAM_WAITLIST_HOURS = 1
    entry = wait("ann", pool, minute=0)
    assert waitlist.serve(later(59)) == 0
    assert waitlist.serve(later(60)) == 1
    assert states(entry) == ["expired"]
    assert Notification.objects.get().subject == "No seat of Drawing became free"
    assert waitlist.serve(later(61)) == 0


def test_who_is_no_longer_let_in_is_passed_over(pool: LicensePool) -> None:
    gone, roleless, second = wait("ann", pool), wait("cid", pool), wait("bob", pool)
    User.objects.filter(username="ann").update(is_active=False)
    User.objects.get(username="cid").groups.clear()
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    assert states(gone, roleless, second) == ["left", "left", "offered"]
    assert told() == ["bob@company.example"]


def test_a_pool_that_is_no_longer_shown_is_offered_to_nobody(pool: LicensePool) -> None:
    entry = wait("ann", pool)
    LicensePool.objects.update(on_status=False)
    seen(pool, in_use=1, minute=5)
    assert waitlist.serve(later(5)) == 0
    assert states(entry) == ["left"]


def test_joining_twice_is_one_place(pool: LicensePool) -> None:
    ann = user("ann")
    assert waitlist.join(ann, pool, later(1)) == waitlist.join(ann, pool, later(2))
    assert waitlist.place(WaitlistEntry.objects.get()) == 1


def test_nobody_waits_for_what_is_free(pool: LicensePool) -> None:
    seen(pool, in_use=1, minute=0)
    with pytest.raises(ValidationError, match="A seat is free now"):
        wait("ann", pool)


def test_nobody_waits_where_nobody_knows_how_many_seats_there_are(pool: LicensePool) -> None:
    for limit in (None, 0):
        PoolNow.objects.filter(pool=pool).update(limit=limit)
        with pytest.raises(ValidationError, match="Nobody can tell"):
            waitlist.join(user(f"ann{limit}"), pool, NOW)


def test_a_free_seat_that_is_offered_is_not_free_for_others(pool: LicensePool) -> None:
    wait("ann", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    assert waitlist.place(wait("bob", pool, minute=6)) == 1


def test_an_account_without_an_address_is_told_so(pool: LicensePool) -> None:
    ann = user("ann")
    ann.email = ""
    with pytest.raises(ValidationError, match="no mail address"):
        waitlist.join(ann, pool, NOW)


def test_an_account_waits_for_so_many_and_no_more(pool: LicensePool) -> None:
    ann = user("ann")
    for _ in range(waitlist.MOST_PLACES):
        another = PoolFactory()
        seen(another, in_use=2, minute=0)
        waitlist.join(ann, another, NOW)
    with pytest.raises(ValidationError, match="leave one"):
        waitlist.join(ann, pool, NOW)


def test_the_database_refuses_two_places_and_two_offers_of_one_seat(pool: LicensePool) -> None:
    ann, bob = user("ann"), user("bob")
    values: dict[str, Any] = {"pool": pool, "joined_at": NOW, "expires_at": later(60)}
    offer = {"state": "offered", "seat": 1, "offered_at": NOW, "offer_until": later(15)}
    WaitlistEntry.objects.create(user=ann, **values, **offer)
    for wrong in (
        {"user": ann},
        {"user": bob, **offer},
        {"user": bob, "state": "offered"},
        {"user": bob, "state": "left"},
        {"user": bob, "closed_at": NOW},
        {"user": bob, "seat": 1},
        {"user": bob, "expires_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            WaitlistEntry.objects.create(**{**values, **wrong})


def test_the_mail_goes_out_by_the_outbox(pool: LicensePool) -> None:
    wait("ann", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    assert outbox.deliver(later(5)) == 1
    (letter,) = mail.outbox
    assert letter.to == ["ann@company.example"]
    assert letter.subject == "A seat of Drawing is free"


def test_what_could_not_be_sent_goes_to_no_other_channel(pool: LicensePool) -> None:
    Channel.objects.create(name="desk", kind="mail", target="desk@company.example", fallback=True)
    wait("ann", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    row = Notification.objects.select_related("channel").get()
    failing.failed(row, "refused", later(60 * 25))
    assert told() == ["ann@company.example"]


def test_the_lists_channel_is_none_for_alerts(pool: LicensePool) -> None:
    boss = User.objects.create_superuser("boss", "boss@company.example")
    wait("ann", pool)
    seen(pool, in_use=1, minute=5)
    waitlist.serve(later(5))
    ensure_channel()
    assert Channel.objects.filter(target=boss.email).exists()


def test_serving_costs_the_same_however_many_wait(
    pool: LicensePool, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        wait(f"user{number}", pool)
        PersonFactory(login=f"user{number}")
    with time_machine.travel(later(3)), django_assert_max_num_queries(16):
        waitlist.serve(later(3))


def test_an_empty_list_costs_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        waitlist.serve(NOW)


def test_an_offer_writes_large_numbers_as_people_read_them(pool: LicensePool) -> None:
    ann = user("ann")
    entry = waitlist.join(ann, pool, NOW)
    PoolNow.objects.update(in_use=800, limit=2000, at=EPOCH + 60)
    waitlist.serve(later(1))
    entry.refresh_from_db()
    assert entry.notice is not None
    first = entry.notice.body.split("\n")[0]
    assert first == "1,200 of 2,000 seats of Drawing were free at 2026-11-24 10:01 UTC."


def test_who_waits_is_told_in_the_language_in_which_they_asked(pool: LicensePool) -> None:
    with override("de"):
        waitlist.join(user("ann"), pool, NOW)
    waitlist.join(user("bob"), pool, NOW)
    seen(pool, in_use=0, minute=1)
    assert waitlist.serve(later(1)) == 2
    rows = Notification.objects.order_by("recipient").values_list("subject", flat=True)
    assert list(rows) == ["Ein Platz von Drawing ist frei", "A seat of Drawing is free"]
