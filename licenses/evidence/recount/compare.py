"""What a pack says, held against what was counted."""

import csv
import io
import json
from collections import Counter, defaultdict
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from .feeding import midnight
from .pools import Pool
from .told import load
from .uses import denials, sessions
from .verdicts import RANK, month_of
from .words import bare, moment_of, utc, written

COUNTED = ("pools", "days", "months", "sessions", "denials", "people")

OTHERS = "; daemons of these servers of which the pack holds nothing: {}"
UNTOLD = "; not when each day was recorded, as entries of an earlier version do not tell it"


def compare(opened, names, whole=True):
    """Yield in words what the tables and the report say otherwise; last, what was counted.

    whole: the report is of all pools that the entries tell of."""

    def table(name):
        rows = csv.DictReader(io.StringIO(read(name), newline=""))
        by_pool = defaultdict(list)
        for row in rows:
            by_pool[bare(row["pool"])].append(row)
        return by_pool

    def read(name):
        with opened(name) as file:
            return file.read().decode()

    def totals():
        return ", ".join(f"{counted[name]} {name}" for name in COUNTED)

    servers, told, deeds = load(opened, names)
    for number, server in sorted(servers.items()):
        if server.opened - server.announced:
            yield f"server {number}: does not say that the stream of a daemon was opened"
    worst, counted, people = [], Counter(), set()
    if "report.json" not in names:  # a vendor without a pool
        yield from left_out([], told)
        yield totals()
        return
    report = json.loads(read("report.json"))
    start, end, now = (moment_of(report[name]) for name in ("start", "end", "as_of"))
    said = {name: table(f"tables/{name}.csv") for name in ("daily", "sessions", "denials")}
    for each in report["pools"]:
        about = each["position"]
        rows = {name: pools.pop(bare(about["pool"]), []) for name, pools in said.items()}
        if about["pool_id"] not in told:
            yield f"{about['pool']}: no entry tells of this pool"
            continue
        yield from deeds.differ(told[about["pool_id"]])
        pool = Pool(told[about["pool_id"]], servers, start, end, now, report["proven_from"])
        yield from period_differs(about, pool.figures(start, end))
        verdicts, lower = [], {}
        yield from months_differ(pool, each, Fraction(report["floor"]), verdicts, lower)
        yield from days_differ(pool, about["pool"], rows["daily"], lower, start, end)
        held, refused = sessions(pool, start, end), denials(pool)
        yield from uses_differ(about["pool"], "session", rows["sessions"], held)
        yield from uses_differ(about["pool"], "denial", rows["denials"], refused)
        people |= {row["person"] for row in held + refused}
        counted.update(
            pools=1, days=len(rows["daily"]), months=len(verdicts),
            sessions=len(held), denials=len(refused),
        )  # fmt: skip
        worst.append(max(verdicts, key=RANK.index, default="not_in_use"))
        if worst[-1] != about["verdict"]:
            yield f"{about['pool']}: the verdict {about['verdict']}, counted {worst[-1]}"
    if whole:
        yield from left_out(report["pools"], told)
    for name, pools in said.items():
        yield from (f"{pool}: in {name}.csv, not in report.json" for pool in pools)
    verdict = max(worst, key=RANK.index, default="not_in_use")
    if verdict != report["verdict"]:
        yield f"the verdict of all: {report['verdict']}, counted {verdict}"
    if "tables/people.csv" in names:
        for row in csv.DictReader(io.StringIO(read("tables/people.csv"), newline="")):
            if row["person"] not in people:
                yield f"people.csv: {row['person']} neither held nor asked for anything"
    counted["people"] = len(people)
    others = sum(len(server.announced - server.opened) for server in servers.values())
    untold = any(row[2] is None for server in servers.values() for row in server.texts)
    yield totals() + OTHERS.format(others) * bool(others) + UNTOLD * untold


def left_out(pools, told):
    """Of a vendor's pools that have rights, or features that feed them, every report tells."""
    there = {each["position"]["pool_id"] for each in pools}
    for key, pool in sorted(told.items()):
        if key not in there and (pool["features"] or pool["rights"]):
            yield f"{pool['name']}: entries tell of this pool, report.json does not"


def period_differs(about, found):
    """Hold what a pool's line says of the refusals of the period against what was counted."""
    for key in ("denials", "logged_seconds"):
        if about[key] != found[key]:
            yield f"{about['pool']}: {key} {about[key]}, counted {found[key]}"


def months_differ(pool, said, floor, verdicts, lower):
    """verdicts, lower: take the verdict of each month, and whether its peak is a lower bound."""
    for month in said["months"]:
        start, end = moment_of(month["start"]), moment_of(month["end"])
        found = month_of(pool, start, end, floor)
        found["peak_at"] = utc(found["peak_at"])
        stated = {**month, "peak_at": utc(month["peak_at"] and moment_of(month["peak_at"]))}
        for key, value in found.items():
            if stated[key] != value:
                name = said["position"]["pool"]
                yield f"{name}, month from {month['start']}: {key} {stated[key]}, counted {value}"
        verdicts.append(found["verdict"])
        lower[start, end] = pool.sampled(start, end)


def days_differ(pool, name, rows, lower, start, end):
    due = start
    for row in rows:
        first, last = moment_of(row["start"]), moment_of(row["end"])
        zone = ZoneInfo(row["zone"])
        begins = midnight(datetime.fromtimestamp(first, zone).date(), zone)
        if first != due or (first != begins and first != start):
            yield f"{name}, {row['day']}: the days have a hole, or begin at another hour"
        due = last
        found = {**pool.figures(first, last), **pool.recorded(first, last)}
        sampled = next((each for span, each in lower.items() if span[0] <= first < span[1]))
        found["peak_is_lower_bound"] = (
            None if found["peak"] is None else "true" if sampled else "false"
        )
        for key, value in found.items():
            if row[key] != written(key, value):
                yield f"{name}, {row['day']}: {key} {row[key] or 'empty'}, counted {value}"
    if due != end:
        yield f"{name}: the days end at {utc(due)}, the period at {utc(end)}"


def uses_differ(name, what, rows, found):
    """rows: of the table; found: what was counted, by the names of those columns that follow from
    the entries. Both in any order."""
    if not rows and not found:
        return
    columns = list((found or [{}])[0]) or ["person"]
    stated = Counter(tuple(bare(row[each]) for each in columns) for row in rows)
    counted = Counter(tuple(bare(row[each]) for each in columns) for row in found)
    for row in sorted((stated - counted).elements()):
        yield f"{name}: a {what} that no entry tells of: {' '.join(row)}"
    for row in sorted((counted - stated).elements()):
        yield f"{name}: a {what} that the table lacks: {' '.join(row)}"
