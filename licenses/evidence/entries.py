"""Writing the evidence log: numbered entries, one compressed block for each chunk of work.

An entry is one line of canonical JSON (sorted keys, no blanks, UTF-8, integers and strings only):

    {"body":{...},"event_time":T,"kind":K,"n":N,"recorded_at":R,"source":S,"stream":NAME,"v":1}

Times are epoch seconds. Names of people, and of the machines they work at, never stand in it, only
their keyed pseudonyms, so a name can be erased and every hash stays valid. Of what somebody wrote
in words of their own there is a keyed digest alone (`digests`), as they may have named anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain, repeat
from typing import Any, NamedTuple, NewType

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from licenses.analysis.prepared import Asked, Prepared
from licenses.models import Contract, EvidenceBlock, EvidenceStream, LicenseServer

VERSION = 1
# zlib's fastest level: entries of one chunk repeat each other, so a slower one gains a tenth in
# size for thrice the time.
LEVEL = 1
LARGE = 100_000
"""Bytes from which on a thread packs a text: zlib and SHA-256 do not hold Python up meanwhile."""


Draft = NewType("Draft", str)
"""The text of an entry up to its number. Text already, as it is written for each of millions of
events; `draft` says how it begins."""


def draft(kind: str, event_time: int, body: Mapping[str, Any]) -> Draft:
    return Draft(f'{{"body":{canonical(body)},"event_time":{event_time},"kind":"{kind}","n":')


def canonical(value: Any) -> str:
    """Return canonical JSON. Floats are refused: two machines may print them differently."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digests(**texts: str) -> dict[str, str]:
    """Return what a body holds of texts in somebody's own words: NAME_digest, "" for none.

    HMAC-SHA-256: whoever has the key can tell whether a text on record is the one that was given,
    and nobody without it can find out who is named by trying names.
    """
    return {f"{name}_digest": _digest(text) for name, text in texts.items()}


def _digest(text: str) -> str:
    if not text:
        return ""
    key = settings.ITAM_PSEUDONYM_KEY.encode()
    return hmac.new(key, f"words\0{text}".encode(), hashlib.sha256).hexdigest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(
            f"Evidence entries hold integers and strings only, found the float {value!r}."
        )
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner)


def server_stream(server: LicenseServer) -> tuple[str, str]:
    return f"server/{server.stream}", EvidenceStream.Kind.SERVER


def contract_stream(contract: Contract) -> tuple[str, str]:
    return f"contract/{contract.pk}", EvidenceStream.Kind.CONTRACT


INSTALLATION = ("installation", EvidenceStream.Kind.INSTALLATION)


class Columns(NamedTuple):
    """Drafts of which pieces are alike in many: the first of each piece make up the first draft,
    and so on."""

    drafts: int
    pieces: Sequence[Iterable[str]]


NONE = Columns(0, ())


class Pending(NamedTuple):
    """Entries that have their numbers and are being packed.

    packed:  gives their SHA-256 and their compressed bytes.
    """

    head: EvidenceStream
    first: int
    last: int
    recorded_at: datetime
    size: int
    packed: Future[tuple[str, bytes]]


def append(
    stream: tuple[str, str], drafts: Sequence[Draft], *, source: str
) -> EvidenceBlock | None:
    """Append entries to a stream under its next numbers, and return their block (None where there
    are none).

    Must run in the transaction that stores what the entries tell: together they happen or do not.
    """
    return finish(begin(stream, drafts, source=source))


def begin(
    stream: tuple[str, str],
    drafts: Sequence[Draft],
    *,
    columns: Columns = NONE,
    source: str,
) -> Pending | None:
    """Give entries the next numbers of a stream, for `finish` to append them later in the same
    transaction: in between, many are packed beside whatever else is done.

    The row lock on the stream (on SQLite: the immediate transaction) keeps numbers from being
    skipped or given twice.
    """
    count = len(drafts) + columns.drafts
    if not count:
        return None
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Evidence is appended inside the transaction that it is evidence of.")
    name, kind = stream
    head = _HEAD.first(name)
    if head is None:
        EvidenceStream.objects.get_or_create(name=name, defaults={"kind": kind})
        head = _HEAD.first(name)
    first = head.next_number
    recorded_at = timezone.now()
    tail = (
        f',"recorded_at":{int(recorded_at.timestamp())},"source":{canonical(source)},'
        f'"stream":{canonical(name)},"v":{VERSION}}}\n'
    )
    last = first + count - 1
    numbers = map(str, range(first, last + 1))
    told = (
        zip(drafts, numbers, repeat(tail), strict=False),
        zip(*columns.pieces, numbers, repeat(tail), strict=False),
    )
    text = "".join(chain.from_iterable(chain(*told))).encode()
    return Pending(head, first, last, recorded_at, len(text), _packing(text))


def wait_for_writers() -> None:
    """Return when all entries whose time of recording has passed can be read, with what they tell.

    A time of recording is taken under the lock of the stream, or after the stream was made: who
    holds none took none.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            # A stream that another transaction makes cannot be seen, and so not be locked.
            cursor.execute(f"LOCK TABLE {EvidenceStream._meta.db_table} IN SHARE MODE")
    with transaction.atomic():
        list(EvidenceStream.objects.select_for_update().order_by("pk").values_list("pk"))


def finish(pending: Pending | None) -> EvidenceBlock | None:
    """Append what was begun, and return its block."""
    if pending is None:
        return None
    sha256, payload = pending.packed.result()
    block = EvidenceBlock.objects.create(
        stream=pending.head,
        first=pending.first,
        last=pending.last,
        recorded_at=pending.recorded_at,
        sha256=sha256,
        size=pending.size,
        payload=payload,
    )
    _NUMBERED.update(pending.head.pk, pending.last + 1)
    return block


@Prepared
def _HEAD(name: str) -> Asked:
    return EvidenceStream.objects.select_for_update().filter(name=name).order_by(), ()


@Prepared
def _NUMBERED(stream: int, following: int) -> Asked:
    return EvidenceStream.objects.filter(pk=stream), {"next_number": following}


def _packing(text: bytes) -> Future[tuple[str, bytes]]:
    if len(text) < LARGE:
        done: Future[tuple[str, bytes]] = Future()
        done.set_result(_pack(text))
        return done
    # A thread for this text alone: one that is kept does not live on in a forked process.
    thread = ThreadPoolExecutor(max_workers=1)
    try:
        return thread.submit(_pack, text)
    finally:
        thread.shutdown(wait=False)


def _pack(text: bytes) -> tuple[str, bytes]:
    return hashlib.sha256(text).hexdigest(), zlib.compress(text, LEVEL)


def read(block: EvidenceBlock) -> bytes:
    """Return a block's lines, after checking them against their hash.

    Raises ValueError where the stored bytes are not those that were written.
    """
    try:
        text = zlib.decompress(block.payload)
    except zlib.error as error:
        raise ValueError(f"Evidence block {block} cannot be unpacked: {error}.") from error
    found = hashlib.sha256(text).hexdigest()
    if found != block.sha256:
        raise ValueError(f"Evidence block {block}: expected SHA-256 {block.sha256}, found {found}.")
    return text


def entries(name: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a stream in order.

    Raises ValueError at a hole in the numbers or a block that was changed.
    """
    expected = 1
    for block in (
        EvidenceBlock.objects.filter(stream__name=name).order_by("first").iterator(chunk_size=50)
    ):
        if block.first != expected:
            raise ValueError(f"Stream {name}: expected entry {expected}, found {block.first}.")
        for line in read(block).splitlines():
            yield json.loads(line)
        expected = block.last + 1


def of_kinds(
    names: Collection[str], kinds: Collection[str], before: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the entries of some kinds that were recorded before a moment, by stream and in order:
    few among many, so no other is read as JSON."""
    line = re.compile(rb'^.*"kind":"(?:' + "|".join(kinds).encode() + rb')".*$', re.M)
    blocks = EvidenceBlock.objects.filter(stream__name__in=names, recorded_at__lt=before)
    for block in blocks.order_by("stream__name", "first").iterator(chunk_size=50):
        for found in line.findall(read(block)):
            entry = json.loads(found)
            if entry["kind"] in kinds:
                yield entry
