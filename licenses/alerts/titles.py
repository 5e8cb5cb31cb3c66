"""The lines that name alerts: short, for subjects and lists."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext

from itam import figures
from licenses.models import AlertRule

from .observing import Notice, Observation
from .words import length, plain
from .world import World

Kind = AlertRule.Kind


def title(seen: Observation, world: World) -> str:
    """Return the line that names an alert: short, for subjects and lists."""
    kind, value, bound = seen.rule.kind, seen.sample.value, seen.bound
    if kind == Kind.UNREADABLE:
        lines = figures.lines(bound or 0)
        return gettext("%(server)s: %(value)s of %(lines)s could not be read") % {
            "server": plain(seen.subject.server),
            "value": value,
            "lines": lines,
        }
    if kind == Kind.FLAT and seen.subject.pool is not None:
        still = world.still.get(seen.subject.pool.pk)
        days = figures.working_days(value or 0)
        told = {"pool": plain(seen.subject.pool), "days": days}
        if still is None or not still.level:
            return gettext("%(pool)s: use has been zero for %(days)s") % told
        told["level"] = str(still.level)
        return gettext("%(pool)s: use has been exactly %(level)s for %(days)s") % told
    if kind == Kind.DRIFT:
        return gettext("%(pool)s: contract, licence file and server differ on its seats") % {
            "pool": plain(seen.subject.pool)
        }
    if kind == Kind.TIME_TO_FULL:
        return gettext("%(pool)s is expected to be full in about %(left)s") % {
            "pool": plain(seen.subject.pool),
            "left": length(-60 * (value or 0)),
        }
    if seen.subject.server is not None:
        return gettext("Licence server %(server)s gives no answer") % {
            "server": plain(seen.subject.server)
        }
    if kind == Kind.EVIDENCE:
        return gettext("The sealed evidence does not fit")
    if seen.subject.part:
        return gettext("The %(part)s stands still") % {"part": plain(seen.subject.part)}
    pool = plain(seen.subject.pool)
    if kind == Kind.DENIALS:
        return gettext("%(pool)s: %(refusals)s in an hour") % {
            "pool": pool,
            "refusals": figures.refusals(value or 0),
        }
    if kind == Kind.OVER_USE:
        return gettext("%(pool)s is over its limit: %(value)s in use, %(bound)s allowed") % {
            "pool": pool,
            "value": value,
            "bound": bound,
        }
    if bound is not None and value is not None and value >= bound:
        return gettext("%(pool)s is full: %(value)s of %(bound)s seats in use") % {
            "pool": pool,
            "value": value,
            "bound": bound,
        }
    return gettext("%(pool)s: %(value)s of %(bound)s seats in use") % {
        "pool": pool,
        "value": value,
        "bound": bound,
    }


def notice_title(notice: Notice, today: date) -> str:
    left = (notice.day - today).days
    near = gettext("today") if left == 0 else gettext("in %(days)s") % {"days": figures.days(left)}
    when = f"{notice.day.isoformat()}, {near}"
    if notice.what == "expiry":
        return gettext("Licence file of %(server)s ends on %(when)s") % {
            "server": plain(notice.subject.server),
            "when": when,
        }
    contract = notice.subject.contract
    if notice.what == "notice":
        return gettext("Contract %(contract)s: last day to give notice is %(when)s") % {
            "contract": plain(contract),
            "when": when,
        }
    told = {"contract": plain(contract), "when": when}
    if contract is not None and contract.renews:
        return gettext("Contract %(contract)s renews after %(when)s") % told
    return gettext("Contract %(contract)s ends on %(when)s") % told
