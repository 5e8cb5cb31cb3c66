"""Files whose SHA-256 is on record: whether those in the data folder are still the recorded ones.

A file may be exchanged by another of the same name, behind our back or by a backup of half of the
data. It is then not handed out, and the nightly check tells.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from licenses.models import Document

logger = logging.getLogger(__name__)

NIGHTS = 7
"""In so many nights each file is looked at once."""


class Exchanged(FileNotFoundError):
    """The file that was recorded is not there: another one is."""


class Stored(NamedTuple):
    """A file on record. number: of its row, which says in which night it is looked at."""

    what: str
    number: int
    path: Path
    sha256: str


def open_recorded(path: Path, sha256: str) -> BinaryIO:
    """Return a file for reading, from its beginning, after comparing it with what is on record.

    sha256:  empty where none was recorded: then nothing is compared.

    Raises Exchanged where it is another file, FileNotFoundError where there is none.
    """
    file = path.open("rb")
    if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        file.close()
        logger.error("%s is not the file that was recorded", path.name)
        raise Exchanged(f"{path.name} is not the file that was recorded")
    file.seek(0)
    return file


def _documents() -> Iterator[Stored]:
    rows = Document.objects.select_related("contract").exclude(file="").order_by("pk")
    for row in rows.iterator(chunk_size=500):
        what = f"Document {row.pk} of contract {row.contract.number}"
        yield Stored(what, row.pk, Path(row.file.path), row.sha256)


_SOURCES: list[Callable[[], Iterator[Stored]]] = [_documents]


def also(source: Callable[[], Iterator[Stored]]) -> None:
    """Look at the files of another part, too: of one that we do not import."""
    _SOURCES.append(source)


def check(now: datetime, *, everything: bool) -> Iterator[str]:
    """Yield what is wrong with stored files. everything: all of them, not one night's share."""
    night = now.astimezone(UTC).date().toordinal() % NIGHTS
    for source in _SOURCES:
        for one in source():
            if one.sha256 and (everything or one.number % NIGHTS == night):
                yield from _check(one)


def _check(one: Stored) -> Iterator[str]:
    try:
        open_recorded(one.path, one.sha256).close()
    except Exchanged:
        yield f"{one.what}: its file is not the one that was recorded."
    except FileNotFoundError:
        yield f"{one.what}: its file is gone."
