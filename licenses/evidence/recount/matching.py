"""Which row of the status shows which holding that the log tells of."""

from collections import defaultdict

from .spans import FAR


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
