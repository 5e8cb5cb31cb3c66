"""Run all benchmarks and print one table: what is done, this run's figure, its ratio, a verdict.

    python benchmarks/table.py [--small] [--markdown FILE]

What needs a database runs on SQLite and on a PostgreSQL that is started for it. `--small` takes a
tenth of the data, to see that all of it runs. On two processors a full run takes some 40 minutes;
nothing else should be running.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from common import BASE, COLLECTED, Line

SCRIPTS: list[tuple[str, list[str], list[str], bool]] = [
    # script, its arguments, those of a small run, whether it takes --database
    ("parse", [], ["--events", "400000"], False),
    ("sweep", ["--holdings", "10000000"], ["--holdings", "1000000"], False),
    ("teams", [], ["--holdings", "100000", "--pools", "180"], True),
    ("store", [], ["--holdings", "20000"], True),
    ("load", [], ["--events", "40000", "--pools", "50"], True),
    ("pages", [], ["--holdings", "30000", "--pools", "50"], True),
    ("pdf", [], [], False),
    ("report", [], [], False),
    ("poll", [], ["--servers", "40", "--timeout", "2"], False),
    ("evidence", [], ["--entries", "100000", "--events", "50000", "--rounds", "1"], True),
]
DATABASES = ("sqlite", "postgresql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--markdown", type=Path, help="write the table there for the docs")
    arguments = parser.parse_args()
    found: list[tuple[str, Line]] = []
    for script, usual, small, stores in SCRIPTS:
        for database in DATABASES if stores else ("",):
            words = small if arguments.small else usual
            words = [*words, "--database", database] if database else words
            found += [(database, line) for line in run(script, words)]
    print()
    for database, line in found:
        print(f"{database or '-':<11}{line.text()}")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(found))
    raise SystemExit(0 if found else 1)


def run(script: str, words: list[str]) -> list[Line]:
    """Run one benchmark in a process of its own and return its lines; a failure is a line too."""
    print(f"\n--- {script} {' '.join(words)}", flush=True)
    with tempfile.NamedTemporaryFile("r", prefix="itam-benchmark-") as file:
        done = subprocess.run(
            [sys.executable, str(BASE / "benchmarks" / f"{script}.py"), *words],
            env=os.environ | {COLLECTED: file.name},
            check=False,
        )
        lines = [Line(**json.loads(text)) for text in Path(file.name).read_text().splitlines()]
    if done.returncode:
        aim = f"to run: exit code {done.returncode}"
        lines.append(Line(f"{script} {' '.join(words)}", "-", None, aim, met=False))
    return lines


def markdown(found: list[tuple[str, Line]]) -> str:
    """Return the table for the docs, with the machine and the date."""
    rows = [
        f"| {line.work} | {database or '-'} | {line.measured} | "
        f"{'-' if line.ratio is None else f'{line.ratio:.2f}x'} | {line.aim} | "
        f"{'met' if line.met else '**missed**'} |"
        for database, line in found
    ]
    head = (
        f"Measured {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors "
        f"({processor()}), Python {platform.python_version()}.\n\n"
        "| work | database | this run | ratio | aim | |\n|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def processor() -> str:
    """Return the processor's name as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
