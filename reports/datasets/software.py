"""Which program made a report: a digest of its source, and the state of the database's schema."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

APPS: Final = ("licenses", "reports")
FOLDERS: Final = ("itam", "licenses", "reports")


@dataclass(frozen=True, slots=True)
class Software:
    """source: SHA-256 over the hashes of all source files by path, one a line; anybody with the
    same release gets the same. schema: the last migration of each app."""

    source: str
    schema: tuple[str, ...]


def load_software() -> Software:
    """Return what makes reports now. One query."""
    applied = MigrationRecorder(connection).applied_migrations()
    last = [max(name for app, name in applied if app == each) for each in APPS]
    return Software(source_digest(Path(settings.BASE_DIR)), tuple(last))


@lru_cache(maxsize=1)
def source_digest(base: Path) -> str:
    """Return the digest of the source files below *base*; read once a process."""
    paths = [path for folder in FOLDERS for path in (base / folder).rglob("*.py")]
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(base).as_posix()}\n"
        for path in sorted(paths)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
