"""Curves: sorted (moment from which on, level), the first from -FAR on."""

from collections import defaultdict

from .spans import FAR, union


def curve(spans):
    """spans: (start, end, amount); where they overlap they add up, elsewhere is 0."""
    change = defaultdict(int)
    for start, end, amount in spans:
        if start < end:
            change[start] += amount
            change[end] -= amount
    found, level = [(-FAR, 0)], 0
    for moment in sorted(change):
        level += change[moment]
        found.append((moment, level))
    return found


def cut(levels, spans):
    """Return a curve that is None outside of some spans."""
    inside = curve((start, end, 1) for start, end in spans)
    return combined(lambda level, there: level if there else None, levels, inside)


def combined(how, *curves):
    moments = sorted({moment for each in curves for moment, _level in each})
    return list(
        zip(moments, (how(*levels) for levels in zip(*(on(each, moments) for each in curves))))
    )


def on(levels, moments):
    """Return the level at each of some moments, which rise."""
    found, place = [], 0
    for moment in moments:
        while place + 1 < len(levels) and levels[place + 1][0] <= moment:
            place += 1
        found.append(levels[place][1])
    return found


def where(test, *curves):
    """Return the spans in which a test of the levels holds."""
    told = combined(test, *curves)
    ends = [moment for moment, _ in told[1:]] + [FAR]
    return union([(moment, end) for (moment, true), end in zip(told, ends) if true])
