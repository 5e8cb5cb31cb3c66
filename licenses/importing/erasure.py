"""Forget somebody's name: in every table and file of ours, while use stays under the pseudonym."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext

from licenses.evidence import entries
from licenses.models import (
    Capture,
    Checkout,
    Denial,
    EvidenceBlock,
    Host,
    Identity,
    ImportJob,
    LegalHold,
    NameErasure,
    Person,
    UnreadableLine,
    held_vendors,
    pseudonym,
)
from licenses.sources.text import decode

from .batches import BATCH, batches
from .captures import drop_raw
from .erasure_papers import Paper, papers
from .files import open_text

_ACCOUNTS = {"auth_user"}
"""An account is not a name behind use: whoever manages accounts deletes it."""

BLOCKS = 50
"""Of entries, unpacked one by one: so many are read at once, as each may have a megabyte."""


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


class Needles:
    """Names to be found as whole words, in any case."""

    def __init__(self, names: Iterable[str], label: str) -> None:
        self.names = sorted({name for name in names if name}, key=lambda n: (-len(n), n))
        self.label = label
        # Logs are JSON, in which other letters than English ones are escaped.
        forms = {*self.names, *self.spellings()}
        longest = sorted(forms, key=lambda form: (-len(form), form))
        parts = "|".join(map(re.escape, longest)) or "(?!)"  # which fits nowhere
        # A name ends where a sentence ends, not at the dot within a longer name.
        self.pattern = re.compile(rf"(?<![\w.-])(?:{parts})(?![\w-]|\.\w)", re.IGNORECASE)

    def replace(self, value: Any) -> Any:
        """Return the value with the names replaced: a text, or what JSON holds."""
        if isinstance(value, str):
            return self.pattern.sub(self.label, value)
        if isinstance(value, dict):
            return {self.replace(key): self.replace(inner) for key, inner in value.items()}
        return [self.replace(inner) for inner in value] if isinstance(value, list) else value

    def within(self, text: str) -> bool:
        return self.pattern.search(text) is not None

    def spellings(self) -> set[str]:
        """Return the names as a database may have to look for them."""
        forms = {form for n in self.names for form in (n, n.lower(), n.upper(), n.title())}
        return forms | {json.dumps(form)[1:-1] for form in forms}


def find_person(who: str) -> Person | None:
    """Return a person by login, pseudonym, or its short form such as P-3f9a2c1b."""
    who = who.strip()
    found = Person.objects.filter(pseudonym__in=[pseudonym("person", who), who.lower()]).first()
    if found is None and re.fullmatch(r"P-[0-9a-f]{8}", who, re.IGNORECASE):
        several = Person.objects.filter(pseudonym__startswith=who[2:].lower())[:2]
        found = several[0] if len(several) == 1 else None
    person: Person | None = found
    return person


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
    needles = needles_of(person, known_as)
    kept, left = papers(person, needles), {*_left_in_evidence(needles)}
    captures, texts = _captures(needles), list(_texts_with(needles))
    files = sum(_scrub_file(path, needles) for path in _our_texts())
    with transaction.atomic():
        _drop_captures(captures, needles)
        rows = _scrub_sessions(needles) + _drop_jobs(needles) + _scrub_tables(texts, needles, left)
        rows += _forget(person)
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
    """Return the legal holds on vendors of what the person used, or was refused."""
    vendors = held_vendors()
    if not vendors:
        return []
    place = "feature__mappings__pool__product__vendor"
    mine: set[int] = set()
    for facts in (Checkout, Denial):
        rows = facts.objects.filter(person=person, **{f"{place}__in": vendors}).order_by()
        mine.update(rows.values_list(place, flat=True).distinct())
    holds = LegalHold.objects.in_force().select_related("vendor", "contract__vendor")
    return [
        row for row in holds if (row.contract.vendor_id if row.contract else row.vendor_id) in mine
    ]


def needles_of(person: Person, known_as: str) -> Needles:
    names = [known_as] if pseudonym("person", known_as) == person.pseudonym else []
    identity = Identity.objects.filter(person=person).first()
    if identity is not None:
        names += [identity.login, identity.name, identity.email]
    return Needles([*names, *own_hosts(person).values_list("name", flat=True)], person.label)


def own_hosts(person: Person) -> Any:
    """Return the machines that nobody else used: their names often name the person."""
    mine = Checkout.objects.filter(person=person).order_by().values("host")
    others = Checkout.objects.exclude(person=person).filter(host__isnull=False)
    return Host.objects.filter(pk__in=mine).exclude(pk__in=others.order_by().values("host"))


def _forget(person: Person) -> int:
    hosts = own_hosts(person).exclude(name="").values_list("pk", flat=True)
    cleared = Host.objects.filter(pk__in=list(hosts)).update(name="")
    return cleared + Identity.objects.filter(person=person).delete()[0]


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
    lines = UnreadableLine.objects.filter(_holding("text", needles)).order_by()
    lines.filter(capture__stored="").delete()


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


class Text(NamedTuple):
    """A text that holds a name. row: its key."""

    model: type[models.Model]
    field: models.Field[Any, Any]
    row: Any


def _texts_with(needles: Needles) -> Iterator[Text]:
    """Yield each text of each table that holds a name. Identities go as a whole."""
    for model in apps.get_models():
        for field in _texts(model) if model is not Identity else []:
            for row in _holding_rows(model, field, needles):
                yield Text(model, field, row.pk)


def _scrub_tables(texts: list[Text], needles: Needles, left: set[str]) -> int:
    """Replace names in texts and return in how many; the place of one that may not be changed is
    added to those left."""
    changed = 0
    for text in texts:
        table = text.model._meta.db_table
        if table not in _ACCOUNTS and _rewrite(text, needles):
            changed += 1
        else:
            left.add(f"{table}.{text.field.column}")
    return changed


def _rewrite(text: Text, needles: Needles) -> bool:
    """Replace names in a text as it stands now; tell whether the database allowed it."""
    model, field, row = text
    mine = model._base_manager.filter(pk=row)
    for old in mine.select_for_update().values_list(field.attname, flat=True):
        value = needles.replace(old)
        if isinstance(value, str) and field.max_length:
            value = value[: field.max_length]
        try:
            with transaction.atomic():
                mine.update(**{field.attname: value})
        except IntegrityError:
            return False
    return True


def _left_in_evidence(needles: Needles) -> Iterator[str]:
    """Yield where entries are kept if one holds a name, or cannot be read and may."""
    spelled = [json.dumps(name, ensure_ascii=False)[1:-1].lower() for name in needles.names]
    for block in chain.from_iterable(batches(EvidenceBlock.objects.all(), BLOCKS)):
        try:
            text = entries.read(block).decode()
        except ValueError:
            found = True
        else:
            # Few blocks hold one at all: a plain search is faster than the pattern.
            low = text.lower()
            found = any(name in low for name in spelled) and any(
                needles.within(said) for line in text.splitlines() for said in _said(line)
            )
        if found:
            yield f"{EvidenceBlock._meta.db_table}.payload"
            return


def _said(line: str) -> Iterator[str]:
    """Yield the texts of an entry without the words of its form."""
    inner: list[Any] = [json.loads(line)["body"]]
    while inner:
        value = inner.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            inner += value.values() if isinstance(value, dict) else value


def _texts(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    kinds = (models.CharField, models.TextField, models.JSONField)
    managed = not model._meta.proxy and model._meta.managed
    fields = model._meta.local_concrete_fields if managed else []
    if model is NameErasure:  # names go last, so that it can be done again
        fields = [field for field in fields if field.name != "known_as"]
    # A pseudonym, a key or a hash holds no name, and a link to a row must stay one.
    return [f for f in fields if isinstance(f, kinds) and not f.primary_key and not f.choices]


def _holding(name: str, needles: Needles) -> Q:
    wanted = Q(pk__in=[])
    for spelling in sorted(needles.spellings()):
        wanted |= Q(**{f"{name}__icontains": spelling})
    return wanted


def _holding_rows(
    model: type[models.Model], field: models.Field[Any, Any], needles: Needles
) -> Iterator[models.Model]:
    rows = model._base_manager.annotate(_as_text=Cast(field.name, TextField()))
    for batch in batches(rows.filter(_holding("_as_text", needles))):
        for row in batch:
            value = getattr(row, field.attname)
            if needles.replace(value) != value:
                yield row


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
