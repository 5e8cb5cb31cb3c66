"""Lines that could not be read, by their shape: told, and reported without names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min
from django.utils import timezone

from licenses.models import LicenseServer, UnreadableLine
from licenses.sources.shapes import safe_shape

LATELY = timedelta(days=7)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
"""What a reason cites of a line; all else in it are words of the reader's own."""


@dataclass(frozen=True, slots=True)
class Group:
    """Unreadable lines of one server that differ in names, numbers and times only.

    pattern:   their shape without anything that could be a name.
    reason:    why they could not be read, without names too.
    kind:      of the text that the newest stood in, as `Capture.kind`.
    example:   the newest as printed: for readers who may see names.
    capture:   id of the text it stood in; line: its number there.
    """

    digest: str
    pattern: str
    reason: str
    kind: str
    count: int
    first: datetime
    last: datetime
    ignored: bool
    example: str
    capture: int
    line: int


def groups(server: LicenseServer, now: datetime | None = None, *, user: Any = None) -> list[Group]:
    """Return the kinds of lines of the last week that could not be read, the most frequent first;
    what is ignored comes last. Two queries.

    user:  for whom; None for work that nobody reads, which looks at all lines.

    A text keeps its first 1,000 such lines, so counts are lower bounds.
    """
    since = (now or timezone.now()) - LATELY
    mine = UnreadableLine.objects.filter(capture__server=server, capture__recorded_at__gte=since)
    if user is not None:  # by key: what joins more rows would count lines several times
        mine = mine.filter(pk__in=UnreadableLine.objects.for_user(user).order_by().values("pk"))
    rows = (
        mine.order_by()
        .values("shape")
        .annotate(
            count=Count("pk"),
            first=Min("capture__recorded_at"),
            last=Max("capture__recorded_at"),
            newest=Max("pk"),
        )
        .order_by("-count", "shape")[:100]
    )
    found = list(rows)
    newest = (
        UnreadableLine.objects.filter(pk__in=[row["newest"] for row in found])
        .with_ignored()
        .select_related("capture")
        .in_bulk()
    )
    told = [_group(row, newest[row["newest"]]) for row in found]
    return sorted(told, key=lambda group: group.ignored)


def _group(row: dict[str, object], line: UnreadableLine) -> Group:
    values = {name: row[name] for name in ("count", "first", "last")}
    return Group(
        digest=line.shape,
        pattern=safe_shape(line.text),
        reason=safe_reason(line.reason),
        kind=line.capture.kind,
        ignored=line.ignored,  # type: ignore[attr-defined]
        example=line.text,
        capture=line.capture_id,
        line=line.line,
        **values,  # type: ignore[arg-type]
    )


def safe_reason(reason: str) -> str:
    """Return why a line could not be read, without what that cites of it."""
    return _QUOTED.sub(lambda found: safe_shape(found[0]), reason)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def report(server: LicenseServer, found: Iterable[Group]) -> str:
    """Return a text about unreadable lines to send to whoever maintains the reader.

    Names of people, machines and this server do not stand in it.
    """
    parts = [
        "Lines of a licence server that could not be read",
        f"Kind of server: {server.get_kind_display()}",
        "Numbers are #, and whatever could be a name is …",
    ]
    for group in found:
        parts += [
            "",
            f"Text: {group.kind}",
            f"Why: {group.reason}",
            f"Seen: {group.count} times between {_day(group.first)} and {_day(group.last)} (UTC)",
            f"Shape: {group.pattern}",
        ]
    return "\n".join(parts) + "\n"
