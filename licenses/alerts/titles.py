"""The lines that name alerts: short, for subjects and lists."""

from __future__ import annotations

from datetime import date

from itam.told import Told, figure, joined, tell
from licenses.models import AlertRule

from .observing import Notice, Observation
from .words import length, plain
from .world import World

Kind = AlertRule.Kind


def title(seen: Observation, world: World) -> Told:
    """Return the line that names an alert: short, for subjects and lists."""
    kind, value, bound = seen.rule.kind, seen.sample.value, seen.bound
    if kind == Kind.UNREADABLE:
        lines = figure("lines", bound or 0)
        return tell(
            "%(server)s: %(value)s of %(lines)s could not be read",
            server=plain(seen.subject.server),
            value=value,
            lines=lines,
        )
    if kind == Kind.FLAT and seen.subject.pool is not None:
        still = world.still.get(seen.subject.pool.pk)
        days = figure("working_days", value or 0)
        told = {"pool": plain(seen.subject.pool), "days": days}
        if still is None or not still.level:
            return tell("%(pool)s: use has been zero for %(days)s", **told)
        level = still.level
        return tell("%(pool)s: use has been exactly %(level)s for %(days)s", level=level, **told)
    if kind == Kind.DRIFT:
        return tell(
            "%(pool)s: contract, licence file and server differ on its seats",
            pool=plain(seen.subject.pool),
        )
    if kind == Kind.TIME_TO_FULL:
        return tell(
            "%(pool)s is expected to be full in about %(left)s",
            pool=plain(seen.subject.pool),
            left=length(-60 * (value or 0)),
        )
    if seen.subject.server is not None:
        return tell("Licence server %(server)s gives no answer", server=plain(seen.subject.server))
    if kind == Kind.EVIDENCE:
        return tell("The sealed evidence does not fit")
    if seen.subject.part:
        return tell("The %(part)s stands still", part=plain(seen.subject.part))
    pool = plain(seen.subject.pool)
    if kind == Kind.DENIALS:
        refusals = figure("refusals", value or 0)
        return tell("%(pool)s: %(refusals)s in an hour", pool=pool, refusals=refusals)
    if kind == Kind.OVER_USE:
        return tell(
            "%(pool)s is over its limit: %(value)s in use, %(bound)s allowed",
            pool=pool,
            value=value,
            bound=bound,
        )
    if bound is not None and value is not None and value >= bound:
        return tell(
            "%(pool)s is full: %(value)s of %(bound)s seats in use",
            pool=pool,
            value=value,
            bound=bound,
        )
    return tell(
        "%(pool)s: %(value)s of %(bound)s seats in use", pool=pool, value=value, bound=bound
    )


def notice_title(notice: Notice, today: date) -> Told:
    left = (notice.day - today).days
    near = tell("today") if left == 0 else tell("in %(days)s", days=figure("days", left))
    when = joined([notice.day.isoformat(), near], ", ")
    if notice.what == "expiry":
        server = plain(notice.subject.server)
        return tell("Licence file of %(server)s ends on %(when)s", server=server, when=when)
    contract = notice.subject.contract
    if notice.what == "notice":
        return tell(
            "Contract %(contract)s: last day to give notice is %(when)s",
            contract=plain(contract),
            when=when,
        )
    told = {"contract": plain(contract), "when": when}
    if contract is not None and contract.renews:
        return tell("Contract %(contract)s renews after %(when)s", **told)
    return tell("Contract %(contract)s ends on %(when)s", **told)
