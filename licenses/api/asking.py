"""What is asked of a pool: a span of time, a zone, a period, a team. Every refusal is a 400 that
says what was found and what was expected."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError as ModelError
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from licenses.analysis.crowds import too_few
from licenses.concurrency.periods import DAY_SECONDS, HOUR_SECONDS, local_midnight
from licenses.models import LicensePool, Team, validate_zone

PERIODS = {
    "hour": HOUR_SECONDS,
    "day": DAY_SECONDS,
    "week": 7 * DAY_SECONDS,
    "month": 28 * DAY_SECONDS,
}
MOST_PERIODS = 20_000
FIRST = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())

ZONE = OpenApiParameter("zone", str, description="IANA name; the pool's own if left out.")
SPAN = [
    OpenApiParameter("from", str, required=True, description="First day in the zone, or moment."),
    OpenApiParameter("to", str, required=True, description="First day, or moment, no longer in."),
    ZONE,
]
WEEK = OpenApiParameter("week", bool, description="`true`: add the last seven days of each pool.")
HEADLINES = OpenApiParameter(
    "headlines",
    bool,
    description="`true`: add what 30 days of each pool come to and, for readers who may see prices,"
    " what is unused.",
)
FIGURES = [
    *SPAN,
    OpenApiParameter("by", str, enum=list(PERIODS), description="One period if left out."),
    OpenApiParameter(
        "team",
        str,
        many=True,
        description="Count this team and those below it: its name. Several: their joint use.",
    ),
]


class Span(NamedTuple):
    """[start, end) in epoch seconds, and the zone in which it was asked for."""

    start: int
    end: int
    zone: ZoneInfo


def span(request: Request, pool: LicensePool) -> Span:
    zone = _zone(request.query_params.get("zone", ""), pool)
    start, end = (_moment(name, request.query_params.get(name), zone) for name in ("from", "to"))
    if start >= end:
        raise ValidationError({"to": gettext("The end is not after the start: it is exclusive.")})
    return Span(start, end, zone)


class Moment(NamedTuple):
    """A moment in epoch seconds, and the zone in which it was asked for."""

    at: int
    zone: ZoneInfo


def moment(request: Request, pool: LicensePool) -> Moment:
    zone = _zone(request.query_params.get("zone", ""), pool)
    return Moment(_moment("at", request.query_params.get("at"), zone), zone)


def period(request: Request, asked: Span) -> Any:
    """Return the length of the periods; None for one."""
    by = request.query_params.get("by")
    if not by:
        return None
    if by not in PERIODS:
        told = gettext("Found %(text)s; expected one of %(known)s.")
        raise ValidationError({"by": told % {"text": repr(by), "known": ", ".join(PERIODS)}})
    if (asked.end - asked.start) // PERIODS[by] > MOST_PERIODS:
        told = gettext("That makes more than %(most)s periods: ask for longer ones.")
        raise ValidationError({"by": told % {"most": MOST_PERIODS}})
    return by


def teams(request: Request, asked: Span) -> list[Team]:
    """Return the teams asked for, out of those that the user may see and that are large enough."""
    names = list(dict.fromkeys(filter(None, request.query_params.getlist("team"))))
    if not names:
        return []
    seen = Team.objects.for_user(request.user).filter(name__in=names)
    found = {team.name: team for team in seen}
    for name in names:
        if name not in found:
            told = gettext("There is no team %(team)s.")
            raise ValidationError({"team": told % {"team": repr(name)}})
    few = too_few(asked.start, asked.end)
    for name in names:
        if found[name].pk in few:
            told = gettext("%(team)s has too few people to tell of its use.")
            raise ValidationError({"team": told % {"team": repr(name)}})
    return [found[name] for name in names]


def _zone(name: str, pool: LicensePool) -> ZoneInfo:
    if not name:
        return pool.tzinfo
    try:
        validate_zone(name)
    except ModelError as error:
        raise ValidationError({"zone": error.messages}) from error
    return ZoneInfo(name)


def _moment(name: str, text: str | None, zone: tzinfo) -> int:
    if not text:
        raise ValidationError({name: gettext("This is required, such as 2026-01-31.")})
    try:
        if len(text) == len("2026-01-31"):
            found = local_midnight(date.fromisoformat(text), zone)
        else:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError("without an offset")
            found = int(moment.timestamp())
    except (ValueError, OverflowError) as error:
        told = gettext(
            "Found %(text)s; expected a day such as 2026-01-31, or a moment with an offset such as"
            " 2026-01-31T08:00:00+01:00 (in an address + is %%2B)."
        )
        raise ValidationError({name: told % {"text": repr(text)}}) from error
    if not FIRST <= found <= LAST:
        told = gettext("Found %(text)s; expected a day from 1970 to 2200.")
        raise ValidationError({name: told % {"text": repr(text)}})
    return found
