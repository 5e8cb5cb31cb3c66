"""Refusals as they are told: by the command and by the API, the same."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, NamedTuple

from licenses.analysis.denials import DenialRow, EpisodeRow, denials, episodes, names_of
from licenses.concurrency.periods import iso
from licenses.models import LicensePool

DENIAL = (
    "at",
    "person",
    "feature",
    "server",
    "seats",
    "capacity",
    "reason_class",
    "code",
    "reason",
)
EPISODE = ("start", "last", "person", "refusals", "outcome", "granted_at", "waited_seconds")


def told(
    pool: LicensePool, *, start: int, end: int, zone: tzinfo, names: bool = False
) -> dict[str, Any]:
    """Return the refusals of a pool in [start, end), its episodes, and their sums.

    names: tell names instead of pseudonyms, on behalf of readers who may see them.
    """
    refused = denials(pool, start=start, end=end)
    chains = episodes(pool, start=start, end=end)
    people = {row.person_id for row in refused} if names else set()
    shown = _Shown(zone, names_of(people))
    return {
        "pool": pool.name,
        "zone": str(zone),
        "from": iso(start, zone),
        "to": iso(end, zone),
        "denials": [shown.denial(row) for row in refused],
        "episodes": [shown.episode(row) for row in chains],
        "total": _total(refused, chains),
    }


class _Shown(NamedTuple):
    """Rows as they are printed: moments in a zone, people by pseudonym or, if known here, name."""

    zone: tzinfo
    names: dict[int, str]

    def denial(self, row: DenialRow) -> dict[str, Any]:
        shown = {name: getattr(row, name, None) for name in DENIAL}
        return shown | {"at": iso(row.at, self.zone), "person": self._person(row)}

    def episode(self, row: EpisodeRow) -> dict[str, Any]:
        shown = {name: getattr(row, name, None) for name in EPISODE}
        return shown | {
            "start": iso(row.start, self.zone),
            "last": iso(row.last, self.zone),
            "person": self._person(row),
            "granted_at": None if row.granted_at is None else iso(row.granted_at, self.zone),
        }

    def _person(self, row: DenialRow | EpisodeRow) -> str:
        return self.names.get(row.person_id, row.label)


def _total(refused: list[DenialRow], chains: list[EpisodeRow]) -> dict[str, int]:
    return {
        "denials": sum(row.capacity for row in refused),
        "other_refusals": sum(not row.capacity for row in refused),
        "denial_episodes": len(chains),
        "waited": sum(row.outcome == "waited" for row in chains),
        "gave_up": sum(row.outcome == "gave up" for row in chains),
        "open": sum(row.outcome == "open" for row in chains),
        "waited_seconds": sum(row.waited_seconds or 0 for row in chains),
    }
