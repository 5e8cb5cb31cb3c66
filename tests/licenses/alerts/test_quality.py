"""Doubtful data: use that stands still though it used to move, and lines that nobody can read."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from licenses.alerts import quality, rules
from licenses.alerts.rules import Stillness, UsedDay
from licenses.models import (
    Alert,
    AlertRule,
    Capture,
    IgnoredLines,
    IssuedCount,
    PoolDrift,
    PoolHour,
    PoolNow,
    PoolStillness,
    UnreadableLine,
    UnreadableShare,
)
from licenses.sources.flexnet.line_parser import NULS, TOO_LONG
from tests.factories import EntitlementFactory, IssuedCountFactory

from .conftest import T0, moment

Kind = AlertRule.Kind
DAY = 86400
MOVES = UsedDay(0, 5, 3)


def still(level: int, count: int) -> list[UsedDay]:
    return [UsedDay(level, level, 0)] * count


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param([], None, id="never-observed"),
        pytest.param([*still(0, 9), MOVES], None, id="moved-last"),
        pytest.param([UsedDay(4, 4, 9)], None, id="full-all-day-with-comings-and-goings"),
        pytest.param(still(2, 3), Stillness(3, 2, 0, 0, 0), id="never-moved"),
        pytest.param([MOVES, *still(0, 4)], Stillness(4, 0, 1, 1, 0), id="moved-once"),
        pytest.param(
            [MOVES, *still(0, 4), MOVES, *still(0, 2)], Stillness(2, 0, 6, 2, 4), id="still-before"
        ),
        pytest.param(
            [MOVES, *still(3, 2), *still(4, 5)], Stillness(5, 4, 3, 1, 2), id="another-level"
        ),
    ],
)
def test_days_end_in_a_run_without_movement(days, expected):
    assert rules.stillness(days) == expected


DAYS = st.lists(
    st.builds(
        lambda low, more, begun: UsedDay(low, low + more, begun),
        st.integers(0, 2),
        st.sampled_from([0, 0, 1]),
        st.sampled_from([0, 0, 1]),
    ),
    max_size=25,
)


@given(DAYS)
def test_a_run_is_what_looking_at_every_pair_of_days_finds(days):
    def is_run(begin: int, end: int) -> bool:
        return all(day.still and day.low == days[begin].low for day in days[begin:end])

    found = rules.stillness(days)
    count = len(days)
    last = max((count - i for i in range(count) if is_run(i, count)), default=0)
    assert (found.days if found else 0) == last
    if found:
        before = count - last
        spans = [(i, j) for i in range(before) for j in range(i + 1, before + 1)]
        assert found.longest_before == max((j - i for i, j in spans if is_run(i, j)), default=0)
        assert found.days_before == before
        assert found.moved_before == sum(not day.still for day in days[:before])


@pytest.mark.parametrize(
    ("found", "doubtful"),
    [
        pytest.param(Stillness(14, 0, 60, 55, 3), True, id="zero-after-daily-use"),
        pytest.param(Stillness(14, 7, 60, 55, 3), True, id="constant-after-daily-use"),
        pytest.param(Stillness(13, 0, 60, 55, 3), False, id="a-day-too-short"),
        pytest.param(Stillness(30, 0, 60, 0, 60), False, id="never-used"),
        pytest.param(Stillness(41, 0, 20, 0, 20), False, id="held-for-good-and-then-given-back"),
        pytest.param(Stillness(14, 0, 60, 5, 7), False, id="seldom-used"),
        pytest.param(Stillness(15, 0, 60, 5, 7), True, id="seldom-used-and-longer-than-twice"),
        pytest.param(Stillness(14, 0, 13, 13, 0), False, id="too-young-to-know"),
        pytest.param(Stillness(41, 0, 0, 0, 0), False, id="not-used-yet"),
        pytest.param(Stillness(42, 0, 0, 0, 0), True, id="zero-from-the-first-day"),
        pytest.param(Stillness(42, 7, 0, 0, 0), True, id="constant-from-the-first-day"),
    ],
)
def test_only_what_its_history_does_not_explain_is_doubtful(found, doubtful):
    assert rules.implausible(found, 14) is doubtful


@pytest.mark.parametrize(
    ("unreadable", "lines", "many"),
    [
        *((4, 4, False), (5, 5, True), (5, 500, True), (5, 501, False), (0, 0, False)),
        *((99, 10**6, False), (100, 10**6, True), (5000, 10**6, True)),
    ],
)
def test_unreadable_lines_are_many_by_share_and_number(unreadable, lines, many):
    assert rules.too_many_unreadable(unreadable, lines, 1) is many


@pytest.mark.parametrize(
    ("unreadable", "lines", "many"),
    [(999, 10**6, False), (1000, 10**6, True), (99, 1000, False), (100, 1000, True)],
)
def test_who_asks_for_a_larger_share_is_told_of_more_lines_alone(unreadable, lines, many):
    assert rules.too_many_unreadable(unreadable, lines, 10) is many


# --- From rows to messages ----------------------------------------------------------------------


def fill(pool, days: range, low: int, high: int, *, begun: int = 0, skip: int = 0) -> None:
    """Let use go from low to high on each of these days (counted from T0)."""
    start = T0 // DAY * DAY
    PoolHour.objects.bulk_create(
        PoolHour(
            pool=pool,
            hour=start + day * DAY + hour * 3600,
            peak=high if hour in range(8, 17) else low,
            checkouts=begun if hour == 8 else 0,
            observed_seconds=3600,
        )
        for day in days
        if not skip or day % skip
        for hour in range(24)
    )


@pytest.fixture
def flat(company):
    company.rule.delete()
    company.add_rule("flat", Kind.FLAT, threshold=14, keep_firing_seconds=0)
    return company


def look(company, pool, in_use: int, second: int = 0, peak: int = 5) -> None:
    PoolNow.objects.filter(pool=pool).update(peak_12_months=peak)
    company.sample(pool, second, in_use)
    quality.refresh(moment(second))
    company.evaluate(second + 5)


@pytest.mark.parametrize(("level", "told"), [(0, "zero"), (5, "exactly 5")])
def test_a_pool_that_stands_still_is_told_and_resolves_as_soon_as_it_moves(flat, level, told):
    pool = flat.add_pool("Modeller", flat.add_server(name="cad"))
    fill(pool, range(-90, -28), 0, 5, begun=3)
    fill(pool, range(-28, 1), level, level)
    look(flat, pool, level)
    alert = Alert.objects.get()
    assert alert.title == f"Modeller: use has been {told} for 20 working days"
    assert alert.rule.severity == "warning"
    assert alert.started_at == datetime.fromtimestamp(T0 // DAY * DAY - 28 * DAY, moment(0).tzinfo)
    assert "It is read from: cad." in alert.message
    flat.sample(pool, 300, level + 1)
    flat.evaluate(305)
    flat.evaluate(340)
    alert.refresh_from_db()
    assert alert.state == "resolved"
    flat.deliver(700)
    assert "Peak" not in mail.outbox[-1].body


@pytest.mark.parametrize(("level", "told"), [(0, "zero"), (7, "exactly 7")])
def test_a_pool_that_never_moved_is_told_though_it_was_never_used(flat, level, told):
    pool = flat.add_pool("Modeller", flat.add_server(name="cad"))
    fill(pool, range(-200, 1), level, level)
    look(flat, pool, level, peak=level)
    alert = Alert.objects.get()
    assert alert.title.startswith(f"Modeller: use has been {told} for 1")
    assert "It was not seen to move once in all the time that was looked at." in alert.message


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([(range(-50, 1), 0, 0, 0)], id="not-used-yet"),
        pytest.param([(range(-50, 1), 5, 5, 0)], id="taken-and-not-yet-given-back"),
        pytest.param([(range(-90, -10), 0, 5, 3), (range(-10, 1), 0, 0, 0)], id="not-long-enough"),
        pytest.param([(range(-90, 1), 5, 5, 3)], id="full-and-busy"),
        pytest.param([(range(-90, -28), 0, 5, 3)], id="not-observed-since"),
    ],
)
def test_what_is_plausible_is_not_told(flat, story):
    pool = flat.add_pool("Modeller")
    for days, low, high, begun in story:
        fill(pool, days, low, high, begun=begun)
    look(flat, pool, story[-1][1])
    assert not Alert.objects.exists()


def test_it_is_looked_for_now_and_then_in_a_fixed_number_of_queries(flat):
    def count(pools: int, second: int) -> int:
        for number in range(pools):
            pool = flat.add_pool(f"Pool {second} {number}")
            fill(pool, range(-90, -28), 0, 5, begun=3)
            fill(pool, range(-28, 1), 0, 0)
        with CaptureQueriesContext(connection) as queries:
            quality.refresh(moment(second))
        return len(queries)

    first = count(1, 0)
    assert count(0, 300) <= 4
    assert PoolStillness.objects.count() == 1
    assert count(8, 6 * 3600) == first - 1  # the row of the chore is there by then
    assert PoolStillness.objects.count() == 9


def test_without_a_rule_nothing_is_looked_for(company, django_assert_num_queries):
    with django_assert_num_queries(1):
        quality.refresh(moment(0))


# --- Lines --------------------------------------------------------------------------------------


def capture(server, lines: int, bad: int, second: int = 0) -> Capture:
    row = Capture.objects.create(
        server=server,
        kind="debug-log",
        source="debug.log",
        result="parsed",
        sha256="0" * 64,
        size=1,
        lines=lines,
        unreadable_count=bad,
        recorded_at=moment(second),
    )
    UnreadableLine.objects.bulk_create(
        UnreadableLine(
            capture=row,
            line=number + 1,
            text=f"10:0{number}:00 (acmed) GRANT ada@pc{number} <b>\u202e" + "x" * 400,
            reason="unknown word",
        )
        for number in range(bad)
    )
    return row


@pytest.fixture
def lines(company):
    company.rule.delete()
    company.add_rule("lines", Kind.UNREADABLE, threshold=1, keep_firing_seconds=0)
    company.add_rule("silent", Kind.SERVER)
    return company


@pytest.mark.parametrize("polling", ["off", "file"])
def test_too_many_lines_that_nobody_can_read_are_told_with_examples(lines, polling):
    server = lines.add_server(name="cad", polling=polling)
    lines.answer(server, 0)
    capture(server, 90, 3)
    capture(server, 10, 3)
    quality.refresh(moment(0))
    lines.evaluate(5)
    lines.evaluate(50)
    alert = Alert.objects.get()
    assert alert.title == "cad: 6 of 100 lines could not be read"
    assert (alert.server, alert.worst_value, alert.limit) == (server, 6, 100)
    lines.deliver(100)
    (message,) = mail.outbox
    assert message.body.count("(acmed) GRANT …@…") == quality.EXAMPLES
    assert "ada" not in message.body + str(UnreadableShare.objects.get().examples)
    assert "\u202e" not in message.body
    assert "x" * 101 not in message.body


def test_it_resolves_when_a_day_brings_none(lines):
    server = lines.add_server(name="cad")
    lines.answer(server, 0)
    capture(server, 100, 6)
    quality.refresh(moment(0))
    lines.evaluate(5)
    capture(server, 100, 0, DAY)
    quality.refresh(moment(DAY + 5))
    lines.answer(server, DAY)
    lines.evaluate(DAY + 10)
    assert Alert.objects.get().state == "resolved"
    assert not UnreadableShare.objects.exists()


@pytest.mark.once
def test_it_is_told_once_a_day_while_it_lasts(lines):
    AlertRule.objects.filter(kind=Kind.UNREADABLE).update(repeat_seconds=DAY)
    server = lines.add_server(name="cad")
    for second in range(0, 2 * DAY + 7200, 3600):
        lines.answer(server, second)
        capture(server, 100, 6, second)
        quality.refresh(moment(second))
        lines.evaluate(second + 5)
        lines.deliver(second + 100)
    assert len(lines.subjects()) == 3


def damaged(server, text: str, reason: str = "expected USER@HOST") -> Capture:
    row = capture(server, 10**6, 0)
    row.unreadable_count = 1
    row.save()
    UnreadableLine.objects.create(capture=row, line=1, text=text, reason=reason, shape=text[-8:])
    return row


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('9:00:00 (acmed) OUT: "ca', "expected a quote that closes"),
        ('9:00:00 (acmed) IN: "cad" ada', "expected USER@HOST"),
        ("9:x0:00 (acmed) OUT: cad", "expected a time and a daemon"),
        ("9:00:00 (acmed) talk", TOO_LONG),
        ("␀␀␀", NULS),
        ("ada@pc1", "no time stands before it, and it is no text that is known"),
    ],
)
def test_one_line_that_may_have_been_an_event_is_told_and_stands_first(lines, text, reason):
    server = lines.add_server(name="cad")
    lines.answer(server, 0)
    damaged(server, text, reason)
    capture(server, 1000, 3)
    quality.refresh(moment(0))
    lines.evaluate(5)
    lines.evaluate(50)
    assert Alert.objects.get().title == "cad: 4 of 1,001,000 lines could not be read"
    lines.deliver(100)
    (message,) = mail.outbox
    assert "may have told of seats taken or returned" in message.body
    assert [hides for _text, hides in UnreadableShare.objects.get().told] == [True, False, False]
    assert "ada" not in message.body


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('9:00:00 (acmed) DENIED: "ca', "expected a quote that closes"),
        ("9:00:00 (acmed) TIMESTAMP 2/29/2026", "expected a date that exists"),
        ("9:00:00 (acmed) suite (consisting of:", "expected the components of a package"),
        ("some words", "no time stands before it, and it is no text that is known"),
    ],
)
def test_one_line_that_hides_no_seat_is_told_to_nobody(lines, text, reason):
    server = lines.add_server()
    lines.answer(server, 0)
    damaged(server, text, reason)
    quality.refresh(moment(0))
    lines.evaluate(5)
    assert UnreadableShare.objects.get().unreadable == 1
    assert not Alert.objects.exists()


def test_a_line_that_may_have_been_an_event_and_was_set_aside_is_told_to_nobody(lines):
    server = lines.add_server()
    lines.answer(server, 0)
    row = damaged(server, '9:00:00 (acmed) OUT: "ca')
    IgnoredLines.objects.create(server=server, digest=row.unreadable.get().shape)
    capture(server, 1000, 1)
    quality.refresh(moment(0))
    lines.evaluate(5)
    assert not UnreadableShare.objects.get().hides_events
    assert not Alert.objects.exists()


def test_a_line_of_a_status_that_reads_like_an_event_hides_none(lines):
    server = lines.add_server()
    lines.answer(server, 0)
    row = damaged(server, '9:00:00 (acmed) OUT: "ca')
    Capture.objects.filter(pk=row.pk).update(kind=Capture.Kind.STATUS)
    quality.refresh(moment(0))
    assert not UnreadableShare.objects.get().hides_events


def test_what_an_earlier_program_found_is_told_as_it_was(lines):
    server = lines.add_server(name="cad")
    lines.answer(server, 0)
    UnreadableShare.objects.create(server=server, lines=100, unreadable=6, examples=["some words"])
    lines.evaluate(5)
    lines.evaluate(50)
    lines.deliver(100)
    (message,) = mail.outbox
    assert "- some words" in message.body


@pytest.mark.parametrize(("count", "bad"), [(100, 4), (1000, 9)])
def test_a_few_lines_are_told_to_nobody(lines, count, bad):
    server = lines.add_server()
    lines.answer(server, 0)
    capture(server, count, bad)
    quality.refresh(moment(0))
    lines.evaluate(5)
    assert not Alert.objects.exists()


def test_a_look_that_died_is_made_again(lines, monkeypatch):
    server = lines.add_server()
    capture(server, 100, 6)

    class Killed(BaseException):
        pass

    def dies(*_args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(quality, "_examples", dies)
        with pytest.raises(Killed):
            quality.refresh(moment(0))
    quality.refresh(moment(0) + timedelta(minutes=15))
    assert UnreadableShare.objects.get().unreadable == 6


def test_seats_on_which_contract_file_and_server_differ_are_told_until_they_agree(company):
    company.rule.delete()
    company.add_rule("drift", Kind.DRIFT, keep_firing_seconds=0)
    pool = company.add_pool("Modeller", company.add_server(name="cad"))
    feature = pool.mappings.get().feature
    counts = IssuedCount.objects.filter(feature=feature)
    counts.delete()
    IssuedCountFactory(feature=feature, source=IssuedCount.Source.STATUS, count=24)
    EntitlementFactory(pool=pool, quantity=30)
    company.sample(pool, 0, 1)
    quality.refresh(moment(0))
    company.evaluate(5)
    alert = Alert.objects.get()
    assert alert.title == "Modeller: contract, licence file and server differ on its seats"
    assert "the server serves 24" in alert.message
    counts.update(count=30)
    quality.refresh(moment(60))
    company.evaluate(65)
    alert.refresh_from_db()
    assert alert.state == "firing", "looked for once an hour"
    quality.refresh(moment(3700))
    company.evaluate(3705)
    alert.refresh_from_db()
    assert alert.state == "resolved"
    company.deliver(3800)
    assert "Peak" not in mail.outbox[-1].body


def test_seats_that_a_server_goes_on_serving_after_the_rights_ended_are_told(company):
    company.rule.delete()
    company.add_rule("drift", Kind.DRIFT, keep_firing_seconds=0)
    pool = company.add_pool("Modeller", company.add_server(name="cad"))
    feature = pool.mappings.get().feature
    IssuedCount.objects.filter(feature=feature).delete()
    IssuedCountFactory(feature=feature, source=IssuedCount.Source.STATUS, count=24)
    EntitlementFactory(pool=pool, quantity=24, valid_to=moment(0).date())
    company.sample(pool, 0, 1)
    quality.refresh(moment(0))
    company.evaluate(5)
    assert not Alert.objects.exists()
    ended = 2 * 86400
    company.sample(pool, ended, 1)
    quality.refresh(moment(ended))
    company.evaluate(ended + 5)
    assert PoolDrift.objects.get().entitled == 0
    assert "Contracts say 0 since" in Alert.objects.get().message
