"""Time the check of a pack by verify.py, and what evidence costs an import.

    python benchmarks/evidence.py [--entries 1000000] [--events 1000000] [--rounds 3]
                                  [--database sqlite|postgresql]

The pack has a year of days and 20 streams, and lies in a folder and in a ZIP file; the program runs
as an auditor runs it, in a process of its own, on two processors if there are. The ratio is of its
seconds of processors against those of reading and hashing the same files and no more, in the same
run, which says more on a busy machine than the clock does. The import reads one log twice in one
run, each time into an empty database; without evidence no line of it is put together, hashed,
compressed or stored.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

from common import BASE, Line, django_on, leave_out_evidence, show

from licenses.evidence import tree, zips
from licenses.evidence.notes import Signer

VERIFIER = BASE / "licenses" / "evidence" / "verify.py"
DAYS, STREAMS = 365, 20
VERIFY_SECONDS, VERIFY_MB = 2.0, 200
IMPORT_RATIO, EVENT_BYTES = 1.33, 100


def main() -> None:
    arguments = parse()
    if arguments.read_log:
        print(json.dumps(read_log(arguments)))
        return
    lines = [] if arguments.database == "postgresql" else verifying(arguments)
    show([*lines, *importing(arguments)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the check of a pack, and what it costs.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--read-log", type=Path, help="import it alone, and tell how it went")
    parser.add_argument("--without", action="store_true", help="without evidence")
    return parser.parse_args()


# --- The check ------------------------------------------------------------------------------------


def verifying(arguments: argparse.Namespace) -> list[Line]:
    with tempfile.TemporaryDirectory(prefix="itam-benchmark-") as top:
        folder, packed = Path(top) / "pack", Path(top) / "pack.zip"
        signer = Signer.new("benchmark")
        public = write_pack(folder, arguments.entries, signer)
        with packed.open("x+b") as target, zips.sealed(target, signer) as file:
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                with zips.opened(file, path.relative_to(folder).as_posix()) as one:
                    one.write(path.read_bytes())
        found = []
        for name, path in (("folder", folder), ("ZIP file", packed)):
            rounds = [check(path, public) for _ in range(arguments.rounds)]
            seconds = median(each for each, _clock, _memory in rounds)
            clock = median(each for _seconds, each, _memory in rounds)
            most = max(memory for *_seconds, memory in rounds)
            files = [path] if path == packed else list(folder.rglob("*"))
            size = sum(each.stat().st_size for each in files)
            work = f"verify.py, {arguments.entries:,} entries, {name} of {size / 1e6:.0f} MB"
            allowed = VERIFY_SECONDS * max(1.0, arguments.entries / 1e6)
            aim = f"at most {allowed:.0f} s and {VERIFY_MB} MB"
            met = clock <= allowed and most <= VERIFY_MB
            ratio = seconds / min(bare(path) for _ in range(arguments.rounds))
            took = f"{clock:.2f} s, {seconds:.2f} s of processors, {most} MB"
            found.append(Line(work, took, ratio, aim, met))
    return found


def bare(path: Path) -> float:
    """Return the processor seconds that reading and hashing every file takes."""
    began = time.process_time()
    if path.is_dir():
        for file in path.rglob("*.jsonl"):
            hashlib.sha256(file.read_bytes()).digest()
    else:
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                hashlib.sha256(packed.read(name)).digest()
    return time.process_time() - began


def check(path: Path, public: str) -> tuple[float, float, int]:
    """Run the verifier; return its seconds of processors and on the clock, and the most memory in
    MB."""
    began = time.perf_counter()
    done = subprocess.Popen([sys.executable, "-I", str(VERIFIER), str(path), public],
                            stdout=subprocess.PIPE, text=True)  # fmt: skip
    said = done.stdout.read() if done.stdout else ""
    _pid, status, used = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    if done.returncode or not said.startswith("OK "):
        raise SystemExit(f"the verifier says: {said}")
    clock = time.perf_counter() - began
    return used.ru_utime + used.ru_stime, clock, used.ru_maxrss // 1024


def write_pack(folder: Path, entries: int, signer: Signer) -> str:
    """Write a pack as the product would, without a database; return its public key."""
    chance = random.Random(1)
    people = [
        f'"host":"{chance.getrandbits(128):032x}","ordinal":0,'
        f'"person":"{chance.getrandbits(128):032x}"'
        for _ in range(4000)
    ]
    streams = sorted(f"server/{chance.getrandbits(128):032x}" for _ in range(STREAMS))
    numbers, rows, days = dict.fromkeys(streams, 0), [], []
    (folder / "ev").mkdir(parents=True)
    each = max(1, round(entries / DAYS / STREAMS))
    for place in range(DAYS):
        day = date(2026, 1, 1) + timedelta(place)
        noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
        leaves = []
        for stream in streams:
            name = f"ev/{day}.{stream.replace('/', '-')}.jsonl"
            data = "".join(
                entry(people[place * number // 2 % 4000], noon, numbers[stream] + number, stream)
                for number in range(1, each + 1)
            ).encode()
            numbers[stream] += each
            (folder / name).write_bytes(data)
            digest, salt = hashlib.sha256(data).hexdigest(), f"{chance.getrandbits(256):064x}"
            rows.append(f"{day} {stream} {each} {digest} {salt}")
            leaves.append(tree.leaf_hash(rows[-1].encode()))
        days.append(f"{day} {STREAMS} {tree.root(leaves).hex()} {each * STREAMS}")
    texts = {
        "README.txt": "A pack for a benchmark.\n",
        "checkpoint.txt": signer.checkpoint(
            DAYS, tree.root(tree.leaf_hash(line.encode()) for line in days)
        ),
        "days.txt": "".join(f"{line}\n" for line in days),
        "streams.txt": "".join(f"{line}\n" for line in rows),
        "verify.py": VERIFIER.read_text(),
    }
    about = [f"{hashlib.sha256(text.encode()).hexdigest()} {name}" for name, text in texts.items()]
    title = f"pack {days[0][:10]} {days[-1][:10]} benchmark"
    texts["pack.txt"] = signer.note("\n".join([signer.name, title, *about]) + "\n")
    for name, text in texts.items():
        (folder / name).write_text(text)
    return signer.public


def entry(who: str, at: int, number: int, stream: str) -> str:
    """Return a line as an import of a log writes it: the lines of a key stand together."""
    word = "checkout" if number % 2 else "checkin"
    return (
        f'{{"body":{{"daemon":"acmed","feature":"feature_{number % 40}",{who},"seats":1}},'
        f'"event_time":{at - 7 * number % 43000},"kind":"{word}","n":{number},"recorded_at":{at},'
        f'"source":"capture:{at:064x}","stream":"{stream}","v":1}}\n'
    )


# --- What it costs --------------------------------------------------------------------------------


def importing(arguments: argparse.Namespace) -> list[Line]:
    from load import write_year

    with tempfile.TemporaryDirectory(prefix="itam-benchmark-") as top:
        path = Path(top) / "debug.log"
        write_year(path, arguments.events, 500, int(time.time()) // 86400 * 86400)
        on = [apart(arguments, path) for _ in range(arguments.rounds)]
        off = [apart(arguments, path, "--without") for _ in range(arguments.rounds)]
    with_it, without = ([median(c) for c in zip(*rows, strict=True)] for rows in (on, off))
    seconds, busy, size = with_it
    ratio = seconds / without[0]
    work = f"import of {arguments.events:,} events with evidence"
    took = f"{seconds:.2f} s, {busy:.2f} s ({busy / without[1]:.2f}x) of processors"
    each = size / arguments.events
    return [
        Line(work, took, ratio, f"at most {IMPORT_RATIO}x of one without", ratio <= IMPORT_RATIO),
        Line("evidence stored for an event", f"{each:.0f} bytes", None,
             f"at most {EVENT_BYTES} bytes", each <= EVENT_BYTES),
    ]  # fmt: skip


def apart(arguments: argparse.Namespace, path: Path, *words: str) -> tuple[float, float, int]:
    done = subprocess.run(
        [sys.executable, __file__, "--read-log", str(path),
         "--database", arguments.database, *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, busy, size = json.loads(done.stdout.splitlines()[-1])
    return seconds, busy, size


def read_log(arguments: argparse.Namespace) -> tuple[float, float, int]:
    """Import a log into an empty database; return the seconds, those of processors, and the bytes
    of evidence."""
    with django_on(arguments.database):
        from django.db.models import Sum
        from django.db.models.functions import Length

        from licenses.importing.files import Wanted, import_file
        from licenses.models import EvidenceBlock, LicenseServer

        if arguments.without:
            leave_out_evidence()
        server = LicenseServer.objects.create(name="server", zone="UTC")
        began, busy = time.perf_counter(), time.process_time()
        import_file(server, arguments.read_log, "debug.log", Wanted())
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        size = EvidenceBlock.objects.aggregate(size=Sum(Length("payload")))["size"] or 0
        return seconds, busy, size


if __name__ == "__main__":
    main()
