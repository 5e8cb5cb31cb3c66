"""Read a log that grows, from where it was read last."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from licenses.models import Gap, LicenseServer, LogCursor, PollState
from licenses.sources.base import SourceError

from . import coverage
from .captures import check_room
from .files import look_through, note_waiting
from .logs import LogImport
from .machines import OtherMachine
from .pieces import whole_piece

log = logging.getLogger(__name__)

HEAD = 4096
PIECES = 50
"""Pieces of a log read at one go; the rest waits for the next."""


def due(now: Any) -> list[int]:
    """Return the ids of the servers with a log to look at now."""
    return list(
        LicenseServer.objects.filter(
            Q(poll_state=None)
            | Q(poll_state__log_due_at=None)
            | Q(poll_state__log_due_at__lte=now),
            enabled=True,
        )
        .exclude(log_path="")
        .values_list("pk", flat=True)
    )


def read_log(server_id: int) -> int:
    """Import what a server's log grew by, and return how many pieces that were.

    The row lock inside each chunk's transaction and the cursor that moves with it make two readers
    harmless: the second
    finds nothing new. A file of another beginning, or shorter than what was read, is a new one and
    is read from its start.
    """
    server = LicenseServer.objects.get(pk=server_id)
    now = timezone.now()
    PollState.objects.get_or_create(server=server, defaults={"due_at": now})
    PollState.objects.filter(server=server).update(
        log_due_at=now + timedelta(seconds=min(server.poll_seconds, settings.ITAM_POLL_SECONDS))
    )
    cursor, _created = LogCursor.objects.get_or_create(
        server=server, defaults={"path": server.log_path}
    )
    try:
        check_room()
        return _read(server, cursor)
    except OtherMachine as error:
        log.warning("log of %s: %s", server.name, error)
        cursor.detail, cursor.machine = str(error)[:1000], error.name
        cursor.save()
        note_waiting(server, Path(server.log_path), error, until=int(now.timestamp()))
        return 0
    except (OSError, SourceError) as error:
        log.warning("log of %s: %s", server.name, error)
        LogCursor.objects.filter(pk=cursor.pk).update(detail=str(error)[:1000])
        return 0


def _read(server: LicenseServer, cursor: LogCursor) -> int:
    path = Path(server.log_path)
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if not _is_same(cursor, path, status, stream):
            if cursor.offset:
                _note_rotation(server)
            cursor.offset, cursor.parser_state = 0, {}
            cursor.path, cursor.inode = server.log_path, status.st_ino
        stream.seek(0)
        head = stream.read(HEAD)
        cursor.head_length, cursor.head_sha256 = len(head), hashlib.sha256(head).hexdigest()
        if status.st_size <= cursor.offset:
            return 0
        run = _open_import(server, cursor, stream)
        stream.seek(cursor.offset)
        pieces = 0
        while pieces < PIECES:
            block = stream.read(settings.ITAM_CHUNK_BYTES)
            # A line still being written waits for its end.
            full = len(block) == settings.ITAM_CHUNK_BYTES
            whole = block[: whole_piece(block) if full else block.rfind(b"\n") + 1] or (
                block if full else b""
            )
            if not whole:
                break
            run.store(whole)
            stream.seek(cursor.offset)
            pieces += 1
    return pieces


def _open_import(server: LicenseServer, cursor: LogCursor, stream: Any) -> LogImport:
    def save(state: dict[str, Any]) -> None:
        cursor.parser_state, cursor.offset = state, state["parser"]["offset"]
        cursor.detail = cursor.machine = ""
        cursor.save()

    if cursor.parser_state:
        return LogImport(server, source=cursor.path, cursor=cursor.parser_state, save_cursor=save)
    stream.seek(0)
    look = look_through(stream)
    return LogImport(server, source=cursor.path, save_cursor=save, **look._asdict())


def _is_same(cursor: LogCursor, path: Path, status: os.stat_result, stream: Any) -> bool:
    """Tell whether the file is the one that the cursor was in: same place, not shorter, same
    beginning."""
    if cursor.path != str(path) or status.st_size < cursor.offset:
        return False
    stream.seek(0)
    head = stream.read(cursor.head_length)
    return hashlib.sha256(head).hexdigest() == cursor.head_sha256 or not cursor.head_length


def _note_rotation(server: LicenseServer) -> None:
    """Write that a log was changed for another: what the old one said after the last reading may be
    lost."""
    last = (
        server.coverage.filter(source="log")
        .order_by("-ends")
        .values_list("ends", flat=True)
        .first()
    )
    now = int(timezone.now().timestamp())
    if last is not None:
        coverage.write_gap(
            server,
            "",
            int(last.timestamp()),
            now,
            Gap.Cause.LOG_ROTATED,
            "The log was replaced by a new one.",
        )
