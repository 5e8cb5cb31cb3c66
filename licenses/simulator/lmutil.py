"""Print what `lmutil lmstat -a -c PORT@HOST` prints, from a schedule: a stand-in for the tool.

This file is also the body of the executable that `schedule.install` writes, so it needs nothing but
the standard library, imports little, and finds its schedules by a path in `lmutil.json` beside it:
whoever runs it may scrub the environment.

A schedule file is text: line 1 a JSON object (the server and its features), then one JSON list a
day with the sessions that hold seats on that day. Only the day asked for is parsed. After its end
it repeats week by week.
"""

import json
import os
import re
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Protocol

    class Source(Protocol):
        """A schedule, wherever it is kept."""

        head: dict[str, Any]

        def day(self, at: int) -> tuple[list[Any], list[Any]]: ...


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 86400
WEEK = 7 * DAY
BANNER = "lmutil - Copyright (c) 1989-2024 Flexera. All Rights Reserved."
STATUS_ON = "Flexible License Manager status on "


class Schedule:
    """A schedule file, read lazily: the head at once, a day when it is asked for."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would double the start-up time
            self.head: dict[str, Any] = json.loads(file.readline())
            self.body = file.tell()

    def day(self, at: int) -> "tuple[list[Any], list[Any]]":
        """Return (sessions, waiting) of the day that holds the moment."""
        place = (at - self.head["from"]) // DAY
        start, end = self.head["offsets"][place], self.head["offsets"][place + 1]
        with open(self.path, "rb") as file:  # noqa: PTH123
            file.seek(self.body + start)
            sessions, waiting = json.loads(file.read(end - start))
        return sessions, waiting


def value_at(steps: "list[list[int]]", at: int) -> int:
    """Return the value of a step function [[since, value], ...] at a moment; 0 before it."""
    value = 0
    for since, new in steps:
        if since > at:
            break
        value = new
    return value


def local(head: "dict[str, Any]", at: int) -> time.struct_time:
    """Return the server's wall clock at an instant."""
    return time.gmtime(at + value_at(head["offsets_of_zone"], at))


def short_date(clock: time.struct_time) -> str:
    """Return "Thu 3/5 9:07", as in rows."""
    day = f"{DAYS[clock.tm_wday]} {clock.tm_mon}/{clock.tm_mday}"
    return f"{day} {clock.tm_hour}:{clock.tm_min:02d}"


def head_date(clock: time.struct_time) -> str:
    """Return "Thu 3/5/2026 9:07", as in the head."""
    day = f"{DAYS[clock.tm_wday]} {clock.tm_mon}/{clock.tm_mday}/{clock.tm_year}"
    return f"{day} {clock.tm_hour}:{clock.tm_min:02d}"


def seats_word(count: int) -> str:
    return f"{count} license{'' if count == 1 else 's'}"


def weeks_past(head: "dict[str, Any]", at: int) -> int:
    """Return how many weeks a moment must be moved back to lie inside the schedule."""
    return max(0, (at - head["until"]) // WEEK + 1) if at >= head["until"] else 0


def status_text(schedule: "Source", at: int) -> str:
    """Return the answer of `lmstat -a` about the schedule's server at an instant (epoch)."""
    head = schedule.head
    moved = weeks_past(head, at) * WEEK
    now = at - moved
    host = head["host"]
    lines = [BANNER, STATUS_ON + head_date(local(head, at)), ""]
    down = {kind for start, end, kind in head["outages"] if start <= now < end}
    if "server" in down:
        return "\n".join(lines) + "\n" + cannot_connect()
    sessions, waiting = schedule.day(now) if now >= head["from"] else ([], [])
    rows, queued = at_moment(sessions, now), at_moment(waiting, now)
    lines += [
        "[Detecting lmgrd processes...]",
        f"License server status: {head['port']}@{host}",
        f"    License file(s) on {host}: {head['license_file']}:",
        "",
        f"{host}: license server UP (MASTER) {head['daemons'][0][1]}",
        "",
        f"Vendor daemon status (on {host}):",
        "",
    ]
    for name, version in head["daemons"]:
        up = name not in down
        state = f"UP {version}" if up else "The desired vendor daemon is down. (-97,121)"
        lines += [f"{name:>10}: {state}", "Feature usage info:", ""]
        for place, feature in enumerate(head["features"]):
            if feature["daemon"] != name:
                continue
            if up:
                lines += feature_lines(
                    head, feature, rows.get(place, []), queued.get(place, []), now, moved
                )
            else:
                users = f"Users of {feature['name']}: Cannot get users of {feature['name']}: "
                lines += [users + "No such feature exists. (-5,222)", ""]
    return "\n".join(lines) + "\n"


def at_moment(rows: "list[Any]", now: int) -> "dict[int, list[Any]]":
    """Return the rows whose span holds the moment, by feature."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        if row[6] <= now < row[7]:
            found.setdefault(row[0], []).append(row)
    return found


def feature_lines(
    head: "dict[str, Any]",
    feature: "dict[str, Any]",
    rows: "list[Any]",
    queued: "list[Any]",
    now: int,
    moved: int,
) -> "list[str]":
    """Return a feature's header, and its block where seats are in use, reserved or waited for.

    now:   the moment inside the schedule; the rows' dates are printed `moved` seconds later.
    Reserved seats that nobody uses are part of the total in use, as on real servers.
    """
    held = sum(row[4] for row in rows)
    idle, group = 0, ""
    if feature["reserve"]:
        kept, group, members = feature["reserve"]
        idle = max(0, kept - sum(row[4] for row in rows if row[1] in members))
    issued, in_use = value_at(feature["issued"], now), held + idle
    name, version, daemon = feature["name"], feature["version"], feature["daemon"]
    totals = f"(Total of {seats_word(issued)} issued;  Total of {seats_word(in_use)} in use)"
    lines = [f"Users of {name}:  {totals}", ""]
    if not rows and not idle and not queued:
        return lines
    lines += [
        f'  "{name}" v{version}, vendor: {daemon}, expiry: {feature["expiry"]}',
        f"  vendor_string: simulated:{daemon}",
        "  floating license",
        "",
    ]
    address = f"{head['host']}/{head['port']}"
    if idle:
        word = "RESERVATION" if idle == 1 else "RESERVATIONs"
        lines.append(f"\t{idle} {word} for GROUP {group} ({address})")
    for _, user, host, data, seats, handle, start, end, borrowed in rows:
        text = f"    {identity(user, host, data)} (v{version}) ({address} {handle})"
        text += f", start {short_date(local(head, start + moved))}"
        if seats > 1:
            text += f", {seats} licenses"
        if borrowed:
            text += f"  (linger: {end - now} / {end - start})"
        lines.append(text)
    for _, user, host, data, seats, handle, _, _, _ in queued:
        who = f"    {identity(user, host, data)} (v{version}) ({address} {handle})"
        lines.append(f"{who} queued for {seats_word(seats)}")
    return [*lines, ""]


def identity(user: str, host: str, data: str) -> str:
    """Return user, host, display and, where the program sends any, its checkout data."""
    return f"{user} {host} {host} {data}".rstrip()


def cannot_connect() -> str:
    text = "Error getting status: Cannot connect to license server system. "
    return text + '(-15,578:115 "Operation now in progress")\n'


def main(arguments: "list[str]", folder: str, now: "int | None" = None) -> int:
    """Answer the command line; return the exit code.

    folder: where the schedules are, named PORT@HOST.
    """
    if len(arguments) < 4 or arguments[0] != "lmstat" or not {"-a", "-c"} <= set(arguments):
        sys.stderr.write("usage: lmutil lmstat -a -c PORT@HOST\n")
        return 1
    place = arguments.index("-c") + 1
    address = arguments[place] if place < len(arguments) else ""
    at = int(time.time()) if now is None else now
    path = os.path.join(folder, address)  # noqa: PTH118
    known = re.fullmatch(r"[0-9]{1,5}@[A-Za-z0-9.-]{1,253}", address) is not None
    if not known or not os.path.isfile(path):  # noqa: PTH113
        time.sleep(0.3)
        sys.stdout.write(f"{BANNER}\n{STATUS_ON}{head_date(time.localtime(at))}\n\n")
        sys.stdout.write(cannot_connect())
        return 1
    sys.stdout.buffer.write(status_text(Schedule(path), at).encode())
    return 0


if __name__ == "__main__":
    HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    with open(os.path.join(HERE, "lmutil.json"), encoding="utf-8") as settings:  # noqa: PTH118, PTH123
        FOLDER = json.load(settings)["schedules"]
    sys.exit(main(sys.argv[1:], FOLDER))
