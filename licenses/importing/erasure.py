"""Forget somebody's name: in every table and file of ours, while use stays under the pseudonym."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from licenses.evidence import entries
from licenses.models import (
    Capture,
    Checkout,
    Denial,
    Host,
    Identity,
    ImportJob,
    LegalHold,
    NameErasure,
    Person,
    QueueEvent,
    Sighting,
    UnreadableLine,
    held_vendors,
)
from licenses.sources.text import decode

from .batches import BATCH, batches
from .captures import drop_raw
from .erasure_names import Needles, called_after, names_of, needles_of, own_hosts
from .erasure_papers import Paper, papers
from .erasure_texts import holding, left_in_evidence, scrub_tables, texts_with
from .files import open_text

Drop = Callable[[Callable[[str], bool]], tuple[int, list[str]]]
"""Gets what finds the name in a text, and drops files with it; returns how many, and which stay."""
_MORE: list[Drop] = []


def also(drop: Drop) -> None:
    """Drop files of another part, too: of one that we do not import. Called in a transaction."""
    _MORE.append(drop)


class Held(Exception):
    """A legal hold covers what this person used."""


class Erased(NamedTuple):
    """What was done.

    left:       places that may not be changed and still hold the name.
    documents:  stored documents that hold it, or that cannot be searched and may hold it.
    """

    person: str
    rows: int
    captures: int
    files: int
    left: list[str]
    documents: list[Paper]


def erase(
    person: Person,
    reason: str,
    *,
    known_as: str = "",
    despite_hold: bool = False,
    by: str = "command",
    source: str = "command",
    on_record: bool = False,
) -> Erased:
    """Forget the names of a person everywhere; use, counts and hashes of the evidence stay.

    known_as:  a login to look for besides those on record, as these may be gone already.
    by:        who does it: an account's name, or "command". It stands in the evidence.
    on_record: a row of ours holds the reason, where later erasures reach it: then the evidence has
               its digest alone.

    Raises Held where a legal hold covers what the person used, unless *despite_hold*. All that is
    searched is searched first, and what is found goes in one transaction: with the names, by which
    anything is found, goes all that holds them. Our logs may be scrubbed twice, without harm.
    """
    if not despite_hold:
        refuse_held(person)
    names = names_of(person, known_as)
    hosts, needles = own_hosts(person, names), needles_of(person, known_as)
    kept, left = papers(person, needles), {*left_in_evidence(needles)}
    if {*called_after(names)} - {*hosts}:
        left.add(f"{Host._meta.db_table}.name")
    captures, texts = _captures(needles), list(texts_with(needles))
    files = sum(_scrub_file(path, needles) for path in _our_texts())
    with transaction.atomic():
        _drop_captures(captures, needles)
        rows = _scrub_sessions(needles) + _drop_jobs(needles) + scrub_tables(texts, needles, left)
        rows += _forget(person, hosts)
        for drop in _MORE:
            dropped, kept_files = drop(needles.within)
            files += dropped
            left.update(kept_files)
        now, why = timezone.now(), needles.replace(reason)
        body = {
            "captures": len(captures),
            "documents": [row.document for row in kept],
            "person": person.pseudonym,
            **(entries.digests(reason=why) if on_record else {"reason": why}),
            "what": "name of a person",
            "who": needles.replace(by),
        }
        entry = entries.draft("erasure", int(now.timestamp()), body)
        entries.append(entries.INSTALLATION, [entry], source=source)
        NameErasure.objects.filter(person=person).update(known_as="")
        Person.objects.filter(pk=person.pk).update(erased_at=now)
    cache.clear()
    _tidy()
    return Erased(person.pseudonym, rows, len(captures), files, sorted(left), kept)


def refuse_held(person: Person) -> None:
    """Raise Held where a legal hold covers what the person used, with its reason."""
    holds = holds_on(person)
    if holds:
        raise Held(
            gettext(
                "A legal hold covers what %(person)s used: names are kept until it ends. %(holds)s"
            )
            % {"person": person.label, "holds": " ".join(map(hold_words, holds))}
        )


def hold_words(hold: LegalHold) -> str:
    """Return what is held, and why, as a sentence."""
    told = {
        "of": hold.vendor or hold.contract,
        "day": f"{hold.set_at:%Y-%m-%d}",
        "reason": hold.reason.rstrip("."),
    }
    return gettext("On %(of)s since %(day)s: %(reason)s.") % told


def holds_on(person: Person) -> list[LegalHold]:
    """Return the legal holds on vendors of what the person used, was refused or waited for."""
    vendors = held_vendors()
    if not vendors:
        return []
    place = "feature__mappings__pool__product__vendor"
    mine: set[int] = set()
    for facts in (Checkout, Denial, QueueEvent):
        rows = facts.objects.filter(person=person, **{f"{place}__in": vendors}).order_by()
        mine.update(rows.values_list(place, flat=True).distinct())
    holds = LegalHold.objects.in_force().select_related("vendor", "contract__vendor")
    return [
        row for row in holds if (row.contract.vendor_id if row.contract else row.vendor_id) in mine
    ]


def _forget(person: Person, hosts: list[Host]) -> int:
    cleared = Host.objects.filter(pk__in=[row.pk for row in hosts]).update(name="")
    shown = Sighting.objects.filter(person=person).exclude(display="").update(display="")
    return cleared + shown + Identity.objects.filter(person=person).delete()[0]


def _captures(needles: Needles) -> list[Capture]:
    """Return the captures of which the raw text holds a name."""
    return [
        row
        for rows in batches(Capture.objects.exclude(stored=""))
        for row in rows
        if needles.within(_text(row.stored))
    ]


def _drop_captures(found: list[Capture], needles: Needles) -> None:
    """Drop the raw text of captures; hash, size and an entry stay."""
    for place in range(0, len(found), BATCH):
        drop_raw(found[place : place + BATCH])
    transaction.on_commit(partial(_unlink, {row.stored for row in found}))
    lines = UnreadableLine.objects.filter(holding("text", needles)).order_by()
    found_in = lines.filter(capture__stored="").values_list("pk", "text")
    named = [pk for pk, text in found_in.iterator() if needles.within(text)]
    for place in range(0, len(named), BATCH):
        UnreadableLine.objects.filter(pk__in=named[place : place + BATCH]).delete()


def _unlink(paths: set[str]) -> None:
    """Remove files that no capture names any more, however young they are."""
    named = set(Capture.objects.filter(stored__in=paths).values_list("stored", flat=True))
    for stored in paths - named:
        (Path(settings.ITAM_DATA_DIR) / stored).unlink(missing_ok=True)


def _text(stored: str) -> str:
    try:
        with gzip.open(Path(settings.ITAM_DATA_DIR) / stored) as packed:
            return decode(packed.read())
    except OSError:
        return ""


def _our_texts() -> Iterator[Path]:
    for folder in (settings.ITAM_LOG_DIR, settings.ITAM_MAILBOX_DIR):
        if Path(folder).is_dir():
            yield from (path for path in sorted(Path(folder).rglob("*")) if path.is_file())


def _scrub_file(path: Path, needles: Needles) -> bool:
    """Replace names in a text file of ours, in place, as somebody may be writing at its end."""
    before = path.read_bytes().decode("utf-8", "surrogateescape")
    after = needles.replace(before)
    if after == before:
        return False
    with path.open("r+b") as file:
        file.write(after.encode("utf-8", "surrogateescape"))
        file.truncate()
    return True


def _scrub_sessions(needles: Needles) -> int:
    """End sessions that hold a name: what they hold is signed and cannot be changed."""
    found = [
        row.pk
        for row in Session.objects.order_by().iterator()
        if needles.within(json.dumps(row.get_decoded(), default=str, ensure_ascii=False))
    ]
    return int(Session.objects.filter(pk__in=found).delete()[0])


def _drop_jobs(needles: Needles) -> int:
    """Drop files handed in that hold a name and were dealt with; captures tell of them."""
    dropped = 0
    for job in ImportJob.objects.filter(finished_at__isnull=False).exclude(file=""):
        path = Path(job.file.path)
        if _holds(path, needles) or needles.within(job.file.name):
            with transaction.atomic():
                transaction.on_commit(partial(job.file.storage.delete, job.file.name))
                job.delete()
            dropped += 1
    return dropped


def _holds(path: Path, needles: Needles) -> bool:
    """Tell whether a file that was handed in holds a name, unpacked; one that cannot be unpacked
    may."""
    if not path.is_file():
        return False
    try:
        with open_text(path) as file:
            return needles.within(decode(file.read()))
    except (OSError, EOFError, zlib.error):
        return True


def _tidy() -> None:
    """Let the database overwrite what it deleted: SQLite keeps old bytes in free pages."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
