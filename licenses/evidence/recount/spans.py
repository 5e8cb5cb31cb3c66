"""Sets of seconds: sorted lists of spans that do not touch."""

from bisect import bisect_left, bisect_right

FAR = 1 << 61


def union(*sets):
    merged = []
    for start, end in sorted(span for spans in sets for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def minus(spans, others):
    left, others = [], union(others)
    for start, end in union(spans):
        place = max(bisect_right(others, (start, FAR)) - 1, 0)
        while start < end and place < len(others) and others[place][0] < end:
            low, high = others[place]
            if low > start:
                left.append((start, min(low, end)))
            start, place = max(start, high), place + 1
        if start < end:
            left.append((start, end))
    return left


def clip(spans, start, end):
    first = bisect_right(spans, (start, FAR)) - 1
    cuts = (
        (max(a, start), min(b, end)) for a, b in spans[max(first, 0) : bisect_left(spans, (end,))]
    )
    return [(a, b) for a, b in cuts if a < b]


def both(spans, others):
    return minus(spans, minus([(-FAR, FAR)], others))


def seconds(spans):
    return sum(end - start for start, end in spans)
