"""Hold the rules against the newest figures, and write what changed and whom to tell at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from itam.told import Told, tell
from licenses.models import Alert, AlertState, Heartbeat

from . import messages, titles
from .book import Book, Key, write
from .observing import Notice, Observation, notices, observations
from .rules import Change, Standing, State, Transition, start, step
from .world import Kind, World, read

EVALUATOR = "alerts"
"""Its heartbeat row, which is also the lock that keeps two evaluations apart."""
# Longer than this without an evaluation, and samples may have come and gone unseen.
MISSED_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Summary:
    """What an evaluation did.

    missed_since: when the last one was, where it was too long ago for the samples between.
    """

    observed: int
    fired: int
    resolved: int
    blind: int
    messages: int
    missed_since: datetime | None = None


def evaluate(now: datetime, only: Collection[str] | None = None) -> Summary:
    """Weigh every enabled rule (or those of some kinds) against the newest figures.

    A fixed number of queries, however many pools and servers there are. Running it twice, or in two
    places at once, changes nothing: a row lock lets one through at a time, the second finds no
    newer sample, and the database refuses a second open alert of a rule on a subject. It sends
    nothing; `outbox.deliver` does.
    """
    with transaction.atomic():
        last = _alone(now)
        world = read(now, only)
        book = _load(world, only)
        count = 0
        for seen in observations(world):
            _weigh(book, seen)
            count += 1
        for notice in notices(world):
            _announce(book, notice)
        _close_unwatched(book)
        _supersede(book)
        sent = write(book)
        if only is None:
            Heartbeat.objects.filter(name=EVALUATOR).update(at=now)
    late = last is not None and now - last > timedelta(seconds=MISSED_SECONDS)
    return Summary(
        observed=count,
        fired=len(book.created),
        resolved=len(book.resolved),
        blind=len(book.blind),
        messages=sent,
        missed_since=last if late else None,
    )


def _alone(now: datetime) -> datetime | None:
    """Wait for evaluations under way, and return when the last one was."""
    Heartbeat.objects.bulk_create([Heartbeat(name=EVALUATOR, at=now)], ignore_conflicts=True)
    return Heartbeat.objects.select_for_update().get(name=EVALUATOR).at


def _load(world: World, only: Collection[str] | None) -> Book:
    about = Q() if only is None else Q(rule__kind__in=only)
    states = {(row.rule_id, row.subject): row for row in AlertState.objects.filter(about)}
    # Two questions instead of one with an OR, so that each has its index: there are many alerts.
    alerts = (
        Alert.objects.filter(about, state=Alert.State.FIRING)
        .select_related("rule", "pool__product__vendor", "server", "contract__vendor")
        .prefetch_related("rule__channels", "rule__escalation__channel")
        .order_by("pk")
    )
    warned = Alert.objects.filter(about, band__isnull=False, fired_at__gt=_year_before(world))
    opened: dict[Key, Alert] = {}
    banded: dict[tuple[int, str, int], Alert] = {}
    for alert in alerts:
        if alert.band is None:
            opened[alert.rule_id, alert.subject] = alert
        else:
            banded[alert.rule_id, alert.subject, alert.band] = alert
    told = set(warned.order_by().values_list("rule_id", "subject", "band")) | set(banded)
    return Book(world, states, opened, told, banded)


def _year_before(world: World) -> datetime:
    return world.now - timedelta(days=365)


# --- One sample ---------------------------------------------------------------------------------


def _weigh(book: Book, seen: Observation) -> None:
    """Step the state machine of one rule and subject, and note what follows."""
    key = (seen.rule.pk, seen.subject.key)
    book.seen[key], book.subjects[key] = seen, seen.subject
    row = book.states.get(key)
    if row is None and seen.sample.value is None and not seen.awaited:
        return
    before = _standing(row) if row else start(seen.sample.at)
    after, changes = step(before, seen.sample, seen.limits)
    if after.state is State.BLIND:
        book.blind.add(key)
    _keep_state(book, key, row, before, after)
    alert = book.open.get(key)
    for change in changes:
        if change.change is Change.FIRED:
            alert = alert or _create(book, seen, change.since, max(change.value, before.value or 0))
        elif alert is not None:
            _resolve(book, alert, change)
            return
    if after.state is State.FIRING:
        # A firing state without an alert, as after somebody deleted it, makes a new one.
        worth = seen.sample.value or 0
        _follow(book, alert or _create(book, seen, after.since, worth), seen)
    elif alert is not None and after.state is not State.BLIND:
        end = Transition(Change.RESOLVED, after.since, after.since, seen.sample.value or 0)
        _resolve(book, alert, end)


def _follow(book: Book, alert: Alert, seen: Observation) -> None:
    value = seen.sample.value
    if value is None:
        return
    worst = max(value, alert.worst_value if alert.worst_value is not None else value)
    if (alert.last_value, alert.worst_value, alert.limit) != (value, worst, seen.bound):
        alert.last_value, alert.worst_value, alert.limit = value, worst, seen.bound
        if alert.pk:
            book.dirty[alert.pk] = alert


def _create(book: Book, seen: Observation, since: int, worst: int) -> Alert:
    subject = seen.subject
    title = titles.title(seen, book.world)
    alert = Alert(
        rule=seen.rule,
        subject=subject.key,
        pool=subject.pool,
        server=subject.server,
        title=title[:300],
        facts={"title": title.facts},
        started_at=datetime.fromtimestamp(_began(book.world, seen, since), UTC),
        fired_at=book.world.now,
        last_value=seen.sample.value,
        worst_value=worst,
        limit=seen.bound,
    )
    book.created.append(alert)
    book.open[seen.rule.pk, subject.key] = alert
    return alert


def _began(world: World, seen: Observation, since: int) -> int:
    """Return since when something has held:

    silence began with the last answer, not when it was noticed.
    """
    subject = seen.subject
    if seen.rule.kind == Kind.SERVER and subject.server is not None:
        return world.servers[subject.server.pk].known_since()
    if seen.rule.kind == Kind.FLAT and subject.pool is not None:
        still = world.still.get(subject.pool.pk)
        return int(still.since.timestamp()) if still else since
    if seen.rule.kind == Kind.DRIFT and subject.pool is not None:
        row = world.drifts.get(subject.pool.pk)
        return int(row.since.timestamp()) if row else since
    return world.heartbeats.get(subject.part, since)


def _resolve(book: Book, alert: Alert, change: Transition, why: Told | None = None) -> None:
    alert.state = Alert.State.RESOLVED
    alert.resolved_at = max(datetime.fromtimestamp(change.at, UTC), alert.started_at)
    alert.last_value = change.value
    book.resolved.append((alert, change.at, why))
    book.dirty[alert.pk] = alert
    book.open.pop((alert.rule_id, alert.subject), None)


def _standing(row: AlertState) -> Standing:
    # A subject that was never seen has no value, and then `evaluated_at` means nothing.
    weighed = row.value is not None
    return Standing(
        state=State(row.state),
        since=int(row.since.timestamp()),
        samples=row.samples,
        clear_since=int(row.clear_since.timestamp()) if row.clear_since else None,
        value=row.value,
        evaluated_at=int(row.evaluated_at.timestamp()) if weighed else None,
        before_blind=State(row.before_blind) if row.before_blind else None,
    )


def _keep_state(
    book: Book, key: Key, row: AlertState | None, before: Standing, after: Standing
) -> None:
    """Note the state for writing. Staying ok is not worth a row, nor a write."""
    if after == before and row is not None:
        return
    if after.state is State.OK and (row is None or before.state is State.OK):
        return
    target = row or AlertState(rule_id=key[0], subject=key[1])
    target.state = after.state.value
    target.before_blind = after.before_blind.value if after.before_blind else ""
    target.since = datetime.fromtimestamp(after.since, UTC)
    target.samples = after.samples
    target.clear_since = (
        datetime.fromtimestamp(after.clear_since, UTC) if after.clear_since is not None else None
    )
    target.value = after.value
    evaluated = after.since if after.evaluated_at is None else after.evaluated_at
    target.evaluated_at = datetime.fromtimestamp(evaluated, UTC)
    (book.new_states if row is None else book.old_states).append(target)


# --- Dates, and what is no longer watched -------------------------------------------------------


def _announce(book: Book, notice: Notice) -> None:
    key = (notice.rule.pk, notice.subject.key)
    book.subjects[key] = notice.subject
    banded = (*key, notice.band)
    title = titles.notice_title(notice, book.world.today)
    if banded in book.told:
        current = book.banded.pop(banded, None)
        if current is not None:
            book.dated.append(current)
            if current.title != title[:300]:  # it counts the days that are left
                current.title = title[:300]
                current.facts = {**(current.facts or {}), "title": title.facts}
                book.dirty[current.pk] = current
        return
    message = messages.notice_body(notice, book.world.today)
    alert = Alert(
        rule=notice.rule,
        subject=notice.subject.key,
        band=notice.band,
        server=notice.subject.server,
        contract=notice.subject.contract,
        title=title[:300],
        message=message,
        facts={"title": title.facts, "message": message.facts},
        started_at=book.world.now,
        fired_at=book.world.now,
    )
    book.told.add(banded)
    book.created.append(alert)
    book.dated.append(alert)


def _supersede(book: Book) -> None:
    """Close the warnings of dates that came nearer, passed or moved. Nobody needs to be told."""
    for alert in book.banded.values():
        alert.state, alert.resolved_at = Alert.State.RESOLVED, book.world.now
        book.dirty[alert.pk] = alert


def _close_unwatched(book: Book) -> None:
    """End the alerts whose rule was switched off, or whose pool or server is no longer watched."""
    for key, alert in list(book.open.items()):
        if key not in book.seen:
            value = alert.last_value or 0
            end = Transition(Change.RESOLVED, book.world.second, book.world.second, value)
            _resolve(
                book,
                alert,
                end,
                tell("It is no longer watched: its rule or its subject was changed."),
            )
