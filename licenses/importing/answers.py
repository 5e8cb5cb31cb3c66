"""What a server's answers told in full, and when they were given."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.concurrency.timeline import OPEN
from licenses.evidence import entries
from licenses.models import Capture, LicenseServer, StatusScope
from licenses.sources.records import Result, Snapshot

NEVER = -(2**62)
SHORT = 16
"""Hexadecimal digits by which entries name a scope."""


def scope_of(
    server: LicenseServer, snapshot: Snapshot, names: Mapping[int, tuple[str, str]]
) -> tuple[StatusScope | None, list[entries.Draft]]:
    """Return what an answer told in full, and the evidence of it where it is told first; None where
    it does not add up and so tells of nobody's absence.

    names:  daemon and name of the features told, by id.
    """
    if snapshot.result not in (Result.PARSED, Result.DAEMON_DOWN):
        return None, []
    daemons = {name: up for name, up, _text in snapshot.daemons}
    for daemon, _name in names.values():
        daemons.setdefault(daemon, True)
    features = sorted(names)
    text = json.dumps([sorted(daemons.items()), features])
    # Keyed: every daemon's vendor sees it, and whom else it is made of must not be found by trying.
    digest = entries.digests(scope=text)["scope_digest"]
    if (known := _SCOPE.first(server.pk, digest)) is not None:
        return known, []
    scope = StatusScope.objects.create(
        server=server, digest=digest, daemons=daemons, features=features
    )
    return scope, _scope_entries(scope.digest[:SHORT], daemons, sorted(names.values()))


def _scope_entries(
    scope: str, daemons: Mapping[str, bool], features: Sequence[tuple[str, str]]
) -> list[entries.Draft]:
    """Return the evidence of a scope: to all that there is one, to each daemon what is its own."""
    now = int(timezone.now().timestamp())
    drafts = []
    for daemon in sorted({"", *daemons}):
        body: dict[str, Any] = {
            "features": [each for each in features if each[0] == daemon],
            "scope": scope,
            "what": "scope",
        }
        if daemon in daemons:
            body |= {"daemon": daemon, "daemons": {daemon: int(daemons[daemon])}}
        drafts.append(entries.draft("config", now, body))
    return drafts


@Prepared
def _SCOPE(server: int, digest: str) -> Asked:
    return StatusScope.objects.filter(server=server, digest=digest), ()


class Answers:
    """Finds the complete answers that told of a feature. Reads each only once.

    newest: the newest status of all that are stored, where the caller knows it.
    """

    def __init__(self, server: LicenseServer, newest: Capture | None = None) -> None:
        self.server, self._newest_of_all = server, newest
        self._of_feature: dict[int, tuple[int, ...]] = {}
        self._newest: dict[tuple[int, ...], int] = {}
        self._found: dict[tuple[Any, ...], tuple[int, int] | None] = {}

    @cached_property
    def by_minute(self) -> bool:
        """Whether of an answer only the minute may be known."""
        return not self._rows or bool(self._rows[0][2])

    def following(self, feature: int, moment: int) -> int | None:
        """Return when the first answer after a moment was given; None where there is none."""
        found = self._following(feature, moment)
        return found and found[0]

    def following_by(self, feature: int, moment: int) -> int | None:
        """Return the same, or the end of the minute where only that is known."""
        found = self._following(feature, moment)
        return found and found[1]

    def _following(self, feature: int, moment: int) -> tuple[int, int] | None:
        scopes = self.scopes_of(feature)
        if not scopes or moment >= self._newest_of(scopes):
            return None
        return self._ask(_FIRST, scopes, moment)

    def until(self, feature: int, moment: int, *, but: int | None = None) -> int | None:
        """Return when the last answer up to and with a moment was given. but: a capture not to
        count."""
        scopes = self.scopes_of(feature)
        # No capture has the number 0.
        found = self._ask(_LAST, scopes, moment, but or 0) if scopes else None
        return found and found[0]

    def newest(self, feature: int) -> int | None:
        """Return when the newest answer was given; None where there is none."""
        scopes = self.scopes_of(feature)
        found = self._newest_of(scopes) if scopes else NEVER
        return None if found == NEVER else found

    def since(self, feature: int, moment: int) -> list[tuple[int, int]]:
        """Return when answers were given from the last one before a moment on, each with the latest
        at which it can have been."""
        scopes = self.scopes_of(feature)
        before = self.until(feature, moment - 1)
        return _SINCE.rows(self.server.pk, scopes, moment if before is None else before)

    @cached_property
    def _scopes(self) -> list[tuple[int, frozenset[int]]]:
        return [(pk, frozenset(json.loads(features))) for pk, features, _by_minute in self._rows]

    @cached_property
    def _rows(self) -> list[tuple[Any, ...]]:
        return _SCOPES.rows(self.server.pk)

    def _ask(
        self, which: Prepared, scopes: tuple[int, ...], moment: int, *but: int
    ) -> tuple[int, int] | None:
        key = (which, scopes, moment, *but)
        if key not in self._found:
            rows = which.rows(self.server.pk, scopes, moment, *but)
            self._found[key] = (rows[0][0], rows[0][1]) if rows else None
        return self._found[key]

    def scopes_of(self, feature: int) -> tuple[int, ...]:
        """Return the scopes of the answers that told of a feature in full."""
        if feature not in self._of_feature:
            self._of_feature[feature] = tuple(
                pk for pk, features in self._scopes if feature in features
            )
        return self._of_feature[feature]

    def _newest_of(self, scopes: tuple[int, ...]) -> int:
        newest = self._newest_of_all
        if newest is not None and newest.scope_id in scopes:
            return int(newest.starts.timestamp()) if newest.starts else 0
        if scopes not in self._newest:
            found = self._ask(_LAST, scopes, OPEN, 0)
            self._newest[scopes] = NEVER if found is None else found[0]
        return self._newest[scopes]


def statuses(server: int) -> QuerySet[Capture]:
    """Return all that was ever asked of a server, whatever came of it."""
    return Capture.objects.filter(server=server, kind=Capture.Kind.STATUS)


def _first(server: int, scopes: Collection[int], moment: int) -> Asked:
    rows = statuses(server).filter(scope__among=scopes, starts__gt=moment)
    return rows.order_by("starts", "-ends")[:1], (number("starts"), number("ends"))


def _last(server: int, scopes: Collection[int], moment: int, but: int) -> Asked:
    rows = statuses(server).filter(scope__among=scopes, starts__lte=moment).exclude(pk=but)
    return rows.order_by("-starts")[:1], (number("starts"), number("ends"))


def _since(server: int, scopes: Collection[int], moment: int) -> Asked:
    rows = statuses(server).filter(scope__among=scopes, starts__gte=moment)
    return rows.order_by("starts", "ends"), (number("starts"), number("ends"))


_SCOPES = Prepared(
    lambda server: (
        StatusScope.objects.filter(server=server).order_by(),
        ("pk", "features", "server__poll_state__by_minute"),
    )
)
_FIRST = Prepared(_first)
_LAST = Prepared(_last)
_SINCE = Prepared(_since)
