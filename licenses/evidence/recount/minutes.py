"""Answers of which the minute alone is known, beside others of that minute."""

from bisect import bisect_left, bisect_right

from .spans import FAR


def settle(row, told, latest):
    """Let the answers that lack a row tell what they do, whatever the order of those that may
    have come in either: they contradict others only if no order explains them.

    told: when answers told of the feature.  latest: when those of a moment were given, at the
    latest.
    """
    sure, shown_by = row["starts"][-1] + 59, row["shown_by"]
    row["sure"], ends = min(sure, shown_by), []
    before = bisect_left(told, row["first_seen"]) - 1
    missed = told[before] if before >= 0 else -FAR
    if "disputed_from" in row:
        lacking = row["disputed_from"], row["disputed_to"]
        early = lacking[1] <= shown_by
        late = min(map(latest, lacking)) >= row["until"]
        if (early or late) and ("gone" in row or not late):
            del row["disputed_from"], row["disputed_to"]
            missed = lacking[1] if early else missed
            ends = [] if early else lacking
    row["missed"] = missed
    if missed > row["sure"]:
        row["sure"] = shown_by  # one did not show it, though it says that it was held
    if "gone" not in row:
        return
    # One that came before its seats were taken, perhaps, does not tell of their end.
    after = bisect_right(told, row["sure"])
    gone = [latest(at) for at in ends if at > row["sure"]]
    if row["sure"] <= row["until"]:
        gone.append(row["gone"])
    elif after < len(told):
        gone.append(latest(told[after]))
    if gone:
        row["gone"] = max(min(gone), row["until"] + 1)
    else:
        row["missing"] = row.pop("gone")
