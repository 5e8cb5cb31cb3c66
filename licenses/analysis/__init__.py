"""Answers: rows in, figures out. Here the database meets the maths.

    mappings    which features feed which pools
    rights      what is allowed, and the limit that follows
    statements  what servers and licence files say that is issued
    coverage    what was observed, what was expected, and the gaps between
    holdings    who held seats, when, and how well that is known
    usage       the figures of a pool per period
    denials     refusals, and how episodes of them ended
    rollup      hourly figures: which are to be counted again, and counting them
    now         the newest figures, and the holders
    verdict     whether use stayed within what is allowed
    headlines   the numbers by which a pool is judged at a glance
    portfolio   all pools at a glance

`load_...` functions read many pools in a constant number of queries; the rest is numpy. What the
figures mean is written down in `docs/counting.md`.
"""
