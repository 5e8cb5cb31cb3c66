"""Imports to be killed, or to run out of disk: `python killed_import.py`, orders on its input.

An order is a line of JSON: {"order", "server", "file"} and perhaps "file_bytes", the largest a file
may grow (RLIMIT_FSIZE), or "calls", after how many calls of a function the import kills itself
(SIGKILL) or the process "victim" ("backend": that of PostgreSQL which serves it): that is as random
a place whatever else the machine is busy with.

Each order is done by a child that is forked from here, where everything is loaded already, so that
a kill costs milliseconds and not the start of Django. The answers: a line with the child's pid at
once, and one with its wait status when it is over. It is reaped only after the next order, so that
its pid cannot be another's when it is killed.

ORDER right is the product's own: rows and cursor in one transaction. The two others are wrong on
purpose, so that the test can show that it would notice: cursor_first moves the cursor before the
rows are there; rows_first moves it afterwards, and takes what it reads for new without looking
whether it is there, as a reader does whose rows have no keys.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import django
import numpy as np

django.setup()

from django.db import connections  # noqa: E402

from licenses.importing import events, logs, pieces  # noqa: E402
from licenses.models import LicenseServer, LogCursor  # noqa: E402
from licenses.sources.flexnet.log_dates import first_line_date  # noqa: E402
from tests.licenses.importing import watch  # noqa: E402

PIECE = 4096
PAUSE = 60_000
"""Calls between the two commits of a wrong order: what a busy disk makes of it."""


def run(order: str, name: str, path: Path) -> None:
    server = LicenseServer.objects.get(name=name)
    cursor, _ = LogCursor.objects.get_or_create(server=server, defaults={"path": str(path)})

    def save(state: dict[str, Any]) -> None:
        cursor.parser_state, cursor.offset = state, state["parser"]["offset"]
        cursor.save()

    whole = order in ("right", "watched")
    if order == "rows_first":
        events._among = lambda asked, _known: np.zeros(len(asked), dtype=np.bool_)
    with path.open("rb") as head:
        first_day = first_line_date(head)
    run = logs.LogImport(
        server,
        source=path.name,
        first_day=first_day,
        cursor=cursor.parser_state or None,
        save_cursor=save if whole else None,
        whole_server=True,
    )
    with path.open("rb") as stream:
        stream.seek(cursor.offset)
        for block, last in pieces.blocks(stream, PIECE):
            if order == "cursor_first":
                ahead = logs.DebugLogParser(zone=server.tzinfo, date=None, state=run.parser.state())
                list(ahead.feed(block))
                save(run.cursor() | {"parser": ahead.state()})
                pause()
            run.store(block, last=last)
            if order == "watched":
                watch.look(path.with_name("told"), steps=2)
            if order == "rows_first":
                pause()
                save(run.cursor())


def pause() -> None:
    for _ in range(PAUSE):
        time.monotonic()


def kill_after(calls: int, victim: int | str) -> None:
    """Have a process killed after so many calls and returns of functions, C's included: this one
    (0), another one, or PostgreSQL's that serves this one ("backend")."""
    left = calls

    def count(_frame: object, _event: str, _argument: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            sys.setprofile(None)
            os.kill(
                backend() if victim == "backend" else int(victim) or os.getpid(), signal.SIGKILL
            )

    sys.setprofile(count)


def backend() -> int:
    """Return the process that serves our connection, open or to be opened."""
    connections["default"].ensure_connection()
    return int(connections["default"].connection.info.backend_pid)


def child(order: dict[str, Any]) -> None:
    """Do one order and end: 0 done, 1 an error, which is told on standard error."""
    if limit := order.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if calls := order.get("calls"):
        kill_after(calls, order.get("victim", 0))
    try:
        run(order["order"], order["server"], Path(order["file"]))
    except BaseException:  # noqa: BLE001 - whatever it is ends this child, and is told
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main() -> None:
    ended = 0
    for line in sys.stdin:
        if ended:
            os.waitpid(ended, 0)
        ended = os.fork()
        if ended == 0:
            child(json.loads(line))
        print(ended, flush=True)  # noqa: T201
        found = os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
        assert found is not None
        print(found.si_status if found.si_code == os.CLD_EXITED else -found.si_status, flush=True)  # noqa: T201


def sync_nothing() -> None:
    """Leave writing to the disk to the system: it outlives a killed process, and a power cut is
    another matter."""
    if connections["default"].vendor == "sqlite":
        options = connections["default"].settings_dict["OPTIONS"]
        options["init_command"] = options["init_command"].replace("=FULL", "=OFF")
    os.fsync = lambda _file: None  # type: ignore[assignment]


if __name__ == "__main__":
    sync_nothing()
    connections.close_all()
    main()
