"""Whether use kept to what contracts say of place, entity and version, as far as data tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from django.utils.translation import gettext, gettext_lazy

from itam.said import said
from licenses.analysis.usage import PoolFacts
from licenses.concurrency.intervals import Flags, Ints
from licenses.concurrency.periods import local_midnight
from licenses.models import Checkout

if TYPE_CHECKING:
    from reports.datasets.pool_report import Line

VERSION: Final = "version"
REST: Final = gettext_lazy("territory, entity and all else")
NOT_CHECKED: Final = gettext_lazy(
    "Not checked: no licence server tells where a session was, or for whom."
)

_VERSION = re.compile(
    r"\bversions?\s*(?:<=|up to|until|max\.?)?\s*v?(\d+(?:\.\d+)*)", re.IGNORECASE
)
"""A licence of a version serves that version and all before it."""


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """One aspect of what an entitlement says of its scope, held against the sessions.

    line:     the number of the entitlement; text: its scope as the paper says it.
    checked, outside:  sessions of which the aspect is known, and those of them against it.
    unknown:  the rest of the sessions while the entitlement was in force.
    """

    line: int
    text: str
    aspect: str
    checked: int
    outside: int
    unknown: int
    words: str


def scope_rules(facts: PoolFacts, lines: Sequence[Line]) -> tuple[ScopeRule, ...]:
    """Return the findings on the lines with a scope. One query where a line names a version."""
    spoken = [line for line in lines if line.scope.strip()]
    if not spoken:
        return ()
    rows = facts.holdings
    used = rows.where(
        (rows.taken_by < facts.end) & (rows.returned_after > facts.start) & rows.fresh
    )
    rules: list[ScopeRule] = []
    versions: dict[int, str] | None = None
    for line in spoken:
        mine = used.where(_while_in_force(facts, line, used.taken_by))
        total = len(mine)
        if found := _VERSION.search(line.scope):
            versions = _versions(facts) if versions is None else versions
            told = [versions[pk] for pk in mine.checkout.tolist() if versions.get(pk)]
            outside = sum(_number(text) > _number(found[1]) for text in told)
            words = said(_outside, found[1])
            rules.append(
                ScopeRule(
                    line.number, line.scope, VERSION, len(told), outside, total - len(told), words
                )
            )
        rules.append(
            ScopeRule(line.number, line.scope, said(str, REST), 0, 0, total, said(str, NOT_CHECKED))
        )
    return tuple(rules)


def _outside(version: str) -> str:
    told = gettext("Sessions of a version above %(found)s count as outside.")
    return told % {"found": version}


def _while_in_force(facts: PoolFacts, line: Line, moments: Ints) -> Flags:
    zone = facts.pool.tzinfo
    start = local_midnight(date.fromisoformat(line.first), zone)
    inside: Flags = moments >= start
    if line.last:
        end = local_midnight(date.fromisoformat(line.last) + timedelta(days=1), zone)
        inside &= moments < end
    return inside


def _versions(facts: PoolFacts) -> dict[int, str]:
    """Return the version of each holding of which a status told one."""
    features = np.unique(facts.holdings.feature).tolist()
    rows = Checkout.objects.reaching(features, facts.start, facts.end)
    rows = rows.filter(sighting__isnull=False).exclude(sighting__version="")
    return dict(rows.order_by().values_list("pk", "sighting__version"))


def _number(text: str) -> tuple[int, ...]:
    """Return a version as numbers, so that 10 follows 9; trailing zeros mean nothing."""
    parts = [int(part) for part in re.findall(r"\d+", text)]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
