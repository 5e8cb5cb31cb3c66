"""What answers, holes in the log and other texts do to the holdings of a key that its log made."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from .held import (
    CLOCKS_AGREE,
    CONTINUED,
    END_REASONS,
    EVENT,
    NO_RETURNS,
    RETURNED,
    SAMPLED,
    Differ,
    Dispute,
    Fact,
    Hole,
    Open,
    Restart,
    Seen,
)
from .matching import times_agree


def bound_by_holes(holdings: list[Open], next_hole: Callable[[int], Hole | None]) -> None:
    """Let what no IN returned be known only until the log was lost."""
    for holding in holdings:
        if holding.lives_on or holding.end_reason not in ("", "restart"):
            continue
        shown = holding.taken_at if holding.seen is None else holding.seen.last_seen + 1
        hole = next_hole(max(holding.taken_at, shown))
        if hole is None or (holding.returned_at is not None and hole.end > holding.returned_at):
            continue
        # The line that tells of it vouches for its own second.
        own = min(holding.own_second, hole.end - 1)
        holding.returned_after = max(hole.start, shown, holding.taken_by, own)
        if holding.returned_at is None:
            holding.end_reason = "lost"


def contradiction(holding: Open, next_poll: Callable[[int], int | None]) -> Dispute | None:
    """Return where answers contradict each other on a logged holding: on its row, and by lacking it
    after its OUT before any showed it."""
    row = holding.seen
    if row is None:
        return None
    first, told = next_poll(holding.taken_by + 60), row.dispute
    if first is None or first >= row.first_seen:
        return told
    if told is not None:
        return told._replace(start=min(first, told.start), before=None)
    end = first if row.missed_at is None else row.missed_at
    return Dispute(first, end, None, row.shown_by if row.last_seen > row.shown_by else None)


def stands_alone(holding: Open, next_poll: Callable[[int], int | None]) -> bool:
    """Tell whether but one answer shows a logged holding, after others that lack it."""
    row = holding.seen
    told = contradiction(holding, next_poll)
    return row is not None and row.dispute is None and told is not None and told.after is None


def outlast(
    holdings: list[Open],
    latest: Callable[[int], int] | None,
    next_poll: Callable[[int], int | None],
) -> None:
    """Let what a restart lost be known until the last answer before it that shows it, and possible
    until the restart: a daemon that crashed wrote no line of its end. What is borrowed, and shown
    after it too, lives on.

    latest: when a line that reads as of a moment was written at the latest; None: then.
    """
    for holding in holdings:
        row, lost, after = holding.seen, holding.lost, holding.returned_after
        if row is None or lost is None or after is None:
            continue
        if row.state == "borrowed" and row.last_seen > lost.at:
            holding.live_on(row)
            continue
        if row.shown_by >= lost.by or row.last_seen < after or stands_alone(holding, next_poll):
            continue
        gone = lost.by if row.gone_at is None else min(row.gone_at, lost.by)
        by = holding.returned_by
        holding.end(max(after, min(_shown_before(row, lost.by), lost.by)), gone, "restart")
        assert by is not None and holding.returned_at is not None
        at = holding.returned_at
        holding.returned_by = max(by, at if latest is None else latest(at))


def _shown_before(row: Seen, moment: int) -> int:
    """Return until when answers show a row for certain, of those before a moment."""
    dispute = row.dispute
    if dispute is None or dispute.start >= moment:
        return row.last_seen + 1
    if dispute.after is not None and dispute.after < moment:
        return row.last_seen + 1
    return row.shown_by if dispute.before is None else dispute.before + 1


def from_sighting(row: Seen) -> list[Open]:
    """Return the holding that a row tells of. They are two where complete answers dispute it for a
    time, and are of one mind before that and after it: the second goes on where the first ends."""
    by = row.taken_by
    found = [Open(row.started_at, by, SAMPLED, row)]
    if (dispute := row.dispute) is not None:
        until = by if dispute.before is None else max(by, dispute.before + 1)
        after = dispute.after
        if after is None:
            if until == by:
                found[0].taken_by = until = row.shown_by  # and known of no certain second
            found[0].know_until(until)
        elif until == by:
            found[0].taken_by = after
        else:
            found[0].end(until, dispute.start, "not_seen")
            found.append(Open(dispute.start, after, CONTINUED, row))
    if row.gone_at is not None:
        found[-1].end(row.last_seen + 1, row.gone_at, "not_seen")
    elif row.missing:
        found[-1].know_until(row.last_seen + 1)
    return found


def disputes(rows: Iterable[Seen]) -> list[Differ]:
    """Return where answers contradict each other for certain."""
    return [
        Differ("answers_differ", each.start, each.end, True, False, missed=each.end)
        for row in rows
        if (each := row.dispute) is not None and each.certain
    ]


def end_by_orphans(shown: list[Open], orphans: list[Fact]) -> list[Fact]:
    """Let an IN without an OUT end the holding that it must belong to, to the second, of those of
    which only answers tell, and return the INs that belong to none."""
    taken: set[int] = set()
    lonely = []
    for fact in orphans:
        for index, holding in enumerate(shown):
            row = holding.seen
            assert row is not None
            if index not in taken and row.ends_around(fact.at):
                holding.taken_by = max(holding.taken_at, min(holding.taken_by, fact.at))
                holding.end(fact.at, fact.at, END_REASONS.get(fact.reason, "returned"))
                taken.add(index)
                break
        else:
            lonely.append(fact)
    return lonely


def of_returns(
    lonely: Iterable[Fact],
    heard_since: Callable[[int], int | None],
    next_poll: Callable[[int], int | None],
    latest: Callable[[int], int] | None,
) -> list[Open]:
    """Return what INs that end nothing tell of: seats that were out before them, nobody knows for
    how long. Each is possible since the log is heard of, and known for no second.

    An answer in that time lacked the seat, so that it was not out since then.
    """
    found = []
    for fact in lonely:
        since = heard_since(fact.at)
        if since is None:
            continue
        poll = next_poll(since)
        if poll is not None and poll < fact.at:
            continue
        holding = Open(since, fact.at, RETURNED)
        by = fact.at if latest is None else latest(fact.at)
        holding.end(fact.at, by, END_REASONS.get(fact.reason, "returned"))
        found.append(holding)
    return found


def lacks(shown: Open, log_until: Callable[[int], int | None], restarts: Sequence[Restart]) -> bool:
    """Tell whether the log, which vouches for the time, lacks the OUT of what an answer shows."""
    row = shown.seen
    assert row is not None
    vouched = log_until(row.started_at)
    return vouched is not None and vouched >= row.first_seen and not _anew(row, restarts)


def bound_by_log(shown: list[Open], next_hole: Callable[[int], Hole | None]) -> None:
    """Let what one answer alone shows and the log lacks be possible only: the one or the other is
    wrong. But an IN vouches for it, and where the log is lost it contradicts nothing.

    shown: the parts of what a row tells of; the second is of answers of one mind.
    """
    first, row = shown[0], shown[0].seen
    assert row is not None
    hole = next_hole(row.started_at)
    if hole is not None and hole.start <= row.first_seen:
        return
    last = row.last_seen if row.dispute is None else row.dispute.before
    if first.end_reason in ("", "not_seen") and (last is None or last == row.first_seen):
        first.know_until(first.taken_by)


def bound_by_disputes(
    holdings: list[Open],
    next_poll: Callable[[int], int | None],
    log_until: Callable[[int], int | None],
    next_hole: Callable[[int], Hole | None],
) -> list[Open]:
    """Let what no IN ended, and answers contradict each other on after the log had ended, be known
    as they are of one mind. Returns what goes on after that."""
    found = []
    for holding in holdings:
        row, dispute = holding.seen, contradiction(holding, next_poll)
        if row is None or dispute is None or holding.end_reason not in ("", "not_seen", "lost"):
            continue
        vouched = holding.vouched if holding.lives_on else log_until(holding.taken_at)
        hole = None if holding.lives_on else next_hole(holding.taken_at)
        told = [holding.taken_by if vouched is None else vouched]
        told += [] if hole is None else [hole.start]
        until = max(min(told), holding.own_second)
        if until > dispute.end:
            continue  # the log tells of the whole time
        if dispute.before is not None:
            until = max(until, dispute.before + 1)
        after = dispute.after
        if after is None:
            holding.know_until(until)
            continue
        second = Open(max(dispute.start, until), after, CONTINUED, row)
        second.take_end(holding)
        holding.end(until, second.taken_at, "not_seen")
        found.append(second)
    return found


def differences(
    holdings: list[Open],
    unlogged: list[list[Open]],
    lonely: list[Fact],
    log_until: Callable[[int], int | None],
    next_hole: Callable[[int], Hole | None],
    restarts: Sequence[Restart],
) -> list[Differ]:
    """unlogged: the parts of each that answers show and the log lacks."""
    found = [Differ("return_alone", fact.at, fact.at, False, None) for fact in lonely]
    for holding in holdings:
        row = holding.seen
        if row is not None and not times_agree(holding, row):
            assert holding.returned_at is not None
            found.append(Differ("still_shown", holding.returned_at, _shown_until(row), False, True))
        elif (gone := _gone_unlogged(holding, log_until, next_hole, restarts)) is not None:
            starts = holding.taken_at if row is None else gone
            found.append(Differ("not_in_status", starts, gone, True, False, missed=gone))
    for first, *_second in unlogged:
        row = first.seen
        assert row is not None
        found.append(Differ("not_in_log", row.started_at, _shown_until(row), False, True))
    return found


def _gone_unlogged(
    holding: Open,
    log_until: Callable[[int], int | None],
    next_hole: Callable[[int], Hole | None],
    restarts: Sequence[Restart],
) -> int | None:
    """Return when a complete answer did not show what the log has out then, and vouches for the
    time since it was known to be held and after that; None where none did."""
    gone, row = holding.returned_at, holding.seen
    if gone is None or holding.end_reason != "not_seen" or holding.lives_on:
        return None
    since = holding.taken_at if row is None else max(holding.taken_at, row.last_seen)
    vouched, hole = log_until(since), next_hole(since)
    if vouched is None or vouched <= gone or (hole is not None and hole.start < gone):
        return None
    # Clocks differ: the answer may be of after the start that lost it.
    anew = any(since < each.at <= gone + CLOCKS_AGREE for each in restarts)
    return None if anew else gone


def _anew(row: Seen, restarts: Sequence[Restart]) -> bool:
    """Tell whether a restart may have started it anew, without an OUT: borrowed seats live through
    restarts."""
    first, last = row.started_at - CLOCKS_AGREE, row.shown_by
    return row.state == "borrowed" and any(first <= each.at <= last for each in restarts)


def _shown_until(row: Seen) -> int | None:
    return None if row.gone_at is None else row.last_seen


def bound_by_rows(holdings: list[Open]) -> None:
    """Let what answers show long after an IN ended it be known until the IN, and possible until
    they show it no more: the IN may have been of a seat whose OUT was lost."""
    for holding in holdings:
        row = holding.seen
        if row is not None and not times_agree(holding, row):
            holding.returned_at = row.gone_at


def bound_by_misses(holdings: list[Open], next_poll: Callable[[int], int | None]) -> list[Differ]:
    """Let what an IN ended long after a complete answer did not show it be known until the last
    answer that did, and possible until the IN: that may have been of a seat whose OUT was lost."""
    found = []
    for holding in holdings:
        at = holding.returned_at
        if at is None or holding.returned_after != at or holding.end_reason in NO_RETURNS:
            continue
        row = holding.seen
        if row is None or stands_alone(holding, next_poll):
            missed, ahead = next_poll(holding.taken_by + 60), 0
            shown = holding.own_second
        else:
            missed, ahead = row.gone_at, row.ahead
            shown = max(row.last_seen, holding.taken_by) + 1
        if missed is not None and missed + CLOCKS_AGREE + ahead < at:
            holding.returned_after = min(shown, at)
            found.append(Differ("not_in_status", missed, at, True, False, missed=missed))
    return found


def bound_by_texts(holdings: list[Open], known_until: Mapping[int, int | None]) -> None:
    for holding in holdings:
        until = known_until.get(holding.told_at)
        if until is not None and (holding.returned_after is None or until < holding.returned_after):
            holding.returned_after = max(until, holding.taken_by)


def bound_by_restarts(holdings: list[Open], perhaps_lost: Container[int]) -> None:
    """Let what no IN returned, no answer shows, and a restart may have lost that reads as before it
    be known for no time: in whichever pass of the clock the line of the restart was."""
    for holding in holdings:
        unreturned = not holding.end_reason or holding.end_reason in NO_RETURNS
        if unreturned and holding.seen is None and holding.told_at in perhaps_lost:
            holding.returned_after = holding.taken_by


def delay(holdings: list[Open], latest: Callable[[int], int]) -> None:
    """Let what was taken or returned in an hour that the clock showed twice, unseen, be known no
    more than if that was of the one or of the other.

    latest: when a line that is read as of a moment was written at the latest.
    """
    for holding in holdings:
        by = latest(holding.told_at)
        if holding.method == EVENT and by > holding.told_at:
            holding.taken_by = max(holding.taken_by, by)
        after, at = holding.returned_after, holding.returned_at
        if after is not None and at is not None and holding.end_reason != "not_seen":
            # What an IN before its OUT ended has the IN's moment, and what answers bound has not.
            holding.returned_by = max(at, latest(after if holding.method == EVENT else at))


def delay_returns(holdings: list[Open], latest: Callable[[int], int]) -> None:
    """Let what an IN ended of what lived on have been returned when that was written, at the
    latest."""
    for holding in holdings:
        if holding.returned_at is not None and holding.end_reason != "not_seen":
            holding.returned_by = latest(holding.returned_at)


def show(holdings: list[Open]) -> None:
    """Let what an answer shows have been taken by then."""
    for holding in holdings:
        if holding.seen is not None:
            shown = min(holding.taken_by, holding.seen.shown_by)
            holding.taken_by = max(holding.taken_at, shown)


def bound_by_delays(holdings: list[Open]) -> None:
    """Let holdings be possible until they were returned at the latest, once all else is known."""
    for holding in holdings:
        if holding.returned_after is not None:
            holding.returned_after = max(holding.returned_after, holding.taken_by)
        if holding.returned_at is not None and holding.returned_by is not None:
            holding.returned_at = max(holding.returned_at, holding.returned_by)


def end_by_polls(
    holdings: list[Open],
    next_poll: Callable[[int], int | None],
    log_until: Callable[[int], int | None],
) -> None:
    """End what a lost IN left open at the first complete answer that did not show it, unless a
    restart had ended it by then."""
    for holding in holdings:
        if holding.returned_at is not None and holding.end_reason != "restart":
            continue
        latest = holding.returned_at
        if holding.seen is not None:
            gone = holding.seen.gone_at
            if gone is not None and (latest is None or gone <= latest):
                holding.end(holding.seen.last_seen + 1, gone, "not_seen")
            continue
        # A poll of the minute in which it was taken may have been answered before.
        poll = next_poll(holding.taken_by + 60)
        if poll is not None and (latest is None or poll <= latest):
            vouched = log_until(holding.taken_at)
            # Where the log goes on past the poll the two disagree, and then nothing after the OUT
            # is sure.
            known = vouched if vouched is not None and vouched <= poll else holding.taken_at
            holding.end(known, poll, "not_seen")
