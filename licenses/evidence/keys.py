"""The key that signs: made once, kept in a file that only its owner reads, handed over to the next.

Every key that ever signed stands in the database with the signature of the one before it, so that
whoever was given an old public key can follow the hand-overs to the present one.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from licenses.models import EvidenceDay, EvidenceKey

from . import entries
from .notes import BadNote, Signer

NAME = "licence-evidence"


class Loss(NamedTuple):
    """A key was lost, and another began anew, under another origin and without its signature.

    day:        when the new one was made, in UTC.
    old, new:   the public keys, which begin with their origins.
    days, root: of the last head that the old one signed, the root as in the checkpoint; 0 and ""
                where it signed none.
    """

    day: str
    old: str
    new: str
    days: int
    root: str


class KeyLost(RuntimeError):
    """The private key is not there, or not the one that signed last."""


def signer() -> Signer:
    """Return the key that signs now; a new installation gets its first one here.

    Raises KeyLost where heads were signed before and the key is away: a new one beside them would
    look like a forgery, so somebody must say that it is lost (`new_key`).
    """
    path = _path()
    last = EvidenceKey.objects.order_by("pk").last()
    _finish_hand_over(path, last)
    text = settings.ITAM_EVIDENCE_KEY or _read(path)
    if not text and last is None:
        _write(path, Signer.new(f"{NAME}/{secrets.token_hex(8)}"))
        text = _read(path)
    if not text:
        raise KeyLost(
            f"The signing key is missing: {path} does not exist. Take it from the backup of"
            " the secrets, or say that it is lost: manage.py evidence new-key --lost."
        )
    try:
        found = Signer.parse(text)
    except BadNote as error:
        raise KeyLost(f"{path}: {error}") from error
    if last is None:
        with suppress(IntegrityError):  # another process was first
            _record(found, None, "first")
    elif last.public != found.public:
        raise KeyLost(
            f"The signing key in {path} is not the one that signed last ({last.public})."
            " Take that one from the backup of the secrets, or say that it is lost:"
            " manage.py evidence new-key --lost."
        )
    return found


def new_key(*, lost: bool = False) -> Signer:
    """Make a new key and return it. The old one signs the hand-over; with *lost* there is none, and
    the new key has a new name, which auditors must be told.

    Raises KeyLost where the old one is away and not said to be, and where the key is not ours to
    write since the environment gives it.
    """
    if settings.ITAM_EVIDENCE_KEY:
        raise KeyLost(
            "The key comes from ITAM_EVIDENCE_KEY: remove it there and put the key into"
            f" {_path()}, then a new one can take over."
        )
    old = None if lost else signer()
    new = Signer.new(old.name if old else f"{NAME}/{secrets.token_hex(8)}")
    path = _path()
    waiting = path.with_name(path.name + ".new")
    waiting.unlink(missing_ok=True)
    # Whoever dies after the record finds the new key beside the old one, and goes on with it.
    _write(waiting, new)
    _record(new, old, "lost" if lost else "handed over")
    _finish_hand_over(path, EvidenceKey.objects.order_by("pk").last())
    return new


def hand_over(old: str, new: str) -> str:
    """Return what the old key signs when it hands over."""
    return f"key {old} {new}\n"


def chain() -> list[EvidenceKey]:
    """Return the keys from the last one that was begun anew to the present one."""
    found: list[EvidenceKey] = []
    for row in EvidenceKey.objects.order_by("-pk"):
        found.insert(0, row)
        if not row.signature:
            break
    return found


def losses(as_of: datetime | None = None) -> list[Loss]:
    """Return each loss of a key, the oldest first. as_of: as was known then; None: now."""
    rows = EvidenceKey.objects.order_by("pk")
    known = list(rows if as_of is None else rows.filter(recorded_at__lte=as_of))
    found = []
    for old, new in pairwise(known):
        if new.signature:
            continue
        # Keys that were handed over have one origin, and what begins anew has another.
        origin = old.public.split("+")[0]
        signed = EvidenceDay.objects.filter(checkpoint__startswith=f"{origin}\n")
        if as_of is not None:
            signed = signed.filter(sealed_at__lte=as_of)
        last = signed.order_by("number").last()
        days, root = (last.number, last.checkpoint.split("\n")[2]) if last else (0, "")
        day = new.recorded_at.astimezone(UTC).date().isoformat()
        found.append(Loss(day, old.public, new.public, days, root))
    return found


def _record(new: Signer, old: Signer | None, why: str) -> None:
    signature = old.sign(hand_over(old.public, new.public)) if old else ""
    body: dict[str, str | int] = {"public": new.public, "signature": signature, "why": why}
    with transaction.atomic():
        EvidenceKey.objects.create(public=new.public, signature=signature)
        if why == "lost":
            *_earlier, loss = losses()
            body |= {"old_days": loss.days, "old_public": loss.old, "old_root": loss.root}
        entry = entries.draft("key", int(timezone.now().timestamp()), body)
        entries.append(entries.INSTALLATION, [entry], source="seal")


def _path() -> Path:
    return Path(settings.ITAM_SECRETS_DIR) / "evidence_key"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, key: Signer) -> None:
    """Write a key that its owner alone may read, unless there is one already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(key.private + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    with suppress(FileExistsError):  # another process was first
        os.link(unfinished, path)
    unfinished.unlink()


def _finish_hand_over(path: Path, last: EvidenceKey | None) -> None:
    waiting = path.with_name(path.name + ".new")
    text = _read(waiting)
    if text and last is not None and Signer.parse(text).public == last.public:
        waiting.replace(path)
