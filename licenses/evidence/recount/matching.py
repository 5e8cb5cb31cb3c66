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
                for one in taken.get(near, [])
                if one.row is None
                and not (strict and one.back is not None and one.until(row) + 60 < row["until"])
            ]  # fmt: skip
            if not free:
                rest.append(row)
                continue
            best = min(free, key=lambda one: (
                one.told // 60 not in row["same"], (one.back is None) != ("gone" not in row),
                one.back is not None and not fits(row, one.back), one.taken, one.back or 0,
            ))  # fmt: skip
            best.row = row
            best.sure = max(best.taken, min(best.sure, row["shown_by"]))
        left = rest
    return left


def fits(row, at):
    return row["until"] <= at <= row.get("gone", FAR)
