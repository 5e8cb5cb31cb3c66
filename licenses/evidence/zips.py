"""The ZIP file of a pack: the same bytes for the same files, and all of them signed at its end.

What packs the files (dates, flags, attributes, how they are compressed) is in no hash of theirs, so
the file's comment holds the SHA-256 of every byte before it, as a signed note.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from .notes import Signer

TIME = (1980, 1, 1, 0, 0, 0)
PIECE = 1 << 20


@contextmanager
def sealed(target: IO[bytes], signer: Signer) -> Iterator[zipfile.ZipFile]:
    """Give a ZIP file to add files to, and seal it after.

    target: empty, to be written and read.
    """
    blank = _seal(signer, "0" * 64)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.comment = blank
        yield pack
    left, total = target.seek(-len(blank), os.SEEK_END), hashlib.sha256()
    target.seek(0)
    while block := target.read(min(PIECE, left - target.tell())):
        total.update(block)
    target.write(_seal(signer, total.hexdigest()))


def _seal(signer: Signer, digest: str) -> bytes:
    """Return what stands at the end: as long whatever the hash is."""
    return signer.note(f"{signer.name}\nzip {digest}\n").encode()


def opened(pack: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a file in a pack for writing, which may grow beyond 4 GB."""
    return pack.open(_info(name), "w", force_zip64=True)


def add(pack: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Put a whole file into a pack."""
    pack.writestr(_info(name), data)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
