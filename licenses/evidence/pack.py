"""The evidence part of a pack: one vendor's entries since the first, for somebody else to verify.

It holds that vendor's streams whole and nothing of others: in place of their lines stand hashes of
whole nodes of the day's tree. Same days, same key: the same bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from licenses.models import (
    Contract,
    EvidenceAnchor,
    EvidenceDay,
    EvidenceKey,
    EvidenceStream,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Vendor,
)

from . import checks, entries, keys, late, programs, seal, stock, tree, zips
from .notes import BadNote, Head, Signer, read_checkpoint

NO_FILES: Final[Mapping[str, bytes]] = MappingProxyType({})


class PackRefused(ValueError):
    """There is no such pack to write, or it would tell of others."""


class OthersToo(PackRefused):
    """Entries of other vendors would be handed over, and nobody asked for that."""


@dataclass(frozen=True)
class Choice:
    """Whose streams go into a pack.

    shared: servers among them of which a stream holds entries of other vendors, too.
    """

    vendor: Vendor
    streams: frozenset[str]
    shared: tuple[str, ...] = field(default=())

    def check_shared(self, wanted: bool) -> None:
        """Raise PackRefused where others' entries would be handed over that nobody wanted to."""
        if self.shared and not wanted:
            raise OthersToo(
                f"These servers serve other vendors too: {', '.join(self.shared)}. Their entries"
                " lie in one stream, which is handed over only where shared servers are asked for."
            )


def choose(vendor: Vendor, *, installation: bool = False) -> Choice:
    """Return the streams of the daemons that ever fed a pool of the vendor and of what is about
    their servers as a whole, of the vendor's contracts, and its own.

    installation: with the stream of what was configured, read and exported; it names pools and
        features of every vendor.
    """
    ours = PoolFeature.objects.filter(pool__product__vendor=vendor).order_by()
    names = set(entries.streams_feeding(ours))
    names |= {
        entries.contract_stream(contract)[0] for contract in Contract.objects.filter(vendor=vendor)
    }
    names.add(stock.stream_of(vendor.pk)[0])
    if installation:
        names.add(entries.INSTALLATION[0])
    shared = _shared(vendor, ours).values_list("name", flat=True)
    return Choice(vendor, frozenset(names), tuple(sorted(shared)))


def _shared(vendor: Vendor, ours: QuerySet[PoolFeature]) -> QuerySet[LicenseServer]:
    """Return the servers of a vendor of which a stream that tells of it holds entries of others."""
    pools = LicensePool.objects.filter(product__vendor=vendor)
    servers = LicenseServer.objects.filter(pk__in=ours.values("feature__server"))
    names = EvidenceStream.objects.filter(kind=EvidenceStream.Kind.SERVER).values_list("name")
    joint = [name.removeprefix("server/") for (name,) in names if name.count("/") == 1]
    together = servers.serving_beyond(pools).filter(stream__in=joint)
    mixed = servers.serving_together(pools)
    return servers.filter(Q(pk__in=together.values("pk")) | Q(pk__in=mixed.values("pk")))


def refuse_late(choice: Choice, last: date, end: int) -> None:
    """Raise PackRefused where something recorded after a day tells of the time before *end*, or of
    settings: the figures of today would not be those of the pack's evidence."""
    after = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC)
    if changed := stock.untold(choice.vendor.pk, after):
        raise PackRefused(
            f"The evidence up to {last} does not tell what holds, or held since then, of"
            f" {', '.join(changed)}: let it reach to a later day, once it is sealed."
        )
    if any(late.recorded_since(choice.streams, after, end)):
        raise PackRefused(
            f"What was recorded after {last} tells of the period, too: let the evidence reach to a"
            " later day, once it is sealed."
        )


def write(
    target: IO[bytes],
    choice: Choice,
    last: date,
    *,
    shared: bool = False,
    also: Mapping[str, bytes] = NO_FILES,
    note: str = "",
) -> None:
    """Write a pack of the days from the first sealed one to *last*, that included, as a ZIP file.

    target: empty, to be written and read.
    shared: also where a server serves other vendors too. Memory does not grow with the entries.
    also: more files by name, such as figures; they are signed with the rest.
    note: what the README says of the figures beside how to count them again.
    Raises PackRefused where a day is not sealed or others' entries would be handed over, ValueError
    where stored entries are damaged, KeyLost without the key.
    """
    choice.check_shared(shared)
    signer = keys.signer()
    days = list(EvidenceDay.objects.defer("streams").order_by("number"))
    if not days or not days[0].day <= last <= days[-1].day:
        known = f"{days[0].day} to {days[-1].day}" if days else "none is"
        raise PackRefused(f"Expected a day that is sealed ({known}), found {last}.")
    files = {**also, **_texts(days, choice, last, signer, note)}
    about = [f"{hashlib.sha256(data).hexdigest()} {name}" for name, data in sorted(files.items())]
    vendor = " ".join(choice.vendor.name.split())
    title = f"pack {days[0].day.isoformat()} {last.isoformat()} {vendor}"
    files["pack.txt"] = signer.note("\n".join([signer.name, title, *about]) + "\n").encode()
    with zips.sealed(target, signer) as pack:
        # "ev/..." lies between "days.txt" and "keys.txt": the names are sorted.
        early = [name for name in sorted(files) if name < "ev/"]
        for name in early:
            zips.add(pack, name, files[name])
        for name, stream, begin, end in _days_of(choice, last):
            with zips.opened(pack, name) as file:
                for block in seal.blocks_after(stream, begin):
                    file.write(entries.read(block))
                    if block.last >= end:
                        break
        for name in sorted(set(files) - set(early)):
            zips.add(pack, name, files[name])


def write_file(
    path: Path,
    choice: Choice,
    last: date,
    *,
    shared: bool = False,
    who: str,
    also: Mapping[str, bytes] = NO_FILES,
    note: str = "",
) -> str:
    """Write a pack into a file, whole or not at all, and the export into the log; return the
    file's SHA-256. Raises what `write` raises, and OSError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("x+b") as file:
            write(file, choice, last, shared=shared, also=also, note=note)
        with unfinished.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        body = {
            "count": 1,
            "period": f"{EvidenceDay.objects.earliest('number').day} {last}",
            "sha256": digest,
            "what": "evidence pack",
            "vendor": choice.vendor.pk,
            "who": who,
        }
        entry = entries.draft("export", int(timezone.now().timestamp()), body)
        with transaction.atomic():
            entries.append(entries.INSTALLATION, [entry], source="pack")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return digest


def _texts(
    days: list[EvidenceDay], choice: Choice, last: date, signer: Signer, note: str
) -> dict[str, bytes]:
    """Return the files of a pack other than entries, by name."""
    hand_overs, stamps = keys.chain(), _stamps(days, last)
    texts = {
        "README.txt": _readme(choice, days[0].day, last, signer, note),
        "checkpoint.txt": _head(days, signer),
        "days.txt": "".join(f"{row.line}\n" for row in days),
        "streams.txt": "".join(_stream_lines(choice.streams, last)),
        **programs.programs(),
        **{f"stamps/{row.size:06}.txt": row.checkpoint for row in stamps},
    }
    if len(hand_overs) > 1:
        texts["keys.txt"] = "".join(
            f"{old.public} {new.public} {new.signature}\n" for old, new in pairwise(hand_overs)
        )
    tokens = {f"stamps/{row.size:06}.tsr": bytes(row.token or b"") for row in stamps}
    return {name: text.encode() for name, text in texts.items()} | tokens


def _stamps(days: list[EvidenceDay], last: date) -> list[EvidenceAnchor]:
    """Return the heads that a time-stamping authority signed: the last of each month.

    Not those of a state that was lost, or of a key that was: they fit nothing in the pack.
    """
    inside = {row.number: row for row in days if row.day <= last}
    publics = [key.public for key in keys.chain()]
    rows = EvidenceAnchor.objects.filter(kind=EvidenceAnchor.Kind.STAMP, size__in=list(inside))
    found = {
        f"{inside[row.size].day:%Y-%m}": row
        for row in rows.order_by("size", "-pk")
        if _same_head(row.checkpoint, inside[row.size].checkpoint, publics)
    }
    return [found[month] for month in sorted(found)]


def _same_head(one: str, other: str, publics: Collection[str]) -> bool:
    try:
        return read_checkpoint(one, publics) == read_checkpoint(other, publics)
    except BadNote:
        return False


def _head(days: list[EvidenceDay], signer: Signer) -> str:
    """Return the last head under the present key: the same text as stored unless the key was
    handed over since. What does not fit the stored one is never signed again.
    """
    grown = tree.Tree()
    for row in days:
        grown.add(tree.leaf_hash(row.line.encode()))
    head = Head(grown.size, grown.root())
    publics = list(EvidenceKey.objects.values_list("public", flat=True))
    if read_checkpoint(days[-1].checkpoint, publics) != head:
        raise PackRefused("The sealed days are not those that were signed: see evidence check.")
    return signer.checkpoint(*head)


def _stream_lines(own: Collection[str], last: date) -> Iterator[str]:
    """Yield the lines of streams.txt: own ones whole, others as hashes of whole nodes."""
    rows = EvidenceDay.objects.filter(day__lte=last).order_by("number")
    for row in rows.iterator(chunk_size=20):
        lines = seal.stream_lines(row)
        marks = [line.split(" ")[1] in own for line in lines]
        for begin, count in tree.cover(marks):
            if marks[begin]:
                yield lines[begin] + "\n"
            else:
                leaves = (tree.leaf_hash(line.encode()) for line in lines[begin : begin + count])
                yield f"{row.day.isoformat()} * {count} {tree.root(leaves).hex()}\n"


def _days_of(choice: Choice, last: date) -> Iterator[tuple[str, EvidenceStream, int, int]]:
    """Yield, by file name, each own stream and day with entries: name, stream, the number before
    its first entry and that of its last."""
    streams = {row.name: row for row in EvidenceStream.objects.filter(name__in=choice.streams)}
    numbers = dict.fromkeys(streams, 0)
    for row in EvidenceDay.objects.filter(day__lte=last).order_by("number").iterator(chunk_size=20):
        found = []
        for part in seal.stream_days(row):
            if part.name in streams:
                begin = numbers[part.name]
                numbers[part.name] = begin + part.count
                if part.count:
                    name = f"ev/{row.day.isoformat()}.{part.name.replace('/', '-')}.jsonl"
                    found.append((name, streams[part.name], begin, begin + part.count))
        yield from sorted(found, key=lambda each: each[0])


README = """\
Evidence of licence use: {vendor}, {first} to {last} (days in UTC, by when entries were recorded)

How to check it, in three steps:

1. Get the public key from whoever runs the installation, by another way than this pack. It is
   {public}
   Get a checkpoint that was given out earlier (an anchor), such as a mail that you kept.{lost}
2. Get verify.py from the program's own source rather than from here, or read the one here: it is
   short and needs only Python 3.9 or later. recompute.py likewise.
3. python3 verify.py PACK.zip 'PUBLIC KEY' ANCHOR.txt

It prints OK with the number of days, entries, streams and anchors, or FAILED and the first place
that does not fit. Then, in the same way, python3 recompute.py PACK.zip counts the figures again
from the entries, and names each that differs.{note}

{checks}

What it proves: that the records listed here are the ones recorded on the days shown, that none was
changed, added or removed since the anchor, and that the list of days is complete. Without an anchor
it does not exclude that all of it was made anew by whoever holds the key.
What it does not prove: that the licence server reported truthfully, that nothing happened while no
observation was possible, or anything recorded after the last anchor.

checkpoint.txt  the signed head of all days          days.txt     a line for each day ever sealed
streams.txt     a line for each stream and day; "*" stands for streams of others, as one hash
ev/             the entries: a line of JSON each, numbered without a hole; people are pseudonyms.
                server-NUMBER-common is about a server as a whole; server-NUMBER-DIGEST about one
                of its daemons: the first 16 digits of the SHA-256 of its name. The first entry of
                that has the name and a salt, and an entry "stream" of the common one the SHA-256
                of both. recompute.py says how many daemons there are that are not here: whoever
                made this can show you, by name and salt, that none is this vendor's
keys.txt        only after a key was replaced: each key signs the next
report.json     the figures of the period and the verdicts; schema/ says what it holds
tables/         the same and what it rests on, for spreadsheets: moments are in UTC, days in the
                zone beside them; an empty cell is not known, never 0; a text that a spreadsheet
                would run has an apostrophe before it. In daily.csv, entitled and proven are
                without overdraft, allowed is with it; denials_true are refusals for want of seats
                that no seat followed at once, denials_other all others. Polls tell of no
                refusals: unless logged_seconds are the expected ones, there were at least so many.
                source_method says whether logs (event), polls (sampled) or both by turns (mixed)
                told of the day, and first_ and last_recorded_at when what tells of it was
                recorded. recompute.py counts each column again
docs/           hashes of the papers that prove rights
stamps/         heads that a time-stamping authority signed, if one was asked, by their number of
                days. verify.py sees that each NUMBER.tsr is over the SHA-256 of NUMBER.txt, and
                that this head is of the days here. It does not check the authority's signature:
                get its certificates, and then, for each,
                openssl ts -verify -data NUMBER.txt -in NUMBER.tsr -CAfile CERTIFICATES.pem
                says "Verification: OK", and with  openssl ts -reply -in NUMBER.tsr -text  when.
"""


CHECKED = "On those days whoever made this checked the evidence {count} times"


def _checks(first: date, last: date) -> str:
    """Say what the checks until the end of a day found, of what names nobody else's."""
    start, end = (datetime.combine(day, datetime.min.time(), UTC) for day in (first, last))
    found = checks.between(start, end + timedelta(days=1, microseconds=-1))
    if not found.times:
        return "On those days no check of the evidence is on record."
    said = CHECKED.format(count=found.times)
    if not found.found:
        return f"{said}, and all fitted."
    rows = []
    for each in found.found:
        words = list(each.set_back)
        if each.others:
            words.append(f"Other things that did not fit, and may name others: {each.others}.")
        rows.append(f"\n- {datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M}: {' '.join(words)}")
    return f"{said}. What did not fit (moments in UTC):{''.join(rows)}"


LOST = """
   On {day} a signing key was said to be lost, and the next took over without its signature:
   {old}
   {new}
   Heads that the lost one signed are no anchors for verify.py."""
LAST_HEAD = """ The last of them is of {size},
   with the root
   {root}
   If you have it, compare its second and third line with these."""


def _readme(choice: Choice, first: date, last: date, signer: Signer, note: str) -> str:
    vendor = " ".join(choice.vendor.name.split())
    lost = "".join(
        (LOST + (LAST_HEAD if loss.days else "")).format(
            **loss._asdict(), size="1 day" if loss.days == 1 else f"{loss.days} days"
        )
        for loss in keys.losses()
    )
    return README.format(
        vendor=vendor,
        first=first,
        last=last,
        public=signer.public,
        lost=lost,
        note=note and f"\n{note}",
        checks=_checks(first, last),
    )
