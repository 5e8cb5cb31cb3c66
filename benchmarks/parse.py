"""Time the reading of logs and statuses against per-line readers that yield the same rows.

    python benchmarks/parse.py [--events 4000000] [--features 100] [--rows 24] [--rounds 15]

The yardstick is what most people write: one regular expression, tried on each line; for a status
also a start whose year is looked for. Statuses are all different, and read by both in turn; the
best rounds are compared, so that the ratio holds on a busy machine. The rows of both are compared
first. A log lies in a file and is read by each in a process of its own, for the memory it takes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from common import Line, show

from licenses.sources.flexnet.debug_log import DebugLogParser
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_memory import StatusMemory
from licenses.sources.records import Holding, Result

ZONE = ZoneInfo("Europe/Berlin")
TAKEN = datetime(2026, 3, 16, 12, 16, tzinfo=ZONE)
AIM = 5.0
_ROW = re.compile(
    r"^\s+(\S+) (\S+) (\S+) \(v?([^)]+)\) \(([^)]+)\), "
    r"start (\w{3}) (\d+)/(\d+) (\d+):(\d+)(?:, (\d+) licenses?)?\s*$"
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


_EVENT = re.compile(
    rb' ?(\d+):(\d+):(\d+) \(([^)]+)\) (OUT|IN|DENIED): "([^"]+)" (\S+)@(\S+)  '
    rb"(?:\((\d+) licenses\))?"
)
LOG_MEMORY_MB = 300


def main() -> None:
    arguments = parse()
    if arguments.read:
        begun = time.process_time()
        found = READERS[arguments.read](arguments.log)
        told = time.process_time() - begun, found, memory()
        print(json.dumps(told))
        return
    show([*logs(arguments.events), statuses(arguments), unchanged(arguments),
          nearly_unchanged(arguments)])  # fmt: skip


def statuses(arguments: argparse.Namespace) -> Line:
    chance = random.Random(20260316)
    texts = [status(chance, arguments.features, arguments.rows) for _ in range(arguments.rounds)]
    ours, naive = [], []
    for text in texts:
        begun = time.process_time()
        (found,) = parse_lmstat(text, zone=ZONE)
        middle = time.process_time()
        rows = per_line(text)
        naive.append(time.process_time() - middle)
        ours.append(middle - begun)
        read = [row for feature in found.features for row in feature.holdings]
        if found.result is not Result.PARSED or read != rows:
            raise SystemExit("the rows of the two readers differ")
    count = arguments.features * arguments.rows
    ratio = min(naive) / min(ours)
    aim = f"at least {AIM:.0f}x a reader with one re a line, of the rows alone"
    speed = f"{count / min(ours):,.0f} rows/s"
    return Line(f"lmstat text, {count:,} rows", speed, ratio, aim, ratio >= AIM)


def unchanged(arguments: argparse.Namespace) -> Line:
    """Read a status that says the same as the one before, but for its date."""
    chance = random.Random(20260317)
    first = status(chance, arguments.features, arguments.rows)
    memory, changed, same = StatusMemory(), [], []
    now = int(TAKEN.timestamp())
    for minute in range(17, 17 + min(arguments.rounds, 40)):
        later = first.replace(b" 12:16", f" 12:{minute}".encode(), 1)
        begun = time.process_time()
        parse_lmstat(later, zone=ZONE, now=now)
        middle = time.process_time()
        memory.parse("a", later, zone=ZONE, now=now)
        same.append(time.process_time() - middle)
        changed.append(middle - begun)
    ratio = min(changed) / min(same)
    speed = f"{1e6 * min(same):,.0f} us"
    return Line("status that is unchanged but for its date", speed, ratio,
                "at least 40x one read whole", ratio >= 40)  # fmt: skip


def nearly_unchanged(arguments: argparse.Namespace) -> Line:
    """Read statuses of which three rows of each are others than in the one before."""
    chance = random.Random(20260318)
    lines = status(chance, arguments.features, arguments.rows).split(b"\n")
    places = [place for place, line in enumerate(lines) if b", start " in line]
    memory, ours, whole = StatusMemory(), [], []
    now = int(TAKEN.timestamp())
    for _ in range(arguments.rounds):
        for place in chance.sample(places, 3):
            lines[place] = row(chance, 1 + (b" licenses" in lines[place])).encode()
        # Someone more, so that all lines after it stand elsewhere.
        lines.insert(places[0], row(chance, 1).encode())
        text = b"\n".join(lines)
        begun = time.process_time()
        found = memory.parse("a", text, zone=ZONE, now=now)
        middle = time.process_time()
        truth = parse_lmstat(text, zone=ZONE, now=now)
        whole.append(time.process_time() - middle)
        ours.append(middle - begun)
        if found != truth:
            raise SystemExit("a status was read otherwise than as a whole")
    ratio = min(whole) / min(ours)
    work = f"status of which 4 rows of {len(places):,} changed"
    speed = f"{len(places) / min(ours):,.0f} rows/s"
    return Line(work, speed, ratio, "at least 1,000,000 rows/s or 5x one read whole",
                ratio >= 5 or len(places) >= 1e6 * min(ours))  # fmt: skip


def logs(events: int) -> list[Line]:
    """Read one log in columns, line by line, and for its line ends alone."""
    with tempfile.TemporaryDirectory(prefix="itam-benchmark-") as folder:
        path = Path(folder) / "debug.log"
        write_log(path, events)
        size = path.stat().st_size
        ours, found, peak = read_apart("columns", path)
        naive, known, _ = read_apart("per_line", path)
        bare, _, _ = read_apart("line_ends", path)
    if found != known:
        raise SystemExit(f"the readers differ: {found} and {known} events")
    work = f"debug log, {events:,} events, {size / 1e6:.0f} MB"
    return [
        Line(work, f"{events / ours:,.0f} events/s", naive / ours,
             "at least 5x a reader with one re a line", naive >= 5 * ours),
        Line("the same against counting its line ends", f"{ours:.2f} s", ours / bare,
             "at most 50x", ours <= 50 * bare),
        Line("memory that it takes, whatever the size", f"{peak} MB", None,
             f"at most {LOG_MEMORY_MB} MB", peak <= LOG_MEMORY_MB),
    ]  # fmt: skip


def read_apart(reader: str, path: Path) -> tuple[float, int, int]:
    """Return (seconds of processor time, events found, most memory in MB) of a reader."""
    words = [sys.executable, __file__, "--read", reader, "--log", str(path)]
    seconds, found, peak = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return seconds, found, peak


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write_log(path: Path, events: int) -> None:
    chance = random.Random(1)
    at = 0.0
    with path.open("w") as out:
        for _ in range(events):
            at += chance.expovariate(1 / 8)
            second, user = int(at) % 86400, chance.randrange(3000)
            word = chance.choice(("OUT", "IN"))
            seats = f"({chance.randrange(2, 40)} licenses) " if chance.random() < 0.2 else ""
            out.write(
                f"{second // 3600:2d}:{second // 60 % 60:02d}:{second % 60:02d} "
                f'(vend{chance.randrange(3)}) {word}: "feat_{chance.randrange(400)}" '
                f"user{user}@host{user}  {seats}\n"
            )


def read_columns(path: Path) -> int:
    parser = DebugLogParser(zone=ZONE, date=date(2025, 1, 6))
    with path.open("rb") as file:
        while block := file.read(1 << 21):
            parser.read(block)
    parser.read(b"", last=True)
    return parser.counts["out"] + parser.counts["in"]


def read_per_line(path: Path) -> int:
    day, last, found = -86400, 99999, []
    with path.open("rb") as file:
        for line in file:
            if match := _EVENT.match(line):
                hour, minute, second, _daemon, word, feature, user, host, seats = match.groups()
                at = int(hour) * 3600 + int(minute) * 60 + int(second)
                day += 86400 if at < last else 0
                last = at
                found.append((day + at, word, feature, user, host, int(seats) if seats else 1))
    return len(found)


def read_line_ends(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


READERS = {"columns": read_columns, "per_line": read_per_line, "line_ends": read_line_ends}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the reading of logs and statuses.")
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--read", choices=READERS, help="read --log alone, and tell how it went")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--rows", type=int, default=24, help="of each feature")
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def status(chance: random.Random, features: int, rows: int) -> bytes:
    """Make the text of a status of one daemon."""
    lines = [
        "Flexible License Manager status on Mon 3/16/2026 12:16",
        "",
        "License server status: 27000@lic1",
        "lic1: license server UP (MASTER) v11.19.7",
        "Vendor daemon status (on lic1):",
        "acmed: UP v11.19.7",
        "Feature usage info:",
    ]
    for feature in range(features):
        seats = [chance.choice([1] * 9 + [2]) for _ in range(rows)]
        lines += [
            f"Users of f{feature}:  (Total of 99 licenses issued;  "
            f"Total of {sum(seats)} licenses in use)",
            "",
            f'  "f{feature}" v1.0, vendor: acmed, expiry: 31-dec-2026',
            "  floating license",
            "",
            *(row(chance, count) for count in seats),
            "",
        ]
    return "\n".join([*lines, ""]).encode()


def row(chance: random.Random, seats: int) -> str:
    start = TAKEN - timedelta(minutes=chance.randrange(5 * 1440))
    host = f"ws{chance.randrange(3000):04d}.example.com"
    return (
        f"    u{chance.randrange(5000)} {host} {host}{chance.choice(['', ':0.0'])} (v2023.1) "
        f"(lic1/27000 {chance.randrange(99999)}), start {_DAYS[start.weekday()]} "
        f"{start.month}/{start.day} {start.hour}:{start.minute:02d}"
        + (f", {seats} licenses" if seats > 1 else "")
    )


def per_line(data: bytes) -> list[Holding]:
    """Read the rows of a status one by one."""
    found = []
    for number, line in enumerate(data.decode().splitlines(), 1):
        if not (match := _ROW.match(line)):
            continue
        user, host, display, version, handle, weekday, month, day, hour, minute, seats = (
            match.groups()
        )
        for year in range(TAKEN.year, TAKEN.year - 12, -1):
            start = datetime(year, int(month), int(day), int(hour), int(minute), tzinfo=ZONE)
            if start <= TAKEN + timedelta(days=1) and _DAYS[start.weekday()] == weekday:
                break
        found.append(
            Holding(
                user=user,
                host=host,
                display=display,
                data="",
                version=version,
                handle=handle,
                started_at=int(start.timestamp()),
                seats=int(seats or 1),
                line=number,
            )
        )
    return found


if __name__ == "__main__":
    main()
