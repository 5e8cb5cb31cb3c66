"""Turn a history into schedule files, and install the stand-in for lmutil that reads them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from . import lmutil
from .activity import capacity_steps
from .entities import Supply
from .history import History, Session, Waiting

DAY = 86400

Row = tuple[int, str, str, str, int, int, int, int, int]
"""Feature number, login, host, checkout data, seats, handle, start, end, 1 if borrowed."""


def write_schedule(
    history: History,
    server: str,
    path: Path,
    *,
    start: int,
    end: int,
    daemon_outages: Sequence[tuple[int, int, str]] = (),
) -> Path:
    """Write what one server shows in [start, end) (whole days long) as a schedule file.

    daemon_outages: (start, end, daemon): times at which one daemon is down while the others serve.
    The history must reach to `end`.
    """
    head, days = build_schedule(
        history, server, start=start, end=end, daemon_outages=daemon_outages
    )
    bodies = [compact(day) for day in days]
    offsets = [0]
    for body in bodies:
        offsets.append(offsets[-1] + len(body))
    path.write_bytes(compact({**head, "offsets": offsets}) + b"".join(bodies))
    return path


def compact(value: object) -> bytes:
    """Return one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def build_schedule(
    history: History,
    server: str,
    *,
    start: int,
    end: int,
    daemon_outages: Sequence[tuple[int, int, str]] = (),
) -> tuple[dict[str, Any], list[tuple[list[Row], list[Row]]]]:
    """Return the head and, for each day, the sessions and the waiting requests that touch it."""
    site = history.world.servers[server]
    days = max(1, (end - start) // DAY)
    numbers: dict[tuple[str, str], int] = {}
    features: list[dict[str, Any]] = []
    for supply in history.world.supplies(server):
        for name in (supply.feature, *supply.components):
            numbers[supply.daemon, name] = len(features)
            features.append(feature_head(supply.daemon, name, supply, site.zone))
    sessions: dict[int, list[Row]] = defaultdict(list)
    waiting: dict[int, list[Row]] = defaultdict(list)
    for session in history.sessions:
        if session.server == server and session.end > start and session.start < end:
            for name in filter(None, (session.feature, session.component)):
                spread(sessions, schedule_row(numbers[session.daemon, name], session), start, days)
    for each in history.queue:
        if each.server == server and each.end > start and each.start < end:
            spread(waiting, schedule_row(numbers[each.daemon, each.feature], each), start, days)
    outages: list[tuple[int, int, str]] = [
        (o.start, o.end, "server")
        for o in history.outages
        if o.server == server and o.kind != "log-gap"
    ]
    head = {
        "name": server,
        "host": site.host,
        "port": site.port,
        "license_file": f"/opt/licences/{server}.lic",
        "from": start,
        "until": start + days * DAY,
        "offsets_of_zone": zone_offsets(site.tzinfo, start - 400 * DAY, start + 800 * DAY),
        "daemons": [[daemon.name, daemon.version] for daemon in site.daemons],
        "features": features,
        "outages": [*outages, *daemon_outages],
    }
    return head, [(sessions[day], waiting[day]) for day in range(days)]


def schedule_row(feature: int, row: Session | Waiting) -> Row:
    borrowed = isinstance(row, Session) and row.borrowed
    return (
        feature,
        row.login,
        row.host,
        row.data,
        row.seats,
        row.handle,
        row.start,
        row.end,
        int(borrowed),
    )


def spread(days: dict[int, list[Row]], row: Row, start: int, count: int) -> None:
    """Put a row into every day that it touches."""
    first = max(0, (row[6] - start) // DAY)
    last = min(count - 1, (row[7] - 1 - start) // DAY)
    for day in range(first, last + 1):
        days[day].append(row)


def feature_head(daemon: str, name: str, supply: Supply, zone: str) -> dict[str, object]:
    reserve = supply.reserve
    expiry = min((line.expiry for line in supply.increments if line.expiry), default=None)
    return {
        "name": name,
        "daemon": daemon,
        "version": supply.version,
        "issued": [list(step) for step in capacity_steps(supply, zone)],
        "expiry": f"{expiry.day}-{expiry:%b-%Y}".lower()
        if expiry
        else "permanent(no expiration date)",
        "reserve": [reserve.seats, reserve.group, list(reserve.logins)] if reserve else None,
    }


def zone_offsets(zone: ZoneInfo, start: int, end: int) -> list[list[int]]:
    """Return [[since, seconds east of UTC], ...] between two instants, found by looking at every
    hour."""
    steps: list[list[int]] = []
    for at in range(start - start % 3600, end, 3600):
        shift = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
        seconds = int(shift.total_seconds()) if shift else 0
        if not steps or steps[-1][1] != seconds:
            steps.append([at, seconds])
    return steps


def write_schedules(history: History, folder: Path, *, start: int, end: int) -> Path:
    """Write one schedule file for each server into a folder, named PORT@HOST, and return the
    folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, server in history.world.servers.items():
        write_schedule(history, name, folder / server.address, start=start, end=end)
    return folder


def install(folder: Path, schedules: Path, *, interpreter: str | None = None) -> Path:
    """Write an executable `lmutil` into a folder, with the place of its schedules beside it, and
    return its path.

    The interpreter (default: the one running, outside any environment) is named by its absolute
    path; -S and -E keep its
    start short and the environment out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = os.path.realpath(interpreter or sys.executable)
    body = Path(lmutil.__file__).read_text(encoding="utf-8")
    if " " in python or len(python) > 100:
        # The kernel splits a first line at its blanks and cuts it when it is long: go through the
        # shell instead.
        first = f"#!/bin/sh\n'''exec' {shlex.quote(python)} -S -E \"$0\" \"$@\"\n' '''\n"
    else:
        first = f"#!{python} -SE\n"
    path = folder / "lmutil"
    draft = folder / ".lmutil.new"
    draft.write_text(first + body, encoding="utf-8")
    draft.chmod(0o755)
    (folder / "lmutil.json").write_text(
        json.dumps({"schedules": str(schedules.resolve())}), encoding="utf-8"
    )
    draft.replace(path)
    return path
