"""What an auditor of one vendor is shown: the numbers of the audit evidence report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from licenses.analysis.mappings import load_mappings
from licenses.analysis.usage import load_facts
from licenses.analysis.verdict import BATCH_POOLS
from licenses.models import LicensePool, tells_apart
from reports.datasets import audit_tables as tables
from reports.datasets.audit_proof import AuditProof, load_proof
from reports.datasets.audit_sources import Sources, load_sources
from reports.datasets.audit_use import PoolUse, pool_use
from reports.datasets.compliance import Compliance, compliance
from reports.datasets.files import Numbers, identified
from reports.datasets.plain import plain
from reports.datasets.software import Software, load_software

LOGIC_VERSION: Final = "2"
"""Goes up whenever the same facts would give other figures than those of the compliance."""
ASKED: Final = ("contract", "clause", "asked_by", "nda", "basis", "note", "recipients")
"""What whoever asks for an audit report may say of its occasion."""
LONGEST_SAYING: Final = 2_000
"""Characters of each of them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The occasion of the report, as whoever asked for it said; "" where nothing was said.

    basis:       why names of people may be given, and who approved it; the report holds none.
    recipients:  who is to get it, a name a line.
    vendor, whole:  whose pools these are, and whether they are all of that vendor's.
    """

    vendor: str
    whole: bool
    contract: str
    clause: str
    asked_by: str
    nda: str
    basis: str
    note: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The evidence of one vendor's pools over a period.

    judged:    the compliance of the pools, with rights, gaps, over-use, changes and the head.
    uses:      in the order of the pools.
    people_count:  different people who held a seat of any of the pools.
    """

    letter: Letter
    judged: Compliance
    sources: Sources
    uses: tuple[PoolUse, ...]
    people_count: int
    proof: AuditProof
    software: Software
    logic_version: str

    def as_json(self) -> Numbers:
        """Return all numbers as JSON, those of the compliance at the top, with the report's id.

        The id does not depend on the program: a new release that finds the same numbers confirms
        the report.
        """
        zone = ZoneInfo(self.judged.zone)
        names = ("letter", "sources", "uses", "people_count", "proof", "logic_version")
        audit = {name: plain(getattr(self, name), zone) for name in names}
        content = {**self.judged.content(), "audit": audit}
        made = identified("audit", "A", content)
        return made.also(software=plain(self.software, zone))

    def tables(self) -> dict[str, bytes]:
        """Return the tables that go with the numbers, by the name of their file."""
        pools = self.judged.pools
        return {
            **self.judged.tables(),
            "gaps.csv": tables.gaps_csv(pools),
            "overuse.csv": tables.overuse_csv(pools),
            "sessions.csv": tables.sessions_csv(self.uses),
            "denials.csv": tables.denials_csv(self.uses),
            "changes.csv": tables.changes_csv(self.judged.changes),
            "sources.csv": tables.sources_csv(self.sources),
            "servers.csv": tables.servers_csv(self.sources),
        }


def one_vendor(pools: Iterable[LicensePool]) -> int:
    """Return the id of the vendor of all pools. Raises ValueError for pools of several, or none."""
    vendors = {pool.product.vendor_id for pool in pools}
    if len(vendors) != 1:
        raise ValueError(f"an audit report is about one vendor, found {len(vendors)}")
    return vendors.pop()


def audit(
    pools: Iterable[LicensePool],
    *,
    start: int,
    end: int,
    zone: ZoneInfo,
    as_of: datetime,
    about: Mapping[str, str] | None = None,
    **judging: Any,
) -> Audit:
    """Return the numbers of the report for *pools* of one vendor over [start, end).

    about:    what was said of the occasion, by the names in ASKED.
    judging:  as `compliance` takes it.

    Raises ValueError without a pool or with pools of two vendors, and unless start < end.
    """
    chosen = sorted({pool.pk: pool for pool in pools}.values(), key=lambda p: (p.name, p.pk))
    vendor = one_vendor(chosen)
    judged = compliance(chosen, start=start, end=end, zone=zone, as_of=as_of, **judging)
    uses, people = _uses(chosen, judged, as_of)
    return Audit(
        letter=_letter(chosen, vendor, about or {}, as_of),
        judged=judged,
        sources=load_sources(chosen, start, end, as_of, vendor),
        uses=uses,
        people_count=people,
        proof=load_proof(chosen, start, end, as_of),
        software=load_software(),
        logic_version=LOGIC_VERSION,
    )


def _uses(
    chosen: list[LicensePool], judged: Compliance, as_of: datetime
) -> tuple[tuple[PoolUse, ...], int]:
    found: list[PoolUse] = []
    people: set[int] = set()
    for place in range(0, len(chosen), BATCH_POOLS):
        batch = chosen[place : place + BATCH_POOLS]
        mappings = load_mappings([pool.pk for pool in batch])
        facts = load_facts(batch, judged.start, judged.end, as_of=as_of)
        for each, report in zip(facts, judged.pools[place:], strict=False):
            maps = mappings[each.pool.pk]
            found.append(pool_use(each, report.days, maps, tell=tells_apart()))
            rows = each.holdings
            inside = (rows.taken_by < each.end) & (rows.returned_after > each.start)
            people.update(rows.person[inside].tolist())
    return tuple(found), len(people)


def _letter(
    chosen: list[LicensePool], vendor: int, about: Mapping[str, str], as_of: datetime
) -> Letter:
    every = LicensePool.objects.filter(product__vendor=vendor, recorded_at__lte=as_of)
    said = {name: about.get(name, "").strip() for name in ASKED}
    lines = [line.strip() for line in said.pop("recipients").splitlines()]
    return Letter(
        vendor=chosen[0].product.vendor.name,
        whole=not every.exclude(pk__in=[pool.pk for pool in chosen]).exists(),
        recipients=tuple(line for line in lines if line),
        **said,
    )
