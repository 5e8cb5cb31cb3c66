"""What a server's polls vouch for and what they do not, from all attempts, in whatever order they
came.

An attempt is a `Capture` of a status. Coverage and gaps are made again between the complete answers
around the one that is new, so a status that arrives late leaves what it would have left in time.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.models import Q

from licenses.analysis.gap_reasons import NOT_NAMED, OF_DAEMONS, said_of
from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import EVER, number
from licenses.analysis.steps import AnswerSteps, load_steps
from licenses.concurrency.intervals import IntervalSet
from licenses.concurrency.timeline import OPEN
from licenses.evidence import entries
from licenses.models import LONGEST_STEP, Capture, Coverage, Gap, LicenseServer
from licenses.sources.records import Result

from . import coverage
from .answers import statuses

CAUSES = {
    str(Result.SERVER_DOWN): Gap.Cause.SERVER_UNREACHABLE,
    str(Result.DAEMON_DOWN): Gap.Cause.VENDOR_DAEMON_DOWN,
    str(Result.NOT_RECOGNISED): Gap.Cause.NOT_RECOGNISED,
    str(Result.PARTIAL): Gap.Cause.PARTIAL,
    str(Result.TIMEOUT): Gap.Cause.TIMEOUT,
    str(Result.FAILED): Gap.Cause.COLLECTOR_DOWN,
}


def _parsed_before(server: int, moment: int) -> Asked:
    rows = statuses(server).filter(result=Capture.Result.PARSED, starts__lt=moment)
    return rows.order_by("-starts")[:1], (number("starts"),)


def _parsed_after(server: int, moment: int) -> Asked:
    rows = statuses(server).filter(result=Capture.Result.PARSED, starts__gt=moment)
    return rows.order_by("starts")[:1], (number("starts"),)


def _between(server: int, low: int, high: int) -> Asked:
    rows = statuses(server).filter(starts__gte=low, starts__lte=high)
    return rows.order_by("starts", "pk"), (number("starts"), "result", "detail", "scope__daemons")


_PARSED_BEFORE = Prepared(_parsed_before)
_PARSED_AFTER = Prepared(_parsed_after)
_BETWEEN = Prepared(_between)


def _only(rows: list[tuple[Any, ...]]) -> int | None:
    return rows[0][0] if rows else None


class _Attempt(NamedTuple):
    """All that was tried in one second.

    daemons:  those that the answer names, and whether they were up; None where nothing is known of
              any. "" is the whole server.
    """

    at: int
    complete: bool
    cause: str
    detail: str
    daemons: dict[str, bool] | None


class Retold(NamedTuple):
    """Evidence of what changed, and the span in which what is vouched for changed (start > end:
    nowhere)."""

    drafts: list[entries.Draft]
    start: int
    end: int


def retell(server: LicenseServer, at: int, *, newest: bool = False) -> Retold:
    """Make the coverage and the gaps of polls again around a moment at which an attempt is new.

    newest: no later attempt is stored.
    """
    tried = _around(server, at, newest=newest)
    if not tried:
        return Retold([], 0, -1)
    low, high = tried[0].at, tried[-1].at
    # A gap that starts with the newest attempt may be of another of its second that told less.
    until = high if tried[-1].complete and high > at else None
    stored = _gaps_from(server, low, until)
    drafts = _end_disabled(stored, tried)
    disabled = _within(stored, Gap.Cause.DISABLED, low, high)
    spans, gaps = _vouched(tried, _steps(server, tried), disabled)
    gaps += _whole_failures(tried)
    gaps += _daemon_failures(tried)
    if spans and (twice := _within(stored, Gap.Cause.CLOCK_SUSPECT, low, high)):
        spans = {
            daemon: list(IntervalSet.of_spans(known).subtract(twice))
            for daemon, known in spans.items()
        }
    start, end = 2**62, -(2**62)
    known: dict[str, list[Coverage]] = {daemon: [] for daemon in spans}
    for row in _COVERED.objects(server.pk, low, high):
        known.setdefault(row.daemon, []).append(row)
    for daemon, rows in sorted(known.items()):
        new, lost = coverage.replace(
            server, daemon, Coverage.Source.POLLS, low, high, spans.get(daemon, []), known=rows
        )
        for pieces, what in ((lost, "withdrawn"), (new, "")):
            for first, last in pieces:
                body = {"daemon": daemon, "from": first, "source": "polls", "to": last}
                drafts.append(
                    entries.draft("coverage", last, body | ({"what": what} if what else {}))
                )
                start, end = min(start, first), max(end, last)
    drafts += _store_gaps(server, stored, low, until, gaps)
    return Retold(drafts, start, end)


@Prepared
def _COVERED(server: int, low: int, high: int) -> Asked:
    rows = Coverage.objects.filter(
        server=server, source=Coverage.Source.POLLS, starts__lt=high, ends__gt=low
    )
    return rows.order_by(), ()


def _around(server: LicenseServer, at: int, *, newest: bool) -> list[_Attempt]:
    """Return the attempts from the last complete answer before a moment to the first one after
    it."""
    low = _only(_PARSED_BEFORE.rows(server.pk, at))
    high = None if newest else _only(_PARSED_AFTER.rows(server.pk, at))
    found: list[_Attempt] = []
    for starts, result, detail, daemons in _BETWEEN.rows(
        server.pk, EVER if low is None else low, OPEN if high is None else high
    ):
        attempt = _Attempt(
            starts,
            result == Capture.Result.PARSED,
            CAUSES.get(result, Gap.Cause.NOT_RECOGNISED),
            detail,
            _named(
                result == Capture.Result.PARSED, None if daemons is None else json.loads(daemons)
            ),
        )
        if found and found[-1].at == attempt.at:
            found[-1] = _together(found[-1], attempt)
        else:
            found.append(attempt)
    return found


def _steps(server: LicenseServer, tried: list[_Attempt]) -> AnswerSteps:
    """Return how far apart two answers may be. Most are so near that no interval matters."""
    if all(last.at - first.at <= LONGEST_STEP for first, last in pairwise(tried)):
        return AnswerSteps([(EVER, LONGEST_STEP)])
    return load_steps([server.pk])[server.pk]


def _together(one: _Attempt, other: _Attempt) -> _Attempt:
    """Return what two attempts of one second told, whichever came first: both, if both are
    complete; else what the one told that told more."""
    most = max(one, other, key=_told)
    if not (one.complete and other.complete):
        return most
    daemons = {**(one.daemons or {}), **(other.daemons or {})}
    up = {name: bool(_up(one, name) or _up(other, name)) for name in daemons}
    return most._replace(daemons=up)


def _told(attempt: _Attempt) -> tuple[bool, int, str]:
    return attempt.complete, len(attempt.daemons or ()), attempt.cause


def _named(complete: bool, daemons: dict[str, bool] | None) -> dict[str, bool] | None:
    if complete:
        return daemons or {"": True}
    # A daemon that is down without a name leaves nothing known.
    return daemons if daemons and not all(daemons.values()) else None


def _up(attempt: _Attempt, daemon: str) -> bool | None:
    """Return whether an answer says that a daemon was up; None where it does not name it, as that
    of another server at the same address."""
    told = attempt.daemons or {}
    return told.get(daemon, told.get(""))


class _Told(NamedTuple):
    """A gap as it should stand."""

    daemon: str
    start: int
    cause: str
    end: int | None
    detail: str


def _vouched(
    tried: list[_Attempt], steps: AnswerSteps, disabled: IntervalSet
) -> tuple[dict[str, list[tuple[int, int]]], list[_Told]]:
    """Return the spans between answers that are near enough, and a gap where two are not, but for
    the time in which polling was switched off: that is a gap of its own. Another is that of a
    daemon which only one of two answers names."""
    spans: dict[str, list[tuple[int, int]]] = {}
    gaps = []
    for first, last in pairwise(tried):
        near = last.at - first.at <= steps.at(first.at)
        if near:
            for daemon in _daemons([first, last]):
                if _up(first, daemon) and _up(last, daemon):
                    spans.setdefault(daemon, []).append((first.at, last.at))
                elif first.complete and last.complete:
                    cause = Gap.Cause.VENDOR_DAEMON_DOWN
                    gaps.append(_Told(daemon, first.at, cause, last.at, NOT_NAMED))
        elif first.complete and last.complete:
            gaps += [
                _Told(
                    "",
                    start,
                    Gap.Cause.COLLECTOR_DOWN,
                    end,
                    f"Nobody asked for {end - start} seconds.",
                )
                for start, end in IntervalSet.of([first.at], [last.at]).subtract(disabled)
            ]
    return spans, gaps


def _daemons(tried: list[_Attempt]) -> list[str]:
    return sorted({name for attempt in tried for name in attempt.daemons or ()})


def _whole_failures(tried: list[_Attempt]) -> list[_Told]:
    """Return the gaps in which nothing was told at all: from the last answer before them to the
    next. A new cause begins a new one."""
    gaps: list[_Told] = []
    since: int | None = None
    for index, attempt in enumerate(tried):
        if attempt.complete or attempt.daemons is not None:
            if since is not None:
                gaps[-1] = gaps[-1]._replace(end=attempt.at)
            since = None
        elif since is None:
            since = tried[index - 1].at if index else attempt.at
            gaps.append(_Told("", since, attempt.cause, None, attempt.detail))
        elif gaps[-1].cause != attempt.cause:
            gaps[-1] = gaps[-1]._replace(end=attempt.at)
            gaps.append(_Told("", attempt.at, attempt.cause, None, attempt.detail))
    return gaps


def _daemon_failures(tried: list[_Attempt]) -> list[_Told]:
    """Return the gaps in which one daemon was said to be down. The next complete answer ends them:
    where it does not name the daemon, nobody says that it is still down."""
    gaps: list[_Told] = []
    for daemon in _daemons(tried):
        last_up: int | None = None
        down: _Told | None = None
        for attempt in tried:
            up = attempt.complete or _up(attempt, daemon)
            if up:
                if down is not None:
                    gaps.append(down._replace(end=attempt.at))
                last_up, down = attempt.at, None
            elif up is False and down is None:
                start = attempt.at if last_up is None else last_up
                detail = said_of(attempt.detail, [daemon])
                down = _Told(daemon, start, attempt.cause, None, detail)
        if down is not None:
            gaps.append(down)
    return gaps


def _gaps_from(server: LicenseServer, low: int, high: int | None) -> list[Gap]:
    """Return the gaps of every cause that reach into [low, high); high: None is without end."""
    return _GAPS.objects(server.pk, low, OPEN if high is None else high)


@Prepared
def _GAPS(server: int, low: int, high: int) -> Asked:
    reaching = Q(ends=None) | Q(ends__gt=low) | Q(starts__gte=low)
    return Gap.objects.filter(reaching, server=server, starts__lt=high).order_by("pk"), ()


def _end_disabled(stored: list[Gap], tried: list[_Attempt]) -> list[entries.Draft]:
    """End the time in which polling was switched off at the first attempt after it."""
    off = (gap for gap in stored if gap.ends is None and gap.cause == Gap.Cause.DISABLED)
    gap = next(off, None)
    since = None if gap is None else _seconds(gap.starts)
    later = [attempt.at for attempt in tried if since is not None and attempt.at > since]
    if gap is None or since is None or not later:
        return []
    gap.ends = coverage.moment(later[0])
    gap.save(update_fields=["ends"])
    return [_gap_entry(_Told("", since, gap.cause, later[0], ""))]


def _within(stored: list[Gap], cause: str, start: int, end: int) -> IntervalSet:
    """Return the time of the gaps with a cause that are over, and lie in [start, end) somewhere:
    that in which polling was switched off, or that our own clock showed twice."""
    spans = [(_seconds(gap.starts), _seconds(gap.ends)) for gap in stored if gap.cause == cause]
    return IntervalSet.of_spans(
        (first, last)
        for first, last in spans
        if first is not None and last is not None and first < end and last > start
    )


def _store_gaps(
    server: LicenseServer, known: list[Gap], low: int, high: int | None, wanted: list[_Told]
) -> list[entries.Draft]:
    """Make the gaps of polls that start in [low, high) those that are wanted. Returns the evidence
    of each change.

    known: the gaps that are stored from `low` on.
    """
    causes = set(map(str, CAUSES.values()))
    rows = [
        row
        for row in known
        if row.cause in causes
        and low <= int(row.starts.timestamp()) < (2**61 if high is None else high)
    ]
    stored = {(row.daemon, _seconds(row.starts), row.cause): row for row in rows}
    drafts: list[entries.Draft] = []
    fresh, changed = [], []
    for gap in wanted:
        row = stored.pop((gap.daemon, gap.start, str(gap.cause)), None)
        if row is None:
            fresh.append(gap)
        elif _seconds(row.ends) != gap.end:
            changed.append((row, gap))
    for (daemon, start, cause), row in stored.items():
        gone = _Told(daemon, start or 0, cause, _seconds(row.ends), row.detail)
        drafts.append(_gap_entry(gone, "withdrawn"))
        row.delete()
    # One alone of a daemon may be open: what is over ends before another one opens.
    for row, gap in sorted(changed, key=lambda each: each[1].end is None):
        end = None if gap.end is None else coverage.moment(gap.end)
        Gap.objects.filter(pk=row.pk).update(ends=end)
        drafts.append(_gap_entry(gap))
    for gap in fresh:
        Gap.objects.create(
            server=server,
            daemon=gap.daemon,
            starts=coverage.moment(gap.start),
            ends=None if gap.end is None else coverage.moment(gap.end),
            cause=gap.cause,
            detail=gap.detail[:1000],
        )
        drafts.append(_gap_entry(gap))
    if known or fresh:
        coverage.fill_gaps(server, low, 2**61 if high is None else high)
    return drafts


def _gap_entry(gap: _Told, what: str = "") -> entries.Draft:
    body: dict[str, Any] = {"cause": str(gap.cause), "daemon": gap.daemon, "from": gap.start}
    if gap.end is None:
        body |= said_in_entry(gap.cause, gap.detail) if not gap.daemon else {"detail": gap.detail}
    else:
        body["to"] = gap.end
    if what:
        body["what"] = what
    return entries.draft("gap", gap.start if gap.end is None else gap.end, body)


def said_in_entry(cause: str, detail: str) -> dict[str, str]:
    """Return how an entry of the server as a whole has what an attempt came to. What it says of
    single daemons is not every vendor's to read."""
    return entries.digests(detail=detail) if cause in OF_DAEMONS else {"detail": detail}


def _seconds(value: Any) -> int | None:
    return None if value is None else int(value.timestamp())
