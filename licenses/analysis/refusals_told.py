"""Refusals as they are told: by the command and by the API, the same."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from licenses.analysis.coverage import load_logged
from licenses.analysis.denials import (
    DenialRow,
    EpisodeRow,
    Refused,
    blocked,
    names_of,
    refused,
)
from licenses.analysis.mappings import load_mappings
from licenses.concurrency.denials import RULES
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
    "served",
    "served_at",
    "episode",
    "rules",
)
EPISODE = (
    "start",
    "last",
    "person",
    "capacity",
    "reason_class",
    "refusals",
    "outcome",
    "granted_at",
    "waited_seconds",
    "lost_seconds",
    "in_use",
    "limit",
    "rules",
)
_MOMENTS = {"at", "served_at", "episode", "start", "last", "granted_at"}


def told(
    pool: LicensePool, *, start: int, end: int, zone: tzinfo, names: bool = False
) -> dict[str, Any]:
    """Return the refusals of a pool in [start, end), its episodes, and their sums.

    names: tell names instead of pseudonyms, on behalf of readers who may see them.
    """
    found = refused(pool, start=start, end=end)
    people = {row.person_id for row in found.denials} | {row.person_id for row in found.episodes}
    known = names_of(people) if names else {}

    def shown(row: DenialRow | EpisodeRow, fields: tuple[str, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(row, name, None) for name in fields}
        for name in _MOMENTS & values.keys():
            values[name] = None if values[name] is None else iso(values[name], zone)
        return values | {"person": known.get(row.person_id, row.label)}

    return {
        "pool": pool.name,
        "zone": str(zone),
        "from": iso(start, zone),
        "to": iso(end, zone),
        "rules": RULES,
        "denials": [shown(row, DENIAL) for row in found.denials],
        "episodes": [shown(row, EPISODE) for row in found.episodes],
        "total": _total(found, load_logged(load_mappings([pool.pk]), start, end)[pool.pk].seconds),
    }


def _total(found: Refused, logged_seconds: int) -> dict[str, int | None]:
    """Return the sums; None is *not known*, as no log tells of the time."""
    denials, episodes = found
    sums = blocked(episodes)
    counts = {
        "denials": sum(row.capacity for row in denials),
        "served": sum(row.capacity and row.served for row in denials),
        "other_refusals": sum(not row.capacity for row in denials),
        "denial_episodes": sums.episodes,
        "other_episodes": len(episodes) - sums.episodes,
        "people_blocked": sums.people,
        "waited": sums.waited,
        "gave_up": sums.gave_up,
        "open": sums.open,
        "unexplained": sums.unexplained,
        "waited_seconds": sums.waited_seconds,
        "lost_seconds": sums.lost_seconds,
    }
    told = denials or episodes or logged_seconds
    return {**(counts if told else dict.fromkeys(counts)), "logged_seconds": logged_seconds}
