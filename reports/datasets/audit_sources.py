"""Where the numbers of an audit come from: servers, files and polls, with counts and totals."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext, gettext_lazy

from itam import figures
from itam.said import label_of, said
from licenses.analysis.events import events_by_feature
from licenses.analysis.rows import number
from licenses.analysis.server_facts import Fact, load_facts, of_daemons
from licenses.models import (
    Capture,
    Denial,
    EventBlock,
    LicensePool,
    LicenseServer,
    PoolFeature,
)

WITHHELD: Final = gettext_lazy("(not told)")
"""For the name of a file of a server that serves other vendors too: it may name theirs."""
STANDING = (Capture.Kind.LICENSE_FILE, Capture.Kind.OPTIONS_FILE)


@dataclass(frozen=True, slots=True)
class StandingFile:
    """A licence or options file as it was first read with this content. at: epoch seconds."""

    kind: str
    source: str
    sha256: str
    bytes: int
    at: int


@dataclass(frozen=True, slots=True)
class StatedFact:
    """What a server stated of itself.

    what, source:  the codes of `ServerFact` and `Capture`.
    daemon, host:  whom it is about, or who says it; "" for the whole server.
    at, until:     when it was stated first, and when another value was, None if none was by the
                   as-of time; epoch seconds. Of licence files: when they were read.
    """

    what: str
    daemon: str
    host: str
    value: str
    source: str
    at: int
    until: int | None


@dataclass(frozen=True, slots=True)
class System:
    """A licence server that fed the pools.

    asked:    how its status is got, in words.
    shared:   it serves other vendors too, so names and totals of whole files are not told.
    daemons:  those whose features feed the pools.
    facts:    its names, host ids and versions over time, as it stated them by the as-of time.
    files:    its licence and options files over time.
    """

    name: str
    kind: str
    address: str
    zone: str
    asked: str
    shared: bool
    daemons: tuple[str, ...]
    facts: tuple[StatedFact, ...]
    files: tuple[StandingFile, ...]


@dataclass(frozen=True, slots=True)
class FileTotals:
    """A log that was read, in one or many pieces, and tells of the period.

    digest:  the SHA-256 of its only piece; of several, that over their hashes in the order of
             their places, one a line.
    lines, new, known, unreadable:  None where the server serves other vendors too, nor is the name
              of the file told then.
    first_at, last_at:  the time that its pieces tell of, epoch seconds.
    """

    server: str
    file: str
    pieces: int
    bytes: int
    lines: int | None
    new: int | None
    known: int | None
    unreadable: int | None
    first_at: int
    last_at: int
    digest: str


@dataclass(frozen=True, slots=True)
class PollTotals:
    """How many polls of a server in the period ended in one way."""

    server: str
    result: str
    polls: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FeatureTotals:
    """What is stored of a feature in the period: logged takes and returns, refusals."""

    server: str
    daemon: str
    feature: str
    pool: str
    weight: int
    mapped_from: int | None
    mapped_until: int | None
    taken: int
    returned: int
    refused: int


@dataclass(frozen=True, slots=True)
class Sources:
    """All of it, each in the order of server and name."""

    systems: tuple[System, ...]
    files: tuple[FileTotals, ...]
    polls: tuple[PollTotals, ...]
    features: tuple[FeatureTotals, ...]


def load_sources(
    pools: Collection[LicensePool], start: int, end: int, as_of: datetime, vendor: int
) -> Sources:
    """Return the sources of the pools over [start, end), as read by *as_of*. Ten queries.

    vendor:  its id; a server that serves another one, too, is shared.
    """
    chosen = [pool.pk for pool in pools]
    fed = PoolFeature.objects.filter(pool__in=chosen)
    feeding = LicenseServer.objects.filter(pk__in=fed.values("feature__server"))
    servers = list(feeding.order_by("name"))
    beyond = feeding.serving_beyond(LicensePool.objects.filter(product__vendor=vendor))
    shared = set(beyond.order_by().values_list("pk", flat=True))
    known = Capture.objects.filter(server__in=servers, recorded_at__lte=as_of)
    stated = load_facts([server.pk for server in servers], as_of=as_of)
    return Sources(
        systems=_systems(servers, shared, fed, known, stated),
        files=_files(servers, shared, known, start, end),
        polls=_polls(servers, known, start, end),
        features=_features(chosen, start, end),
    )


def _systems(
    servers: Iterable[LicenseServer],
    shared: Collection[int],
    fed: Any,
    known: Any,
    stated: Mapping[int, Iterable[Fact]],
) -> tuple[System, ...]:
    daemons: dict[int, set[str]] = {}
    for server, daemon in fed.order_by().values_list("feature__server", "feature__daemon"):
        daemons.setdefault(server, set()).add(daemon or "unknown")
    files: dict[int, list[StandingFile]] = {}
    seen: set[tuple[int, str]] = set()
    rows = known.filter(kind__in=STANDING).order_by("recorded_at", "pk")
    for row in rows.values_list("server", "kind", "source", "sha256", "size", "recorded_at"):
        server, kind, source, sha256, size, recorded = row
        if (server, sha256) not in seen:
            seen.add((server, sha256))
            label, at = said(label_of, Capture.Kind, kind), int(recorded.timestamp())
            shown = said(str, WITHHELD) if server in shared else source
            files.setdefault(server, []).append(StandingFile(label, shown, sha256, size, at))
    return tuple(
        System(
            name=server.name,
            kind=server.get_kind_display(),
            address=server.address,
            zone=server.zone or said(lambda: gettext("UTC, none is set")),
            asked=said(_asked, server.polling, server.poll_seconds, bool(server.log_path)),
            shared=server.pk in shared,
            daemons=tuple(sorted(daemons.get(server.pk, ()))),
            facts=tuple(
                StatedFact(*fact)
                for fact in of_daemons(stated.get(server.pk, ()), daemons.get(server.pk, ()))
            ),
            files=tuple(files.get(server.pk, ())),
        )
        for server in servers
    )


def _asked(polling: str, poll_seconds: int, logged: bool) -> str:
    words = []
    if polling != LicenseServer.Polling.OFF:
        how = (
            gettext("its own tool") if polling == LicenseServer.Polling.TOOL else gettext("a file")
        )
        words.append(
            gettext("asked by %(how)s every %(poll_seconds)s s")
            % {"how": how, "poll_seconds": figures.number(poll_seconds)}
        )
    if logged:
        words.append(gettext("its log is read as it grows"))
    return "; ".join(words) or gettext("files are handed in")


def _files(
    servers: Iterable[LicenseServer], shared: Collection[int], known: Any, start: int, end: int
) -> tuple[FileTotals, ...]:
    names = {server.pk: server.name for server in servers}
    rows = known.filter(kind=Capture.Kind.LOG, starts__lt=end, ends__gte=start)
    found: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for server, source, *piece in rows.order_by("offset", number("starts"), "pk").values_list(
        *("server", "source", "sha256", "size", "lines", "new", "known", "unreadable_count"),
        *(number("starts"), number("ends")),
    ):
        found.setdefault((server, source), []).append(tuple(piece))
    totals = [
        _file(names[server], source, pieces, server in shared)
        for (server, source), pieces in found.items()
    ]
    return tuple(sorted(totals, key=lambda row: (row.server, row.first_at, row.digest)))


def _file(server: str, source: str, pieces: list[tuple[Any, ...]], shared: bool) -> FileTotals:
    hashes, sizes, lines, new, known, unreadable, starts, ends = zip(*pieces, strict=True)
    digest = hashes[0]
    if len(pieces) > 1:
        digest = hashlib.sha256("".join(f"{each}\n" for each in hashes).encode()).hexdigest()

    def told(counts: Iterable[int]) -> int | None:
        return None if shared else sum(counts)

    return FileTotals(
        server=server,
        file=said(str, WITHHELD) if shared else source,
        pieces=len(pieces),
        bytes=sum(sizes),
        lines=told(lines),
        new=told(new),
        known=told(known),
        unreadable=told(unreadable),
        first_at=min(starts),
        last_at=max(ends),
        digest=digest,
    )


def _polls(
    servers: Iterable[LicenseServer], known: Any, start: int, end: int
) -> tuple[PollTotals, ...]:
    names = {server.pk: server.name for server in servers}
    window = Q(starts__gte=start, starts__lt=end)
    rows = (
        known.filter(window, kind=Capture.Kind.STATUS)
        .order_by()
        .values_list("server", "result")
        .annotate(Count("pk"), Sum("size"))
    )
    totals = [
        PollTotals(names[server], said(label_of, Capture.Result, result), count, size)
        for server, result, count, size in rows
    ]
    return tuple(sorted(totals, key=lambda row: (row.server, row.result)))


def _features(chosen: list[int], start: int, end: int) -> tuple[FeatureTotals, ...]:
    wanted = PoolFeature.objects.filter(pool__in=chosen).values("feature")
    window = {"feature__in": wanted, "at__gte": start, "at__lt": end}
    features = sorted(wanted.values_list("feature", flat=True).distinct())
    counted = {
        (feature, kind): int((events.kind == kind).sum())
        for feature, events in events_by_feature(features, start, end - 1)
        for kind in EventBlock.Kind
    }
    refusals = Denial.objects.filter(**window).order_by().values_list("feature")
    refused = dict(refusals.annotate(Count("pk")))
    rows = PoolFeature.objects.filter(pool__in=chosen).select_related("feature__server", "pool")
    return tuple(
        FeatureTotals(
            server=row.feature.server.name,
            daemon=row.feature.daemon,
            feature=row.feature.name,
            pool=row.pool.name,
            weight=row.weight,
            mapped_from=int(row.mapped_from.timestamp()) if row.mapped_from else None,
            mapped_until=int(row.mapped_until.timestamp()) if row.mapped_until else None,
            taken=counted[row.feature_id, EventBlock.Kind.OUT],
            returned=counted[row.feature_id, EventBlock.Kind.IN],
            refused=refused.get(row.feature_id, 0),
        )
        for row in rows.order_by(
            "feature__server__name", "feature__daemon", "feature__name", "pool__name", "pk"
        )
    )
