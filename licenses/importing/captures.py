"""Keep what was read as it was read: raw bytes under their hash, and a row that says what became of
them."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models.lookups import Exact
from django.utils import timezone

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.evidence import entries
from licenses.models import Capture, LicenseServer, UnreadableLine
from licenses.sources.records import Unreadable
from licenses.sources.shapes import shape_digest

KEPT_LINES = 1000
"""Unreadable lines kept for one capture; all are counted, and the raw text has the rest."""
IN_USE_SECONDS = 3600
"""A file younger than this may belong to a capture that is being stored."""


class DiskFull(OSError):
    """Too little room to go on importing. Nothing was read; the cursor stays where it is."""


def check_room() -> None:
    """Refuse to import when the disk is nearly full: reading and alerts must go on working.

    Raises DiskFull below ITAM_DISK_FREE_MB or ITAM_DISK_FREE_PERCENT of free space.
    """
    root = Path(settings.ITAM_DATA_DIR)
    root.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(root)
    wanted = max(settings.ITAM_DISK_FREE_BYTES, int(usage.total * settings.ITAM_DISK_FREE_SHARE))
    if usage.free < wanted:
        raise DiskFull(
            f"{root} has {usage.free // 10**6} MB left: imports wait until there are "
            f"{wanted // 10**6} MB."
        )


def store_raw(data: bytes) -> tuple[str, str]:
    """Store bytes, and return their SHA-256 and the path below the data folder.

    Written beside, flushed to the disk and renamed, before the rows that name it are committed: a
    crash leaves a file that
    nothing names, never a row whose file is missing. The same bytes are stored once; their file is
    then as young as a new one, so that nobody drops it before the row is there.
    """
    digest = hashlib.sha256(data).hexdigest()
    folder = Path(settings.ITAM_CAPTURE_DIR) / digest[:2]
    path = folder / f"{digest}.gz"
    try:
        os.utime(path)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as raw:
                with gzip.GzipFile(
                    filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0
                ) as packed:
                    packed.write(data)
                raw.flush()
                os.fsync(raw.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return digest, str(path.relative_to(settings.ITAM_DATA_DIR))


def read_raw(capture: Capture) -> bytes:
    """Return a capture's bytes.

    Raises FileNotFoundError where they are no longer kept, ValueError where they are not those that
    were read.
    """
    if not capture.stored:
        dropped = capture.raw_dropped_at
        since = f": it was dropped on {dropped:%Y-%m-%d}" if dropped else ""
        raise FileNotFoundError(f"The raw text of {capture} is not kept{since}.")
    with gzip.open(Path(settings.ITAM_DATA_DIR) / capture.stored) as packed:
        data = packed.read()
    found = hashlib.sha256(data).hexdigest()
    if found != capture.sha256:
        raise ValueError(f"{capture}: expected SHA-256 {capture.sha256}, found {found}.")
    return data


def drop_raw(captures: Sequence[Capture]) -> None:
    """Throw the raw text of captures away, with the lines of it that could not be read.

    The rows stay, with hash, size and when the text was dropped, and an evidence entry tells of it.
    Runs in a transaction; the files go once it is committed, unless another capture names them.
    """
    now = timezone.now()
    rows = Capture.objects.filter(pk__in=[capture.pk for capture in captures])
    UnreadableLine.objects.filter(capture__in=rows.values("pk")).delete()
    rows.update(stored="", raw_dropped_at=now)
    recorded = [int(capture.recorded_at.timestamp()) for capture in captures]
    body = {
        "captures": len(captures),
        "from": min(recorded),
        "to": max(recorded),
        "what": "raw text",
    }
    entry = entries.draft("erasure", int(now.timestamp()), body)
    entries.append(entries.INSTALLATION, [entry], source="retention")
    paths = {capture.sha256: capture.stored for capture in captures}
    transaction.on_commit(lambda: _remove(paths))


def _remove(paths: Mapping[str, str]) -> None:
    """Remove files, by their hash, that no capture names and that nobody stored just now."""
    named = set(
        Capture.objects.filter(sha256__in=list(paths), raw_dropped_at=None)
        .exclude(stored="")
        .values_list("sha256", flat=True)
    )
    for digest, stored in paths.items():
        path = Path(settings.ITAM_DATA_DIR) / stored
        with suppress(FileNotFoundError):
            if digest not in named and path.stat().st_mtime < time.time() - IN_USE_SECONDS:
                path.unlink()


def store_unreadable(capture: Capture, lines: Sequence[Unreadable]) -> None:
    """Keep the first lines that could not be read, up to 1,000 a capture."""
    UnreadableLine.objects.bulk_create(
        UnreadableLine(
            capture=capture,
            line=line.line,
            text=line.text[:500],
            reason=line.reason[:300],
            shape=shape_digest(line.text[:500], line.reason[:300]),
        )
        for line in lines[:KEPT_LINES]
    )


def known_capture(server: LicenseServer, kind: str, digest: str, offset: int = 0) -> Capture | None:
    """Return the capture that already holds these bytes, read whole, from the same place of a
    file."""
    found: Capture | None = _KNOWN.first(server.pk, kind, digest, offset)
    return found


@Prepared
def _KNOWN(server: int, kind: str, digest: str, offset: int) -> Asked:
    rows = Capture.objects.filter(server=server, kind=kind, sha256=digest)
    # Of its own type the column takes no stand-in: that is below 0.
    rows = rows.filter(Exact(number("offset"), offset), result=Capture.Result.PARSED)
    return rows[:1], ()
