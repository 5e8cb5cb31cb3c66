"""Ask licence servers: many side by side, each on its own, and never two at once for one server."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from licenses.models import Capture, Gap, LicenseServer, PollState
from licenses.models.imports import POLL
from licenses.models.servers import reach
from licenses.sources import addresses, process
from licenses.sources.flexnet import connector
from licenses.sources.flexnet.lmstat import parse_lmstat
from licenses.sources.flexnet.lmstat_memory import StatusMemory
from licenses.sources.records import Result, Snapshot

from . import clock_back, coverage
from .captures import DiskFull, check_room
from .saved_times import WITHIN
from .snapshots import refresh_pools, store_failure, store_snapshot

log = logging.getLogger(__name__)

LONGEST_BACK_OFF = timedelta(minutes=5)
CLOCK_TOLERANCE = 120
"""Seconds by which a report's own time may differ from ours before its time is believed and ours is
not."""
REFRESHED = 50
"""Answers after which the newest figures of their servers' pools are written."""
STATUS_LIMIT = 16 * 2**20
_MEMORY = StatusMemory()


class ConnectionStep(NamedTuple):
    """One step of a connection test. ok None: not reached."""

    name: str
    ok: bool | None
    sentence: str


class ConnectionTest(NamedTuple):
    """What a connection test found, step by step; the first that failed is the one to mend."""

    ok: bool
    steps: list[ConnectionStep]
    result: str

    @property
    def failed(self) -> ConnectionStep | None:
        return next((step for step in self.steps if step.ok is False), None)


STEPS = {
    "tool": "The tool lmutil",
    "address": "The host's name",
    "network": "The port",
    "server": "The licence server",
    "daemon": "The vendor daemon",
    "answer": "The answer",
}


class _Asked(NamedTuple):
    """What one server answered, before anything is stored."""

    server: LicenseServer
    outcome: process.Outcome
    at: int


def test_connection(server: LicenseServer) -> ConnectionTest:
    """Ask a server once, store nothing, and name the step that fails."""
    if server.polling == LicenseServer.Polling.FILE:
        return _test_file(server)
    binary = settings.ITAM_LMUTIL
    if binary is None:
        return _steps(
            "tool",
            Result.FAILED,
            "No lmutil is set. Put its absolute path into ITAM_LMUTIL and restart.",
        )
    if not server.address:
        return _steps(
            "address",
            Result.FAILED,
            "The server has no address. Enter one such as 27000@license.example.com.",
        )
    if refused := _refused([server]):
        return _steps("address", Result.FAILED, refused[server.pk])
    outcome = process.run(
        Path(binary),
        connector.command_for(server.address),
        timeout=settings.ITAM_POLL_TIMEOUT_SECONDS,
    )
    snapshots = _parse(server, outcome)
    explained = connector.explain(outcome, snapshots)
    return _steps(explained.step, explained.result, explained.sentence)


test_connection.__test__ = False  # type: ignore[attr-defined]


def _steps(reached: str, result: Result, sentence: str) -> ConnectionTest:
    done = reached == "done"
    order = list(STEPS)
    place = len(order) if done else order.index(reached)
    steps = [
        ConnectionStep(STEPS[name], True, "fine")
        if index < place
        else ConnectionStep(STEPS[name], False, sentence)
        if index == place
        else ConnectionStep(STEPS[name], None, "not reached")
        for index, name in enumerate(order)
    ]
    if done:
        steps[-1] = ConnectionStep(STEPS["answer"], True, sentence)
    return ConnectionTest(done, steps, str(result))


def _test_file(server: LicenseServer) -> ConnectionTest:
    try:
        data = _read_status(server)
    except OSError as error:
        return ConnectionTest(
            False, [ConnectionStep("The status file", False, str(error))], str(Result.FAILED)
        )
    snapshots = parse_lmstat(data, zone=server.tzinfo)
    first = snapshots[0]
    good = first.result == Result.PARSED
    sentence = f"It lists {len(first.features)} features." if good else first.detail
    return ConnectionTest(
        good,
        [
            ConnectionStep("The status file", True, "fine"),
            ConnectionStep("The answer", good, sentence),
        ],
        str(first.result),
    )


# --- Polls
#
# ----------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the ids of the servers whose poll is due and that nobody is asking now, the longest
    waiting first."""
    polled = LicenseServer.objects.filter(enabled=True).exclude(polling=LicenseServer.Polling.OFF)
    PollState.objects.bulk_create(
        [
            PollState(server_id=pk, due_at=now)
            for pk in polled.filter(poll_state=None).values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )
    return list(
        polled.filter(
            Q(poll_state__due_at=None)
            | Q(poll_state__due_at__lte=now)
            # Our clock went back: what it said then of the next time means nothing now.
            | Q(poll_state__last_attempt_at__gt=now + timedelta(seconds=clock_back.TOLERANCE)),
            Q(poll_state__leased_until=None) | Q(poll_state__leased_until__lte=now),
        )
        .order_by("poll_state__due_at")
        .values_list("pk", flat=True)
    )


def poll(server_ids: Sequence[int], *, force: bool = False) -> dict[int, Capture]:
    """Ask these servers side by side, and return what was captured, by server.

    A server that another caller is asking is left out; one that is not due is too, unless forced. A
    hung server times out
    alone, and each answer is stored in its own transaction as soon as it is there.
    """
    now = timezone.now()
    leased = _lease(server_ids, now, force=force)
    captures: dict[int, Capture] = {}
    try:
        check_room()
    except DiskFull as error:
        for server, lease in leased.values():
            _release(server, lease, failed=True)
        # What the alert of a server that gives no answer tells as the reason.
        PollState.objects.filter(server__in=leased).update(
            last_result=Result.FAILED, last_detail=str(error)[:1000]
        )
        log.error("%s", error)
        return captures
    waiting: list[int] = []
    try:
        for asked in _ask(leased.values()):
            server, lease = leased[asked.server.pk]
            captures[server.pk] = _store(server, lease, asked)
            waiting.append(server.pk)
            if len(waiting) >= REFRESHED:
                refresh_pools(waiting)
                waiting = []
    finally:
        refresh_pools(waiting)
    return captures


def _ask(leased: Iterable[tuple[LicenseServer, uuid.UUID]]) -> Iterator[_Asked]:
    servers = [server for server, _lease in leased]
    for server in servers:
        if server.polling != LicenseServer.Polling.TOOL:
            yield _ask_file(server)
    yield from _ask_tool([s for s in servers if s.polling == LicenseServer.Polling.TOOL])


def poll_now(server: LicenseServer) -> Capture | None:
    """Ask one server at once. None where somebody else is asking it at this moment."""
    return poll([server.pk], force=True).get(server.pk)


def _lease(
    server_ids: Sequence[int], now: datetime, *, force: bool
) -> dict[int, tuple[LicenseServer, uuid.UUID]]:
    """Claim servers by one conditional UPDATE each: of two callers exactly one changes the row."""
    until = now + timedelta(
        seconds=max(settings.ITAM_LEASE_SECONDS, 2 * settings.ITAM_POLL_TIMEOUT_SECONDS)
    )
    servers = LicenseServer.objects.filter(pk__in=server_ids, enabled=True).exclude(
        polling=LicenseServer.Polling.OFF
    )
    claimed = {}
    PollState.objects.bulk_create(
        [PollState(server=server, due_at=now) for server in servers.filter(poll_state=None)],
        ignore_conflicts=True,
    )
    for server in servers:
        lease = uuid.uuid4()
        free = PollState.objects.filter(
            Q(leased_until=None) | Q(leased_until__lte=now), server=server
        )
        if not force:
            ahead = Q(last_attempt_at__gt=now + timedelta(seconds=clock_back.TOLERANCE))
            free = free.filter(Q(due_at=None) | Q(due_at__lte=now) | ahead)
        if free.update(lease=lease, leased_until=until) == 1:
            claimed[server.pk] = (server, lease)
    return claimed


def _ask_tool(servers: list[LicenseServer]) -> Iterable[_Asked]:
    by_id = {server.pk: server for server in servers}
    binary = settings.ITAM_LMUTIL
    if binary is None:
        for server in servers:
            missing = process.Outcome(
                None,
                b"",
                b"",
                0,
                process.Status.MISSING,
                "No lmutil is set. Put its absolute path into ITAM_LMUTIL.",
            )
            yield _Asked(server, missing, int(timezone.now().timestamp()))
        return
    refused = _refused(servers)
    for pk, why in refused.items():
        outcome = process.Outcome(None, b"", b"", 0, process.Status.FAILED, why)
        yield _Asked(by_id[pk], outcome, int(timezone.now().timestamp()))
    jobs = [
        process.Job(server.pk, Path(binary), connector.command_for(server.address))
        for server in servers
        if server.pk not in refused
    ]
    for key, outcome in process.run_many(
        jobs, timeout=settings.ITAM_POLL_TIMEOUT_SECONDS, concurrency=settings.ITAM_POLL_CONCURRENCY
    ):
        yield _Asked(by_id[key], outcome, int(timezone.now().timestamp()))  # type: ignore[index]


def _refused(servers: Iterable[LicenseServer]) -> dict[int, str]:
    """Return why servers are not asked, by id: of those whose names lead where nobody is to be led.

    The tool looks a name up again, so this keeps out what is there, not who changes it meanwhile.
    """
    hosts = {
        server.pk: [host for _port, host in connector.address_members(server.address)]
        for server in servers
    }
    known = addresses.resolve({host for own in hosts.values() for host in own})
    return {
        server.pk: why
        for server in servers
        for host in hosts[server.pk]
        if (why := reach(server.address, host, known.get(host, ())))
    }


def _ask_file(server: LicenseServer) -> _Asked:
    at = int(timezone.now().timestamp())
    try:
        data = _read_status(server)
    except OSError as error:
        return _Asked(
            server, process.Outcome(None, b"", b"", 0, process.Status.FAILED, str(error)), at
        )
    return _Asked(server, process.Outcome(0, data, b"", 0, process.Status.OK), at)


def _read_status(server: LicenseServer) -> bytes:
    with Path(server.status_path).open("rb") as stream:
        return stream.read(STATUS_LIMIT)


def _parse(server: LicenseServer, outcome: process.Outcome) -> list[Snapshot]:
    if outcome.status != process.Status.OK or not outcome.stdout:
        return []
    now = int(timezone.now().timestamp())
    return _MEMORY.parse(server.pk, outcome.stdout, zone=server.tzinfo, now=now)


def _store(server: LicenseServer, lease: uuid.UUID, asked: _Asked) -> Capture:
    """Store one answer, and say when the server is asked next."""
    outcome = asked.outcome
    snapshots = _parse(server, outcome)
    usable = [snapshot for snapshot in snapshots if snapshot.result != Result.NOT_RECOGNISED]
    failed, offset = True, None
    try:
        if len(usable) == 1:
            snapshot = usable[0]
            if snapshot.taken_at is not None:
                offset = snapshot.taken_at - asked.at
            at, within = _moment(server, snapshot, asked.at)
            stored = store_snapshot(
                server,
                snapshot,
                outcome.stdout,
                at=at,
                source=POLL,
                within=within,
                asked_at=asked.at,
                exit_code=outcome.exit_code,
                duration_ms=outcome.duration_ms,
                refresh=False,
            )
            failed = snapshot.result != Result.PARSED
        else:
            explained = connector.explain(outcome, snapshots)
            stored = store_failure(
                server,
                explained.result,
                explained.sentence,
                at=asked.at,
                source=POLL,
                asked_at=asked.at,
                raw=outcome.stdout,
                exit_code=outcome.exit_code,
                duration_ms=outcome.duration_ms,
                refresh=False,
            )
    finally:
        _release(server, lease, failed=failed, offset=offset, took=outcome.duration_ms)
    return stored.capture


def _moment(server: LicenseServer, snapshot: Snapshot, at: int) -> tuple[int, int]:
    """Return what moment an answer describes, and within how many seconds after it: ours for the
    tool's answer, the text's own minute for a file."""
    told = snapshot.taken_at
    if server.polling == LicenseServer.Polling.FILE and told is not None:
        return min(told, at), min(max(at - told, 0), WITHIN)
    return at, 0


def _release(
    server: LicenseServer,
    lease: uuid.UUID,
    *,
    failed: bool,
    offset: int | None = None,
    took: int | None = None,
) -> None:
    """Give the server back: due again after its interval, or after a growing pause while it fails.

    offset: seconds by which the answer's own time was ahead of ours; None: it told none.
    took:   milliseconds that asking took; None: nobody asked.

    The next time is counted from now, so polls missed while nobody asked are a gap and not a burst.
    """
    state = PollState.objects.get(server=server)
    pause = timedelta(seconds=server.poll_seconds)
    if failed:
        grown = timedelta(seconds=min(server.poll_seconds * 2 ** min(state.failures, 6), 3600))
        pause = max(pause, min(grown, LONGEST_BACK_OFF))
    now = timezone.now()
    told = {} if offset is None else {"clock_offset_seconds": offset}
    PollState.objects.filter(server=server, lease=lease).update(
        lease=None,
        leased_until=None,
        due_at=now + pause,
        last_attempt_at=now,
        last_duration_ms=took,
        **told,
    )


def switch(server: LicenseServer, *, enabled: bool) -> None:
    """Switch polling on or off. Off is a gap with its cause, from now on; on makes the server due
    at once."""
    now = timezone.now()
    LicenseServer.objects.filter(pk=server.pk).update(enabled=enabled)
    if enabled:
        PollState.objects.filter(server=server).update(due_at=now)
    else:
        coverage.open_gap(
            server, "", int(now.timestamp()), Gap.Cause.DISABLED, "Polling was switched off."
        )
