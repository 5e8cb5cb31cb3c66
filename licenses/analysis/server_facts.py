"""What licence servers state of themselves, as facts with the time from which each holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from licenses.models import Capture, Feature, LicenseServer, ServerFact
from licenses.models.scoping import sees_everything

from .rows import as_moment


class Fact(NamedTuple):
    """A value, and when it was stated first; until: when another one was, None where none is known.

    at, until:  epoch seconds. what, source: the codes of `ServerFact` and `Capture`.
    """

    what: str
    daemon: str
    host: str
    value: str
    source: str
    at: int
    until: int | None

    @property
    def title(self) -> str:
        return fact_words(self.what, self.daemon, self.host)

    @property
    def since(self) -> datetime:
        return as_moment(self.at)

    @property
    def ended(self) -> datetime | None:
        return None if self.until is None else as_moment(self.until)

    @property
    def source_title(self) -> str:
        return str(Capture.Kind(self.source).label)


def fact_words(what: str, daemon: str, host: str) -> str:
    """Return what a fact is, in words, with whom it is about."""
    about = ", ".join(each for each in (daemon, host) if each)
    label = str(ServerFact.What(what).label)
    return f"{label} ({about})" if about else label


def load_facts(
    server_ids: Collection[int], *, as_of: datetime | None = None
) -> dict[int, list[Fact]]:
    """Return the facts of each server, by what they are about, in order of time. One query.

    as_of:  leave out what was recorded later.
    """
    rows = ServerFact.objects.filter(server__in=server_ids).order_by(
        "server", "what", "daemon", "host", "source", "at", "pk"
    )
    if as_of is not None:
        rows = rows.filter(recorded_at__lte=as_of)
    found: dict[int, list[Fact]] = {}
    for (server, *_key), same in groupby(rows, _about):
        found.setdefault(server, []).extend(_changes(same))
    return found


def _about(row: ServerFact) -> tuple[Any, ...]:
    return row.server_id, row.what, row.daemon, row.host, row.source


def _changes(rows: Any) -> Iterator[Fact]:
    """Yield the rows of one kind that say another thing than the one before."""
    held: Fact | None = None
    for row in rows:
        at = int(row.at.timestamp())
        if held is not None and held.value == row.value:
            continue
        if held is not None:
            yield held._replace(until=at)
        held = Fact(row.what, row.daemon, row.host, row.value, row.source, at, None)
    if held is not None:
        yield held


def of_daemons(facts: Iterable[Fact], daemons: Collection[str]) -> Iterator[Fact]:
    """Yield what is about whole servers or about these daemons; others may be another vendor's.

    Of several daemons that a licence file names, only these are told.
    """
    for fact in facts:
        named = fact.daemon.split(", ") if fact.daemon else []
        own = [name for name in named if name in daemons]
        if own or not named:
            yield fact._replace(daemon=", ".join(own))


def facts_for(server: LicenseServer, user: Any) -> list[Fact]:
    """Return the facts of a server without daemons whose features a user must not see."""
    found = load_facts([server.pk]).get(server.pk, [])
    if sees_everything(user):
        return found
    seen = Feature.objects.for_user(user).filter(server=server).order_by()
    return list(of_daemons(found, set(seen.values_list("daemon", flat=True))))
