"""The three numbers of a pool in words: what is proven, how long people were blocked, and what is
paid for in vain; each beside the month before, and none where it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext

from itam import figures
from itam.figures import number
from licenses.analysis.headlines import FRESH_SECONDS, Unused, share
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
    """A number in words. note: what stands beneath it."""

    text: str
    note: str = ""
    trend: Trend | None = None
    known: bool = True


@dataclass(frozen=True)
class Told:
    """The three numbers of a pool, and how old the first two are. unused: None where the reader
    may not see prices."""

    proven: Figure
    blocked: Figure
    unused: Figure | None
    fresh: words.Freshness


@dataclass(frozen=True)
class Card:
    """A figure of all pools. tone: a class for its colour, or nothing."""

    label: str
    figure: Figure
    link: str = ""
    tone: str = ""


def of_pool(row: PoolHeadline | None, spare: Unused | None, now: datetime) -> Told:
    """Return the numbers of a pool as the page shows them."""
    fresh = words.freshness(row.at if row else None, FRESH_SECONDS, now)
    return Told(
        proven=_proven(row),
        blocked=_blocked(row),
        unused=None if spare is None else unused_words(spare),
        fresh=fresh,
    )


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
    lately, before = minutes(row.blocked_seconds), minutes(row.blocked_seconds_before)
    people = row.people_blocked
    who = figures.people(people) if people else ""
    trend = trend_words(lately - before, _minutes(abs(lately - before)), more_is_better=False)
    return Figure(_minutes(lately), who, trend)


def unused_words(spare: Unused) -> Figure:
    if spare.seats is None:
        return Figure(gettext("not known"), spare.why, known=False)
    seats = figures.seats(spare.seats)
    if spare.cost is None:
        return Figure(gettext("cost not known"), f"{seats}, {spare.why}", known=False)
    if not spare.seats:
        return Figure(gettext("none"), gettext("all seats were used"))
    return Figure(
        words.money(spare.cost, spare.currency), gettext("a year, %(seats)s") % {"seats": seats}
    )


def percent(value: float) -> str:
    """Return a share that was cut, not rounded: 100 % is all of it."""
    return "100 %" if value == 1 else f"{number(100 * value, 1)} %"


def minutes(seconds: int) -> int:
    """Return whole minutes, up: a wait of some seconds is not none."""
    return -(-seconds // 60)


def trend_words(change: float, text: str, *, more_is_better: bool) -> Trend:
    if not change:
        return Trend("same", gettext("%(arrows)s as before") % {"arrows": ARROWS[0]})
    up = change > 0
    key = "better" if up == more_is_better else "worse"
    return Trend(key, f"{ARROWS[1 if up else -1]} {text}")


def cards(found: Totals, spare: UnusedTotal | None, age_seconds: int | None) -> list[Card]:
    """Return the figures of all pools in the order of urgency.

    age_seconds: of the oldest 30-day figure among them; None: none is counted yet.
    """
    shown = [
        Card(
            gettext("Full now"),
            Figure(str(found.full), gettext("of %(pools)s pools") % {"pools": found.pools}),
            "use=full",
        ),
        Card(
            gettext("Over what is allowed"),
            Figure(str(found.over), gettext("more in use than bought")),
            "use=over",
        ),
        Card(
            gettext("Without fresh news"),
            Figure(str(found.silent), gettext("no number of this hour")),
            "use=old",
        ),
        Card(gettext("Proven throughout"), _proven_card(found, age_seconds)),
        Card(gettext("Blocked in 30 days"), _blocked_card(found, age_seconds)),
    ]
    if spare is not None:
        shown.append(Card(gettext("Paid for, never used"), _unused_card(spare)))
    tones = (
        "lm-level-full" if found.full else "",
        "lm-level-over" if found.over else "",
        "lm-age-late" if found.silent else "",
    )
    return [
        Card(card.label, card.figure, card.link, tone)
        for card, tone in zip(shown, [*tones, "", "", ""], strict=False)
    ]


def _counted(found: Totals, age_seconds: int | None) -> str:
    age = words.short_ago(age_seconds)
    if not found.uncounted:
        return gettext("counted %(age)s") % {"age": age}
    pools = figures.pools(found.uncounted)
    return gettext("counted %(age)s, %(pools)s to come") % {"age": age, "pools": pools}


def _minutes(count: int) -> str:
    return gettext("%(count)s min") % {"count": number(count)}


def _proven_card(found: Totals, age_seconds: int | None) -> Figure:
    if age_seconds is None:
        return Figure(words.UNKNOWN, gettext("not counted yet"), known=False)
    change = found.proven - found.proven_before
    trend = (
        trend_words(change, f"{abs(change)}", more_is_better=True) if found.judged_before else None
    )
    of = gettext("%(proven)s of %(judged)s") % {"proven": found.proven, "judged": found.judged}
    return Figure(of, _counted(found, age_seconds), trend)


def _blocked_card(found: Totals, age_seconds: int | None) -> Figure:
    if age_seconds is None:
        return Figure(words.UNKNOWN, gettext("not counted yet"), known=False)
    lately, before = minutes(found.blocked_seconds), minutes(found.blocked_seconds_before)
    trend = trend_words(lately - before, _minutes(abs(lately - before)), more_is_better=False)
    return Figure(_minutes(lately), _counted(found, age_seconds), trend)


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
        return Figure(gettext("none") if known else words.UNKNOWN, "; ".join(notes), known=known)
    sums = [words.money(Decimal(cost), currency) for currency, cost in spare.cost.items()]
    return Figure(" + ".join(sums), "; ".join(notes))
