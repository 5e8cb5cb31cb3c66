"""Deliver messages four times at once in an installation of its own: `deliver_often.py SEEDS`.

Prints one JSON object: for each seed, the tables that are not those of an undisturbed import. Apart
from the tests' own database, in which evidence that threads have committed could never be deleted.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
import numpy as np

django.setup()

from django.conf import settings  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.db import connection  # noqa: E402

from licenses import tasks  # noqa: E402
from licenses.analysis import rollup  # noqa: E402
from licenses.importing import jobs, mapping  # noqa: E402
from licenses.importing.files import Wanted, import_file  # noqa: E402
from licenses.models import (  # noqa: E402
    Checkout,
    Denial,
    DirtySpan,
    ImportJob,
    LicenseServer,
    PoolHour,
    Work,
)
from tests.licenses.importing.scenario import build  # noqa: E402
from tests.licenses.importing.told import events_told  # noqa: E402
from tests.told import told_of  # noqa: E402

TIMES = 4
WHO = ("feature__name", "person__pseudonym", "host__pseudonym", "seats")


def stored(server: LicenseServer) -> dict[str, list[Any]]:
    """Return what is stored of a server's log, without the numbers that rows were given."""
    tables = {
        "refusals": (Denial, "feature__server", (*WHO, "at", "code", "ordinal")),
        "holdings": (Checkout, "feature__server", (*WHO, "taken_at", "returned_at", "end_reason")),
        "hours": (
            PoolHour,
            "pool__mappings__feature__server",
            (
                "pool__mappings__feature__name",
                "hour",
                "hours",
                "peak",
                "seat_seconds",
                "observed_seconds",
            ),
        ),
    }
    found: dict[str, list[Any]] = {
        name: sorted(model.objects.filter(**{of: server}).values_list(*fields), key=repr)
        for name, (model, of, fields) in tables.items()
    }
    found["events"] = [event[1:] for event in events_told(server.name)]
    found["evidence"] = sorted(
        (entry["event_time"], repr(entry["body"]))
        for entry in told_of(server)
        if entry["kind"] in ("checkout", "checkin", "denied")
    )
    return found


def deliver(messages: list[Callable[[], object]]) -> list[BaseException]:
    """Run messages in as many threads as each is delivered; return what failed."""
    failures: list[BaseException] = []
    waiting = list(messages)

    def work() -> None:
        try:
            while waiting:
                try:
                    message = waiting.pop()
                except IndexError:
                    break
                message()
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(TIMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return failures


def log(seed: int) -> bytes:
    return "".join(f"{line.text}\n" for line in build(seed).lines).encode()


def differences(seed: int, path: Path) -> list[str]:
    """Import one log undisturbed into one server, and from messages that all come four times into
    another; return what differs."""
    chance, text, day = random.Random(seed), log(seed), date(2026, 3, 2)
    calm, rough = (
        LicenseServer.objects.create(name=f"{name}{seed}", zone="UTC") for name in ("calm", "rough")
    )
    path.write_bytes(text)
    import_file(calm, path, path.name, Wanted(date=day))
    handed = [
        jobs.hand_in(rough, SimpleUploadedFile("debug.log", text), date=day) for _ in range(2)
    ]
    messages: list[Callable[[], object]] = [
        *((lambda pk=job.pk: tasks.import_file(pk)) for job in handed),
        tasks.count_again,
        tasks.evaluate,
    ] * TIMES
    chance.shuffle(messages)
    failures = deliver(messages)
    # What a message left because another was at it is due still.
    for job in ImportJob.objects.exclude(state=Work.DONE):
        tasks.import_file(job.pk)
    for server in (calm, rough):
        mapping.create_pools(server)
    rollup.drain()
    found = [f"failed: {failure!r}" for failure in failures]
    found += ["a job is not done"] * ImportJob.objects.exclude(state=Work.DONE).exists()
    found += ["hours wait to be counted"] * DirtySpan.objects.exists()
    expected, told = stored(calm), stored(rough)
    found += ["nothing was imported"] * (not expected["events"] or not expected["evidence"])
    return found + [table for table, rows in expected.items() if told[table] != rows]


def main() -> None:
    settings.ITAM_CHUNK_BYTES = 256
    tasks.nudge = lambda *_message: None  # there is no broker
    if sys.argv[2:] == ["without-keys"]:
        from licenses.importing import events

        events._among = lambda asked, _known: np.zeros(len(asked), dtype=np.bool_)
    with TemporaryDirectory() as folder:
        found = {
            seed: differences(seed, Path(folder) / "debug.log") for seed in range(int(sys.argv[1]))
        }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
