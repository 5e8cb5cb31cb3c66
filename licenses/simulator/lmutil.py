"""Print what `lmutil lmstat -a -c PORT@HOST` prints, from a schedule: a stand-in for the vendor's tool.

This file is also the body of the executable that `schedule.install` writes, so it needs nothing but the standard library,
imports little, and finds its schedules by a path in `lmutil.json` beside it: whoever runs it may scrub the environment.

A schedule file is text: line 1 a JSON object (the server and its features), then one JSON list a day with the sessions
that hold seats on that day. Only the day asked for is parsed. After its end it repeats week by week.
"""

import json
import os
import re
import sys
import time

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 86400
WEEK = 7 * DAY
BANNER = "lmutil - Copyright (c) 1989-2024 Flexera. All Rights Reserved."


class Schedule:
    """A schedule file, read lazily: the head at once, a day when it is asked for."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would double the start-up time
            self.head = json.loads(file.readline())
            self.body = file.tell()

    def day(self, at):
        """Return (sessions, waiting) of the day that holds the moment."""
        head = self.head
        place = (at - head["from"]) // DAY
        start, end = head["offsets"][place], head["offsets"][place + 1]
        with open(self.path, "rb") as file:  # noqa: PTH123
            file.seek(self.body + start)
            return json.loads(file.read(end - start))


def local(head, at):
    """Return the server's wall clock at an instant, as a struct_time."""
    shift = 0
    for since, seconds in head["offsets_of_zone"]:
        if since > at:
            break
        shift = seconds
    return time.gmtime(at + shift)


def short_date(clock):
    """Return "Thu 3/5 9:07", as in rows."""
    return "%s %d/%d %d:%02d" % (DAYS[clock.tm_wday], clock.tm_mon, clock.tm_mday, clock.tm_hour, clock.tm_min)


def head_date(clock):
    return "%s %d/%d/%d %d:%02d" % (
        DAYS[clock.tm_wday], clock.tm_mon, clock.tm_mday, clock.tm_year, clock.tm_hour, clock.tm_min,
    )  # fmt: skip


def value_at(steps, at):
    """Return the value of a step function [[since, value], ...] at a moment."""
    value = 0
    for since, new in steps:
        if since > at:
            break
        value = new
    return value


def seats_word(count):
    return "%d license%s" % (count, "" if count == 1 else "s")


def within(head, at):
    """Return (moment inside the schedule, weeks that it was moved back)."""
    weeks = 0
    if at >= head["until"]:
        weeks = (at - head["until"]) // WEEK + 1
    return at - weeks * WEEK, weeks


def status_text(schedule, at):
    """Return the whole answer of `lmstat -a` about the schedule's server at an instant (epoch seconds)."""
    head = schedule.head
    now, weeks = within(head, at)
    host, port = head["host"], head["port"]
    lines = [BANNER, "Flexible License Manager status on " + head_date(local(head, at)), ""]
    for start, end, kind in head["outages"]:
        if start <= now < end and kind == "server":
            return "\n".join(lines) + "\n" + cannot_connect()
    down = {kind for start, end, kind in head["outages"] if start <= now < end}
    if now < head["from"]:
        sessions, waiting = [], []
    else:
        sessions, waiting = schedule.day(now)
    rows = {}
    for row in sessions:
        if row[6] <= now < row[7]:
            rows.setdefault(row[0], []).append(row)
    queued = {}
    for row in waiting:
        if row[6] <= now < row[7]:
            queued.setdefault(row[0], []).append(row)
    lines += [
        "[Detecting lmgrd processes...]",
        "License server status: %d@%s" % (port, host),
        "    License file(s) on %s: %s:" % (host, head["license_file"]),
        "",
        "%s: license server UP (MASTER) %s" % (host, head["daemons"][0][1]),
        "",
        "Vendor daemon status (on %s):" % host,
        "",
    ]
    for name, version in head["daemons"]:
        served = [(place, feature) for place, feature in enumerate(head["features"]) if feature["daemon"] == name]
        if name in down:
            lines += ["%10s: The desired vendor daemon is down. (-97,121)" % name, "Feature usage info:", ""]
            for _, feature in served:
                lines += ["Users of %(name)s: Cannot get users of %(name)s: No such feature exists. (-5,222)" % feature, ""]
            continue
        lines += ["%10s: UP %s" % (name, version), "Feature usage info:", ""]
        for place, feature in served:
            moved = weeks * WEEK
            lines += feature_lines(head, feature, rows.get(place, []), queued.get(place, []), at, now, moved)
    return "\n".join(lines) + "\n"


def feature_lines(head, feature, rows, queued, at, now, moved):
    """Return a feature's header, and its block where seats are in use, reserved or waited for.

    Reserved seats that nobody uses are part of the total in use, as on real servers.
    """
    held = sum(row[4] for row in rows)
    idle, group, members = 0, "", ()
    if feature["reserve"]:
        kept, group, members = feature["reserve"]
        idle = max(0, kept - sum(row[4] for row in rows if row[1] in members))
    lines = [
        "Users of %s:  (Total of %s issued;  Total of %s in use)"
        % (feature["name"], seats_word(value_at(feature["issued"], now)), seats_word(held + idle)),
        "",
    ]
    if not rows and not idle and not queued:
        return lines
    lines += [
        '  "%s" v%s, vendor: %s, expiry: %s'
        % (feature["name"], feature["version"], feature["daemon"], feature["expiry"]),
        "  vendor_string: simulated:%s" % feature["daemon"],
        "  floating license",
        "",
    ]
    if idle:
        lines.append(
            "\t%d RESERVATION%s for GROUP %s (%s/%d)" % (idle, "" if idle == 1 else "s", group, head["host"], head["port"])
        )
    for row in rows:
        _, user, host, data, seats, handle, start, end, borrowed = row
        text = "    %s (v%s) (%s/%d %d), start %s" % (
            identity(user, host, data), feature["version"], head["host"], head["port"], handle,
            short_date(local(head, start + moved)),
        )  # fmt: skip
        if seats > 1:
            text += ", %d licenses" % seats
        if borrowed:
            text += "  (linger: %d / %d)" % (end - now, end - start)
        lines.append(text)
    for row in queued:
        _, user, host, data, seats, handle, start, end, borrowed = row
        lines.append(
            "    %s (v%s) (%s/%d %d) queued for %s"
            % (identity(user, host, data), feature["version"], head["host"], head["port"], handle, seats_word(seats))
        )
    return [*lines, ""]


def identity(user, host, data):
    """Return user, host, display and, where the program sends any, its checkout data."""
    return " ".join(filter(None, (user, host, host, data)))


def cannot_connect():
    return (
        "Error getting status: Cannot connect to license server system. "
        '(-15,578:115 "Operation now in progress")\n'
    )


def main(arguments, folder, now=None):
    """Answer the command line; return the exit code.

    folder: where the schedules are, named PORT@HOST.
    """
    if len(arguments) < 4 or arguments[0] != "lmstat" or "-a" not in arguments or "-c" not in arguments:
        sys.stderr.write("usage: lmutil lmstat -a -c PORT@HOST\n")
        return 1
    place = arguments.index("-c") + 1
    address = arguments[place] if place < len(arguments) else ""
    at = int(time.time()) if now is None else now
    path = os.path.join(folder, address)  # noqa: PTH118
    if not re.fullmatch(r"[0-9]{1,5}@[A-Za-z0-9.-]{1,253}", address) or not os.path.isfile(path):  # noqa: PTH113
        time.sleep(0.3)
        clock = time.localtime(at)
        sys.stdout.write(BANNER + "\nFlexible License Manager status on " + head_date(clock) + "\n\n" + cannot_connect())
        return 1
    sys.stdout.buffer.write(status_text(Schedule(path), at).encode())
    return 0


if __name__ == "__main__":
    HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    with open(os.path.join(HERE, "lmutil.json"), encoding="utf-8") as settings:  # noqa: PTH118, PTH123
        FOLDER = json.load(settings)["schedules"]
    sys.exit(main(sys.argv[1:], os.path.join(HERE, FOLDER)))  # noqa: PTH118
