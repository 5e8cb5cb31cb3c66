"""The waitlist of a pool: whoever came first is told first when a seat is free.

A free seat is offered to one person at a time, and there are never more offers than free seats. An
offer ends when its person holds a seat, says no, or does not come in time; then the next is told.
Every step of a pool is taken under the lock of its row, and each message is written with the step
that it tells of.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.utils.translation import get_language, gettext, override

from licenses.access import letters
from licenses.access.accounts import people_of, shown_pools
from licenses.alerts import personal
from licenses.analysis.availability import FRESH, Availability, load_availability
from licenses.analysis.now import taken_last
from licenses.models import LicensePool, WaitlistEntry

State = WaitlistEntry.State

MOST_PLACES = 20
"""Open places of one account: more are no wish for a seat any more."""
UNHEARD = timedelta(hours=1)
"""So long after its end an offer is over although no answer of the server is newer than it."""
MINUTE = timedelta(minutes=1)


# --- What people do -----------------------------------------------------------------------------


def join(user: Any, pool: LicensePool, now: datetime) -> WaitlistEntry:
    """Put an account on a pool's list, or return the place that it has. It is told in the present
    language.

    Raises ValidationError, with a sentence for the person, where it cannot be told or need not be.
    """
    if not user.email:
        raise ValidationError(
            gettext(
                "Your account has no mail address, so nobody can tell you. Ask whoever looks"
                " after licences to add one."
            )
        )
    with transaction.atomic():
        _lock(pool.pk)
        mine = WaitlistEntry.objects.for_user(user).open()
        known: WaitlistEntry | None = mine.filter(pool=pool).first()
        if known is not None:
            return known
        if mine.count() >= MOST_PLACES:
            raise ValidationError(
                gettext("You wait for %(most)s programs already: leave one of their lists first.")
                % {"most": MOST_PLACES}
            )
        seats = load_availability([pool], int(now.timestamp()))[pool.pk]
        if not can_be_waited_for(seats):
            raise ValidationError(
                gettext(
                    "Nobody can tell when a seat is free: how many there are is not known, or none"
                    " is."
                )
            )
        free = _unspoken_for(pool, seats)
        if free:
            raise ValidationError(
                gettext("A seat is free now (%(free)s in all): start the program.") % {"free": free}
            )
        hours = timedelta(hours=settings.ITAM_WAITLIST_HOURS)
        entry: WaitlistEntry = WaitlistEntry.objects.create(
            pool=pool,
            user=user,
            language=get_language() or "",
            joined_at=now,
            expires_at=now + hours,
        )
    return entry


def leave(entry: WaitlistEntry, now: datetime) -> bool:
    """Take an account off the list, and tell the next if a seat was offered to it. False: it was
    off already."""
    with transaction.atomic():
        _lock(entry.pool_id)
        row = WaitlistEntry.objects.open().filter(pk=entry.pk).first()
        if row is None:
            return False
        _close(row, State.LEFT, now)
    serve_pool(entry.pool_id, now)
    return True


def come_back(entry: WaitlistEntry, left_at: datetime, now: datetime) -> bool:
    """Give an account the place back that it left at a moment, and offer what is free. False: it
    did not leave then, has another place by now, or its time is over.

    A seat that was offered to it went to the next.
    """
    with transaction.atomic():
        _lock(entry.pool_id)
        rows = WaitlistEntry.objects.filter(pool=entry.pool_id, user=entry.user_id)
        left = rows.filter(pk=entry.pk, state=State.LEFT, closed_at=left_at, expires_at__gt=now)
        if rows.open().exists() or left.update(state=State.WAITING, closed_at=None) != 1:
            return False
    serve_pool(entry.pool_id, now)
    return True


def place(entry: WaitlistEntry) -> int | None:
    """Return how many have to be told before and with this entry; None where it does not wait."""
    if entry.state != State.WAITING:
        return None
    ahead = WaitlistEntry.objects.filter(pool=entry.pool_id, state=State.WAITING, pk__lte=entry.pk)
    return ahead.count()


def lengths(pools: Collection[LicensePool]) -> dict[int, int]:
    """Return how many wait for a seat, by pool; those for which nobody does are left out."""
    rows = WaitlistEntry.objects.open().filter(pool__in=pools).order_by()
    return dict(rows.values_list("pool").annotate(Count("pk")))


def can_be_waited_for(seats: Availability) -> bool:
    """Tell whether a seat can become free at all: of a pool without a known limit nobody knows."""
    return bool(seats.seats)


def _unspoken_for(pool: LicensePool, seats: Availability) -> int:
    """Return the free seats that are offered to nobody."""
    offered = WaitlistEntry.objects.filter(pool=pool, state=State.OFFERED).count()
    return max(0, (seats.free or 0) - offered)


# --- What time and the licence servers' answers do ----------------------------------------------


def anybody() -> bool:
    """Tell whether anybody is on a list. One query."""
    return WaitlistEntry.objects.open().exists()


def serve(now: datetime) -> int:
    """End what is over on every list, offer what is free, and return how many messages were
    written. One query where nobody waits; safe to run twice and at the same time."""
    pools = WaitlistEntry.objects.open().order_by("pool").values_list("pool", flat=True).distinct()
    return sum(serve_pool(pk, now) for pk in list(pools))


def serve_pool(pool_id: int, now: datetime) -> int:
    """The same for one pool. A constant number of queries, and some for each message."""
    with transaction.atomic():
        pool = _lock(pool_id)
        if pool is None:
            return 0
        entries = list(WaitlistEntry.objects.open().filter(pool=pool).select_related("user"))
        if not entries:
            return 0
        seats = load_availability([pool], int(now.timestamp()))[pool.pk]
        held = _held_since(pool, entries, now)
        told = sum(_settle(entry, pool, seats, held, now) for entry in entries)
        return told + _offer(entries, pool, seats, now)


def _lock(pool_id: int) -> LicensePool | None:
    pool: LicensePool | None = (
        LicensePool.objects.select_for_update(no_key=True).filter(pk=pool_id).first()
    )
    return pool


def _held_since(
    pool: LicensePool, entries: list[WaitlistEntry], now: datetime
) -> dict[int, int | None]:
    """Return, by account, since when the person last took a seat that it holds; None where it holds
    none. Accounts that no licence server knows are not in it."""
    people = people_of(entry.user for entry in entries)
    if not people:
        return {}
    taken = taken_last(pool, int(now.timestamp()))
    return {user: taken.get(person) for user, person in people.items()}


def _settle(
    entry: WaitlistEntry,
    pool: LicensePool,
    seats: Availability,
    held: dict[int, int | None],
    now: datetime,
) -> int:
    """End what is over of one entry; return how many messages were written."""
    since = held.get(entry.user_id)
    # Polls tell the start of a holding to the minute.
    if since is not None and since >= (entry.joined_at - MINUTE).timestamp():
        _close(entry, State.SERVED, now)
        return 0
    if entry.state == State.OFFERED and _is_over(entry, seats, now):
        if _was_taken_by_others(entry, seats, held):
            _withdraw(entry)
            entry.state, entry.seat, entry.offer_until = State.WAITING, None, None
            entry.save(update_fields=["state", "seat", "offer_until"])
        else:
            _close(entry, State.MISSED, now)
    if entry.state == State.WAITING and entry.expires_at <= now:
        _close(entry, State.EXPIRED, now)
        return _tell(entry, letters.expired, pool, seats, now)
    return 0


def _is_over(entry: WaitlistEntry, seats: Availability, now: datetime) -> bool:
    """Tell whether an offer has ended, and the server has answered since: else whoever came in the
    last moment would be taken for somebody who did not."""
    until = entry.offer_until
    assert until is not None
    heard = seats.at is not None and seats.at >= until.timestamp()
    return (until <= now and heard) or until + UNHEARD <= now


def _was_taken_by_others(
    entry: WaitlistEntry, seats: Availability, held: dict[int, int | None]
) -> bool:
    """Tell whether the seat is gone and not to the one it was offered to, who then keeps the place.

    Of an account that no licence server knows nobody can tell who took it.
    """
    if seats.free is None or entry.user_id not in held or entry.seat is None:
        return False
    return entry.seat > seats.free


def _offer(
    entries: list[WaitlistEntry], pool: LicensePool, seats: Availability, now: datetime
) -> int:
    """Offer each free seat that is offered to nobody to who waits longest; return how many."""
    if seats.freshness != FRESH or not seats.free:
        return 0
    taken = {entry.seat for entry in entries if entry.state == State.OFFERED}
    told = 0
    for entry in entries:
        if len(taken) >= seats.free:
            break
        if entry.state != State.WAITING:
            continue
        if not entry.user.email or not shown_pools(entry.user).filter(pk=pool.pk).exists():
            _close(entry, State.LEFT, now)  # no address, or no longer let in
            continue
        entry.state, entry.offered_at = State.OFFERED, now
        entry.seat = min(set(range(1, seats.free + 1)) - taken)
        entry.offer_until = now + timedelta(minutes=settings.ITAM_WAITLIST_OFFER_MINUTES)
        entry.save(update_fields=["state", "offered_at", "seat", "offer_until"])
        told += _tell(entry, letters.offer, pool, seats, now)
        taken.add(entry.seat)
    return told


def _close(entry: WaitlistEntry, state: str, now: datetime) -> None:
    _withdraw(entry)
    entry.state, entry.closed_at, entry.seat, entry.offer_until = state, now, None, None
    entry.save(update_fields=["state", "closed_at", "seat", "offer_until"])


def _withdraw(entry: WaitlistEntry) -> None:
    """Take back what waits to be sent: the seat is not theirs any more."""
    if entry.notice_id is not None and personal.withdraw([entry.notice_id]):
        entry.notice = None


def _tell(
    entry: WaitlistEntry,
    letter: letters.Letter,
    pool: LicensePool,
    seats: Availability,
    now: datetime,
) -> int:
    """Write a letter in the language of the entry; return how many were written."""
    if not entry.user.email:
        return 0
    with override(entry.language or settings.LANGUAGE_CODE):
        subject, body = letter(entry, pool, seats)
    entry.notice = personal.write(entry.user, subject, body, now)
    entry.save(update_fields=["notice"])
    return 1
