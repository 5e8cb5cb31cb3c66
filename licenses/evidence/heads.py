"""The heads that were signed, remembered in a file outside the database.

A database that is set back to an older state knows nothing of it; this file does. It lies in the
data folder, so it helps against a restored database, not against whoever restores both: for that
there are anchors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

FORM = re.compile("[^\n]+\n[0-9]+\n[^\n]+\n\n\u2014 [^\n]+\n")


def path() -> Path:
    return Path(settings.ITAM_EVIDENCE_DIR) / "heads.txt"


def remembered() -> Iterator[str]:
    """Yield the checkpoints that were signed, the oldest first; none where there is no file."""
    try:
        text = path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    yield from FORM.findall(text)


def remember(checkpoint: str) -> None:
    """Append a checkpoint, and return when the disk has it."""
    append(path(), checkpoint)


def append(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def set_aside(checkpoints: list[str]) -> None:
    """Move heads that do not fit into a file beside, where they stay for whoever asks."""
    rest = [one for one in remembered() if one not in checkpoints]
    append(path().with_name("heads-set-aside.txt"), "\n".join(checkpoints))
    unfinished = path().with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    append(unfinished, "\n".join(rest))
    unfinished.replace(path())
