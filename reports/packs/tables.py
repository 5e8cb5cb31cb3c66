"""The tables of a pack: everything that a report rests on, one vendor's, with pseudonyms only.

Each is a CSV file under its names; what they mean stands in `docs/evidence.md`. What reaches beyond
the period is cut off there, so that what is learned later of a later time changes no byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q

from licenses.analysis.holdings import load_holdings
from licenses.analysis.horizons import load_horizons
from licenses.analysis.mappings import Mapping, Mappings, load_mappings, servers
from licenses.analysis.refusals import CLASSES, judged, load_refusals
from licenses.analysis.rows import as_moment
from licenses.concurrency.denials import UNSERVED
from licenses.evidence import entries
from licenses.models import (
    Checkout,
    Denial,
    Document,
    Gap,
    Host,
    Identity,
    IssuedCount,
    Person,
)
from reports.datasets.clocks import KINDS as CLOCKS
from reports.datasets.compliance import Compliance
from reports.datasets.files import as_csv, utc, utc_of
from reports.datasets.pool_report import Gap as PoolsGap
from reports.packs.apart import own_detail
from reports.packs.clocks import clock

from . import rights_tables
from .subject import Subject

BATCH = 5000
CHANGES = (
    *("config", "correction", "entitlement", "erasure", "key", "mapping", "over_use", "pool"),
    "rule",
)
_TOLD = (*CHANGES, *CLOCKS, "server")


def tables(about: Subject, found: Compliance) -> dict[str, bytes]:
    """Return the tables by the name of their file, in `tables/`."""
    told = list(entries.of_kinds(about.streams, _TOLD, about.as_of))
    made = {
        "pools.csv": _pools(found),
        "sessions.csv": _sessions(about),
        "denials.csv": _denials(about),
        "overuse.csv": _over_use(found),
        "gaps.csv": _gaps(about, found),
        "entitlements.csv": rights_tables.entitlements(about, found.proven_from),
        "changes.csv": _changes(about, told),
        "corrections.csv": rights_tables.corrections(about),
        "clock.csv": clock(told, about.zone),
        "servers.csv": _servers(about, told),
    }
    return {f"tables/{name}": content for name, content in (made | found.tables()).items()}


def documents(about: Subject) -> bytes:
    """Return the hashes of the papers on record, a line each: hash, kind, contract, title."""
    rows = Document.objects.filter(
        contract__vendor=about.vendor, recorded_at__lte=about.as_of
    ).order_by("sha256", "pk")
    lines = [
        "  ".join([row.sha256, row.kind, *(" ".join(text.split()) for text in texts)])
        for row in rows.select_related("contract")
        for texts in [(row.contract.number, row.title)]
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def people(about: Subject) -> tuple[bytes, int]:
    """Return the names behind the pseudonyms of the sessions and refusals, and how many."""
    maps = load_mappings(list(about.names))
    held = load_holdings(maps, load_horizons(servers(maps)).as_told(), about.start, about.end)
    refused = load_refusals(maps, about.start, about.end)
    parts = [rows.person for rows in held.values()] + [rows.person for rows in refused.values()]
    ids = {pk for part in parts for pk in part.tolist()}
    rows = [
        row
        for place in range(0, len(ids), BATCH)
        for row in Identity.objects.filter(
            person__in=sorted(ids)[place : place + BATCH]
        ).values_list("person__pseudonym", "login", "name")
    ]
    return as_csv(("person", "login", "name"), sorted(rows)), len(rows)


def _pools(found: Compliance) -> bytes:
    names = (
        "pool", "product", "zone", "metric", "entitled", "proven", "overdraft", "issued", "peak",
        "peak_is_lower_bound", "peak_at", "p999", "overuse_seconds", "overuse_licence_seconds",
        "denials", "logged_seconds", "expected_seconds", "observed_seconds", "coverage",
        "verdict", "reason",
    )  # fmt: skip
    rows = [
        (
            at.pool, at.product, pool.zone, at.metric, at.entitled, at.proven, at.overdraft,
            at.issued, at.peak, None if at.peak is None else not at.peak_exact, utc(at.peak_at),
            at.p999, at.over_seconds, at.over_seat_seconds, at.denials, at.logged_seconds,
            at.expected_seconds, at.observed_seconds, at.coverage, at.verdict, at.reason,
        )
        for pool in found.pools
        for at in [pool.position]
    ]  # fmt: skip
    return as_csv(names, rows)


def _over_use(found: Compliance) -> bytes:
    names = ("pool", "zone", "from", "to", "seconds", "peak", "excess", "cause", "resolution",
             "owner")  # fmt: skip
    rows = [
        (pool.position.pool, found.zone, utc(each.start), utc(each.end), each.end - each.start,
         each.peak, each.excess, each.cause or None, each.resolution or None, each.owner or None)
        for pool in found.pools
        for each in pool.over_use
    ]  # fmt: skip
    return as_csv(names, rows)


_METHODS = {Checkout.Method.EVENT: "event", Checkout.Method.RETURNED: "return"}


def _sessions(about: Subject) -> bytes:
    """A row for each holding that touches the period."""
    names = (
        "pool", "zone", "server", "feature", "person", "host", "seats", "taken_at", "taken_by",
        "returned_after", "returned_at", "lasts_beyond", "method", "state", "end_reason",
    )  # fmt: skip
    maps = load_mappings(list(about.names))
    held = load_holdings(maps, load_horizons(servers(maps)).as_told(), about.start, about.end)
    rows: list[tuple[Any, ...]] = []
    for pool in about.pools:
        found = held[pool.pk]
        people, hosts = _pseudonyms(Person, found.person), _pseudonyms(Host, found.host)
        about_rows = _by_pk(Checkout, found.checkout, "method", "state", "end_reason")
        titles = _titles(maps, pool.pk)
        columns = (
            found.feature, found.person, found.host, found.seats, found.taken_at, found.taken_by,
            found.returned_after, found.returned_at, found.checkout,
        )  # fmt: skip
        for row in zip(*(column.tolist() for column in columns), strict=True):
            feature, person, host, seats, taken, sure, after, back, pk = row
            method, state, reason = about_rows[pk]
            beyond = back >= about.end
            rows.append((
                pool.name, str(about.zone), *titles[feature], people[person], hosts[host], seats,
                utc(taken), utc(sure), utc(min(after, about.end)),
                None if beyond else utc(back), beyond,
                _METHODS.get(method, "sampled"), state,
                "" if beyond else reason,
            ))  # fmt: skip
    return as_csv(names, sorted(rows, key=lambda row: (row[0], row[7], *row[2:7], row[9])))


def _denials(about: Subject) -> bytes:
    """A row for each refusal of the period, as logged."""
    names = (
        "pool", "zone", "server", "feature", "at", "person", "host", "seats", "code", "minor",
        "reason", "class", "capacity", "served_at",
    )  # fmt: skip
    maps = load_mappings(list(about.names))
    refused = load_refusals(maps, about.start, about.end)
    held = load_holdings(
        maps, load_horizons(servers(maps)).as_told(), about.start - 60, about.end + 60
    )  # refusals that were served at once
    rows: list[tuple[Any, ...]] = []
    for pool in about.pools:
        found = judged(refused[pool.pk], held[pool.pk], maps[pool.pk])
        people, hosts = _pseudonyms(Person, found.person), _pseudonyms(Host, found.host)
        lines = _by_pk(Denial, found.row, "feature_id", "code", "minor", "reason")
        titles = _titles(maps, pool.pk)
        columns = (found.row, found.at, found.person, found.host, found.seats, found.kind,
                   found.capacity, found.served_at)  # fmt: skip
        for row in zip(*(column.tolist() for column in columns), strict=True):
            pk, at, person, host, seats, kind, capacity, served = row
            feature, code, minor, reason = lines[pk]
            rows.append((
                pool.name, str(about.zone), *titles[feature], utc(at), people[person], hosts[host],
                seats, code or None, minor, reason, str(CLASSES[kind]), bool(capacity),
                None if served == UNSERVED else utc(served),
            ))  # fmt: skip
    return as_csv(names, sorted(rows, key=lambda row: (row[0], row[4], *map(str, row[2:]))))


def _titles(maps: Mappings, pool: int) -> dict[int, tuple[str, str]]:
    """Return the server and the name of each feature of a pool."""
    from licenses.models import LicenseServer

    known = dict(LicenseServer.objects.filter(pk__in=servers(maps)).values_list("pk", "name"))
    return {row.feature: (known[row.server], row.name) for row in maps[pool]}


def _pseudonyms(model: Any, ids: Any) -> dict[int, str]:
    return {pk: row[0] for pk, row in _by_pk(model, ids, "pseudonym").items()}


def _by_pk(model: Any, ids: Any, *names: str) -> dict[int, tuple[Any, ...]]:
    wanted = sorted(set(ids.tolist()))
    found: dict[int, tuple[Any, ...]] = {}
    for place in range(0, len(wanted), BATCH):
        part = model.objects.filter(pk__in=wanted[place : place + BATCH])
        found |= {pk: tuple(rest) for pk, *rest in part.values_list("pk", *names)}
    return found


def _gaps(about: Subject, found: Compliance) -> bytes:
    """A row for each gap of a pool, and for each that a log filled later."""
    names = (
        "pool", "zone", "from", "to", "cause", "detail", "bounded_seconds", "bound_value",
        "bound_basis", "bound_document", "detected_at", "later_filled_by",
    )  # fmt: skip
    maps, zone = load_mappings(list(about.names)), str(about.zone)
    rows: list[tuple[Any, ...]] = []
    for pool in found.pools:
        place = pool.position
        own = {row.server for row in maps[place.pool_id]}
        daemons = {row.daemon for row in maps[place.pool_id]}
        noted = Gap.objects.filter(
            server__in=own,
            daemon__in={"", *daemons},
            starts__lt=as_moment(about.end),
            detected_at__lte=about.as_of,
        ).filter(Q(ends=None) | Q(ends__gt=as_moment(about.start)))
        known = list(noted.select_related("filled_by").order_by("starts", "pk"))
        for gap in pool.gaps:
            first = min(
                (
                    row.detected_at
                    for row in known
                    if row.cause == gap.cause and _overlap(row, gap.start, gap.end)
                ),
                default=None,
            )
            rows.append((
                place.pool, zone, utc(gap.start), utc(gap.end), gap.cause, gap.detail,
                gap.bounded_seconds, gap.bound, gap.bound_basis or None,
                _licence_files(about, maps[place.pool_id], gap), utc_of(first), None,
            ))  # fmt: skip
        rows += [
            (
                place.pool, zone, utc_of(row.starts), utc_of(row.ends), row.cause,
                own_detail(row.cause, row.detail, daemons),
                None, None, None, None, utc_of(row.detected_at), row.filled_by.sha256,
            )
            for row in known
            if row.filled_by is not None and row.filled_by.recorded_at <= about.as_of
        ]  # fmt: skip
    return as_csv(names, sorted(rows, key=lambda row: (row[0], row[2], *map(str, row[3:]))))


def _licence_files(about: Subject, maps: Sequence[Mapping], gap: PoolsGap) -> str | None:
    """Return the SHA-256 of each licence file on which the bound of a gap rests; None without."""
    if not gap.bounded_seconds:
        return None
    told = IssuedCount.objects.filter(
        Q(starts=None) | Q(starts__lt=gap.end),
        Q(ends=None) | Q(ends__gt=gap.start),
        feature__in={row.feature for row in maps},
        source=IssuedCount.Source.FILE,
        recorded_at__lte=about.as_of,
    )
    known = told.exclude(capture=None).order_by("capture__sha256").distinct()
    return " ".join(known.values_list("capture__sha256", flat=True)) or None


def _overlap(row: Gap, start: int, end: int) -> bool:
    return row.starts.timestamp() < end and (row.ends is None or row.ends.timestamp() > start)


def _changes(about: Subject, told: Iterable[dict[str, Any]]) -> bytes:
    """A row for each entry on settings, rights and mappings that lies in the pack."""
    names = ("stream", "n", "kind", "what", "event_time", "recorded_at", "zone", "body")
    rows = [
        (entry["stream"], entry["n"], entry["kind"], str(entry["body"].get("what", "")),
         utc(entry["event_time"]), utc(entry["recorded_at"]), str(about.zone),
         entries.canonical(entry["body"]))
        for entry in told
        if entry["kind"] in CHANGES
    ]  # fmt: skip
    return as_csv(names, rows)


def _servers(about: Subject, told: Iterable[dict[str, Any]]) -> bytes:
    """A row for each host id, name and version that a server stated, whenever it was; a licence
    file is often read after the period that it bears on."""
    names = (
        "stream", "n", "what", "daemon", "host", "value", "source", "stated_at", "recorded_at",
        "zone",
    )  # fmt: skip
    rows = [
        (entry["stream"], entry["n"],
         *(entry["body"][name] for name in ("what", "daemon", "host", "value", "source")),
         utc(entry["event_time"]), utc(entry["recorded_at"]), str(about.zone))
        for entry in told
        if entry["kind"] == "server"
    ]  # fmt: skip
    return as_csv(names, rows)
