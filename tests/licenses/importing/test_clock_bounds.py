"""Use while a clock told a time twice: never more is known, and never less possible, than there
was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from licenses.analysis import kept, rollup
from licenses.analysis.instant import instant
from licenses.analysis.told_twice import OUT_OF_ORDER_SECONDS
from licenses.analysis.usage import usage
from licenses.importing.logs import LogImport
from licenses.importing.mapping import map_feature
from licenses.importing.rebuilding import rebuild
from licenses.models import Boundary, DirtySpan, Feature, KeptPart, LicensePool, LicenseServer
from licenses.sources.flexnet.seams import RETOLD
from tests.factories import PoolFactory, at
from tests.thorough import SECOND_RUN, is_thorough

from .test_clock_steps import BACK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

DAY = date(2026, 3, 2)
START, END = at("2026-03-02T10:00"), at("2026-03-02T16:00")
WHOLE = at("2026-03-02"), at("2026-03-03")
DATE = "(lmgrd) TIMESTAMP 3/2/2026"


class Seat(NamedTuple):
    out: int
    back: int
    feature: str
    user: str
    lost: bool = False


class Line(NamedTuple):
    """When a line was written in truth, what the clock showed then, and what it says."""

    at: int
    clock: int
    text: str

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.clock, UTC):%H:%M:%S} {self.text}\n"


class History(NamedTuple):
    """Seats as they were held in truth, and the lines that tell of them."""

    seats: list[Seat]
    lines: list[Line]

    @property
    def restarts(self) -> bool:
        """Tell whether the daemon came up while its log was written."""
        return any("started" in line.text for line in self.lines)

    def peak(self, feature: str, last_second: int) -> int:
        """last_second: that a restart's losses are counted for the second of the last line, 1 or
        not, 0."""
        mine = [
            seat._replace(back=seat.back + last_second * seat.lost)
            for seat in self.seats
            if seat.feature == feature
        ]
        return max((sum(s.out <= seat.out < s.back for s in mine) for seat in mine), default=0)


moments = st.integers(START, END)
falls_by = [st.integers(60, 7200)] * 2 + [st.integers(60, RETOLD)] * 2
steps = st.tuples(moments, st.one_of(*falls_by, st.integers(1, 5)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    falls = draw(st.lists(steps, min_size=1, max_size=2))
    near = [at + more for at, _by in falls for more in (-3600, -900, -60, 60, 900, 3600)]
    some = st.one_of(moments, st.sampled_from(near), st.sampled_from(near).map(lambda m: m - 7))
    # Machines whose clock was wrong when they came up are what is set back most. What a restart
    # lost ended when the log was last heard of before it.
    around = [at + more for at, _by in falls for more in (-60, 5, 60)]
    restart = draw(st.one_of(st.none(), st.sampled_from(around)))
    told = [(START - 7200, DATE), (END + 7300, DATE)]
    told += [(at + more, DATE) for at, _by in falls for more in (-1, 0)]
    seats = []
    for number in range(draw(st.integers(2, 6))):
        first, last = sorted((draw(some), draw(some)))
        seats.append(Seat(first, last + 1, draw(st.sampled_from(["F1", "F1", "F2"])), f"u{number}"))
        assume(restart not in (first, last + 1))
    lost = [seat for seat in seats if restart is not None and seat.out < restart < seat.back]
    told += [(seat.out, f'(acmed) OUT: "{seat.feature}" {seat.user}@pc') for seat in seats]
    told += [
        (seat.back, f'(acmed) IN: "{seat.feature}" {seat.user}@pc')
        for seat in seats
        if seat not in lost
    ]
    if restart is not None:
        heard = max(moment for moment, _text in told if moment < restart)
        seats = [s._replace(back=heard, lost=True) if s in lost else s for s in seats]
        told.append((restart, "(acmed) Server started on lic1 for: F1 F2"))
    lines = [
        Line(moment, moment - sum(by for at, by in falls if moment >= at), text)
        for moment, text in sorted(told, key=lambda each: each[0])
    ]
    for before, after in pairwise(lines):
        if 0 < before.clock - after.clock <= OUT_OF_ORDER_SECONDS:
            # Such lines are taken to stand out of order, and nothing is said of the seats in them.
            assume(all(DATE in each.text for each in lines
                       if after.clock <= each.clock <= before.clock))  # fmt: skip
    return History(seats, lines)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def imported(texts: Sequence[Sequence[Line]], mapped_first: bool) -> dict[str, LicensePool]:
    """Return the pools by feature once the texts are read, one after the other, and counted."""
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    pools = {name: PoolFactory(name=name) for name in ("F1", "F2")}
    if mapped_first:
        for name, pool in pools.items():
            map_feature(Feature.objects.create(server=server, daemon="acmed", name=name), pool)
    for number, text in enumerate(texts):
        run = LogImport(server, source=f"{number}.log", first_day=DAY)
        run.store("".join(map(str, text)).encode(), last=True)
        if mapped_first:
            rollup.drain()
    if not mapped_first:
        for feature in server.features.all():
            map_feature(feature, pools[feature.name])
        rollup.drain()
    return pools


def told(pools: dict[str, LicensePool]) -> list[Any]:
    found: list[Any] = []
    for _name, pool in sorted(pools.items()):
        used = usage(pool, start=WHOLE[0], end=WHOLE[1], by="hour")
        found += [rollup.hours(pool, *WHOLE), used.periods, used.total]
    return found


def tells_its_steps(text: Sequence[Line]) -> bool:
    """Whether all steps that are as far as those between two texts show in events: some before the
    step, which are missed after it."""
    falls = [at for at, (a, b) in enumerate(pairwise(text)) if a.clock - b.clock > RETOLD]
    for first, last, end in zip([-1, *falls], falls, [*falls[1:], len(text) - 1], strict=False):
        before, after = text[first + 1 : last + 1], text[last + 1 : end + 1]
        told = [line.clock for line in before if "@pc" in line.text]
        if not any(at > after[0].clock for at in told) or after[-1].clock <= before[-1].clock:
            return False
    return True


example = settings(
    max_examples=1000 if is_thorough() else 8 if SECOND_RUN else 40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink one takes minutes
    suppress_health_check=[*HealthCheck],
    derandomize=True,
)


@example
@given(history=histories())
def test_as_many_seats_were_out_at_once_as_the_bounds_say(history: History) -> None:
    # A log with a far step may be read as two texts: a restart of the one then ends what the other
    # tells of.
    far = any(a.clock - b.clock > RETOLD for a, b in pairwise(history.lines))
    assume(not (history.restarts and far))
    with undone():
        pools = imported([history.lines], mapped_first=False)
        for name, pool in pools.items():
            found = usage(pool, start=WHOLE[0], end=WHOLE[1]).total
            low, high = found.peak_low or 0, found.peak_high or 0
            assert low <= history.peak(name, 1)
            assert history.peak(name, 0) <= high
            hours = rollup.hours(pool, *WHOLE)
            assert max((row.peak or 0 for row in hours), default=0) == low
            assert max((row.peak_high or 0 for row in hours), default=0) == high


@example
@given(history=histories(), data=st.data())
def test_a_log_in_one_piece_and_in_two_gives_the_same_figures(
    history: History, data: st.DataObject
) -> None:
    """The second begins with the line that ended the first."""
    lines = history.lines
    cut = data.draw(st.integers(1, len(lines) - 2))
    texts = [lines[: cut + 1], lines[cut:]]
    assume(all(map(tells_its_steps, [lines, *texts])))
    # A text that begins with the step vouches for the time until a restart that came before it.
    assume(not history.restarts)
    found = []
    for order in ([lines], texts, texts[::-1]):
        with undone():
            found.append(told(imported(order, mapped_first=True)))
    assert found[1] == found[0]
    assert found[2] == found[0]


@example
@given(history=histories())
def test_a_rebuild_counts_the_same(history: History) -> None:
    with undone():
        pools = imported([history.lines], mapped_first=True)
        found = told(pools)
        rebuild()
        assert told(pools) == found


TWO = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
9:00:00 (acmed) OUT: "F1" ann@pc1
8:30:00 (acmed) OUT: "F1" bob@pc1
8:45:00 (acmed) IN: "F1" bob@pc1
9:30:00 (acmed) IN: "F1" ann@pc1
12:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""


def read(*texts: str) -> LicensePool:
    """Return the pool of a feature, whose hours are counted after each text."""
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    pool = PoolFactory()
    map_feature(Feature.objects.create(server=server, daemon="acmed", name="F1"), pool)
    for number, text in enumerate(texts):
        run = LogImport(server, source=f"{number}.log", first_day=DAY)
        run.store(text.encode(), last=True)
        rollup.drain()
    return pool


def hours(pool: LicensePool) -> dict[str, tuple[int | None, ...]]:
    return {
        f"{datetime.fromtimestamp(row.hour, UTC):%H}": (row.peak, row.peak_high, row.checkouts)
        for row in rollup.hours(pool, *WHOLE)
    }


def test_a_seat_of_the_first_pass_may_have_been_held_through_the_second() -> None:
    """Two at once, as the order of the lines shows; who took a seat when is told as before."""
    pool = read(TWO)
    expected = {"08": (0, 2, 1), "09": (1, 1, 1), "10": (0, 0, 0), "11": (0, 0, 0)}
    assert hours(pool) == expected
    total = usage(pool, start=WHOLE[0], end=WHOLE[1]).total
    assert (total.peak_low, total.peak_high, total.seat_seconds) == (1, 2, 30 * 60)
    assert (
        usage(pool, start=at("2026-03-02T08:50"), end=at("2026-03-02T08:51")).total.peak_high == 2
    )


APART = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:10:00 (acmed) OUT: "F1" dee@pc1
8:40:00 (acmed) OUT: "F1" ann@pc1
8:50:00 (acmed) IN: "F1" ann@pc1
8:55:00 (acmed) IN: "F1" dee@pc1
9:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:30:00 (lmgrd) TIMESTAMP 3/2/2026
8:40:00 (acmed) OUT: "F1" bob@pc1
8:50:00 (acmed) IN: "F1" bob@pc1
8:55:00 (acmed) OUT: "F1" cy@pc1
9:30:00 (acmed) IN: "F1" cy@pc1
12:00:00 (lmgrd) TIMESTAMP 3/2/2026
"""


def test_what_was_held_in_different_passes_is_not_known_to_be_held_at_once() -> None:
    """Two at most; what was returned within that time is known until it begins, and what was taken
    within it and returned later from then on."""
    pool = read(APART)
    total = usage(pool, start=WHOLE[0], end=WHOLE[1]).total
    assert (total.peak_low, total.peak_high, total.checkouts) == (1, 4, 4)
    known = {time: instant(pool, at(f"2026-03-02T{time}")).in_use for time in
             ("08:29:59", "08:30", "08:45", "08:54:59", "08:55", "09:29:59", "09:30")}  # fmt: skip
    assert list(known.values()) == [1, 0, 0, 0, 1, 1, 0]


def test_what_is_still_out_at_the_last_line_of_a_log_is_known_until_then() -> None:
    """The clock has not come to the end of the time that it tells twice."""
    lines = APART.splitlines(keepends=True)
    pool = read("".join(lines[:-2]))
    now = instant(pool, at("2026-03-02T08:55"))
    assert [row.sure for row in now.holders if row.returned_at is None] == [True]
    assert now.in_use == 1


def test_who_may_have_held_a_seat_then_is_shown() -> None:
    pool = read(TWO)
    found = instant(pool, at("2026-03-02T08:50"))
    assert (found.in_use, found.possible) == (0, 2)
    assert [row.sure for row in found.holders] == [False, False]
    assert instant(pool, at("2026-03-02T08:29:59")).possible == 0
    assert instant(pool, at("2026-03-02T09:00")).possible == 1


def test_all_that_were_out_at_a_moment_of_the_second_pass_are_possible() -> None:
    """Two of u1, u2 and u3 are."""
    found = usage(read(BACK), start=at("2026-03-02T09:05"), end=at("2026-03-02T09:06")).total
    assert found.peak_high == 4


@pytest.mark.parametrize(("seconds", "possible"), [(5, 1), (6, 2)])
def test_lines_that_stand_out_of_order_by_little_bound_nothing(seconds: int, possible: int) -> None:
    text = TWO.replace("9:00:00", f"8:30:0{seconds}").replace("8:45:00", "8:30:02")
    assert usage(read(text), start=WHOLE[0], end=WHOLE[1]).total.peak_high == possible


@pytest.mark.parametrize("cut", [0, 3, 4, 5])
def test_a_line_a_second_late_after_a_step_takes_nothing_off_it(cut: int) -> None:
    lines = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:40:00 (acmed) OUT: "F1" ann@pc1
8:30:00 (lmgrd) TIMESTAMP 3/2/2026
8:30:01 (acmed) OUT: "F1" bob@pc2
8:30:00 (lmgrd) TCP_NODELAY NOT enabled
8:32:00 (acmed) IN: "F1" ann@pc1
8:35:00 (acmed) IN: "F1" bob@pc2
12:00:00 (lmgrd) TIMESTAMP 3/2/2026
""".splitlines(keepends=True)
    server = LicenseServer.objects.create(name="lic", zone="UTC")
    run = LogImport(server, source="a.log", first_day=DAY)
    run.store("".join(lines[:cut]).encode())
    run.store("".join(lines[cut:]).encode(), last=True)
    told = Boundary.objects.filter(kind=Boundary.Kind.SET_BACK).values_list("at", "last_seen")
    found = sorted(f"{at:%H:%M:%S} from {since:%H:%M:%S}" for at, since in told)
    assert found == ["08:30:00 from 08:40:00"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("cut", [1, 3, 5, 7])
def test_what_was_out_before_a_restart_that_reads_as_earlier_is_not_known_to_be_out_after_it(
    cut: int, order: tuple[int, ...]
) -> None:
    lines = """\
8:00:00 (lmgrd) TIMESTAMP 3/2/2026
8:40:00 (acmed) OUT: "F1" ann@pc1
8:45:00 (acmed) OUT: "F1" bob@pc2
8:50:00 (lmgrd) TIMESTAMP 3/2/2026
8:36:05 (acmed) Server started on lic1 for: F1
8:38:00 (acmed) OUT: "F1" ann@pc1
9:30:00 (acmed) IN: "F1" ann@pc1
12:00:00 (lmgrd) TIMESTAMP 3/2/2026
""".splitlines(keepends=True)
    texts = [lines[: cut + 1], lines[:1] * (cut > 1) + lines[cut:]]
    pool = read(*("".join(texts[place]) for place in order))
    found = usage(pool, start=WHOLE[0], end=WHOLE[1]).total
    assert (found.peak_low, found.peak_high) == (1, 3)


def test_steps_that_overlap_tell_one_time_twice() -> None:
    """Back from 9:00 to 8:30, and from 9:20 to 8:50: who returned a seat at 8:40 in the second pass
    may have held it until 9:20 by the clock of the first."""
    text = TWO.replace(
        '8:45:00 (acmed) IN: "F1" bob', '9:20:00 (lmgrd) X\n8:50:00 (acmed) IN: "F1" bob'
    )
    pool = read(text)
    assert instant(pool, at("2026-03-02T09:19:59")).possible == 2
    assert instant(pool, at("2026-03-02T09:20")).possible == 1


SHORT = TWO.replace("9:00:00", "9:05:00").replace("8:30:00", "8:55:00").replace("8:45", "8:58")


def test_a_step_that_is_learned_later_has_its_time_counted_again() -> None:
    """All that the second text tells but the step is known."""
    lines = SHORT.splitlines(keepends=True)
    pool = read("".join([lines[0], *lines[2:4], lines[1], *lines[4:]]), SHORT)
    assert hours(pool)["08"] == (0, 2, 1)
    assert not DirtySpan.objects.exists()


def test_a_seat_that_is_learned_later_is_counted_in_all_the_time_told_twice() -> None:
    more = """\
9:01:00 (acmed) OUT: "F1" cy@pc1
9:04:00 (acmed) IN: "F1" cy@pc1
9:30:00 (acmed) IN: "F1" ann@pc1
"""
    assert hours(read(SHORT, more))["08"] == (0, 3, 1)


def test_what_is_kept_of_a_part_is_bounded_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PART_SECONDS", 1800)
    monkeypatch.setattr(kept, "FEWEST", 1)
    pool = read(TWO)
    spans = [WHOLE, (at("2026-03-02T08:20"), at("2026-03-02T11:10"))]
    expected = [usage(pool, start=a, end=b, by="hour") for a, b in spans]
    kept.keep(WHOLE[1] + kept.SETTLED_SECONDS)
    assert KeptPart.objects.exclude(holdings=b"").count() == 2
    assert [usage(pool, start=a, end=b, by="hour") for a, b in spans] == expected


def test_a_step_takes_no_query_more() -> None:
    calm = TWO.replace("8:30:00", "9:10:00").replace("8:45:00", "9:15:00")
    found = []
    for text in (calm, TWO):
        with undone():
            pool = read(text)
            with CaptureQueriesContext(connection) as asked:
                usage(pool, start=WHOLE[0], end=WHOLE[1])
            found.append(len(asked))
    assert found[0] == found[1]
