"""Where a report stands: its version, who prepared and signed it, what differs from before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from itam import figures
from reports.datasets.plain import plain

COMPARED: Final = ("verdict", "allowed", "peak", "coverage", "over_seconds")
"""Of each pool and month, what a later version is compared by."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A step of the sign-off. role: the signer's groups then; at: epoch seconds."""

    step: str
    name: str
    role: str
    at: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is no longer what an earlier version said.

    month:   its first moment, ISO 8601.
    before, after:  as the report's JSON holds them; None is *not known*.
    """

    pool: str
    month: str
    what: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Beside:
    """Another report of the same kind and period that is signed, about some of the same pools.

    pools:      how many of them.
    differing:  figures of them that it says otherwise; None where its numbers are no longer kept.
    """

    report: int
    version: int
    pools: int
    differing: int | None

    def __str__(self) -> str:
        told = {
            "report": self.report,
            "version": self.version,
            "pools": figures.pools(self.pools),
            "count": figures.number(self.differing or 0),
        }
        if self.differing is None:
            said = gettext(
                "Report %(report)s, version %(version)s, is signed of the same period and"
                " shares %(pools)s with this one. Not all numbers are kept any more, so nothing"
                " was compared."
            )
        elif self.differing:
            said = ngettext(
                "Report %(report)s, version %(version)s, is signed of the same period and"
                " shares %(pools)s with this one. %(count)s figure of them differs.",
                "Report %(report)s, version %(version)s, is signed of the same period and"
                " shares %(pools)s with this one. %(count)s figures of them differ.",
                self.differing,
            )
        else:
            said = gettext(
                "Report %(report)s, version %(version)s, is signed of the same period and"
                " shares %(pools)s with this one. No verdict, limit, peak, coverage or"
                " over-use of them differs."
            )
        return said % told


@dataclass(frozen=True, slots=True)
class Standing:
    """What the title block and the sign-off say beside the numbers.

    supersedes:   the earlier version in words, "" for a first one.
    beside:       other signed reports of the period that share pools with it.
    certificate:  the SHA-256 of the certificate whose signature the file carries, "" for none.
    differences:  from that version; None where there is none, or its numbers are no longer kept.
    differs:      what the entries of the evidence log give otherwise; None where nobody had counted
                  again from them by then.
    """

    status: str
    version: int = 1
    supersedes: str = ""
    signed: tuple[Signed, ...] = ()
    differences: tuple[Difference, ...] | None = None
    certificate: str = ""
    beside: tuple[Beside, ...] = ()
    differs: tuple[str, ...] | None = None

    def as_json(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return it as JSON knows it."""
        found: dict[str, Any] = plain(self, zone)
        return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs between the numbers of two versions, by pool and month.

    before, after:  the reports as JSON. A month or pool that one of them lacks is told once, as
                    *in the report*: False against True.
    """
    old, new = dict(_months(before)), dict(_months(after))
    rows: list[Difference] = []
    for key in sorted(old.keys() | new.keys(), key=lambda key: (key[1], key[2], key[0])):
        _pool_id, pool, month = key
        if key not in old or key not in new:
            rows.append(Difference(pool, month, "in the report", key in old, key in new))
            continue
        rows += [
            Difference(pool, month, name, old[key].get(name), new[key].get(name))
            for name in COMPARED
            if old[key].get(name) != new[key].get(name)
        ]
    return tuple(rows)


def _months(numbers: Mapping[str, Any]) -> Iterator[tuple[tuple[int, str, str], Mapping[str, Any]]]:
    for pool in numbers["pools"]:
        position = pool["position"]
        for month in pool["months"]:
            yield (position["pool_id"], position["pool"], month["start"]), month
