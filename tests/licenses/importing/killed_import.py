"""A process to be killed while it imports: `python killed_import.py ORDER SERVER FILE`.

ORDER right is the product's own: rows and cursor in one transaction. The two others are wrong on
purpose, so that the test can show that it would notice: cursor_first moves the cursor before the
rows are there; rows_first moves it afterwards, and takes what it reads for new without looking
whether it is there, as a reader does whose rows have no keys.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from licenses.importing import facts, logs  # noqa: E402
from licenses.models import LicenseServer, LogCursor  # noqa: E402
from licenses.sources.flexnet.log_dates import first_line_date  # noqa: E402

PIECE = 8192
PAUSE = 0.01
"""Seconds between the two commits of a wrong order: what a busy disk makes of it."""


def main(order: str, name: str, path: Path) -> None:
    server = LicenseServer.objects.get(name=name)
    cursor, _ = LogCursor.objects.get_or_create(server=server, defaults={"path": str(path)})

    def save(state: dict[str, Any]) -> None:
        cursor.parser_state, cursor.offset = state, state["parser"]["offset"]
        cursor.save()

    whole = order == "right"
    if order == "rows_first":
        insert = facts._insert

        def insert_blindly(*arguments: Any) -> list[Any]:
            insert(*arguments)
            return list(arguments[-1])

        facts._insert = insert_blindly  # type: ignore[assignment]
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
        for block, last in logs.blocks(stream, PIECE):
            if order == "cursor_first":
                ahead = logs.DebugLogParser(zone=server.tzinfo, date=None, state=run.parser.state())
                list(ahead.feed(block))
                save(run.cursor() | {"parser": ahead.state()})
                time.sleep(PAUSE)
            run.store(block, last=last)
            if order == "rows_first":
                time.sleep(PAUSE)
                save(run.cursor())
    print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    with connection.cursor() as checked:
        checked.execute("SELECT 1")
    assert not transaction.get_connection().in_atomic_block
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
