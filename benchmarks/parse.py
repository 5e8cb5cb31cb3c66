"""Time the reading of statuses against a per-line reader that yields the same rows.

    python benchmarks/parse.py [--features 100] [--rows 24] [--rounds 15]

The yardstick is what most people write: one regular expression, tried on each line, and a start
whose year is looked for. Both are timed in turn in one process, on texts that are all different,
and the best rounds compared, so that the ratio holds on a busy machine. The rows of both are
compared first.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.records import Holding, Result

ZONE = ZoneInfo("Europe/Berlin")
TAKEN = datetime(2026, 3, 16, 12, 16, tzinfo=ZONE)
AIM = 5.0
_ROW = re.compile(
    r"^\s+(\S+) (\S+) (\S+) \(v?([^)]+)\) \(([^)]+)\), "
    r"start (\w{3}) (\d+)/(\d+) (\d+):(\d+)(?:, (\d+) licenses?)?\s*$"
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def main() -> None:
    arguments = parse()
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
    print(f"status rows           {count:>12,}")
    print(f"per-line re           {count / min(naive):>12,.0f} rows/s")
    print(f"parse_lmstat          {count / min(ours):>12,.0f} rows/s")
    print(f"ratio                 {min(naive) / min(ours):>12.2f}   (aim: at least {AIM})")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the reading of statuses.")
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
