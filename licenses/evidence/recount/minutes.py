"""Answers of which the minute alone is known, beside others of that minute."""

from bisect import bisect_left, bisect_right

from .spans import FAR


def settle(row, told, latest):
    """Let the answers that lack a row tell what they do, whatever the order of those that may
    have come in either: they contradict others only if no order explains them.

    told: when answers told of the feature.  latest: when those of a moment were given, at the
    latest.
    """
    leave_out_its_minute(row, told)
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


def leave_out_its_minute(row, told):
    """Let no answer contradict a row in the minute in which it was taken: a seat may come back
    within it, and be taken again. If one showed it before the minute that it prints, the server's
    clock is ahead of ours, and it was taken by then. Of the first answers after, all may lack it.
    """
    if "disputed_from" not in row or "started" not in row or "left_out" in row:
        return
    since = min(row["starts"][-1], row["shown_by"]) + 60
    if row["disputed_to"] < since:
        del row["disputed_from"], row["disputed_to"]
    elif row["disputed_from"] < since:
        row["disputed_from"] = min(row["disputed_to"], *told[bisect_left(told, since) :][:1])
