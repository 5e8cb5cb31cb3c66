"""Which row of the status shows which holding that the log tells of."""

from bisect import bisect_left, bisect_right
from collections import defaultdict

from .spans import FAR


def by_out(rows, moves):
    """Sort rows by the minutes of their OUTs, before it is known which IN ended which; return those
    without one too."""
    known, unlogged, free = defaultdict(list), [], defaultdict(int)
    for at, is_out in moves:
        free[at // 60] += is_out
    for row in rows:
        found = next((near for near in row["near"] if free[near]), None)
        if found is None:
            unlogged.append(row)
        else:
            free[found] -= 1
            known[found].append(row)
    backs, shut = sorted(at for at, is_out in moves if not is_out), set()
    return known, [row for row in unlogged if not passed_on(row, known, free, backs, shut)]


def passed_on(row, known, free, backs, shut):
    """Find an OUT for a row that has none by letting others change their minute, in the fewest
    steps; tell whether there is one. To the minute before its own none changes whose seat the INs
    up to the first answer that shows it may have returned.

    shut: minutes from which no change leads to a free OUT; more are added.
    """
    ways, met = [[row]], set()
    while ways:
        longer = []
        for way in ways:  # a row, the minute to which it would go, a row of that minute, and so on
            last = way[-1]
            for near in last["near"]:
                if near in met or near in shut:
                    continue
                between = bisect_right(backs, last["first_seen"]) - bisect_left(backs, near * 60)
                if not free[near]:
                    met.add(near)
                    longer += [[*way, near, each] for each in known[near]]
                elif near in last["same"] or between < free[near]:
                    free[near] -= 1
                    for since, changed in zip(way[1::2], way[2::2]):
                        known[since].remove(changed)
                    for changed, to in zip(way[::2], [*way[1::2], near]):
                        known[to].append(changed)
                    return True
        ways = longer
    shut |= met
    return False


def matched(held, rows):
    """Give each row to the holding of its minute; return the rows that are left."""
    left, taken = rows, defaultdict(list)
    for one in held:
        taken[one.told // 60].append(one)
    for strict in (True, False):
        rest = []
        for row in left:
            free = [
                one
                for near in row["near"]
                for one in taken[near]
                if one.row is None and not (strict and outlived(one, row))
            ]
            if free:
                min(free, key=lambda one: unlikely(one, row)).row = row
            else:
                rest.append(row)
        left = rest
    left = [row for row in left if not exchanged(row, taken)]
    for one in held:
        if one.row is not None:
            one.sure = max(one.taken, min(one.sure, one.row["shown_by"]))
    return left


def outlived(one, row):
    """Tell whether a row is shown for longer than a holding may have been out."""
    return one.back is not None and one.until(row) + 60 < row["until"]


def unlikely(one, row):
    return (
        one.told // 60 not in row["same"], (one.back is None) != ("gone" not in row),
        one.back is not None and not fits(row, one.back), one.taken, one.back or 0,
    )  # fmt: skip


def exchanged(row, taken):
    """Give a row that is left a holding by letting others change theirs, in the fewest steps; tell
    whether that can be. They change to a holding of their own minute, or of the one before if it
    was out for as long as they are shown.

    taken: by minute; those from which no change leads to a free one are left out from then on.
    """
    ways, met = [[row]], {}
    while ways:
        longer = []
        for way in ways:  # a row, the holding that it would get, the row that has it, and so on
            last = way[-1]
            open_to = [
                (outlived(one, last), unlikely(one, last), one)
                for near in last["near"]
                for one in taken[near]
                if id(one) not in met
                if near in last["same"] or not outlived(one, last)
            ]
            for *_, one in sorted(open_to, key=lambda each: each[:2]):
                met[id(one)] = one
                if one.row is None:
                    for changed, to in zip(way[::2], [*way[1::2], one]):
                        to.row = changed
                    return True
                longer.append([*way, one, one.row])
        ways = longer
    for minute in {one.told // 60 for one in met.values()}:
        taken[minute] = [one for one in taken[minute] if id(one) not in met]
    return False


def fits(row, at):
    return row["until"] <= at <= row.get("gone", FAR)
