"""Who read what is not for everybody: names of people, documents, reports, exports."""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from itam.acting import who
from licenses.evidence import entries
from licenses.models import revealed_people, sees_names


def note_read(
    user: Any, kind: Literal["reveal", "export"], what: str, count: int, **about: str | int
) -> None:
    """Write into the installation's stream that somebody read something; nothing for count 0.

    kind:   reveal for names, export for what leaves as a file.
    what:   in words, without a name of a person.
    count:  how many rows or files: one entry a request, however many it showed.
    about:  what identifies the thing, such as a hash or an address without its query.
    """
    if not count:
        return
    body = {**about, "count": count, "what": what, "who": user.get_username()}
    entry = entries.draft(kind, int(timezone.now().timestamp()), body)
    with transaction.atomic():
        entries.append(entries.INSTALLATION, [entry], source="web")


def note_printed(
    what: str, count: int, *, kind: Literal["reveal", "export"] = "reveal", **about: str | int
) -> None:
    """Write that a command printed names in so many rows, or wrote rows or files for elsewhere;
    nothing for count 0. As `note_read`, of whoever works at the command line."""
    if count:
        body = {**about, "count": count, "what": what, "who": who() or "command"}
        entry = entries.draft(kind, int(timezone.now().timestamp()), body)
        with transaction.atomic():
            entries.append(entries.INSTALLATION, [entry], source="command")


def note_names(
    request: Any, what: str, count: int, *, pool: int | None = None, single: bool = False
) -> None:
    """Write that the user of a request saw names, if it is one who sees them now.

    pool:    of whose holders and refusals the names are; None where they are not of one pool.
    single:  names that were revealed one by one are shown there, too.
    """
    if sees_names(request.user, pool=pool) or (single and revealed_people(request.user)):
        note_read(request.user, "reveal", what, count, where=request.path)
