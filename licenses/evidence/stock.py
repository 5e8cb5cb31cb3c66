"""What figures rest on beside what servers told: pools, rights, mappings, licence files.

An entry `stock` in a vendor's stream tells all of one pool, or all of one server that its pools
need. It is written where such a thing is changed, in the same transaction, and for the first time
in the night at the latest. So a pack alone is enough to count everything again.

What counts and became another though nobody told it was changed past the program: it is a problem,
and no entry makes it true before somebody says why (`accept`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from licenses.analysis.mappings import Mapping, load_mappings
from licenses.analysis.rights import COUNTED_METRICS
from licenses.analysis.rows import EVER
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.concurrency.timeline import OPEN
from licenses.models import (
    Entitlement,
    EvidenceBlock,
    EvidenceStream,
    IssuedCount,
    LicensePool,
    LicenseServer,
    PackageComponent,
    PoolFeature,
    Strength,
    Vendor,
)
from licenses.models.entitlements import UNPROVEN, seats_proven

from . import entries

KIND = "stock"
COUNTS: Final = {
    "features": "mappings",
    "issued": "seats of licence files",
    "packages": "packages",
    "read": "readings of licence files",
    "retired": "retirement",
    "rights": "rights",
    "zone": "time zone",
}
"""By their names in a body, what figures rest on."""
Body = dict[str, Any]


def stream_of(vendor: int) -> tuple[str, str]:
    return f"vendor/{vendor}", EvidenceStream.Kind.VENDOR


def tell(pool_ids: Collection[int], servers: Collection[int] = ()) -> None:
    """Write what now holds of some pools and of the servers that feed them, where it is news.

    servers: others that fed them before. Runs in the transaction that changed it.
    """
    vendors = LicensePool.objects.filter(pk__in=pool_ids).values_list("product__vendor", flat=True)
    for vendor in sorted(set(vendors.order_by())):
        told = _told(vendor)
        bodies = _bodies(vendor, set(pool_ids), beside=servers)
        _append(vendor, [body for body in bodies if told.get(_key(body)) != body])


def tell_server(server: LicenseServer) -> None:
    """Write what now holds of a server and of the pools that it ever fed, as `tell` does."""
    fed = PoolFeature.objects.filter(feature__server=server).order_by()
    tell(set(fed.values_list("pool", flat=True)))


def tell_all() -> list[str]:
    """Write what was never told yet, and what counts for nothing; return in words what else became
    another."""
    found = []
    for vendor in _vendors():
        with transaction.atomic():
            news, silent = _untold(vendor)
            _append(vendor, news)
            found += [_words(*each) for each in silent]
    return found


def silent(vendor_ids: Collection[int] | None = None) -> Iterator[str]:
    """Yield in words what became another though no entry tells of it. vendor_ids: None: of all."""
    for vendor in _vendors():
        if vendor_ids is None or vendor in vendor_ids:
            with transaction.atomic():
                _news, found = _untold(vendor)
            yield from (_words(*each) for each in found)


def accept(reason: str, who: str) -> int:
    """Let what became another silently count as told, and write down who did so and why; return
    of how many pools and servers."""
    count = 0
    for vendor in _vendors():
        with transaction.atomic():
            _news, silent = _untold(vendor)
            if not silent:
                continue
            found = "\n".join(_words(*each) for each in silent)
            said = {"found": found, "what": "silent changes accepted", "who": who}
            now = int(timezone.now().timestamp())
            # Every pack of the vendor holds its stream: nobody's words stand in it.
            for stream, why in (
                (stream_of(vendor), entries.digests(reason=reason)),
                (entries.INSTALLATION, {"reason": reason}),
            ):
                entry = entries.draft("correction", now, said | why)
                entries.append(stream, [entry], source=KIND)
            _append(vendor, [body for _told, body in silent])
            count += len(silent)
    return count


def filed_since(
    vendor_ids: Collection[int], servers: Collection[str], moment: datetime, end: int
) -> int:
    """Return of how many servers licence files, and what stands for what, tell otherwise of the
    time before *end* than was known at a moment. servers: by their numbers in streams' names."""
    count = 0
    news: dict[int, dict[str, Body]] = {}
    for vendor, body in _stock(vendor_ids, recorded_at__gte=moment):
        if body["what"] == "server" and body["server"] in servers:
            news.setdefault(vendor, {})[body["server"]] = body
    for vendor, bodies in news.items():
        told = _told(vendor, moment)
        mapped = {
            tuple(row[:3])
            for body in told.values()
            if body["what"] == "pool"
            for row in body["features"]
        }
        for server, body in bodies.items():
            before = told.get(("server", server))
            if before is not None:  # of what is mapped since then, the mappings tell
                count += _filed(before, mapped, end) != _filed(body, mapped, end)
    return count


def _filed(body: Body, mapped: set[tuple[Any, ...]], end: int) -> Any:
    """Return what a server's body says of the time before *end*, of features that were mapped."""
    own = {(daemon, name) for server, daemon, name in mapped if server == body["server"]}
    issued = [
        (daemon, name, count, overdraft, first, "" if last != "" and last >= end else last)
        for daemon, name, count, overdraft, first, last in body["issued"]
        if (daemon, name) in own and (first == "" or first < end)
    ]
    packages = [
        (daemon, package, component)
        for daemon, package, component in body["packages"]
        if {(daemon, package), (daemon, component)} <= own
    ]
    return sorted(issued, key=repr), packages


def _vendors() -> Iterable[int]:
    return Vendor.objects.order_by("pk").values_list("pk", flat=True)


def _untold(vendor: int) -> tuple[list[Body], list[tuple[Body, Body]]]:
    """Return (what may be told without more ado, what became another silently: as it was told and
    as it is). Whoever changes something tells it after this."""
    stream = EvidenceStream.objects.select_for_update().filter(name=stream_of(vendor)[0])
    list(stream.order_by())
    told = _told(vendor)
    news = list(_gone(vendor, told))
    silent: list[tuple[Body, Body]] = []
    for body in _bodies(vendor):
        before = told.get(_key(body))
        if before is not None and _changed(before, body):
            silent.append((before, body))
        elif before != body:
            news.append(body)
    return news, silent


def _changed(before: Body, now: Body) -> list[str]:
    """Return what of that on which figures rest became another. Steps between answers are told of
    in the night: their own rows are never changed or deleted. So is what was not told at all when
    the program did not know of it."""
    return [
        words for name, words in COUNTS.items() if before.get(name, now.get(name)) != now.get(name)
    ]


def _words(before: Body, now: Body) -> str:
    what = now.get("name") or f"Server {now['server']}"
    return f"{what}: {', '.join(_changed(before, now))} changed, and no entry tells who did that."


def untold(vendor: int, as_of: datetime) -> list[str]:
    """Return of what the entries recorded before a moment do not tell what now holds, or what held
    for a while since then.

    Rights are compared as they were on record at that moment.
    """
    told = _told(vendor, as_of)
    bodies = [*_bodies(vendor, as_of=as_of), *_gone(vendor, told)]
    changed = [body for body in bodies if told.get(_key(body)) != body]
    since = [body for _vendor, body in _stock([vendor], recorded_at__gte=as_of)]
    passed = [body for body in since if _lasting(told.get(_key(body))) != _lasting(body)]
    names = [body.get("name") or f"server {body['server']}" for body in (*changed, *passed)]
    return list(dict.fromkeys(names))


def _append(vendor: int, bodies: Iterable[Body]) -> None:
    now = int(timezone.now().timestamp())
    news = [entries.draft(KIND, now, body) for body in bodies]
    entries.append(stream_of(vendor), news, source=KIND)


def _key(body: Body) -> tuple[str, Any]:
    return body["what"], body[body["what"]]


def _lasting(body: Body | None) -> Body | None:
    """Return all of a body but what is known as of any time."""
    dated = ("rights", "steps")
    return body and {name: value for name, value in body.items() if name not in dated}


def _told(vendor: int, before: datetime | None = None) -> dict[tuple[str, Any], Body]:
    """Return what was told last of each pool and server."""
    when = {} if before is None else {"recorded_at__lt": before}
    return {_key(body): body for _vendor, body in _stock([vendor], **when)}


def _stock(vendor_ids: Collection[int], **when: datetime) -> Iterator[tuple[int, Body]]:
    """Yield (vendor, what was told of a pool or server), in order. when: of the blocks that hold
    it."""
    names = {stream_of(vendor)[0]: vendor for vendor in vendor_ids}
    blocks = EvidenceBlock.objects.filter(stream__name__in=names, **when)
    for block in blocks.order_by("stream", "first").iterator(chunk_size=50):
        for line in entries.read(block).splitlines():
            entry = json.loads(line)
            if entry["kind"] == KIND:
                yield names[entry["stream"]], entry["body"]


def _gone(vendor: int, told: dict[tuple[str, Any], Body]) -> Iterator[Body]:
    """Yield what now holds of pools that were told of and are another vendor's since, as one may be
    until anybody says whose its features are: none of its features and rights are this one's."""
    here = set(LicensePool.objects.filter(product__vendor=vendor).values_list("pk", flat=True))
    for (what, key), body in told.items():
        if what == "pool" and key not in here and (body["features"] or body["rights"]):
            yield {**body, "features": [], "rights": []}


def _bodies(
    vendor: int,
    only: set[int] | None = None,
    as_of: datetime | None = None,
    beside: Collection[int] = (),
) -> Iterator[Body]:
    """Yield what now holds of a vendor's pools, and of the servers that feed them.

    only: of these pools. beside: servers of which to tell where they feed any other.
    """
    pools = LicensePool.objects.filter(product__vendor=vendor).order_by("pk")
    chosen = list(pools if only is None else pools.filter(pk__in=only))
    maps = load_mappings([pool.pk for pool in chosen])
    fed = load_mappings(list(pools.values_list("pk", flat=True)))
    near = {row.server for rows in fed.values() for row in rows}.intersection(beside)
    near |= {row.server for rows in maps.values() for row in rows}
    servers = {row.pk: row for row in LicenseServer.objects.filter(pk__in=near)}
    rights = _rights([pool.pk for pool in chosen], as_of)
    for pool in chosen:
        yield {
            "features": [_mapping(row, servers[row.server]) for row in maps[pool.pk]],
            "name": pool.name,
            "pool": pool.pk,
            "retired": int(pool.retired_at.timestamp()) if pool.retired_at else "",
            "rights": rights.get(pool.pk, []),
            "what": "pool",
            "zone": pool.zone,
        }
    # A server is told of with all its features that feed the vendor, whichever pools were asked.
    steps = load_steps(servers.keys(), as_of)
    for pk, server in sorted(servers.items()):
        own = {row.feature: row for rows in fed.values() for row in rows if row.server == pk}
        yield _server(server, own, steps[pk])


def _mapping(row: Mapping, server: LicenseServer) -> list[Any]:
    start, end = ("" if each in (EVER, OPEN) else each for each in (row.start, row.end))
    return [str(server.stream), row.daemon, row.name, row.weight, start, end]


def _rights(pool_ids: Collection[int], as_of: datetime | None) -> dict[int, list[list[Any]]]:
    rows = (
        Entitlement.objects.as_of(as_of)
        .with_proof(as_of)
        .annotate(
            proven=seats_proven(Strength.PROVEN, as_of),
            partial=seats_proven(Strength.PARTIAL, as_of),
        )
        .filter(pool__in=pool_ids, metric__in=COUNTED_METRICS)
        .order_by("valid_from", "pk")
    )
    found: dict[int, list[list[Any]]] = {}
    for row in rows:
        found.setdefault(row.pool_id, []).append([
            row.pk, str(row.valid_from), str(row.valid_to or ""), row.quantity, row.overdraft,
            row.proof, *_seats(row),
        ])  # fmt: skip
    return found


def _seats(row: Any) -> list[int]:
    """Return of how many seats of a line there is proof, and of how many at least a partial one,
    where its strength does not say that: nothing for a line that is proven as a whole."""
    whole = [
        row.quantity if row.proof >= strength else UNPROVEN
        for strength in (Strength.PROVEN, Strength.PARTIAL)
    ]
    seats = [row.proven, row.partial]
    return [] if seats == whole else seats


def _server(server: LicenseServer, own: dict[int, Mapping], steps: AnswerSteps) -> Body:
    """Return what licence files say of some features, which of them others stand for, and how far
    apart answers could be: at first, and since when another way."""
    names = {(row.daemon, row.name) for row in own.values()}
    filed = IssuedCount.objects.filter(feature__in=own, source=IssuedCount.Source.FILE)
    issued = sorted(
        (
            [
                [
                    own[row.feature_id].daemon, own[row.feature_id].name,
                    "" if row.count is None else row.count, row.overdraft or 0,
                    _seconds(row.starts), _seconds(row.ends),
                ],
                [_seconds(row.read_from), _seconds(row.read_until)],
            ]
            for row in filed
        ),
        key=repr,
    )  # fmt: skip
    packages = [
        [row.daemon, row.package, row.component]
        for row in PackageComponent.objects.filter(server=server)
        if {(row.daemon, row.package), (row.daemon, row.component)} <= names
    ]
    (_ever, first), *later = steps.rows
    told = {
        "issued": [line for line, _read in issued],
        "packages": sorted(packages),
        "read": [read for _line, read in issued],
        "server": str(server.stream),
        "step": first,
        "what": "server",
    }
    shared = sorted([row.daemon, row.name, row.shared] for row in own.values() if row.shared)
    return (
        told
        | ({"shared": shared} if shared else {})
        | ({"steps": [list(row) for row in later]} if later else {})
    )


def _seconds(moment: datetime | None) -> int | str:
    return "" if moment is None else int(moment.timestamp())
