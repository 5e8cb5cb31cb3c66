"""Sealing: what was recorded on a day, in all streams, under one root, and all days under one head.

    stream line  = DAY STREAM N SHA256(file) SALT      leaf = SHA256(0x00 || line)
    day line     = DAY COUNT ROOT(stream leaves by name) ENTRIES
    head         = RFC 6962 root over all day lines since the first, signed

A day holds the entries that follow the sealed ones and were recorded before its end, so a
transaction that commits after its day was sealed is found in the next one. The salt keeps others
from guessing how much a stream holds that they are not shown.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from licenses.models import EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceStream

from . import entries, heads, keys, tree
from .notes import Signer

WAIT = timedelta(minutes=15)
"""After midnight, so that transactions that began before it are in their day."""
MOST_DAYS = 3700
"""More days at once are no pause but a clock that went wrong, and no seal can be taken back."""
BATCH = 20


class SealRefused(RuntimeError):
    """Sealing now would make a record that is wrong for ever."""


@dataclass(frozen=True, slots=True)
class StreamDay:
    """One stream on one day. last: its number of the last entry until the day's end."""

    name: str
    count: int
    digest: str
    salt: str
    last: int = 0

    def line(self, day: date) -> str:
        return f"{day.isoformat()} {self.name} {self.count} {self.digest} {self.salt}"


def last_complete(now: datetime) -> date:
    """Return the last day that may be sealed."""
    return (now.astimezone(UTC) - WAIT).date() - timedelta(days=1)


def due(now: datetime) -> bool:
    """Tell whether a day waits to be sealed. Two small queries."""
    last = last_complete(now)
    if EvidenceDay.objects.filter(day__gte=last).exists():
        return False
    return EvidenceBlock.objects.filter(recorded_at__lt=_end(last)).exists()


def seal(now: datetime, limit_seconds: float | None = None) -> list[EvidenceDay]:
    """Seal every day that is over and is not sealed yet; return them, the oldest first.

    Running it again, or twice at once, changes nothing. limit_seconds: stop after the day in which
    they pass; the next run goes on. Raises ValueError where stored entries are damaged, KeyLost
    without the key, SealRefused where the clock cannot be right.
    """
    signer = keys.signer()
    began = time.monotonic()
    days: Tree = Tree()
    first = days.next_day or _first_day()
    waiting = (last_complete(now) - first).days + 1
    if waiting > MOST_DAYS:
        raise SealRefused(
            f"{waiting} days would be sealed at once, from {first} on. Is the clock right?"
        )
    sealed = []
    for offset in range(waiting):
        found = _seal_day(first + timedelta(days=offset), days, signer)
        if found is None:  # somebody else sealed it meanwhile
            break
        heads.remember(found.checkpoint)
        sealed.append(found)
        if limit_seconds is not None and time.monotonic() - began > limit_seconds:
            break
    return sealed


class Tree(tree.Tree):
    """The tree of all sealed days."""

    def __init__(self) -> None:
        super().__init__()
        self.next_day: date | None = None
        for row in EvidenceDay.objects.defer("streams", "checkpoint").order_by("number"):
            self.add(tree.leaf_hash(row.line.encode()))
            self.next_day = row.day + timedelta(days=1)


def _first_day() -> date:
    """Return the day of the oldest entry. There is one: that of the first key."""
    oldest = EvidenceBlock.objects.order_by("recorded_at").values_list("recorded_at", flat=True)
    return oldest[0].astimezone(UTC).date()


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)


def _seal_day(day: date, days: Tree, signer: Signer) -> EvidenceDay | None:
    """Seal one day. What takes long is done before the transaction: blocks never change."""
    streams = list(EvidenceStream.objects.order_by("name"))
    # By name as Python orders it, which is what the verifier does; a database may do otherwise.
    streams.sort(key=lambda stream: stream.name)
    # A stream begins with its first entry, so that a beginning that is held back leaves a trace.
    parts = [part for part in (_stream_day(stream, day) for stream in streams) if part.last]
    lines = [part.line(day) for part in parts]
    row = EvidenceDay(
        day=day,
        number=days.size + 1,
        streams=zlib.compress("".join(f"{line}\n" for line in lines).encode()),
        count=len(parts),
        entries=sum(part.count for part in parts),
        root=tree.root(tree.leaf_hash(line.encode()) for line in lines).hex(),
        sealed_at=timezone.now(),
    )
    days.add(tree.leaf_hash(row.line.encode()))
    row.checkpoint = signer.checkpoint(days.size, days.root())
    with transaction.atomic():
        # One seal at a time: whoever waited here finds the day sealed.
        EvidenceKey.objects.select_for_update().order_by("pk").first()
        if EvidenceDay.objects.filter(number__gte=row.number).exists():
            return None
        row.save(force_insert=True)
        for part in parts:
            if part.count:
                EvidenceStream.objects.filter(name=part.name).update(sealed=part.last)
        body = {"day": day.isoformat(), "root": days.root().hex(), "size": days.size}
        note = entries.draft("seal", int(row.sealed_at.timestamp()), body)
        entries.append(entries.INSTALLATION, [note], source="seal")
    return row


def _stream_day(stream: EvidenceStream, day: date) -> StreamDay:
    digest, last = hashlib.sha256(), stream.sealed
    end = _end(day)
    for block in blocks_after(stream, stream.sealed):
        if block.recorded_at >= end:
            break
        digest.update(entries.read(block))
        last = block.last
    count = last - stream.sealed
    return StreamDay(stream.name, count, digest.hexdigest(), secrets.token_hex(32), last)


def blocks_after(stream: EvidenceStream, number: int) -> Iterator[EvidenceBlock]:
    """Yield a stream's blocks after an entry, in order, a few at a time.

    Raises ValueError at a hole in the numbers.
    """
    rows = EvidenceBlock.objects.filter(stream=stream).order_by("first")
    while True:
        batch = list(rows.filter(first__gt=number)[:BATCH])
        for block in batch:
            if block.first != number + 1:
                raise ValueError(
                    f"Stream {stream}: expected entry {number + 1}, found {block.first}."
                )
            number = block.last
            yield block
        if len(batch) < BATCH:
            return


def stream_lines(row: EvidenceDay) -> list[str]:
    """Return a day's lines of streams.txt."""
    return zlib.decompress(row.streams).decode().splitlines()


def stream_days(row: EvidenceDay) -> list[StreamDay]:
    """Return what a day's lines say. Raises ValueError where one cannot be read."""
    found = []
    for line in stream_lines(row):
        day, name, count, digest, salt = line.split(" ")
        if day != row.day.isoformat():
            raise ValueError(f"Day {row}: a line is of another day.")
        found.append(StreamDay(name, int(count), digest, salt))
    return found
