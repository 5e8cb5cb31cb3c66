"""E14: an outage is never read as "nobody uses it".

Servers are asked again and again through the real poll and a stub of the tool, and fail in every
way there is. What is held stays held, the gap is as long as the outage, and no alert ends.
"""

from __future__ import annotations

import random
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from licenses.alerts.evaluation import evaluate
from licenses.analysis import coverage, rollup
from licenses.importing import attempts, mapping, polling, status_totals
from licenses.importing.status_rows import StatusRows
from licenses.models import (
    Alert,
    AlertRule,
    Checkout,
    FeatureNow,
    LicensePool,
    LicenseServer,
    PoolHour,
    PoolNow,
    Sighting,
)
from licenses.sources.records import Result, Snapshot
from tests.thorough import trials

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.django_db,
    pytest.mark.usefixtures("data_dir"),
]

OUTAGES = trials("E14")
PARTS = 4
"""Tests that the outages are parted into, so that several processes share them."""
WRONG_OUTAGES = 16
STEP = 60

HEAD = """lmutil - Copyright (c) 1989-2025 Flexera. All Rights Reserved.
Flexible License Manager status on {day:%a} {day.month}/{day.day}/{day.year} {day:%H:%M}

License server status: 27000@{host}
    License file(s) on {host}: /opt/acme/license.dat:

{host}: license server UP v11.19.5

Vendor daemon status (on {host}):

"""
FEATURES = """     acmed: UP v11.19.5
Feature usage info:

Users of CAD:  (Total of 2 licenses issued;  Total of 2 licenses in use)

  "CAD" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license

    ann pc1 pc1 (v1.0) ({host}/27000 101), start {since:%a} {since.month}/{since.day} {since:%H:%M}
    bob pc2 pc2 (v1.0) ({host}/27000 102), start {since:%a} {since.month}/{since.day} {since:%H:%M}

Users of VIEW:  (Total of 9 licenses issued;  Total of {n} licenses in use)
"""
GUEST = """
  "VIEW" v1.0, vendor: acmed, expiry: permanent(no expiration date)
  floating license

    eve pc3 pc3 (v1.0) ({host}/27000 {handle}), start {day:%a} {day.month}/{day.day} {day:%H:%M}

"""
DAEMON_DOWN = """     acmed: The desired vendor daemon is down. (-97,121)
Feature usage info:

Users of CAD: Cannot get users of CAD: No socket connection to license server manager. (-7,96)

"""
OTHER_DAEMON = """     otherd: UP v11.19.5
Feature usage info:

Users of OTHER:  (Total of 1 license issued;  Total of 0 licenses in use)

"""
ERROR = "Error getting status: Cannot connect to license server system. (-15,570:111 {why})\n"
STRANGE = (
    "rlmutil v15.1\nCopyright (C) 2006-2023, Reprise Software, Inc.\n\n\trlm status\n\n",
    "Segmentation fault (core dumped)\n",
    "<html><body>502 Bad Gateway</body></html>\n",
    "",
)
KINDS = (
    "refused",
    "timeout",
    "half",
    "daemon down",
    "strange",
    "exit 0 with an error",
    "no rows",
    "wrong daemon",
)


@dataclass
class Plan:
    """A server, what it is to answer next, and what is true of it.

    good: when it answered in full; outages: (last good answer before, first one after).
    """

    server: LicenseServer
    chance: random.Random
    wanted: int
    left: int = 2
    kind: str = ""
    good: list[int] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def over(self) -> bool:
        return len(self.outages) >= self.wanted and not self.kind and self.left <= 0

    def turn(self) -> str:
        """Return what it answers now; "" is a full answer."""
        if self.left <= 0:
            self.left = self.chance.choice((1, 1, 1, 2, 3))
            self.kind = "" if self.kind else self.chance.choice(KINDS)
            if self.kind == "timeout" and self.chance.random() < 0.5:
                self.kind = "refused"  # hung ones cost their time
            self.kinds[self.kind] += 1
        self.left -= 1
        return self.kind


def answer(plan: Plan, kind: str, day: datetime, since: datetime) -> tuple[str, int]:
    """Return what the tool prints, and its exit code."""
    host, chance = plan.server.name, plan.chance
    head = HEAD.format(day=day, host=host)
    guest = chance.random() < 0.3
    full = head + FEATURES.format(host=host, since=since, n=int(guest))
    if guest:
        full += GUEST.format(host=host, day=day, handle=chance.randrange(200, 999))
    if kind == "half":
        # Cut before the last row of those that are always there.
        return full[: chance.randrange(1, full.index("    bob"))], chance.choice([0, 1])
    if kind == "no rows":
        rows = [line for line in full.splitlines(True) if " pc1 " not in line]
        return "".join(rows), 0
    if kind == "daemon down":
        return head + DAEMON_DOWN, chance.choice([0, 1])
    if kind == "wrong daemon":
        return head + OTHER_DAEMON, 0
    if kind == "strange":
        return chance.choice(STRANGE), chance.choice([0, 1, 139])
    if kind in ("refused", "exit 0 with an error"):
        why = chance.choice(['"Connection refused"', '"Operation timed out"'])
        text = full[: full.index("License server status")] + ERROR.format(why=why)
        return text, 1 if kind == "refused" else 0
    return full, 0


@pytest.fixture
def tool(tmp_path: Path, settings) -> Path:
    """A tool that prints what lies in a file named after the host, or sleeps where it says so."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    path = folder / "lmutil"
    path.write_text(
        "#!/bin/sh\n"
        'host="${4#*@}"\n'
        f'cd "{folder}"\n'
        'if [ -e "$host.hang" ]; then exec sleep 60; fi\n'
        '. "./$host"\n'
    )
    path.chmod(0o755)
    settings.ITAM_LMUTIL = path
    settings.ITAM_POLL_TIMEOUT_SECONDS = 0.7
    return folder


def ready(plan: Plan, kind: str, tool: Path, day: datetime, since: datetime) -> None:
    text, code = answer(plan, kind, day, since)
    host = tool / plan.server.name
    host.write_text(f"printf %s {shlex.quote(text)}; exit {code}")
    hang = host.with_name(f"{host.name}.hang")
    hang.touch() if kind == "timeout" else hang.unlink(missing_ok=True)


def held(plans: list[Plan]) -> dict[int, set[tuple[str, datetime]]]:
    """Return by server what is held there."""
    found: dict[int, set[tuple[str, datetime]]] = {plan.server.pk: set() for plan in plans}
    rows = Sighting.objects.filter(feature__server__in=found, gone_at=None)
    for server, key, since in rows.values_list("feature__server", "row_key", "first_seen"):
        found[server].add((key, since))
    return found


def joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Make one of neighbours that touch: between them lies a single answer, and no time."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found


def servers(outages: int, seed: int = 0) -> list[Plan]:
    """Make servers with so many outages to come in all."""
    count = min(25, outages)
    return [
        Plan(
            LicenseServer.objects.create(
                name=f"h{number}",
                address=f"27000@h{number}",
                polling="tool",
                zone="UTC",
                poll_seconds=STEP,
            ),
            random.Random(seed + number),
            -(-outages // count),
        )
        for number in range(count)
    ]


def ask(plans: list[Plan], tool: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ask the servers every minute until all has happened that is to happen; return what was
    taken for nobody on the way."""
    found = []
    rounds = plans[0].wanted * 6 + 10
    clock = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=rounds * STEP)
    since = clock.replace(second=0) - timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: clock)
    AlertRule.objects.all().delete()
    AlertRule.objects.create(
        name="full", kind="use_percent", threshold=100, for_seconds=0, for_samples=1,
        keep_firing_seconds=0,
    )  # fmt: skip
    while active := [plan for plan in plans if not plan.over]:
        turns = {}
        for plan in active:
            turns[plan.server.pk] = kind = plan.turn()
            ready(plan, kind, tool, clock, since)
        before = held(active)
        captures = polling.poll([plan.server.pk for plan in active], force=True)
        after = held(active)
        at = int(clock.timestamp())
        for plan in active:
            pk = plan.server.pk
            kind = turns[pk]
            if kind not in ("", "wrong daemon") and captures[pk].result == "parsed":
                found.append(f"{kind}: taken for a full answer")
            if kind and not after[pk] >= before[pk]:
                found.append(f"{kind}: a holding ended")
            if kind == "":
                assert captures[pk].result == "parsed", captures[pk].detail
                if plan.good and plan.good[-1] < at - STEP:
                    plan.outages.append((plan.good[-1], at))
                elif not plan.good:
                    mapping.create_pools(plan.server)
                plan.good.append(at)
        found += wrong_now()
        evaluate(clock)
        if told := Alert.objects.filter(pool__mappings__feature__name="CAD", state="resolved"):
            found.append(f"{len(told)} alerts resolved")
        clock += timedelta(seconds=STEP)
    return found


def wrong_now() -> list[str]:
    """Return what the newest figures tell other than that two seats are held."""
    pools = PoolNow.objects.filter(pool__mappings__feature__name="CAD")
    rows = FeatureNow.objects.filter(feature__name="CAD")
    return [
        *(f"{row.feature}: {row.held} seats held now" for row in rows.exclude(held=2)),
        *(f"{row.pool}: {row.in_use} in use now" for row in pools.exclude(in_use=2)),
    ]


def wrong_at_the_end(plans: list[Plan]) -> list[str]:
    """Return what is stored of the servers other than it was: two seats held all the time."""
    found = []
    rollup.drain()
    full = LicensePool.objects.filter(mappings__feature__name="CAD")
    for plan in plans:
        pool = full.get(mappings__feature__server=plan.server)
        start, end = plan.good[0], plan.good[-1]
        gaps = coverage.gaps(pool, start, end, now=end)
        told, true = joined([gap[:2] for gap in gaps]), joined(plan.outages)
        found += ["a gap without its cause" for gap in gaps if gap.cause == "log_missing"]
        if len(told) != len(true):
            found.append(f"{len(told)} gaps, {len(true)} outages")
        elif any(
            abs(edge - wanted) > STEP
            for gap, outage in zip(told, true, strict=True)
            for edge, wanted in zip(gap, outage, strict=True)
        ):
            found.append("a gap of another length than its outage")
        rows = Checkout.objects.filter(feature__server=plan.server, feature__name="CAD")
        if list(rows.values_list("returned_at", "seats")) != [(None, 1)] * 2:
            found.append("a holding that ended or was taken anew")
    if PoolHour.objects.filter(pool__in=full).exclude(peak=2).exists():
        found.append("an hour's peak that is not 2")
    alerts = list(Alert.objects.filter(pool__in=full).values_list("state", flat=True))
    if alerts != ["firing"] * len(plans):
        found.append(f"alerts: {Counter(alerts)}")
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_no_outage_is_read_as_nobody(
    part: int, tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = -(-OUTAGES // PARTS)
    plans = servers(wanted, part * 1000)
    assert ask(plans, tool, monkeypatch) == []
    assert wrong_at_the_end(plans) == []
    assert sum(len(plan.outages) for plan in plans) >= wanted
    if wanted > 60:
        assert set(sum((plan.kinds for plan in plans), Counter())) >= set(KINDS)


def failures_end_holdings(patch: pytest.MonkeyPatch) -> None:
    """Whatever the answer, who is not in it has gone."""
    init = StatusRows.__init__

    def wrong(rows: StatusRows, server: LicenseServer, *rest: Any, **more: Any) -> None:
        init(rows, server, *rest, **more)
        rows.features = set(server.features.values_list("pk", flat=True))

    patch.setattr(StatusRows, "__init__", wrong)


def every_answer_is_full(patch: pytest.MonkeyPatch) -> None:
    """An answer in which nobody is shown says that nobody is there."""
    parse = polling._parse

    def wrong(*arguments: Any) -> list[Snapshot]:
        return [replace(each, result=Result.PARSED) for each in parse(*arguments)]

    patch.setattr(polling, "_parse", wrong)


def totals_of_failures_count(patch: pytest.MonkeyPatch) -> None:
    """What a failed answer does not say of a feature is 0."""
    store = status_totals._store_now

    def wrong(snapshot: Snapshot, directory: Any, _whole: Any, *moments: int) -> Any:
        names = [(feature.daemon, feature.name) for feature in snapshot.features]
        return store(snapshot, directory, {directory.features[name] for name in names}, *moments)

    patch.setattr(status_totals, "_store_now", wrong)


def failures_vouch(patch: pytest.MonkeyPatch) -> None:
    """Time in which somebody asked is time that is known."""
    attempt = attempts._Attempt

    def wrong(at: int, complete: bool, cause: str, detail: str, daemons: dict[str, bool] | None):
        return attempt(at, True, cause, detail, daemons or {"": True})

    patch.setattr(attempts, "_Attempt", wrong)


BROKEN = {
    failures_end_holdings: "a holding ended",
    every_answer_is_full: "taken for a full answer",
    totals_of_failures_count: ": 0 seats held now",
    failures_vouch: "0 gaps, ",
}


@pytest.mark.once
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_an_outage_that_is_read_as_nobody_would_be_noticed(
    broken: Callable[[pytest.MonkeyPatch], None], tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    plans = servers(WRONG_OUTAGES)
    found = ask(plans, tool, monkeypatch) + wrong_at_the_end(plans)
    assert any(BROKEN[broken] in told for told in found), found
