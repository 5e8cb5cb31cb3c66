"""Ask many servers at once, some of which hang, as a poll does; and one by one, a task for each.

    python benchmarks/poll.py [--servers 1000] [--hung 0.05] [--timeout 10] [--concurrency 200]

A made-up lmutil answers after 50 ms, or never. The yardstick of processor time is a Celery task for
each server, through a Valkey, to a worker of four processes. Only the processes that ask count, and
the one that sends the tasks: what lmutil takes is the same for both. Then whole polls, the answers
stored.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from common import Line, django_on, show

WORKER = "worker-of-the-benchmark"
PROCESSES = 4
ANSWER = """lmutil - Copyright (c) 1989-2023 Flexera. All Rights Reserved.
Flexible License Manager status on Mon 3/16/2026 12:16

License server status: 27000@lic1
lic1: license server UP (MASTER) v11.19.7
Vendor daemon status (on lic1):
acmed: UP v11.19.7
Feature usage info:

Users of solver:  (Total of 9 licenses issued;  Total of 1 license in use)

  "solver" v1.0, vendor: acmed, expiry: 31-dec-2030
  floating license

    anna ws1 ws1 (v1.0) (lic1/27000 101), start Mon 3/16 8:13
"""
SCRIPT = f"""#!/bin/sh
case "$*" in *hung*) exec /bin/sleep 600;; esac
echo '{ANSWER}'
exec /bin/sleep 0.05
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--hung", type=float, default=0.05, help="share of the servers")
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--concurrency", type=int, default=200)
    arguments = parser.parse_args()
    with (
        django_on("sqlite"),
        tempfile.TemporaryDirectory(prefix="itam-benchmark-") as folder,
    ):
        tool = Path(folder) / "lmutil"
        tool.write_text(SCRIPT)
        tool.chmod(0o755)
        show(measure(tool, arguments))


def measure(tool: Path, arguments: argparse.Namespace) -> list[Line]:
    count, hung = arguments.servers, round(arguments.servers * arguments.hung)
    addresses = [f"27000@{'hung' if n < hung else 'lic'}{n}" for n in range(count)]
    wall, together = taken(lambda: ask(tool, addresses, arguments))
    apart = ask_one_by_one(tool, addresses[hung:])
    per_poll, per_task = 1e3 * together / count, 1e3 * apart / (count - hung)
    first, again = store(tool, addresses, arguments)
    work = f"{count:,} servers asked at once, {hung} of which hang"
    aim = f"at most 1.3x the timeout of {arguments.timeout:g} s"
    return [
        Line(work, f"{wall:.1f} s", wall / arguments.timeout, aim, wall <= 1.3 * arguments.timeout),
        Line("processor time of a poll", f"{per_poll:.2f} ms", per_poll / per_task,
             f"at most 1/5 of a Celery task for each server ({per_task:.2f} ms)",
             5 * per_poll <= per_task),
        Line("the same, answers stored for the first time", f"{first[0]:.1f} s",
             first[0] / arguments.timeout, "-", True),
        Line("processor time of an answer stored that says nothing new",
             f"{1e3 * again[1] / count:.1f} ms", again[0] / arguments.timeout,
             "- (ratio: the whole poll to its timeout)", True),
    ]  # fmt: skip


def taken(deed: Callable[[], None]) -> tuple[float, float]:
    """Return how many seconds *deed* takes on the clock, and of this process's own time."""
    wall, own = time.perf_counter(), time.process_time()
    deed()
    return time.perf_counter() - wall, time.process_time() - own


def ask(tool: Path, addresses: list[str], arguments: argparse.Namespace) -> None:
    """Ask all servers side by side, and see that exactly those hang that should."""
    from licenses.sources import process
    from licenses.sources.flexnet import connector

    jobs = [process.Job(a, tool, connector.command_for(a)) for a in addresses]
    found = Counter(
        outcome.status
        for _key, outcome in process.run_many(
            jobs, timeout=arguments.timeout, concurrency=arguments.concurrency
        )
    )
    hung = sum("hung" in address for address in addresses)
    expected = {process.Status.OK: len(addresses) - hung, process.Status.TIMEOUT: hung}
    if found != Counter(expected):
        raise SystemExit(f"expected {expected}, found {dict(found)}")


def ask_one_by_one(tool: Path, addresses: list[str]) -> float:
    """Ask each server in a Celery task of its own; return the processor time of this process, and
    of the worker's own, from the first task to the last."""
    from celery import Celery

    from itam import broker

    program = broker.find_program()
    if program is None:
        raise SystemExit("No Valkey here: it comes with the project's packages")
    with tempfile.TemporaryDirectory(prefix="itam-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        socket, done = folder / "valkey.sock", folder / "done"
        done.touch()
        stack.enter_context(running(broker.command(program, socket, folder)))
        broker.wait_until_ready(socket, seconds=20)
        app = Celery("benchmark", broker=broker.celery_url(socket), set_as_current=False)
        worker = stack.enter_context(
            running([sys.executable, __file__, WORKER, broker.celery_url(socket), str(done)])
        )

        def ask_all(servers: list[str]) -> None:
            want = done.stat().st_size + len(servers)
            for address in servers:
                app.send_task("poll", [str(tool), address], ignore_result=True)
            while done.stat().st_size < want:
                time.sleep(0.05)

        ask_all(addresses[: 4 * PROCESSES])  # until it has started, and its processes are warm
        began = time.process_time() + processor_time(worker.pid)
        ask_all(addresses)
        return time.process_time() + processor_time(worker.pid) - began


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that says nothing, and end it after."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def processor_time(pid: int) -> float:
    """Return the seconds that a process and its children have taken, without what they ran."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    forks = [
        int(child) for child in children if "python" in Path(f"/proc/{child}/exe").readlink().name
    ]
    return own + sum(processor_time(child) for child in forks)


def work(broker_url: str, done: str) -> None:
    """Be the worker whose tasks ask one server each."""
    from celery import Celery

    from licenses.sources import process
    from licenses.sources.flexnet import connector

    app = Celery("benchmark", broker=broker_url)
    app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)
    told = os.open(done, os.O_WRONLY | os.O_APPEND)

    @app.task(name="poll")
    def poll(tool: str, address: str) -> None:
        process.run(Path(tool), connector.command_for(address), timeout=60)
        os.write(told, b".")

    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    app.worker_main(["worker", "--pool=prefork", f"--concurrency={PROCESSES}", *quiet])


def store(
    tool: Path, addresses: list[str], arguments: argparse.Namespace
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Poll all servers twice as the product does; return what `taken` says of both polls."""
    from django.conf import settings

    from licenses.importing import polling
    from licenses.models import LicenseServer

    settings.ITAM_LMUTIL = str(tool)
    settings.ITAM_POLL_TIMEOUT_SECONDS = arguments.timeout
    settings.ITAM_POLL_CONCURRENCY = arguments.concurrency
    LicenseServer.objects.bulk_create(
        LicenseServer(name=each, address=each, zone="UTC", polling="tool") for each in addresses
    )
    ids = list(LicenseServer.objects.order_by("pk").values_list("pk", flat=True))

    def poll() -> None:
        polling.poll(ids, force=True)

    return taken(poll), taken(poll)


if __name__ == "__main__":
    if sys.argv[1:2] == [WORKER]:
        work(*sys.argv[2:])
    else:
        main()
