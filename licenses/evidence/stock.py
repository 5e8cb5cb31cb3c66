"""What figures rest on beside what servers told: pools, rights, mappings, licence files.

An entry `stock` in a vendor's stream tells all of one pool, or all of one server that its pools
need. It is written where such a thing is changed, in the same transaction, and each night for
whatever was changed in another way. So a pack alone is enough to count everything again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

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
    Vendor,
)

from . import entries

KIND = "stock"
Body = dict[str, Any]


def stream_of(vendor: int) -> tuple[str, str]:
    return f"vendor/{vendor}", EvidenceStream.Kind.VENDOR


def tell(pool_ids: Collection[int]) -> None:
    """Write what now holds of some pools and of the servers that feed them, where it is news.

    Runs in the transaction that changed it.
    """
    vendors = LicensePool.objects.filter(pk__in=pool_ids).values_list("product__vendor", flat=True)
    for vendor in sorted(set(vendors.order_by())):
        _tell(vendor, _bodies(vendor, set(pool_ids)))


def tell_all() -> None:
    """Write what was changed in whatever way since it was told last."""
    for vendor in Vendor.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            _tell(vendor, _bodies(vendor))


def untold(vendor: int, as_of: datetime) -> list[str]:
    """Return of what the entries recorded before a moment do not tell what now holds, or what held
    for a while since then.

    Rights are compared as they were on record at that moment.
    """
    told = _told(vendor, as_of)
    changed = [body for body in _bodies(vendor, as_of=as_of) if told.get(_key(body)) != body]
    since = _stock(vendor, recorded_at__gte=as_of)
    passed = [body for body in since if _lasting(told.get(_key(body))) != _lasting(body)]
    names = [body.get("name") or f"server {body['server']}" for body in (*changed, *passed)]
    return list(dict.fromkeys(names))


def _tell(vendor: int, bodies: Iterable[Body]) -> None:
    told = _told(vendor)
    now = int(timezone.now().timestamp())
    news = [entries.draft(KIND, now, body) for body in bodies if told.get(_key(body)) != body]
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
    return {_key(body): body for body in _stock(vendor, **when)}


def _stock(vendor: int, **when: datetime) -> Iterator[Body]:
    """Yield what was told of pools and servers, in order. when: of the blocks that hold it."""
    blocks = EvidenceBlock.objects.filter(stream__name=stream_of(vendor)[0], **when)
    for block in blocks.order_by("first").iterator(chunk_size=50):
        for line in entries.read(block).splitlines():
            entry = json.loads(line)
            if entry["kind"] == KIND:
                yield entry["body"]


def _bodies(
    vendor: int, only: set[int] | None = None, as_of: datetime | None = None
) -> Iterator[Body]:
    """Yield what now holds of a vendor's pools, and of the servers that feed them."""
    pools = LicensePool.objects.filter(product__vendor=vendor).order_by("pk")
    chosen = list(pools if only is None else pools.filter(pk__in=only))
    maps = load_mappings([pool.pk for pool in chosen])
    feeding = {row.server for rows in maps.values() for row in rows}
    servers = {row.pk: row for row in LicenseServer.objects.filter(pk__in=feeding)}
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
    fed = load_mappings(list(pools.values_list("pk", flat=True)))
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
        .filter(pool__in=pool_ids, metric__in=COUNTED_METRICS)
        .order_by("valid_from", "pk")
    )
    found: dict[int, list[list[Any]]] = {}
    for row in rows:
        found.setdefault(row.pool_id, []).append([
            row.pk, str(row.valid_from), str(row.valid_to or ""), row.quantity, row.overdraft,
            row.proof,
        ])  # fmt: skip
    return found


def _server(server: LicenseServer, own: dict[int, Mapping], steps: AnswerSteps) -> Body:
    """Return what licence files say of some features, which of them others stand for, and how far
    apart answers could be: at first, and since when another way."""
    names = {(row.daemon, row.name) for row in own.values()}
    filed = IssuedCount.objects.filter(feature__in=own, source=IssuedCount.Source.FILE)
    issued = [
        [
            own[row.feature_id].daemon, own[row.feature_id].name,
            "" if row.count is None else row.count, row.overdraft or 0, _seconds(row.starts),
            _seconds(row.ends),
        ]
        for row in filed
    ]  # fmt: skip
    packages = [
        [row.daemon, row.package, row.component]
        for row in PackageComponent.objects.filter(server=server)
        if {(row.daemon, row.package), (row.daemon, row.component)} <= names
    ]
    (_ever, first), *later = steps.rows
    told = {
        "issued": sorted(issued, key=repr),
        "packages": sorted(packages),
        "server": str(server.stream),
        "step": first,
        "what": "server",
    }
    return told | ({"steps": [list(row) for row in later]} if later else {})


def _seconds(moment: datetime | None) -> int | str:
    return "" if moment is None else int(moment.timestamp())
