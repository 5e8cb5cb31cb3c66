"""The three numbers of a pool in words: what is proven, how long people were blocked, and what is
paid for in vain; each beside the month before, and none where it is not known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext

from itam import figures
from itam.figures import number
from licenses.analysis.headlines import FRESH_SECONDS, Unused, comparable, enough, share
from licenses.analysis.rows import as_moment
from licenses.models import PoolHeadline
from licenses.overview.totals import Totals, UnusedTotal

from . import words

ARROWS = {1: "▲", -1: "▼", 0: "="}


@dataclass(frozen=True)
class Trend:
    """What changed against the 30 days before. key: better, worse or same."""

    key: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A number in words. note: what stands beneath it; source: what it rests on, in words; fresh:
    how old the oldest of that is."""

    text: str
    note: str = ""
    trend: Trend | None = None
    known: bool = True
    source: str = ""
    fresh: words.Freshness | None = None


@dataclass(frozen=True)
class Told:
    """The numbers of a pool. unused: None where the reader may not see prices."""

    peak: Figure
    proven: Figure
    blocked: Figure
    unused: Figure | None


@dataclass(frozen=True)
class Card:
    """A figure of all pools. tone: a class for its colour, or nothing."""

    label: str
    figure: Figure
    link: str = ""
    tone: str = ""


def of_pool(
    row: PoolHeadline | None, spare: Unused | None, seen: words.Freshness, now: datetime
) -> Told:
    """Return the numbers of a pool as the page shows them, each with its source and age.

    seen: how old the newest number of its use is.
    """
    counted = words.freshness(row.at if row else None, FRESH_SECONDS, now)
    return Told(
        peak=replace(_peak(row), source=gettext("logs and polls"), fresh=counted),
        proven=replace(_proven(row), source=gettext("logs, polls and rights"), fresh=counted),
        blocked=replace(_blocked(row), fresh=counted),
        unused=None
        if spare is None
        else replace(unused_words(spare), source=gettext("rights and use"), fresh=seen),
    )


def _peak(row: PoolHeadline | None) -> Figure:
    if row is None:
        return Figure(gettext("not counted yet"), known=False)
    if row.peak is None:
        return Figure(gettext("use not known"), known=False)
    trend = None
    if row.peak_before is not None and _comparable(row, "observed"):
        change = row.peak - row.peak_before
        trend = trend_words(change, figures.seats(abs(change)), more_is_better=None)
    return Figure(gettext("peak %(peak)s") % {"peak": number(row.peak)}, trend=trend)


def _proven(row: PoolHeadline | None) -> Figure:
    if row is None:
        return Figure(gettext("not counted yet"), known=False)
    lately = share(row.proven_seconds, row.expected_seconds)
    if lately is None:
        return Figure(gettext("not in use"), known=False)
    before = share(row.proven_seconds_before, row.expected_seconds_before)
    trend = None
    if before is not None:
        points = round(100 * (lately - before), 1)
        trend = trend_words(
            points,
            gettext("%(points)s points") % {"points": number(abs(points), 1)},
            more_is_better=True,
        )
    over = (
        gettext("over for %(lasting)s") % {"lasting": words.lasting(row.over_seconds)}
        if row.over_seconds
        else ""
    )
    return Figure(percent(lately), over, trend)


def _blocked(row: PoolHeadline | None) -> Figure:
    if row is None:
        return Figure(gettext("not counted yet"), known=False)
    lately, before = row.blocked_seconds, row.blocked_seconds_before
    if lately is None:
        return _unlogged()
    people = row.people_blocked
    who = figures.people(people) if people else ""
    trend = None
    if before is not None and _comparable(row, "logged"):
        trend = _blocked_trend(minutes(lately) - minutes(before))
    return _blocked_figure(lately, row.logged_seconds, row.expected_seconds, [who], trend)


def _comparable(row: PoolHeadline, known: str) -> bool:
    """Tell whether the 30 days may be held against those before; known: observed or logged."""
    part, before = (getattr(row, f"{known}_seconds{of}") for of in ("", "_before"))
    return comparable(part, before, row.expected_seconds, row.expected_seconds_before)


def _blocked_figure(
    seconds: int, logged: int, expected: int, notes: list[str], trend: Trend | None
) -> Figure:
    """Return for how long people were kept from work, beside how much of the time logs tell of:
    below the floor there was at least so much, and none is not known."""
    part = share(logged, expected)
    if part is not None and part < 1:
        notes = [*notes, gettext("%(share)s of the time logged") % {"share": percent(part)}]
    note, source = "; ".join(filter(None, notes)), gettext("refusals in logs")
    told = _minutes(minutes(seconds))
    if enough(logged, expected):
        return Figure(told, note, trend, source=source)
    if not seconds:
        return Figure(gettext("not known"), note, known=False, source=source)
    return Figure(f"≥ {told}", note, trend, source=source)


def _unlogged() -> Figure:
    return Figure(gettext("not known"), gettext("no log for this time"), known=False)


def _blocked_trend(change: int) -> Trend:
    return trend_words(change, _minutes(abs(change)), more_is_better=False)


def unused_words(spare: Unused) -> Figure:
    if spare.seats is None:
        return Figure(gettext("not known"), spare.why, known=False)
    seats = figures.seats(spare.seats)
    if spare.cost is None:
        return Figure(gettext("cost not known"), f"{seats}, {spare.why}", known=False)
    change, trend = spare.change(), None
    if change is not None:
        more = words.money(abs(change[1]), spare.currency)
        trend = trend_words(float(change[1]), more, more_is_better=False)
    if not spare.seats:
        return Figure(gettext("none"), gettext("all seats were used"), trend)
    note = gettext("a year, %(seats)s") % {"seats": seats}
    return Figure(words.money(spare.cost, spare.currency), note, trend)


def percent(value: float) -> str:
    """Return a share that was cut, not rounded: 100 % is all of it."""
    return "100 %" if value == 1 else f"{number(100 * value, 1)} %"


def minutes(seconds: int) -> int:
    """Return whole minutes, up: a wait of some seconds is not none."""
    return -(-seconds // 60)


def _signed_minutes(seconds: int) -> int:
    return minutes(seconds) if seconds > 0 else -minutes(-seconds)


def trend_words(change: float, text: str, *, more_is_better: bool | None) -> Trend:
    """Return what changed. more_is_better: None where more is neither better nor worse."""
    if not change:
        return Trend("same", gettext("%(arrows)s as before") % {"arrows": ARROWS[0]})
    up = change > 0
    key = "better" if up == more_is_better else "worse"
    return Trend("same" if more_is_better is None else key, f"{ARROWS[1 if up else -1]} {text}")


def cards(found: Totals, spare: UnusedTotal | None, now: datetime) -> list[Card]:
    """Return the figures of all pools in the order of urgency, each with its source, the age of
    the oldest that it rests on, and what the last 30 days were against those before."""
    newest = words.freshness(_moment(found.news_at), None, now)
    counted = words.freshness(_moment(found.counted_at), FRESH_SECONDS, now)
    pools = gettext("of %(pools)s pools") % {"pools": found.pools}
    full = _time_card(str(found.full), pools, found.full_seconds_change)
    over = gettext("more in use than bought")
    over_use = _time_card(str(found.over), over, found.over_seconds_change)
    shown = [
        Card(gettext("Full now"), replace(full, source=_sources(found), fresh=newest), "use=full"),
        Card(
            gettext("Over what is allowed"),
            replace(over_use, source=_sources(found), fresh=newest),
            "use=over",
        ),
        Card(
            gettext("Without fresh news"),
            replace(_silent_card(found), source=_sources(found), fresh=newest),
            "use=old",
        ),
        Card(
            gettext("Proven throughout"),
            replace(_proven_card(found), source=gettext("logs, polls and rights"), fresh=counted),
        ),
        Card(
            gettext("Blocked in 30 days"),
            replace(_blocked_card(found), fresh=counted),
        ),
    ]
    if spare is not None:
        unused = replace(_unused_card(spare), source=gettext("rights and use"), fresh=newest)
        shown.append(Card(gettext("Paid for, never used"), unused))
    tones = (
        "lm-level-full" if found.full else "",
        "lm-level-over" if found.over else "",
        "lm-age-late" if found.silent else "",
    )
    return [
        Card(card.label, card.figure, card.link, tone)
        for card, tone in zip(shown, [*tones, "", "", ""], strict=False)
    ]


def _moment(at: int | None) -> datetime | None:
    return None if at is None else as_moment(at)


def _sources(found: Totals) -> str:
    if found.from_log and found.from_polls:
        return gettext("logs and polls")
    return gettext("log") if found.from_log else gettext("polls") if found.from_polls else ""


def _time_card(text: str, note: str, changed_seconds: int | None) -> Figure:
    """Return a count of now, beside by how much longer the like lasted in 30 days than in the 30
    before. None: no two such times may be compared."""
    if changed_seconds is None:
        return Figure(text, note)
    change = _signed_minutes(changed_seconds)
    more = gettext("%(lasting)s in 30 days") % {"lasting": words.lasting(60 * abs(change))}
    return Figure(text, note, trend_words(change, more, more_is_better=False))


def _silent_card(found: Totals) -> Figure:
    note, trend = gettext("no number that says something of now"), None
    lately = share(found.observed_seconds, found.expected_seconds)
    before = share(found.observed_seconds_before, found.expected_seconds_before)
    if lately is not None and before is not None:
        points = round(100 * (lately - before), 1)
        more = gettext("%(points)s points observed in 30 days")
        trend = trend_words(points, more % {"points": number(abs(points), 1)}, more_is_better=True)
    return Figure(str(found.silent), note, trend)


def _to_come(found: Totals) -> str:
    """Return how many pools are not in a figure yet."""
    pools = figures.pools(found.uncounted)
    return gettext("%(pools)s to come") % {"pools": pools} if found.uncounted else ""


def _minutes(count: int) -> str:
    return gettext("%(count)s min") % {"count": number(count)}


def _proven_card(found: Totals) -> Figure:
    if found.counted_at is None:
        return Figure(words.UNKNOWN, gettext("not counted yet"), known=False)
    change = found.proven - found.proven_before
    trend = (
        trend_words(change, f"{abs(change)}", more_is_better=True) if found.judged_before else None
    )
    of = gettext("%(proven)s of %(judged)s") % {"proven": found.proven, "judged": found.judged}
    return Figure(of, _to_come(found), trend)


def _blocked_card(found: Totals) -> Figure:
    if found.counted_at is None:
        return Figure(words.UNKNOWN, gettext("not counted yet"), known=False)
    if found.blocked_seconds is None:
        return _unlogged()
    change = found.blocked_seconds_change
    trend = None
    if change is not None:
        trend = _blocked_trend(_signed_minutes(change))
    blind = gettext("%(pools)s without a log") % {"pools": figures.pools(found.unlogged)}
    figure = _blocked_figure(
        found.blocked_seconds,
        found.logged_seconds,
        found.expected_seconds,
        [blind if found.unlogged else "", _to_come(found)],
        trend,
    )
    # The total is of seconds: the minutes of its pools, which are rounded too, add up to more.
    return replace(figure, source=gettext("refusals in logs; rounded up once, as each pool is"))


def _unused_card(spare: UnusedTotal) -> Figure:
    notes = [gettext("a year, %(seats)s") % {"seats": figures.seats(spare.seats)}]
    if spare.unpriced:
        notes.append(
            gettext("%(pools)s without a price") % {"pools": figures.pools(spare.unpriced)}
        )
    if spare.unknown:
        notes.append(gettext("%(unknown)s not known") % {"unknown": spare.unknown})
    if not spare.cost:
        known = not (spare.unpriced or spare.unknown)
        text = gettext("none") if known else words.UNKNOWN
        return Figure(text, "; ".join(notes), _unused_trend(spare), known=known)
    sums = [words.money(Decimal(cost), currency) for currency, cost in spare.cost.items()]
    return Figure(" + ".join(sums), "; ".join(notes), _unused_trend(spare))


def _unused_trend(spare: UnusedTotal) -> Trend | None:
    """Return how what is unused changed: in money where that is of one currency, or else seats."""
    if not spare.compared:
        return None
    money = [(currency, Decimal(cost)) for currency, cost in spare.cost_change.items()]
    if len(money) < 2:
        currency, change = money[0] if money else ("", Decimal(0))
        return trend_words(float(change), words.money(abs(change), currency), more_is_better=False)
    seats = spare.seats_change
    return trend_words(seats, figures.seats(abs(seats)), more_is_better=False)
