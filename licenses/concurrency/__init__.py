"""The maths of concurrent use: spans in, figures out. numpy only, no Django.

Moments are whole epoch seconds (UTC) in int64 arrays, spans are half-open, and a seat given back
and taken in the same second is one seat.

    intervals   sets of moments: observed time, gaps
    timeline    seats in use, and limits, as steps over time
    periods     hours, days, weeks and months of a zone
    measures    peak, seat-time, full and over time per period; over-use episodes; load duration
    axis        one time axis for many pools: what works on a timeline works on all at once
    rollups     the hourly figures of many pools at once
    denials     refusals chained into episodes, and how they ended
"""
