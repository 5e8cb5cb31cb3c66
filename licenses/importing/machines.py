"""Which machines a server runs on, so that no text of another is read as its own.

A log does not say which server it is of, and tells seats and restarts of the one as well as of the
other; a status ends what it does not list. What says to be of a machine that nobody has named for
its server waits until somebody does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from licenses.evidence import entries
from licenses.models import Gap, ImportJob, LicenseServer, LogCursor, PollState, ServerFact, Work
from licenses.sources.flexnet.connector import address_members
from licenses.sources.flexnet.machines import machines, same, tells
from licenses.sources.records import Statement

from . import coverage
from .directory import lock


class OtherMachine(Exception):
    """A text says to be of a machine that is not known to be its server's.

    offset, line:  from which on nothing was read.
    """

    def __init__(
        self, server: LicenseServer, name: str, *, offset: int = 0, line: int = 1, text: str = "log"
    ) -> None:
        self.name, self.offset = name, offset
        where = "The" if line == 1 else f"From line {line} on the"
        what = "of it" if line == 1 else "from there on"
        super().__init__(
            f"{where} {text} says to be of the machine {name}; the server {server.name} is known "
            f"to run on {', '.join(known(server))}. Nothing {what} is read until somebody says "
            f"that {name} is a machine of this server."
        )


def known(server: LicenseServer) -> list[str]:
    """Return the machines of a server: of its address, those that somebody named, and those of
    which it answered or wrote its logs."""
    rows = ServerFact.objects.filter(server=server, what=Statement.HOST)
    stated = rows.order_by("-seen_at", "pk").values_list("value", flat=True)
    of_address = [host for _port, host in address_members(server.address)] if server.address else []
    found: list[str] = []
    for name in (*of_address, *_split([server.machines, *stated])):
        if tells(name) and not any(same(name, other) for other in found):
            found.append(name)
    return found


def is_known(server: LicenseServer, name: str) -> bool:
    """Whether a log that names a machine may be the server's."""
    return _fits(name, known(server))


def _fits(name: str, names: Sequence[str]) -> bool:
    """Whether a machine is one of these. Where none is known yet, a log is taken at its word."""
    return not names or not tells(name) or any(same(name, other) for other in names)


def check_status(server: LicenseServer, hosts: Iterable[str]) -> None:
    """Raise OtherMachine for a status that names none of the server's machines."""
    named = [host for host in hosts if tells(host)]
    if named and not any(is_known(server, host) for host in named):
        raise OtherMachine(server, named[0], text="status")


class Watch:
    """Looks for other machines in a text as it is read.

    begins: the machine that it names first, where that is known before it is read.
    """

    def __init__(self, server: LicenseServer, begins: str = "") -> None:
        self._server, self._begins = server, begins
        self._met: list[str] = []
        self._new: list[str] = []
        """Of the present piece."""

    def first_other(self, block: bytes, encoding: str) -> tuple[int, str] | None:
        """Return where in a piece of the text what another machine wrote begins, and its name."""
        first, self._begins = self._begins, ""
        self._new = []
        if first and not self._accepts(first):
            return 0, first
        for at, name in machines(block, encoding):
            if not self._accepts(name):
                return at, name
        return None

    def _accepts(self, name: str) -> bool:
        if name in self._met:
            return True
        # Of a first log the machine is not on record before the piece is.
        known_now = known(self._server) or self._met
        if not _fits(name, known_now):
            return False
        self._met.append(name)
        self._new.append(name)
        return True

    def overtaken(self) -> str:
        """Return a machine that the piece names, if another's first log came in between: then it is
        not taken at its word. Asked with the server locked."""
        names = known(self._server) if self._new else []
        return next((name for name in self._new if not _fits(name, names)), "")


def confirm(server: LicenseServer, name: str) -> None:
    """Name a machine of a server: what waits for that is read with the next turn. Raises
    ValidationError for what can be no name of one."""
    with transaction.atomic():
        row = LicenseServer.objects.select_for_update().get(pk=server.pk)
        row.machines = ", ".join(dict.fromkeys([*_split([row.machines]), name]))
        row.clean_fields({field.name for field in row._meta.fields} - {"machines"})
        row.save(update_fields=["machines"])
        PollState.objects.filter(server=row).update(log_due_at=timezone.now())
    server.machines = row.machines
    release()


def release() -> None:
    """Have the files read that wait for a machine which is known by now."""
    for job in ImportJob.objects.exclude(machine="").select_related("server"):
        if is_known(job.server, job.machine):
            ImportJob.objects.filter(pk=job.pk, state=Work.FAILED).update(
                state=Work.WAITING, machine="", error="", attempts=0, finished_at=None
            )


def note_gap(server: LicenseServer, start: int, end: int, said: str) -> None:
    """Write, or make longer, the gap of a text that waits. In the caller's transaction or none."""
    if start >= end:
        return
    cause, first = Gap.Cause.OTHER_MACHINE, coverage.moment(start)
    rows = Gap.objects.filter(server=server, daemon="", cause=cause, starts=first)
    if rows.exists():
        rows.filter(ends__lt=coverage.moment(end)).update(ends=coverage.moment(end))
        return
    with transaction.atomic():
        lock(server)
        drafts = coverage.write_gap(server, "", start, end, cause, said)
        entries.append_server(server, drafts, source="import")


def waiting(server: LicenseServer) -> list[str]:
    """Return the machines that logs of a server name and that nobody has named for it."""
    jobs = ImportJob.objects.filter(server=server).exclude(machine="").order_by("pk")
    cursors = LogCursor.objects.filter(server=server).at_stranger()
    return list(
        dict.fromkeys(
            name for rows in (jobs, cursors) for name in rows.values_list("machine", flat=True)
        )
    )


def _split(texts: Iterable[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]
