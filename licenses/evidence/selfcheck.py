"""Whether the evidence is still what was sealed: everything is computed again from what is stored.

Against whoever changes rows behind our back, against restored backups, and against our own bugs.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min, Sum
from django.utils import timezone

from licenses.models import EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceStream, guards

from . import entries, heads, seal, stock, stored, tree
from .notes import BadNote, Head, read_checkpoint

LATE = timedelta(hours=2)
"""A day that is not sealed so long after it could be is a problem."""
WEEK = 7


class SetBack(str):
    """A problem: the database was set back to an older state. It names nothing of anybody's."""


def check(now: datetime, *, everything: bool = True) -> list[str]:
    """Return in words what does not fit, the oldest first; nothing where all does.

    everything: False computes the entries again of the last day and of one old week, another one
        each day, and all that is above the entries, and looks at a seventh of the stored files.
    """
    publics = list(EvidenceKey.objects.values_list("public", flat=True))
    count = EvidenceDay.objects.count()
    chosen = None if everything else _tonight(now, count)
    roots: list[bytes] = [tree.EMPTY]
    found = list(_days(publics, roots, chosen))
    found += _heads(publics, roots)
    found += _ahead(now)
    found += stored.check(now, everything=everything)
    found += stock.silent()
    found += [f"The database refuses less than it should: {each} is gone." for each in _unguarded()]
    if seal.due(now - LATE):
        found.append(f"Day {seal.last_complete(now - LATE)} is not sealed.")
    return found


def looked_at(now: datetime, *, everything: bool = True) -> int:
    """Return how many entries a check computes again."""
    days = EvidenceDay.objects.all()
    if not everything:
        days = days.filter(number__in=_tonight(now, days.count()))
    return days.aggregate(total=Sum("entries"))["total"] or 0


def _unguarded() -> list[str]:
    return guards.missing(connection)


def roll_back() -> list[str]:
    """Return what tells that the database was set back to an older state. Reads no entries."""
    publics, roots = _roots()
    return list(_heads(publics, roots))


def misfits() -> list[str]:
    """Return the remembered heads that the sealed days do not lead to."""
    publics, roots = _roots()
    return [one for one in heads.remembered() if _misfit(one, publics, roots)]


def _roots() -> tuple[list[str], list[bytes]]:
    """Return the public keys, and the root of each number of days."""
    days, roots = tree.Tree(), [tree.EMPTY]
    for row in EvidenceDay.objects.defer("streams", "checkpoint").order_by("number"):
        days.add(tree.leaf_hash(row.line.encode()))
        roots.append(days.root())
    return list(EvidenceKey.objects.values_list("public", flat=True)), roots


def accept(reason: str, who: str) -> int:
    """Set aside the remembered heads that do not fit, and write down who did so and why.

    Returns how many. What was lost stays lost: anchors of those days will not fit either.
    """
    wrong = misfits()
    if wrong:
        body = {"heads": "\n".join(wrong), "reason": reason, "who": who}
        entry = entries.draft("correction", int(timezone.now().timestamp()), body)
        with transaction.atomic():
            entries.append(entries.INSTALLATION, [entry], source="seal")
        heads.set_aside(wrong)
    return len(wrong)


def _tonight(now: datetime, count: int) -> set[int]:
    """Return the numbers of the days whose entries are computed again tonight."""
    weeks = max(1, -(-count // WEEK))
    week = now.astimezone(UTC).date().toordinal() % weeks
    return {count} | set(range(week * WEEK + 1, min(count, (week + 1) * WEEK) + 1))


def _days(publics: list[str], roots: list[bytes], chosen: set[int] | None) -> Iterator[str]:
    """Yield what is wrong with the days; append to *roots* the root of each size."""
    days = tree.Tree()
    streams = {stream.name: stream for stream in EvidenceStream.objects.all()}
    numbers: defaultdict[str, int] = defaultdict(int)
    before = None
    for row in EvidenceDay.objects.order_by("number").iterator(chunk_size=50):
        days.add(tree.leaf_hash(row.line.encode()))
        roots.append(days.root())
        if row.number != days.size or (before and row.day != before + timedelta(days=1)):
            yield f"Day {row}: it does not follow the day before ({before})."
        before = row.day
        head = Head(days.size, days.root())
        try:
            if read_checkpoint(row.checkpoint, publics) != head:
                yield f"Day {row}: the days up to it are not those that were signed."
        except BadNote as error:
            yield f"Day {row}: {error}"
        look = chosen is None or row.number in chosen
        yield from _streams(row, streams, numbers, look=look)
    yield from _open_ends(streams, numbers)


def _streams(
    row: EvidenceDay,
    streams: dict[str, EvidenceStream],
    numbers: defaultdict[str, int],
    *,
    look: bool,
) -> Iterator[str]:
    """Yield what is wrong with a day's streams. look: compute their entries again."""
    try:
        lines = seal.stream_lines(row)
        parts = seal.stream_days(row)
    except Exception as error:  # noqa: BLE001 whatever a damaged row raises is told
        yield f"Day {row}: its streams cannot be read ({type(error).__name__})."
        return
    if tree.root(tree.leaf_hash(line.encode()) for line in lines).hex() != row.root:
        yield f"Day {row}: its streams are not those that were sealed."
    if (len(parts), sum(part.count for part in parts)) != (row.count, row.entries):
        yield f"Day {row}: the number of its streams or entries is wrong."
    for name in numbers.keys() - {part.name for part in parts}:
        yield f"Day {row}: stream {name} is missing."
    for part in parts:
        begin = numbers[part.name]
        numbers[part.name] += part.count
        stream = streams.get(part.name)
        if stream is None:
            yield f"Day {row}: stream {part.name} is gone."
        elif look and (problem := _entries(stream, begin, part)):
            yield f"Day {row}: {problem}"


def _entries(stream: EvidenceStream, begin: int, part: seal.StreamDay) -> str:
    """Compute the entries of a stream on a day again; return what is wrong with them."""
    digest, number, end = hashlib.sha256(), begin, begin + part.count
    try:
        for block in seal.blocks_after(stream, begin) if part.count else ():
            digest.update(entries.read(block))
            number = block.last
            if number >= end:
                break
    except ValueError as error:
        return str(error)
    if number != end or digest.hexdigest() != part.digest:
        return f"the entries of stream {stream} are not those that were sealed."
    return ""


def _open_ends(streams: dict[str, EvidenceStream], numbers: defaultdict[str, int]) -> Iterator[str]:
    """Yield what is wrong with the entries that no day holds yet."""
    for name, stream in sorted(streams.items()):
        # Read after the days: a seal in between has moved on, never back.
        if stream.sealed != numbers[name]:
            yield f"Stream {name}: {stream.sealed} entries sealed, the days hold {numbers[name]}."
            continue
        number = stream.sealed
        try:
            for block in seal.blocks_after(stream, stream.sealed):
                entries.read(block)
                number = block.last
        except ValueError as error:
            yield str(error)
        else:
            if number + 1 < stream.next_number:
                yield f"Stream {name}: entries {number + 1} to {stream.next_number - 1} are gone."


def _ahead(now: datetime) -> Iterator[str]:
    """Yield the streams with entries that a clock which ran ahead dated after tomorrow: neither
    they nor what follows them is sealed before that day is over."""
    tomorrow = max(now, timezone.now()) + timedelta(days=1)
    rows = EvidenceBlock.objects.filter(recorded_at__gt=tomorrow)
    for name, number, first in (
        rows.order_by("stream__name")
        .values_list("stream__name")
        .annotate(Min("first"), Min("recorded_at"))
    ):
        yield (
            f"Stream {name}: entry {number} was recorded on {first:%Y-%m-%d} by a clock that ran "
            "ahead. From it on nothing is sealed before that day is over."
        )


def _heads(publics: list[str], roots: list[bytes]) -> Iterator[str]:
    """Yield which remembered heads the days do not lead to: signs of a restored backup."""
    known = False
    for checkpoint in heads.remembered():
        known = True
        if problem := _misfit(checkpoint, publics, roots):
            yield SetBack(problem)
    if not known and len(roots) > 1:
        yield (
            f"{heads.path()} is gone: whether the database was set back to an older state cannot"
            " be told. It is written again with the next seal."
        )


def _misfit(checkpoint: str, publics: list[str], roots: list[bytes]) -> str:
    try:
        head = read_checkpoint(checkpoint, publics)
    except BadNote as error:
        return f"{heads.path().name}: {error}"
    if head.size >= len(roots):
        return (
            f"{head.size} days were sealed, the database has {len(roots) - 1}: it was set back to"
            " an older state."
        )
    if roots[head.size] != head.root:
        return (
            f"The first {head.size} days are not those that were sealed: the database was set"
            " back to an older state, or rewritten."
        )
    return ""
