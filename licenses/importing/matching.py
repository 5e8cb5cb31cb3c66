"""Which status row shows which of the holdings of a key that its log made."""

from __future__ import annotations

from .held import CLOCKS_AGREE, Open, Seen


def match(holdings: list[Open], rows: list[Seen]) -> list[Seen]:
    """Give each status row to the logged holding taken in its minute; return the rows that no log
    explains.

    A status prints minutes, so the two are the same when the minutes are (or neighbours: the tool
    may round up). A row that is shown for longer than its holding was out is still that holding:
    clocks differ, and the log's end counts. But one whose times agree goes first.
    """
    by_minute: dict[int, list[Open]] = {}
    for holding in holdings:
        by_minute.setdefault(holding.told_at // 60, []).append(holding)
    left = rows
    for agrees in (times_agree, lambda _holding, _row: True):
        unexplained = []
        for row in left:
            minutes = row.minutes
            same = minutes[: len(minutes) // 2]
            free = [
                holding
                for candidate in minutes
                for holding in by_minute.get(candidate, ())
                if holding.seen is None and agrees(holding, row)
            ]
            if not free:
                unexplained.append(row)
                continue
            # Of several, the one still out goes with a row still shown, and else the one that ended
            # between the answers between which the row went.
            best = min(
                free,
                key=lambda holding: (
                    holding.told_at // 60 not in same,
                    (holding.returned_at is None) != (row.gone_at is None),
                    holding.returned_at is not None and not row.ends_around(holding.returned_at),
                    holding.taken_at,
                    holding.returned_at or 0,
                ),
            )
            best.seen = row
        left = unexplained
    return left


def times_agree(holding: Open, row: Seen) -> bool:
    if holding.returned_by is None:
        return True
    by = holding.returned_by
    if holding.lost is not None and row.shown_by < holding.lost.by:
        by = max(by, holding.lost.by)
    return by + CLOCKS_AGREE >= row.last_seen
