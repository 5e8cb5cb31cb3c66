"""The verdict of a pool over a month."""

from fractions import Fraction

from .curves import on
from .spans import both, clip, seconds

RANK = ["not_in_use", "proven", "as_observed", "not_determinable", "over_use"]


def month_of(pool, start, end, floor):
    """Return the figures of a month by their names in report.json."""
    found = pool.figures(start, end)
    judged = found["overuse_seconds"] is not None
    episodes = clip(pool.over, start, end)
    excess = [u - a for _at, _s, u, a, *_ in pool.cells(start, end) if a is not None]
    return {
        "verdict": verdict_of(pool, start, end, floor),
        "allowed": on(pool.allowed, [end - 1])[0],
        "peak": found["peak"],
        "peak_at": found["peak_first_at"],
        "over_seconds": found["overuse_seconds"],
        "over_seat_seconds": found["overuse_licence_seconds"],
        "over_episodes": len(episodes) if judged else None,
        "largest_excess": max([0, *excess]) if judged else None,
        "denials": found["denials"],
        "logged_seconds": found["logged_seconds"],
        "expected_seconds": found["expected_seconds"],
        "observed_seconds": found["observed_seconds"],
        "bounded_seconds": found["gap_seconds_bounded"],
    }


def verdict_of(pool, start, end, floor):
    def within(spans):
        return seconds(clip(spans, start, end))

    expected = within(pool.expected)
    if within(pool.over):
        return "over_use"
    if not expected:
        return "not_in_use"
    if within(pool.unknown) or within(pool.unmeasured) or within(pool.claimed):
        return "not_determinable"
    if not within(pool.bare) and not within(pool.doubtful):
        return "proven"
    share = Fraction(within(both(pool.expected, pool.seen)), expected)
    return "not_determinable" if share < floor else "as_observed"
