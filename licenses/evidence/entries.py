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
import secrets
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from licenses.analysis.prepared import Asked, Prepared
from licenses.models import Contract, EvidenceBlock, EvidenceStream, LicenseServer, PoolFeature

from .lines import Columns, written

VERSION = 1
OPENED: Final = "stream"
"""Kind of the entry with which a daemon's stream begins, and of its server's that it did."""
COMMON: Final = "common"
"""The last part of the name of a server's stream that is of no daemon."""
# zlib's fastest level: entries of one chunk repeat each other, so a slower one gains a tenth in
# size for thrice the time.
LEVEL = 1
LARGE = 100_000
"""Bytes from which on a thread packs a text: zlib and SHA-256 do not hold Python up meanwhile."""


class Draft(str):
    """The text of an entry up to its number. Text already, as it is written for each of millions of
    events; `draft` says how it begins.

    daemon: whose entry it is, of a server's.
    """

    daemon: str


def draft(kind: str, event_time: int, body: Mapping[str, Any]) -> Draft:
    made = Draft(f'{{"body":{canonical(body)},"event_time":{event_time},"kind":"{kind}","n":')
    made.daemon = str(body.get("daemon", ""))
    return made


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


def server_stream(server: LicenseServer, daemon: str = "") -> tuple[str, str]:
    """Return the stream of one daemon of a server; without one, of what is about all or none.

    A daemon is one vendor's, and its entries alone lie in its stream. A digest names it: what a
    daemon is called is anybody's choice, and a stream's name is part of a line and of a file's.
    """
    return _stream_of(server.stream, daemon), EvidenceStream.Kind.SERVER


def joint_stream(server: LicenseServer) -> str:
    """Return the stream in which entries of all daemons lay together. Nothing is added to it."""
    return f"server/{server.stream}"


def streams_feeding(mappings: QuerySet[PoolFeature]) -> dict[str, str]:
    """Return the streams that tell of features by some mappings, each with the number of its
    server: of their daemons, of what is about the servers as a whole, and those of all together,
    whichever of them there are. One query."""
    rows = mappings.order_by().values_list("feature__server__stream", "feature__daemon").distinct()
    return {
        name: str(server)
        for server, daemon in rows
        for name in (f"server/{server}", _stream_of(server, ""), _stream_of(server, daemon))
    }


def _stream_of(server: UUID, daemon: str) -> str:
    part = hashlib.sha256(daemon.encode()).hexdigest()[:16] if daemon else COMMON
    return f"server/{server}/{part}"


def contract_stream(contract: Contract) -> tuple[str, str]:
    return f"contract/{contract.pk}", EvidenceStream.Kind.CONTRACT


INSTALLATION = ("installation", EvidenceStream.Kind.INSTALLATION)


NO_COLUMNS: Final[Mapping[str, Columns]] = MappingProxyType({})


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
    columns: Columns | None = None,
    source: str,
    opening: Callable[[], None] | None = None,
) -> Pending | None:
    """Give entries the next numbers of a stream, for `finish` to append them later in the same
    transaction: in between, many are packed beside whatever else is done.

    opening: writes the first entry of a stream that is new.

    The row lock on the stream (on SQLite: the immediate transaction) keeps numbers from being
    skipped or given twice.
    """
    count = len(drafts) + (0 if columns is None else len(columns.at))
    if not count:
        return None
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Evidence is appended inside the transaction that it is evidence of.")
    name, kind = stream
    head = _HEAD.first(name)
    if head is None and opening is not None:
        opening()
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
    numbers = map(str, range(first, first + len(drafts)))
    told = zip(drafts, numbers, repeat(tail), strict=False)
    drafted = "".join(chain.from_iterable(told)).encode()
    text = (
        drafted
        if columns is None
        else written(columns, first + len(drafts), tail.encode(), behind=drafted)
    )
    last = first + count - 1
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


def append_server(server: LicenseServer, drafts: Sequence[Draft], *, source: str) -> None:
    """Append entries to the streams of a server, each to that of the daemon that it is about."""
    finish_server(begin_server(server, drafts, source=source))


def begin_server(
    server: LicenseServer,
    drafts: Sequence[Draft],
    *,
    columns: Mapping[str, Columns] = NO_COLUMNS,
    source: str,
) -> list[Pending | None]:
    """Begin what `append_server` does, for `finish_server`. columns: by daemon."""
    parts: dict[str, list[Draft]] = {daemon: [] for daemon in columns}
    for each in drafts:
        parts.setdefault(each.daemon, []).append(each)
    return [
        begin(
            server_stream(server, daemon),
            part,
            columns=columns.get(daemon),
            source=source,
            opening=partial(_open, server, daemon) if daemon else None,
        )
        # What is of no daemon comes last, after what opens the streams of daemons.
        for daemon, part in sorted(parts.items(), reverse=True)
    ]


def opened_stream(server: LicenseServer, daemon: str) -> tuple[str, str]:
    """Return the stream of a daemon after opening it, for `append` in the same transaction."""
    stream = server_stream(server, daemon)
    if daemon and _HEAD.first(stream[0]) is None:
        _open(server, daemon)
    return stream


def _open(server: LicenseServer, daemon: str) -> None:
    """Write the first entry of a daemon's stream, and to what is everybody's that it began: by a
    digest that shows whose it is to whoever is given the name and the salt, and to nobody else.

    So a pack without it shows that there is such a daemon, and that it is another vendor's can be
    proven.
    """
    now, salt = int(timezone.now().timestamp()), secrets.token_hex(16)
    digest = hashlib.sha256(f"{salt} {daemon}".encode()).hexdigest()
    own, told = {"daemon": daemon, "salt": salt}, {"sha256": digest}
    append(server_stream(server, daemon), [draft(OPENED, now, own)], source="server")
    append(server_stream(server), [draft(OPENED, now, told)], source="server")


def finish_server(pending: Iterable[Pending | None]) -> None:
    for each in pending:
        finish(each)


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


def _packing(text: bytes | bytearray) -> Future[tuple[str, bytes]]:
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


def _pack(text: bytes | bytearray) -> tuple[str, bytes]:
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
