"""What people read:

what happened, how much of how much, since when, how old the figures are, and what to do.
"""

from __future__ import annotations

import unicodedata
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from licenses.models import Alert, AlertRule, LicensePool, PoolNow

from .holders import Holders
from .observing import Notice, Observation, Subject
from .world import CAPACITY, ServerSight, World

Kind = AlertRule.Kind
SHOWN = 10
"""Names of a list that are written out; the rest is counted."""


def plain(text: object, most: int = 120) -> str:
    """Return text from outside as one line without control or direction characters, cut visibly."""
    kept = "".join(
        " " if char.isspace() else char
        for char in unicodedata.normalize("NFC", str(text))
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def moment(second: int | datetime, zone: zoneinfo.ZoneInfo) -> str:
    """Return a moment as people of that zone read it: 2026-11-24 10:05 CET."""
    at = second if isinstance(second, datetime) else datetime.fromtimestamp(second, UTC)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def length(seconds: float) -> str:
    """Return a length in its two largest units: 3 h 5 min."""
    minutes = max(0, round(seconds / 60))
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    parts = [(days, gettext("d")), (hours, gettext("h")), (left, gettext("min"))]
    shown = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(shown) or gettext("less than a minute")


def plural(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def link(path: str) -> str:
    """Return the address of a page; the bare path where ITAM_PUBLIC_URL is not set."""
    return f"{settings.ITAM_PUBLIC_URL}{path}"


def page(subject: Subject | Alert) -> str:
    """Return the admin page of what an alert is about."""
    for name, model in (
        ("pool", "licensepool"),
        ("server", "licenseserver"),
        ("contract", "contract"),
    ):
        row = getattr(subject, name)
        if row is not None:
            return link(f"/admin/licenses/{model}/{row.pk}/change/")
    return link("/admin/")


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


# --- Titles -------------------------------------------------------------------------------------


def title(seen: Observation, world: World) -> str:
    """Return the line that names an alert: short, for subjects and lists."""
    kind, value, bound = seen.rule.kind, seen.sample.value, seen.bound
    if kind == Kind.UNREADABLE:
        lines = plural(bound or 0, "line")
        return f"{plain(seen.subject.server)}: {value} of {lines} could not be read"
    if kind == Kind.FLAT and seen.subject.pool is not None:
        still = world.still.get(seen.subject.pool.pk)
        level = "zero" if still is None or not still.level else f"exactly {still.level}"
        days = plural(value or 0, "working day")
        return f"{plain(seen.subject.pool)}: use has been {level} for {days}"
    if kind == Kind.DRIFT:
        return f"{plain(seen.subject.pool)}: contract, licence file and server differ on its seats"
    if seen.subject.server is not None:
        return f"Licence server {plain(seen.subject.server)} gives no answer"
    if kind == Kind.EVIDENCE:
        return "The sealed evidence does not fit"
    if seen.subject.part:
        return f"The {plain(seen.subject.part)} stands still"
    pool = plain(seen.subject.pool)
    if kind == Kind.DENIALS:
        return f"{pool}: {plural(value or 0, 'refusal')} in an hour"
    if kind == Kind.OVER_USE:
        return f"{pool} is over its limit: {value} in use, {bound} allowed"
    if bound is not None and value is not None and value >= bound:
        return f"{pool} is full: {value} of {bound} seats in use"
    return f"{pool}: {value} of {bound} seats in use"


def notice_title(notice: Notice, today: date) -> str:
    left = (notice.day - today).days
    near = "today" if left == 0 else f"in {plural(left, 'day')}"
    when = f"{notice.day.isoformat()}, {near}"
    if notice.what == "expiry":
        return f"Licence file of {plain(notice.subject.server)} ends on {when}"
    contract = notice.subject.contract
    if notice.what == "notice":
        return f"Contract {plain(contract)}: last day to give notice is {when}"
    verb = "renews after" if contract is not None and contract.renews else "ends on"
    return f"Contract {plain(contract)} {verb} {when}"


# --- Bodies -------------------------------------------------------------------------------------


def fired(seen: Observation, since: int, world: World, holders: Holders | None) -> str:
    """Return the section that tells of an alert that fired."""
    zone = seen.subject.zone
    if seen.rule.kind == Kind.UNREADABLE:
        return _unreadable(seen, world)
    if seen.rule.kind == Kind.FLAT:
        return _still(seen, world)
    if seen.rule.kind == Kind.DRIFT:
        return _drift(seen, world)
    if seen.subject.server is not None:
        return _server_silent(world.servers[seen.subject.server.pk], world)
    if seen.rule.kind == Kind.EVIDENCE:
        return "\n".join(
            [
                plain(world.evidence, 500),
                "Until this is settled, an auditor may not accept what is recorded here.",
                "What to do: run manage.py evidence check for all that does not fit, and see"
                " docs/evidence.md. Was a backup restored, or the database changed by hand?",
            ]
        )
    if seen.subject.part:
        return "\n".join(
            [
                f"The {seen.subject.part} gave its last sign of life at"
                f" {moment(world.heartbeats[seen.subject.part], zone)}.",
                "Licence servers may not be asked and reports may not be made meanwhile.",
                "What to do: look at the logs and restart it (manage.py healthcheck tells more).",
            ]
        )
    assert seen.subject.pool is not None
    return _capacity(seen, since, world.figures[seen.subject.pool.pk], holders, world)


def _unreadable(seen: Observation, world: World) -> str:
    server = seen.subject.server
    assert server is not None
    row = world.unreadable.get(server.pk)
    lines = [
        f"Of what licence server {plain(server)} said in the last day, {seen.sample.value} of"
        f" {plural(seen.bound or 0, 'line')} could not be read. What they say is missing from use"
        " and refusals.",
        *(f"- {plain(example, 200)}" for example in (row.examples if row else [])),
        "What to do: see the server's page for the lines. The server may have been updated, or"
        " the file is not what it was taken for; send some of the lines to whoever maintains this"
        " program.",
    ]
    return "\n".join(lines)


def _still(seen: Observation, world: World) -> str:
    pool, zone = seen.subject.pool, seen.subject.zone
    assert pool is not None
    row = world.still.get(pool.pk)
    level = row.level if row else 0
    since = f" since {row.since.astimezone(zone):%Y-%m-%d}" if row else ""
    before = f" Before, it never stood still for more than {row.longest_before}." if row else ""
    names = [plain(world.servers[pk].server) for pk in seen.subject.servers if pk in world.servers]
    lines = [
        f"{plain(pool)}: {plural(level, 'seat')} in use{since}, without any movement on"
        f" {plural(seen.sample.value or 0, 'working day')}.{before}",
        "Either nobody uses it any more, or what we read is no longer true: a status file that"
        " nobody writes, a log that moved, a feature that was renamed.",
        f"It is read from: {listed(names)}." if names else "No server feeds it.",
        "What to do: compare with what the licence server itself shows, and correct the path or"
        " the features of the pool; or ask whether the licence is still needed.",
    ]
    return "\n".join(lines)


def _drift(seen: Observation, world: World) -> str:
    pool = seen.subject.pool
    assert pool is not None
    row = world.drifts.get(pool.pk)
    lines = [
        f"{plain(pool)}: {row.sentence if row else 'they agree by now.'}",
        "If the server serves more than was bought, use can pass what is allowed and nothing stops"
        " it; if it serves less, seats that are paid for cannot be used.",
        "What to do: compare the contract with the licence file that is installed; enter what is"
        " missing in the contract, or ask the vendor for a licence file of the right number.",
    ]
    return "\n".join(lines)


def _capacity(
    seen: Observation, since: int, figures: PoolNow, holders: Holders | None, world: World
) -> str:
    pool, zone = seen.subject.pool, seen.subject.zone
    assert pool is not None
    lines = [f"{plain(pool)} ({plain(pool.product.vendor)} {plain(pool.product)})"]
    lines.append(_use(figures))
    if seen.rule.kind == Kind.DENIALS:
        refusals = plural(seen.sample.value or 0, "refusal")
        lines.append(f"{refusals} for want of seats within an hour.")
    names = [plain(world.servers[pk].server) for pk in seen.subject.servers if pk in world.servers]
    source = f", from {figures.source or 'its servers'} of {listed(names)}" if names else ""
    as_of = moment(figures.at, zone) if figures.at else "an unknown time"
    lines.append(f"Since {moment(since, zone)}. Figures as of {as_of}{source}.")
    if holders is not None:
        lines.append(plain(holders.sentence(), 300))
    lines.append(f"What to do: {_advice(seen, pool)}")
    return "\n".join(lines)


def _use(figures: PoolNow) -> str:
    use = plural(figures.in_use or 0, "seat")
    if figures.limit is None:
        return f"{use} in use; nobody said how many there are."
    share = (
        f" ({figures.in_use * 100 // figures.limit} %)" if figures.limit and figures.in_use else ""
    )
    text = f"{figures.in_use} of {plural(figures.limit, 'seat')} in use{share}."
    if figures.borrowed:
        text += f" {figures.borrowed} of them are borrowed."
    if figures.queued:
        text += f" {figures.queued} are waiting in the queue."
    return text


def _advice(seen: Observation, pool: LicensePool) -> str:
    if seen.rule.kind == Kind.OVER_USE:
        return (
            "have seats given back now, and buy or correct the entitlements before an audit asks."
        )
    rules = f" House rules: {plain(pool.house_rules, 300)}" if pool.house_rules.strip() else ""
    if seen.rule.kind == Kind.DENIALS:
        return (
            f"see on the pool's page who waited and who gave up, and whether more seats pay.{rules}"
        )
    return f"see on the pool's page who has held seats longest and ask for those left idle.{rules}"


def _server_silent(sight: ServerSight, world: World) -> str:
    zone = world.zone
    last = f"since {moment(sight.last_parsed, zone)}" if sight.last_parsed else "yet"
    lines = [f"Licence server {plain(sight.server)} has given no complete answer {last}."]
    if sight.last_attempt:
        words = plain(" ".join(filter(None, [sight.last_result, sight.last_detail])), 300)
        lines.append(f"Last try at {moment(sight.last_attempt, zone)}: {words or 'no result'}.")
    ids = set(world.server_pools.get(sight.server.pk, ()))
    names = [str(pool) for pool in world.pools if pool.pk in ids]
    if ids:
        what = listed(names) if names else plural(len(ids), "pool")
        lines.append(f"Nothing is known meanwhile of: {what}. Their alerts wait until it answers.")
    lines.append(
        "What to do: see whether the server and its vendor daemon run and can be reached from here."
    )
    return "\n".join(lines)


def notice_body(notice: Notice, today: date) -> str:
    """Return the section that tells of a date that comes near."""
    lines = [notice_title(notice, today) + "."]
    contract = notice.subject.contract
    if contract is not None:
        if contract.title:
            lines.append(plain(contract.title))
        lines.append(_consequence(notice))
        if contract.cost is not None:
            lines.append(f"Cost per term: {contract.cost} {plain(contract.currency)}.")
        if contract.owner:
            lines.append(f"Looked after by {plain(contract.owner)}.")
        lines.append(
            "What to do: compare the seats with their use, then renew, change or give notice."
        )
    else:
        for feature, seats in notice.lines[: 2 * SHOWN]:
            what = "uncounted seats" if seats is None else plural(seats, "seat")
            lines.append(f"- {plain(feature.name)}: {what} fewer")
        if len(notice.lines) > 2 * SHOWN:
            lines.append(f"- and {len(notice.lines) - 2 * SHOWN} more features")
        lines.append(
            "What to do: get a new licence file from the vendor and have the server read it."
        )
    return "\n".join(lines)


def _consequence(notice: Notice) -> str:
    contract = notice.subject.contract
    assert contract is not None
    last = contract.valid_to.isoformat() if contract.valid_to else "an unknown day"
    if contract.renews:
        return f"Without notice it renews by itself after {last}."
    return f"It does not renew by itself: rights bought under it end after {last}."


def resolved(alert: Alert, zone: zoneinfo.ZoneInfo, end: int, why: str = "") -> str:
    """Return the section that tells of an alert that is over:

    how long, how bad, how many refused.
    """
    begin = int(alert.started_at.timestamp())
    lines = [f"Over: {plain(alert.title, 300)}"]
    if why:
        lines.append(why)
    lines.append(f"From {moment(begin, zone)} to {moment(end, zone)}, {length(end - begin)}.")
    counted = alert.pool_id is not None and alert.rule.kind in CAPACITY
    if counted and alert.worst_value is not None:
        if alert.rule.kind == Kind.DENIALS:
            lines.append(f"At most {plural(alert.worst_value, 'refusal')} in an hour.")
        else:
            bound = f" of {alert.limit}" if alert.limit is not None else ""
            lines.append(f"Peak: {alert.worst_value}{bound} seats.")
        lines.append(f"Refused meanwhile for want of seats: {alert.denials}.")
    return "\n".join(lines)


def footer(alert: Alert, transition: str) -> str:
    """Return where to read on, and how to stop repetitions."""
    lines = [f"More: {page(alert)}"]
    repeated = alert.band is None and bool(alert.rule.repeat_seconds)
    escalated = bool(alert.rule.escalation.all())
    if transition != "resolved" and (repeated or escalated):
        every = f"repeated every {length(alert.rule.repeat_seconds)} while it lasts"
        what = [every] * repeated + ["told to others"] * escalated
        lines.append(
            f"This is {' and '.join(what)} until somebody acknowledges it:"
            f" {link(f'/admin/licenses/alert/{alert.pk}/change/')}"
        )
    lines.append(f"Rule: {plain(alert.rule.name, 200)}")
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
        "title": alert.title,
        "started_at": alert.started_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
        "value": alert.last_value,
        "worst": alert.worst_value,
        "limit": alert.limit,
        "denials": alert.denials,
        "band": alert.band,
        "link": page(alert),
    }
