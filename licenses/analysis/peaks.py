"""When a pool, or a team in it, held the most seats: the moment to look at, not the figure."""

from __future__ import annotations

from licenses.analysis.holdings import holdings
from licenses.analysis.now import RECENT_SECONDS
from licenses.analysis.rights import YEAR_SECONDS
from licenses.analysis.rows import number
from licenses.analysis.series import series
from licenses.analysis.teams import NOBODYS, load_teams
from licenses.concurrency.joint import joint
from licenses.concurrency.periods import HOUR_SECONDS
from licenses.models import LicensePool, PoolHour, TeamHour


def peak_at(pool: LicensePool, start: int, end: int) -> int | None:
    """Return the first moment of the highest use in [start, end); None where none is known.

    Of a span too long to be looked at minute by minute, the full hours that it touches are meant.
    """
    used = [row for row in series(pool, start, end).buckets if row.peak]
    top = max(used, key=lambda row: (row.peak, -row.start), default=None)
    return None if top is None else top.peak_at


def year_peak_at(pool: LicensePool, peak: int | None, now: int) -> int | None:
    """Return the first moment of the 12-month peak that is on record of a pool; None where nobody
    ever used it. One query.

    It is looked for through all of the year once a day only, and so may be a little older than a
    year; higher use than it, which it has left behind, is looked past.
    """
    hours = PoolHour.objects.filter(pool=pool, peak__gt=0)
    hours = hours.within(now - YEAR_SECONDS - RECENT_SECONDS, now + 1)
    if peak is not None:
        hours = hours.filter(peak__lte=peak)
    found = hours.order_by("-peak", "hour").values_list(number("peak_at"), flat=True)
    return found.first()


def team_peak_at(pool: LicensePool, team: int, start: int, end: int) -> int | None:
    """Return the first moment of a team's highest use in the hours that begin in [start, end);
    None where it had none.

    team:  with the teams below it; NOBODYS: use by nobody's team.

    The hour is stored; the moment comes from the holdings of that hour alone.
    """
    hours = TeamHour.objects.filter(pool=pool, hour__gte=start, hour__lt=end, peak__gt=0)
    mine = hours.filter(team=None) if team == NOBODYS else hours.filter(team=team)
    hour = mine.order_by("-peak", "hour").values_list(number("hour"), flat=True).first()
    if hour is None:
        return None
    held = holdings(pool, hour, hour + HOUR_SECONDS)
    use = load_teams(held.person, held.host).belonging(
        held.person, held.host, held.began, pool.tzinfo
    )
    spans = held.taken_by, held.returned_after, held.seats
    found = joint(*spans, [use.of(team)], hour, hour + HOUR_SECONDS)
    return found.parts[0].peak_at
