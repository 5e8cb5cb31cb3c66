"""The pages of one pool, and the short form for pools without findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.dates import MONTHS_3
from django.utils.translation import get_language, gettext, ngettext
from reportlab.platypus import Flowable

from itam import figures
from itam.figures import number
from reports.datasets.compliance import Compliance, Month, PoolReport
from reports.documents.pool_tables import LONGEST_GAPS, gaps, rights
from reports.documents.words import (
    TONES,
    VERDICTS,
    day,
    figure,
    hours,
    length,
    moment,
    moment_exact,
    month,
    peak_words,
    percent,
    refusals,
    signed,
    unlogged,
)
from reports.pdf import axes, look
from reports.pdf.axes import Span, Step, Tick
from reports.pdf.blocks import Badge, caption, heading
from reports.pdf.calendars import CalendarMonth, CompletenessCalendar
from reports.pdf.charts import Callout, LoadCurve, Small, StepChart, Use, small_multiples
from reports.pdf.look import Tone
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import prose

MOST_ROWS: Final = 200
"""Over-use episodes of one pool on paper; the data file has all."""
MOST_LEVELS: Final = 2_000
"""Seats up to which the load curve is drawn one by one."""


def pool_pages(
    pool: PoolReport, data: Compliance, zone: ZoneInfo, *, most_gaps: int = LONGEST_GAPS
) -> list[Flowable]:
    """Return the full account of one pool, with so many of its longest gaps."""
    head = pool.position
    use = _use(pool, data)
    callout = None
    if head.peak and head.peak_at is not None:
        words = gettext("%(peak_words)s on %(day)s") % {
            "peak_words": peak_words(head.peak, head.peak_exact),
            "day": day(head.peak_at, zone),
        }
        callout = Callout(head.peak_at, head.peak, words)
    return [
        *heading(head.pool, room=330),
        prose(
            gettext("{product} by {vendor}. Days of rights are in {zone}."),
            look.SMALL,
            product=head.product,
            vendor=head.vendor,
            zone=pool.zone,
        ),
        Badge(TONES[head.verdict], str(VERDICTS[head.verdict]), head.reason),
        StepChart(use, _ticks(pool.months, zone), callout=callout),
        caption(
            gettext("Highest use of each day against what was allowed. Hatched: nobody can say.")
        ),
        *heading(gettext("Month by month"), 2),
        _month_table(pool.months, zone),
        *_blocked(pool),
        *_over_use(pool, zone),
        *rights([pool], data.proven_from),
        *_load(pool),
        *heading(gettext("Completeness"), 2, room=200),
        _calendar(pool, zone),
        *gaps(pool, zone, most_gaps),
    ]


def small_charts(pools: Sequence[PoolReport], data: Compliance) -> list[Flowable]:
    """Return a small chart for each pool."""
    return small_multiples(
        [
            Small(
                pool.position.pool,
                _small_words(pool),
                TONES[pool.position.verdict],
                _use(pool, data),
            )
            for pool in pools
        ]
    )


def _small_words(pool: PoolReport) -> str:
    head = pool.position
    if head.coverage is None:
        return str(VERDICTS[head.verdict])
    return gettext("%(percent)s observed, spare %(signed)s") % {
        "percent": percent(head.coverage),
        "signed": signed(head.spare),
    }


def month_grid(pools: Sequence[PoolReport], zone: ZoneInfo) -> FastTable:
    """Return the peak of each pool and month in one table."""
    months = pools[0].months
    columns = [Column(gettext("Pool"), 0.28)] + [
        Column(month(item.start, zone), 0.72 / len(months), "right") for item in months
    ]
    rows = [(pool.position.pool, *(figure(item.peak) for item in pool.months)) for pool in pools]
    return FastTable(columns, rows, size=7)


def _use(pool: PoolReport, data: Compliance) -> Use:
    return Use(
        start=data.start,
        end=data.end,
        used=[Step(d.start, d.end, d.peak) for d in pool.days if d.peak is not None],
        allowed=[Step(row.start, row.end, row.seats) for row in pool.allowed],
        gaps=[axes.Gap(gap.start, gap.end) for gap in pool.gaps],
        over=[Span(row.start, row.end) for row in pool.over_use],
    )


def _ticks(months: Sequence[Month], zone: ZoneInfo) -> list[Tick]:
    return [Tick(item.start, _tick(item.start, zone)) for item in months]


def _month_table(months: Sequence[Month], zone: ZoneInfo) -> FastTable:
    columns = [
        Column(gettext("Month"), 0.095),
        Column(gettext("Allowed"), 0.075, "right"),
        Column(gettext("Peak"), 0.055, "right"),
        Column(gettext("Peak reached"), 0.155),
        Column(gettext("Hours full"), 0.065, "right"),
        Column(gettext("Hours over"), 0.065, "right"),
        Column(gettext("Refusals"), 0.085, "right"),
        Column(gettext("Coverage"), 0.085, "right"),
        Column(gettext("Verdict"), 0.32, lines=4),
    ]
    rows = [
        (
            month(item.start, zone),
            figure(item.allowed),
            peak_words(item.peak, item.peak == item.peak_high),
            moment(item.peak_at, zone) if item.peak and item.peak_at is not None else "–",
            hours(item.full_seconds),
            hours(item.over_seconds),
            refusals(item),
            percent(item.coverage),
            Cell(_month_words(item), TONES[item.verdict]),
        )
        for item in months
    ]
    return FastTable(columns, rows, size=7, limit=300)


def _blocked(pool: PoolReport) -> list[Flowable]:
    """Say whom refusals for want of seats kept from work, how long, and what is not known of it."""
    found, head = pool.blocked, pool.position
    unknown = unlogged(head.logged_seconds, head.expected_seconds)
    if found is None or not found.episodes:
        return [prose(unknown, look.SMALL)] if unknown else []
    words = gettext(
        "Kept from a seat: {people}, in {episodes} all told. {waited} ended with a"
        " seat, {gave_up} without one. Time lost: at least {lost}."
    )
    if found.unexplained:
        words = f"{words} {gettext('In {unexplained} seats were free as far as was seen.')}"
    return [
        prose(
            f"{words} {unknown}".rstrip(),
            look.SMALL,
            people=figures.people(found.people),
            episodes=_episodes(found.episodes),
            waited=f"{found.waited:,}",
            gave_up=f"{found.gave_up:,}",
            lost=length(found.lost_seconds),
            unexplained=_episodes(found.unexplained),
        )
    ]


def _episodes(count: int) -> str:
    found = ngettext("%(count)s episode", "%(count)s episodes", count)
    return found % {"count": figures.number(count)}


def _tick(at: int, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(at, zone)
    return f"{str(MONTHS_3[local.month]).capitalize()} {local.year % 100:02d}"


def _month_words(item: Month) -> str:
    """Return the verdict, with its reason where the row's figures do not tell it already."""
    words = str(VERDICTS[item.verdict])
    return words if item.verdict in ("as_observed", "proven") else f"{words}. {item.reason}"


def _over_use(pool: PoolReport, zone: ZoneInfo) -> list[Flowable]:
    story = heading(gettext("Over-use"), 2)
    if not pool.over_use:
        seen = percent(pool.position.coverage)
        words = gettext("None was seen in the {seen} of the time that was observed.")
        if pool.position.coverage is None:
            words = gettext("None was seen; nothing was expected to be observed.")
        elif not pool.allowed:
            words = gettext("What is allowed is not known, so over-use cannot be told from use.")
        return [*story, prose(words, look.BODY, seen=seen)]
    columns = [
        Column(gettext("From"), 0.16),
        Column(gettext("To"), 0.16),
        Column(gettext("Lasted"), 0.115, lines=2),
        Column(gettext("Most"), 0.06, "right"),
        Column(gettext("Above"), 0.065, "right"),
        Column(gettext("Cause"), 0.195, lines=6),
        Column(gettext("Resolution"), 0.125, lines=6),
        Column(gettext("Owner"), 0.12, lines=3),
    ]
    # The largest ones, in time order, where there are more than paper should hold.
    worst = sorted(pool.over_use, key=lambda row: (-row.excess, row.start - row.end, row.start))
    rows = [
        (
            moment_exact(row.start, zone),
            moment_exact(row.end, zone),
            length(row.end - row.start),
            f"{row.peak:,}",
            f"{row.excess:,}",
            row.cause or Cell(gettext("not recorded"), Tone.WARN),
            (row.resolution or Cell(gettext("still open"), Tone.WARN)) if row.cause else "–",
            row.owner or "–",
        )
        for row in sorted(worst[:MOST_ROWS], key=lambda row: row.start)
    ]
    story.append(FastTable(columns, rows, size=7))
    if len(pool.over_use) > MOST_ROWS:
        text = gettext("The %(most_rows)s largest of %(over_use)s; the data file has all.") % {
            "most_rows": MOST_ROWS,
            "over_use": number(len(pool.over_use)),
        }
        story.append(caption(text))
    return story


def _load(pool: PoolReport) -> list[Flowable]:
    total = pool.load[0].seconds if pool.load else 0
    peak = pool.load[-1].seats if pool.load else 0
    head = pool.position
    if not total or head.p999 is None or not 0 < peak <= MOST_LEVELS:
        return []
    words = gettext("99.9 %% of the observed time needed no more than %(seats)s.") % {
        "seats": figures.seats(head.p999)
    }
    unseen = gettext("Use that began and ended between two polls is not in it.")
    shares = []
    place = 0
    for seats in range(peak + 1):
        while pool.load[place].seats < seats:
            place += 1
        shares.append(pool.load[place].seconds / total)
    levels = {row.seats for row in pool.allowed}
    limit = levels.pop() if len(levels) == 1 else None
    return [
        *heading(gettext("How long how many seats were in use"), 2, room=150),
        LoadCurve(shares, limit),
        caption(words if head.peak_exact else f"{words} {unseen}"),
    ]


def _calendar(pool: PoolReport, zone: ZoneInfo) -> CompletenessCalendar:
    notes = {month(item.start, zone): percent(item.coverage) for item in pool.months}
    rows = []
    for label, days in groupby(pool.days, key=lambda item: _month(item.start, zone)):
        shares: list[float | None] = [None] * 31
        bounded = [0.0] * 31
        for item in days:
            if item.expected_seconds:
                place = _day_of_month(item.start, zone) - 1
                shares[place] = item.observed_seconds / item.expected_seconds
                # Whole where every second that is missing is: 1 - 2/3 and 1/3 are not the same.
                missing = item.expected_seconds - item.observed_seconds
                whole = 0 < missing == item.bounded_seconds
                bounded[place] = 1.0 if whole else item.bounded_seconds / item.expected_seconds
        rows.append(CalendarMonth(label, shares, notes[label], bounded))
    return CompletenessCalendar(rows)


# The days of all pools begin at the same moments.


@lru_cache(maxsize=4_096)
def _month_in(_language: str | None, at: int, zone: ZoneInfo) -> str:
    return month(at, zone)


def _month(at: int, zone: ZoneInfo) -> str:
    return _month_in(get_language(), at, zone)


@lru_cache(maxsize=4_096)
def _day_of_month(at: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(at, zone).day
