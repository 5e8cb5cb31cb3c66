"""Measure a whole compliance report: its numbers as JSON and CSV, its pages, all in one PDF.

    .venv/bin/python benchmarks/report.py

Prints seconds of processor time, the best of three. The numbers are made up and ready: what is
measured is all that happens after the analysis.
"""

from __future__ import annotations

import random
import time
from dataclasses import fields
from datetime import UTC
from fractions import Fraction
from itertools import pairwise
from typing import Any

from common import Line, django_on, show

DAY = 86_400
DAYS = 365
POOLS = 500
GAPS = 4
FINDINGS = 20
"""One pool in so many has over-use, and pages of its own."""


def made(kind: Any, **values: Any) -> Any:
    """Return a dataset with these values, "" or 0 in every other field."""
    blank = {"str": "", "int": 0, "bool": True}
    rest = {each.name: blank.get(str(each.type)) for each in fields(kind)}
    return kind(**{**rest, **values})


def report(pools: int) -> Any:
    """Return the numbers of a year of so many pools."""
    from licenses.analysis.denials import Blocked
    from licenses.concurrency.periods import periods
    from reports.datasets import compliance as sets
    from reports.datasets import pool_report
    from reports.datasets.integrity import Integrity
    from reports.datasets.late import Late

    chance = random.Random(12)
    months = list(pairwise(periods(0, DAYS * DAY, UTC, "month").tolist()))

    def pool(number: int) -> Any:
        verdict = "over_use" if number % FINDINGS == 0 else "as_observed"
        peaks = [chance.randint(1, 11) for _ in range(DAYS)]
        counts = dict.fromkeys(("denials", "denials_true", "denials_other"), 0)
        seen = dict.fromkeys(("expected_seconds", "observed_seconds", "logged_seconds"), DAY)
        rest = ("over_use", "load", "scope_rules")
        return made(
            sets.PoolReport,
            position=made(
                sets.Position, pool=f"Pool {number}", pool_id=number, verdict=verdict,
                reason="In use 11 of 10 allowed.", product="Product", coverage=Fraction(99, 100),
                entitled=10, proven=10, peak=max(peaks), peak_at=0, spare=-1, denials=0,
            ),
            zone="UTC",
            days=tuple(
                made(
                    sets.Day, start=n * DAY, end=(n + 1) * DAY, peak=peak, peak_seconds=60,
                    peak_at=n * DAY + chance.randrange(DAY), allowed_low=10, allowed_high=10,
                    **seen, **counts,
                )
                for n, peak in enumerate(peaks)
            ),
            months=tuple(
                made(
                    sets.Month, start=start, end=end, verdict=verdict, reason="In use 11 of 10.",
                    coverage=Fraction(1), peak=9, peak_at=start, denials=0, denial_episodes=0,
                )
                for start, end in months
            ),
            allowed=(sets.Level(0, DAYS * DAY, 10),),
            lines=tuple(
                made(
                    pool_report.Line, number=3 * number + n, quantity=5, metric="Concurrent",
                    first=f"202{4 + n}-01-01", contract=f"C-{number}", strength=4, proven=5,
                    strength_label="proven: invoice", documents=(),
                )
                for n in range(2)
            ),
            rights=tuple(
                made(
                    pool_report.RightsChange, start=n * DAY, quantity=5 * n, allowed=5 * n,
                    lines=(number,),
                )
                for n in (1, 2)
            ),
            gaps=tuple(
                made(
                    pool_report.Gap, start=at, end=at + chance.randrange(60, DAY), bound=None,
                    cause="log_missing", cause_label="the log is missing",
                )
                for at in sorted(chance.randrange(DAYS * DAY) for _ in range(GAPS))
            ),
            blocked=made(Blocked),
            **dict.fromkeys(rest, ()),
        )  # fmt: skip

    found = tuple(pool(number) for number in range(pools))
    verdicts = [each.position.verdict for each in found]
    return made(
        sets.Compliance, zone="UTC", end=DAYS * DAY, floor=Fraction(19, 20), proven_from=4,
        verdict="over_use", reason=found[0].position.reason, coverage=Fraction(99, 100),
        counts=tuple((name, verdicts.count(name)) for name in sorted(set(verdicts))),
        pools=found, method=(), sources=(), changes=(), late=Late(0, 0),
        integrity=Integrity(0, "", "", "", "", "", "no outside anchor"),
    )  # fmt: skip


def seconds(data: Any) -> tuple[float, bytes]:
    """Return the shortest of three runs from numbers to files, and the PDF."""
    from zoneinfo import ZoneInfo

    from itam.memory import uncollected
    from reports import delivery
    from reports.datasets.standing import Standing

    taken = []
    for _ in range(3):
        began = time.process_time()
        with uncollected():  # as `delivery.make` does
            numbers = data.as_json()
            files = delivery.printed(
                "compliance", data, numbers, Standing("ready"), ZoneInfo("UTC")
            )
        taken.append(time.process_time() - began)
    return min(taken), files.paper


def main() -> None:
    """Run the measurements and print them."""
    with django_on("sqlite"):
        one, _paper = seconds(report(1))
        many, paper = seconds(report(POOLS))
    size = len(paper) / 1e6
    show(
        [
            Line(
                f"whole report of {POOLS} pools, {size:.0f} MB with its numbers", f"{many:.2f} s",
                None, "at most 5 s", many <= 5,
            ),
            Line("whole report of one pool", f"{one:.2f} s", None, "at most 0.3 s", one <= 0.3),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
