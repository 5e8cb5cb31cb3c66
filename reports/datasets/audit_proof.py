"""What binds an audit's records: documents, the streams of the evidence log, anchors, clocks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Max

from itam.said import label_of, said
from licenses.analysis.rows import number
from licenses.evidence import entries, stock
from licenses.models import (
    Contract,
    Document,
    Entitlement,
    EvidenceAnchor,
    EvidenceBlock,
    Gap,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Proof,
)
from reports.datasets.clocks import Clocks, load_clocks

MOST_ANCHORS: Final = 24


@dataclass(frozen=True, slots=True)
class Paper:
    """A document on record. ours: it names the entity whose use is judged. quantity: seats that can
    be read in it, None where nobody counted them.

    lines: numbers of the entitlements that it proves; seats: how many of each; taken_over: those of
    them of which nobody said so, as each document proved all of its contract until documents named
    lines.
    """

    contract: str
    kind: str
    title: str
    ours: bool
    bytes: int
    sha256: str
    at: int
    quantity: int | None = None
    lines: tuple[int, ...] = ()
    seats: tuple[int, ...] = ()
    taken_over: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the evidence log and its number of entries. of: whose it is."""

    name: str
    of: str
    entries: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that left our hands. days: how many days it is of."""

    kind: str
    place: str
    days: int
    at: int


@dataclass(frozen=True, slots=True)
class ClockNote:
    """A time that our own clock showed twice, so that no poll vouches for it."""

    server: str
    start: int
    end: int | None
    detail: str
    at: int


@dataclass(frozen=True, slots=True)
class AuditProof:
    """documents: of the contracts behind the pools' entitlements. anchors: the newest first.
    clocks: of the servers, by name."""

    documents: tuple[Paper, ...]
    streams: tuple[Stream, ...]
    anchors: tuple[Anchor, ...]
    clock: tuple[ClockNote, ...]
    clocks: tuple[Clocks, ...]


def load_proof(pools: Collection[LicensePool], start: int, end: int, as_of: datetime) -> AuditProof:
    """Return what was on record by *as_of*. Seven queries."""
    chosen = [pool.pk for pool in pools]
    contracts = list(Contract.objects.filter(entitlements__pool__in=chosen).distinct())
    servers = list(
        LicenseServer.objects.filter(features__mappings__pool__in=chosen)
        .distinct()
        .order_by("name")
    )
    return AuditProof(
        documents=_documents(contracts, chosen, as_of),
        streams=_streams(servers, contracts, pools, as_of),
        anchors=_anchors(as_of),
        clock=_clock(servers, start, end, as_of),
        clocks=load_clocks(servers, start, end, as_of),
    )


def _documents(contracts: list[Contract], pools: list[int], as_of: datetime) -> tuple[Paper, ...]:
    proven: dict[int, list[Proof]] = {}
    lines = Entitlement.objects.as_of(as_of).filter(pool__in=pools)
    tied = Proof.objects.filter(entitlement__in=lines, recorded_at__lte=as_of)
    for proof in tied.order_by("entitlement"):
        proven.setdefault(proof.document_id, []).append(proof)
    rows = Document.objects.filter(contract__in=contracts, recorded_at__lte=as_of)
    return tuple(
        Paper(
            contract=row.contract.number,
            kind=said(label_of, Document.Kind, row.kind),
            title=row.title,
            ours=not row.for_group,
            bytes=row.size,
            sha256=row.sha256,
            at=int(row.recorded_at.timestamp()),
            quantity=row.quantity,
            lines=tuple(proof.entitlement_id for proof in proven.get(row.pk, ())),
            seats=tuple(proof.quantity for proof in proven.get(row.pk, ())),
            taken_over=tuple(
                proof.entitlement_id for proof in proven.get(row.pk, ()) if proof.taken_over
            ),
        )
        for row in rows.select_related("contract").order_by("contract__number", "recorded_at", "pk")
    )


def _streams(
    servers: list[LicenseServer],
    contracts: list[Contract],
    pools: Collection[LicensePool],
    as_of: datetime,
) -> tuple[Stream, ...]:
    """Return those that a pack of the vendor holds, too."""
    fed = PoolFeature.objects.filter(pool__in=pools)
    by_number = {str(each.stream): each.name for each in servers}
    names = {name: by_number[number] for name, number in entries.streams_feeding(fed).items()}
    names |= {entries.contract_stream(each)[0]: each.number for each in contracts}
    vendors = {pool.product.vendor for pool in pools}
    names |= {stock.stream_of(each.pk)[0]: each.name for each in vendors}
    blocks = EvidenceBlock.objects.filter(stream__name__in=names, recorded_at__lte=as_of)
    counted = blocks.order_by().values_list("stream__name").annotate(Max("last"))
    rows = [Stream(name, names[name], last) for name, last in counted]
    return tuple(sorted(rows, key=lambda row: (row.of, row.name)))


def _anchors(as_of: datetime) -> tuple[Anchor, ...]:
    rows = EvidenceAnchor.objects.filter(recorded_at__lte=as_of).order_by("-recorded_at", "-pk")
    return tuple(
        Anchor(
            said(label_of, EvidenceAnchor.Kind, row.kind),
            row.place,
            row.size,
            int(row.recorded_at.timestamp()),
        )
        for row in rows[:MOST_ANCHORS]
    )


def _clock(
    servers: list[LicenseServer], start: int, end: int, as_of: datetime
) -> tuple[ClockNote, ...]:
    rows = Gap.objects.filter(
        server__in=servers,
        cause=Gap.Cause.CLOCK_SUSPECT,
        starts__lt=end,
        ends__gt=start,
        detected_at__lte=as_of,
    ).order_by("starts", "pk")
    return tuple(
        ClockNote(server, begins, ends, detail, int(detected.timestamp()))
        for server, begins, ends, detail, detected in rows.values_list(
            "server__name", number("starts"), number("ends"), "detail", "detected_at"
        )
    )
