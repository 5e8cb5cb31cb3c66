"""What the endpoints of a pool answer, for the schema: what the dataclasses say, and moments as
texts."""

from __future__ import annotations

from licenses.access.fairness import Waits
from licenses.access.why import Line as RefusedLine
from licenses.analysis.coverage import PoolGap
from licenses.analysis.denials import DenialRow, EpisodeRow
from licenses.analysis.drift import Drift, Said
from licenses.analysis.headlines import FIGURES, Unused
from licenses.analysis.instant import HeldThen, Instant
from licenses.analysis.now import HolderRow
from licenses.analysis.over_use import Note
from licenses.analysis.pool_teams import TeamRow
from licenses.analysis.portfolio import KEYS, WEEK
from licenses.analysis.refusals_told import DENIAL, EPISODE
from licenses.analysis.series import Bucket
from licenses.analysis.team_use import Holder, Sharing, TeamFigures
from licenses.analysis.time_to_full import Forecast
from licenses.analysis.usage import PeriodFigures
from licenses.analysis.verdict import MonthVerdict
from licenses.api.answers import POOL, POOL_SPAN, SPAN, Moment, Nullable, Sometimes, shape
from licenses.api.serializers import DenialEpisodeSerializer
from licenses.api.status import NextFreeSerializer
from licenses.importing.lines import Line

_MAYBE = Moment | None
_ENDS = {"start": Moment, "end": Moment}
_PERSON = {"person": str, "name": str | None}

# How much of it is used.

_HEADLINE = dict.fromkeys(FIGURES, int | None)
_SHARE = {"proven_share": float | None}
_UNUSED = shape("UnusedSeats", Unused, {"cost": str | None}, without=("before",))
CARD = shape(
    "PoolCard",
    dict.fromkeys(KEYS, int | None),
    {"pool": int, "name": str, "product": str, "vendor": str, "zone": str},
    {"source": str | None, "at": _MAYBE, "freshness": str},
    {
        "week": Sometimes(
            Nullable(
                shape(
                    "PoolWeek",
                    dict.fromkeys(WEEK, int | None),
                    {"logged_seconds": int, "expected_seconds": int},
                )
            )
        ),
        "headline": Sometimes(
            Nullable(
                shape(
                    "PoolHeadline",
                    {"at": Moment, "age_seconds": int, "days": int, **_HEADLINE, **_SHARE},
                    {"before": shape("PoolHeadlineBefore", _HEADLINE, _SHARE)},
                )
            )
        ),
        "unused": Sometimes(
            shape("UnusedSeatsNow", Unused, {"cost": str | None, "before": Sometimes(_UNUSED)})
        ),
    },
)
NOW = shape("PoolsNow", {"pools": [CARD]})
_PERIOD = shape("PeriodFigures", PeriodFigures, _ENDS, {"peak_at": _MAYBE})
_HOLDERS = {"holders": Nullable([shape("HolderAtPeak", Holder)]), "more_holders": int | None}
_JOINT = {
    **{"peak": int | None, "peak_at": _MAYBE, **_HOLDERS},
    **dict.fromkeys(("sum_of_peaks", "pooled", "pooled_high"), int | None),
    "several": bool | None,
}
_TEAM = shape("TeamFigures", TeamFigures, {"peak_at": _MAYBE}, without=("team_id",))
USAGE = shape(
    "PoolUsage",
    POOL_SPAN,
    {"limit": int | None, "periods": [_PERIOD], "total": _PERIOD},
    {"teams": Sometimes([_TEAM]), "joint": Sometimes(shape("TeamsTogether", Sharing, _JOINT))},
)
_SHARED = shape("PoolTeam", TeamRow, without=("team_id",))
TEAMS = shape(
    "PoolTeams",
    {**POOL, **SPAN, "teams": [_SHARED]},
    {"joint": shape("PoolTeamsTogether", Sharing, _JOINT, {"compared": list[str]})},
)
SERIES = shape(
    "PoolSeries",
    {**POOL_SPAN, "step": int},
    {
        "buckets": [shape("Bucket", Bucket, _ENDS, {"peak_at": _MAYBE})],
        "gaps": [shape("SeriesGap", {**_ENDS, "cause": str, "detail": str})],
        "more_gaps": int,
        "limits": [shape("LimitStep", {"at": Moment, "limit": int | None})],
    },
)
_BY_HOUR = {
    "peak": list[list[int | None]],
    "mean": list[list[float | None]],
    "denials": list[list[int | None]],
    "known": list[list[int]],
    "peak_at": list[list[_MAYBE]],
}
_LOAD = {
    "observed_seconds": int,
    "levels": [shape("LoadLevel", {"seats": int, "seconds": int})],
    "marks": [shape("LoadMark", {"share": float, "seats": int})],
}
PATTERN = shape(
    "PoolPattern",
    {**POOL, "zone": str},
    {
        "heatmap": shape("Heatmap", SPAN, _BY_HOUR),
        "load_duration": shape("LoadDuration", SPAN, _LOAD),
    },
)
FORECAST = shape(
    "PoolForecast",
    {**POOL, "known": bool, "seconds": int | None, "at": Sometimes(Moment)},
    {name: Sometimes(int | None) for name in Forecast.__slots__[3:5]},
    {"seats_an_hour": Sometimes(float), "days": Sometimes(int), "alike": Sometimes(int)},
)

# Who holds it, and who could not.

_HOLDER = shape(
    "PoolHolder",
    HolderRow,
    {**_PERSON, "since": Moment, "marks": list[str]},
    without=("label", "method", "display"),
)
_PAGE = {"total": int, "next": str | None}
HOLDERS = shape(
    "PoolHolders", {**POOL, "at": _MAYBE, "age_seconds": int | None, **_PAGE, "holders": [_HOLDER]}
)
_HELD_THEN = dict.fromkeys(("taken_at", "taken_by"), Moment) | dict.fromkeys(
    ("returned_after", "returned_at"), _MAYBE
)
_THEN = shape(
    "HeldThen",
    HeldThen,
    {**_PERSON, **_HELD_THEN},
    {"lines": Sometimes([shape("HeldLine", Line, {"at": Moment}, without=("checkout",))])},
    without=("label", "checkout"),
)
AT = shape(
    "PoolInstant",
    Instant,
    {"at": Moment, "before": _MAYBE, "after": _MAYBE, **_PAGE, "holders": [_THEN]},
    {"gap": Nullable(shape("InstantGap", {"cause": str, "detail": str}))},
    without=("pool_id", "issued", "people", "since", "last", "behind"),
)
_DENIAL = shape(
    "PoolDenial",
    DenialRow,
    {"person": str, "at": Moment, "served": bool, "served_at": _MAYBE, "episode": _MAYBE},
    without=tuple(set(DenialRow._fields) - set(DENIAL)),
)
_EPISODE = shape(
    "PoolDenialEpisode",
    EpisodeRow,
    {"person": str, "start": Moment, "last": Moment, "granted_at": _MAYBE},
    {"waited_seconds": int | None},
    without=tuple(set(EpisodeRow._fields) - set(EPISODE)),
)
_SUMS = (
    *("denials", "served", "other_refusals", "denial_episodes", "other_episodes"),
    *("people_blocked", "waited", "gave_up", "open", "unexplained"),
    *("waited_seconds", "lost_seconds"),
)
DENIALS = shape(
    "PoolDenials",
    {**POOL_SPAN, "rules": int, "denials": [_DENIAL], "episodes": [_EPISODE]},
    {"total": shape("DenialSums", dict.fromkeys(_SUMS, int | None), {"logged_seconds": int})},
)
WAITS = shape("PoolWaits", POOL, SPAN, Waits)
_HELD_BY = {
    "words": str,
    "people": int | None,
    "seats": int | None,
    "holders": Nullable(
        [shape("WhoHeld", {**_PERSON, "seats": int, "since": Moment, "sure": bool})]
    ),
    "more_holders": int | None,
}
WHY = shape(
    "WhyRefused",
    {"episode": DenialEpisodeSerializer, "own": bool, "name": str | None},
    dict.fromkeys(("what", "what_to_do", "then", "outcome"), str),
    {"refusals": [shape("RefusedLine", RefusedLine)], "rules": list[str]},
    {"held_by": shape("HeldBy", _HELD_BY), "house_rules": str},
    {
        "usual": Nullable(
            shape("UsualHours", {"that_hour": str, "next_free": Nullable(NextFreeSerializer)})
        )
    },
)

# What may be said of it.

_NOTE = shape("NoteOnOverUse", Note, {"recorded_at": Moment}, without=("start", "end", "at"))
OVER_USE = shape(
    "PoolOverUse",
    {**POOL, "none_seen": str},
    {
        "episodes": [
            shape(
                "OverUseEpisode",
                {**SPAN, "seconds": int, "peak": int, "excess": int, "note": Nullable(_NOTE)},
            )
        ]
    },
)
OVER = (
    *("over_seconds", "over_seat_seconds", "over_episodes"),
    *("longest_over_seconds", "largest_excess"),
)
_MONTH = shape(
    "MonthVerdict", MonthVerdict, _ENDS, {"peak_at": _MAYBE, "verdict": str},
    dict.fromkeys(OVER, int | None), {"coverage": float | None},
)  # fmt: skip
VERDICTS = shape("PoolVerdicts", {**POOL, "verdict": str, "reason": str, "months": [_MONTH]})
_GAP = shape("PoolGap", {**SPAN, "seconds": int}, PoolGap, without=("start", "end"))
GAPS = shape(
    "PoolGaps",
    {**POOL, "expected_seconds": int, "observed_seconds": int},
    {"coverage": float | None, "reason": str, "gaps": [_GAP]},
)
_STEP = shape(
    "RightsStep",
    {"from": Moment, "to": _MAYBE, "entitled": int, "overdraft": int, "allowed": int},
    {"entitlements": list[int]},
)
RIGHTS = shape("PoolRights", {**POOL, "zone": str, "steps": [_STEP]})
_SAID = shape("SeatsSaid", Said, {"since": _MAYBE})
DRIFT = shape(
    "PoolDrift",
    {**POOL, "differs": bool, "sentence": str},
    dict.fromkeys(Drift._fields, _SAID),
)
