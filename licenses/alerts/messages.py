"""What people read:

what happened, how much of how much, since when, how old the figures are, and what to do.
"""

from __future__ import annotations

import zoneinfo
from datetime import date
from typing import Any

from django.utils.translation import gettext, gettext_noop

from itam import figures
from itam.told import Told, draw, figure, joined, retold, tell
from licenses.models import Alert, AlertRule, LicensePool, PoolNow, PoolStillness

from . import filling
from .holders import Holders
from .observing import Notice, Observation
from .titles import notice_title
from .words import SHOWN, length, link, listed, moment, page, plain
from .world import CAPACITY, ServerSight, World

Kind = AlertRule.Kind


def fired(seen: Observation, since: int, world: World, holders: Holders | None) -> Told:
    """Return the section that tells of an alert that fired."""
    zone = seen.subject.zone
    if seen.rule.kind == Kind.UNREADABLE:
        return _unreadable(seen, world)
    if seen.rule.kind == Kind.FLAT:
        return _still(seen, world)
    if seen.rule.kind == Kind.DRIFT:
        return _drift(seen, world)
    if seen.rule.kind == Kind.TIME_TO_FULL:
        return _filling(seen, world)
    if seen.subject.server is not None:
        return _server_silent(world.servers[seen.subject.server.pk], world)
    if seen.rule.kind == Kind.EVIDENCE:
        return joined(
            [
                plain(world.evidence, 500),
                tell("Until this is settled, an auditor may not accept what is recorded here."),
                tell(
                    "What to do: run manage.py evidence check for all that does not fit, and see"
                    " docs/evidence.md. Was a backup restored, or the database changed by hand?"
                ),
            ]
        )
    if seen.subject.part:
        return joined(
            [
                tell(
                    "The %(part)s gave its last sign of life at %(moment)s.",
                    part=seen.subject.part,
                    moment=moment(world.heartbeats[seen.subject.part], zone),
                ),
                tell("Licence servers may not be asked and reports may not be made meanwhile."),
                tell(
                    "What to do: look at the logs and restart it (manage.py healthcheck tells"
                    " more)."
                ),
            ]
        )
    assert seen.subject.pool is not None
    return _capacity(seen, since, world.figures[seen.subject.pool.pk], holders, world)


def _unreadable(seen: Observation, world: World) -> Told:
    server = seen.subject.server
    assert server is not None
    row = world.unreadable.get(server.pk)
    lines = [
        tell(
            "Of what licence server %(server)s said in the last day, %(value)s of %(lines)s"
            " could not be read. What they say is missing from use and refusals.",
            server=plain(server),
            value=seen.sample.value,
            lines=figure("lines", seen.bound or 0),
        ),
        *(
            [
                tell(
                    "Lines of its log may have told of seats taken or returned: the log proves"
                    " nothing from there until the server starts or answers in full."
                )
            ]
            if row and row.hides_events
            else []
        ),
        *(f"- {plain(text, 200)}" for text, _hides in (row.told if row else [])),
        tell(
            "What to do: see the server's page for the lines. The server may have been"
            " updated, or the file is not what it was taken for; send some of the lines to"
            " whoever maintains this program."
        ),
    ]
    return joined(lines)


def _still(seen: Observation, world: World) -> Told:
    pool, zone = seen.subject.pool, seen.subject.zone
    assert pool is not None
    row = world.still.get(pool.pk)
    level = row.level if row else 0
    names = [plain(world.servers[pk].server) for pk in seen.subject.servers if pk in world.servers]
    lines = [
        _how_still(plain(pool), level, row, seen.sample.value or 0, zone),
        tell(
            "Either nobody uses it any more, or what we read is no longer true: a status"
            " file that nobody writes, a log that moved, a feature that was renamed."
        ),
        tell("It is read from: %(listed)s.", listed=listed(names))
        if names
        else tell("No server feeds it."),
        tell(
            "What to do: compare with what the licence server itself shows, and correct the"
            " path or the features of the pool; or ask whether the licence is still needed."
        ),
    ]
    return joined(lines)


def _how_still(
    pool: str, level: int, row: PoolStillness | None, days: int, zone: zoneinfo.ZoneInfo
) -> Told:
    told: dict[str, Any] = {
        "pool": pool,
        "seats": figure("seats", level),
        "days": figure("working_days", days),
    }
    if row is None:
        return tell("%(pool)s: %(seats)s in use, without any movement on %(days)s.", **told)
    told["since"] = f"{row.since.astimezone(zone):%Y-%m-%d}"
    told["longest"] = row.longest_before
    text = tell(
        "%(pool)s: %(seats)s in use since %(since)s, without any movement on %(days)s.", **told
    )
    before = tell("Before, it never stood still for more than %(longest)s.", **told)
    if not row.days_before:
        before = tell("It was not seen to move once in all the time that was looked at.")
    return joined([text, before], " ")


def _drift(seen: Observation, world: World) -> Told:
    pool = seen.subject.pool
    assert pool is not None
    row = world.drifts.get(pool.pk)
    said = draw(row.facts or row.sentence) if row else tell("they agree by now.")
    lines = [
        joined([plain(pool), said], ": "),
        tell(
            "If the server serves more than was bought, use can pass what is allowed and"
            " nothing stops it; if it serves less, seats that are paid for cannot be used."
        ),
        tell(
            "What to do: compare the contract with the licence file that is installed;"
            " enter what is missing in the contract, such as its renewal, or ask the vendor"
            " for a licence file of the right number."
        ),
    ]
    return joined(lines)


def _filling(seen: Observation, world: World) -> Told:
    pool = seen.subject.pool
    assert pool is not None
    row = world.forecasts.get(pool.pk)
    lines = [
        f"{plain(pool)} ({plain(pool.product.vendor)} {plain(pool.product)})",
        _use(world.figures[pool.pk]),
        *([filling.sentence(row)] if row else []),
        tell("What to do: %(advice)s", advice=_advice(seen, pool)),
    ]
    return joined(lines)


def _capacity(
    seen: Observation, since: int, now: PoolNow, holders: Holders | None, world: World
) -> Told:
    pool, zone = seen.subject.pool, seen.subject.zone
    assert pool is not None
    lines = [f"{plain(pool)} ({plain(pool.product.vendor)} {plain(pool.product)})"]
    lines.append(_use(now))
    if seen.rule.kind == Kind.DENIALS:
        refusals = figure("refusals", seen.sample.value or 0)
        lines.append(tell("%(refusals)s for want of seats within an hour.", refusals=refusals))
    names = [plain(world.servers[pk].server) for pk in seen.subject.servers if pk in world.servers]
    told = {
        "since": moment(since, zone),
        "as_of": moment(now.at, zone) if now.at else tell("an unknown time"),
        "source": tell(now.source) if now.source else tell("its servers"),
        "names": listed(names),
    }
    if names:
        text = gettext_noop(
            "Since %(since)s. Figures as of %(as_of)s, from %(source)s of %(names)s."
        )
    else:
        text = gettext_noop("Since %(since)s. Figures as of %(as_of)s.")
    lines.append(tell(text, **told))
    if holders is not None:
        lines.append(holders.sentence())
    lines.append(tell("What to do: %(advice)s", advice=_advice(seen, pool)))
    return joined(lines)


def _use(now: PoolNow) -> Told:
    if now.limit is None:
        seats = figure("seats", now.in_use or 0)
        return tell("%(seats)s in use; nobody said how many there are.", seats=seats)
    told: dict[str, Any] = {"in_use": now.in_use, "limit": figure("seats", now.limit)}
    text = tell("%(in_use)s of %(limit)s in use.", **told)
    if now.limit and now.in_use:
        told["share"] = now.in_use * 100 // now.limit
        text = tell("%(in_use)s of %(limit)s in use (%(share)s %%).", **told)
    parts = [text]
    if now.borrowed:
        parts.append(tell("%(count)s of them are borrowed.", count=now.borrowed))
    if now.queued:
        parts.append(tell("%(count)s are waiting in the queue.", count=now.queued))
    return joined(parts, " ")


def _advice(seen: Observation, pool: LicensePool) -> Told:
    if seen.rule.kind == Kind.OVER_USE:
        return tell(
            "have seats given back now, and buy or correct the entitlements before an audit asks."
        )
    if seen.rule.kind == Kind.DENIALS:
        text = tell(
            "see on the pool's page who waited and who gave up, and whether more seats pay."
        )
    else:
        text = tell(
            "see on the pool's page who has held seats longest and ask for those left idle."
        )
    if not pool.house_rules.strip():
        return text
    rules = tell("House rules: %(house_rules)s", house_rules=plain(pool.house_rules, 300))
    return joined([text, rules], " ")


def _server_silent(sight: ServerSight, world: World) -> Told:
    zone = world.zone
    told = {"server": plain(sight.server)}
    if sight.last_parsed:
        told["since"] = moment(sight.last_parsed, zone)
        text = gettext_noop(
            "Licence server %(server)s has given no complete answer since %(since)s."
        )
    else:
        text = gettext_noop("Licence server %(server)s has given no complete answer yet.")
    lines = [tell(text, **told)]
    if sight.last_attempt:
        said = [sight.last_result, retold(plain(sight.last_detail, 300))]
        words = joined(filter(None, said), " ") or tell("no result")
        lines.append(
            tell(
                "Last try at %(moment)s: %(words)s.",
                moment=moment(sight.last_attempt, zone),
                words=words,
            )
        )
    ids = set(world.server_pools.get(sight.server.pk, ()))
    names = [str(pool) for pool in world.pools if pool.pk in ids]
    if ids:
        what = listed(names) if names else figure("pools", len(ids))
        lines.append(
            tell(
                "Nothing is known meanwhile of: %(what)s. Their alerts wait until it answers.",
                what=what,
            )
        )
    lines.append(
        tell(
            "What to do: see whether the server and its vendor daemon run and can be"
            " reached from here."
        )
    )
    return joined(lines)


def notice_body(notice: Notice, today: date) -> Told:
    """Return the section that tells of a date that comes near."""
    lines: list[str] = [joined([notice_title(notice, today), "."], "")]
    contract = notice.subject.contract
    if contract is not None:
        if contract.title:
            lines.append(plain(contract.title))
        lines.append(_consequence(notice))
        if contract.cost is not None:
            lines.append(
                tell(
                    "Cost per term: %(cost)s %(currency)s.",
                    cost=contract.cost,
                    currency=plain(contract.currency),
                )
            )
        if contract.owner:
            lines.append(tell("Looked after by %(owner)s.", owner=plain(contract.owner)))
        lines.append(
            tell("What to do: compare the seats with their use, then renew, change or give notice.")
        )
    else:
        for feature, seats in notice.lines[: 2 * SHOWN]:
            what = tell("uncounted seats") if seats is None else figure("seats", seats)
            fewer = tell("%(feature)s: %(seats)s fewer", feature=plain(feature.name), seats=what)
            lines.append(joined(["- ", fewer], ""))
        if len(notice.lines) > 2 * SHOWN:
            more = tell("and %(count)s more features", count=len(notice.lines) - 2 * SHOWN)
            lines.append(joined(["- ", more], ""))
        lines.append(
            tell("What to do: get a new licence file from the vendor and have the server read it.")
        )
    return joined(lines)


def _consequence(notice: Notice) -> Told:
    contract = notice.subject.contract
    assert contract is not None
    last = contract.valid_to.isoformat() if contract.valid_to else tell("an unknown day")
    if contract.renews:
        return tell("Without notice it renews by itself after %(last)s.", last=last)
    return tell(
        "It does not renew by itself: rights bought under it end after %(last)s.", last=last
    )


def resolved(alert: Alert, zone: zoneinfo.ZoneInfo, end: int, why: Told | None = None) -> str:
    """Return the section that tells of an alert that is over:

    how long, how bad, how many refused.
    """
    begin = int(alert.started_at.timestamp())
    lines = [gettext("Over: %(title)s") % {"title": plain(alert, 300)}]
    if why is not None:
        lines.append(draw(why.facts))
    lines.append(
        gettext("From %(moment)s to %(moment_2)s, %(length)s.")
        % {
            "moment": moment(begin, zone),
            "moment_2": moment(end, zone),
            "length": length(end - begin),
        }
    )
    counted = alert.pool_id is not None and alert.rule.kind in CAPACITY
    if counted and alert.worst_value is not None:
        if alert.rule.kind == Kind.DENIALS:
            refusals = figures.refusals(alert.worst_value)
            lines.append(gettext("At most %(refusals)s in an hour.") % {"refusals": refusals})
        elif alert.limit is None:
            lines.append(gettext("Peak: %(worst)s seats.") % {"worst": alert.worst_value})
        else:
            told = {"worst": alert.worst_value, "limit": alert.limit}
            lines.append(gettext("Peak: %(worst)s of %(limit)s seats.") % told)
        refused = gettext("not known, as no log tells of that time")
        if alert.denials is not None:
            refused = str(alert.denials)
        lines.append(
            gettext("Refused meanwhile for want of seats: %(denials)s.") % {"denials": refused}
        )
    return "\n".join(lines)


def footer(alert: Alert, transition: str) -> str:
    """Return where to read on, and how to stop repetitions."""
    lines = [gettext("More: %(page)s") % {"page": page(alert)}]
    repeated = alert.band is None and bool(alert.rule.repeat_seconds)
    escalated = bool(alert.rule.escalation.all())
    if transition != "resolved" and (repeated or escalated):
        told = {
            "every": length(alert.rule.repeat_seconds),
            "link": link(f"/admin/licenses/alert/{alert.pk}/change/"),
        }
        if repeated and escalated:
            text = gettext(
                "This is repeated every %(every)s while it lasts and told to others until somebody"
                " acknowledges it: %(link)s"
            )
        elif repeated:
            text = gettext(
                "This is repeated every %(every)s while it lasts until somebody acknowledges it:"
                " %(link)s"
            )
        else:
            text = gettext("This is told to others until somebody acknowledges it: %(link)s")
        lines.append(text % told)
    lines.append(gettext("Rule: %(rule)s") % {"rule": plain(alert.rule, 200)})
    return "\n".join(lines)


def data(alert: Alert, transition: str) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "alert": alert.pk,
        "rule": alert.rule.name,
        "kind": alert.rule.kind,
        "severity": alert.rule.severity,
        "transition": transition,
        "about": alert.subject,
        "pool": alert.pool_id,
        "server": alert.server_id,
        "contract": alert.contract_id,
        "title": str(alert),
        "started_at": alert.started_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
        "value": alert.last_value,
        "worst": alert.worst_value,
        "limit": alert.limit,
        "denials": alert.denials,
        "band": alert.band,
        "link": page(alert),
    }
