"""Time the hourly sweep of all pools against numpy's sort of the same keys.

    python benchmarks/sweep.py [--holdings 1000000] [--pools 500] [--rounds 3]

Both are timed in turn in one process and their medians compared, so that the ratio holds on a
busy machine. The rows of some pools are checked against the timeline and its measures.
"""

from __future__ import annotations

import argparse
import resource
from statistics import median

import numpy as np
from common import Line, show, timed

from licenses.concurrency.intervals import Ints
from licenses.concurrency.measures import measure
from licenses.concurrency.rollups import Hours, hourly
from licenses.concurrency.timeline import Steps, usage

START = 1_735_689_600  # 2025-01-01, UTC
END = START + 365 * 86400
LIMIT = 100
AIM = 5.0


def main() -> None:
    arguments = parse()
    columns = simulate(arguments.holdings, arguments.pools)
    starts, ends, seats, pools = columns
    limits = {pool: Steps.constant(LIMIT, START, END) for pool in range(arguments.pools)}
    keys = event_keys(starts, ends, pools)

    def sweep() -> Hours:
        return hourly(starts, ends, seats, pools, START, END, limits=limits, allowed=limits)

    sorts, sweeps = [], []
    for _ in range(arguments.rounds):
        sorts.append(timed(lambda: np.sort(keys)))
        sweeps.append(timed(sweep))
    hours = sweep()
    check(hours, columns, limits)
    ratio = median(sweeps) / median(sorts)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"holdings              {len(starts):>12,}")
    print(f"pool-hours            {len(hours):>12,}")
    print(f"np.sort of the keys   {median(sorts):>12.3f} s")
    print(f"sweep                 {median(sweeps):>12.3f} s")
    print(f"memory, most          {memory:>12,} MB (holdings and keys of the yardstick included)")
    work = f"hourly figures of all pools from {len(starts):,} holdings"
    aim = f"at most {AIM:.0f}x numpy's sort of the same keys, exact"
    show([Line(work, f"{median(sweeps):.2f} s", ratio, aim, ratio <= AIM)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the hourly sweep of all pools.")
    parser.add_argument("--holdings", type=int, default=1_000_000)
    parser.add_argument("--pools", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def simulate(holdings: int, pools: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Make a year of holdings: unequal pools, office hours, some with several seats."""
    random = np.random.default_rng(20250101)
    weight = np.arange(1, pools + 1) ** -0.8
    pool = random.choice(pools, size=holdings, p=weight / weight.sum())
    day = random.integers(0, 365, size=holdings)
    office = np.clip(random.normal(13 * 3600, 3 * 3600, size=holdings), 0, 86399)
    starts = START + day * 86400 + office.astype(np.int64)
    ends = starts + 1 + random.lognormal(8, 1.2, size=holdings).astype(np.int64)
    seats = np.where(pool % 10 == 0, random.integers(1, 9, size=holdings), 1)
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order], seats[order], pool[order]


def event_keys(starts: Ints, ends: Ints, pools: Ints) -> Ints:
    """Return the keys (pool, second) of all starts and ends, in the order of arrival."""
    base = pools * (END - START + 3600) - START
    return np.append(base + starts, base + np.minimum(ends, END))


def check(hours: Hours, columns: tuple[Ints, Ints, Ints, Ints], limits: dict[int, Steps]) -> None:
    """Compare the rows of three pools with what the timeline says; stop if one differs."""
    starts, ends, seats, pools = columns
    edges = np.arange(START, END + 1, 3600)
    for pool in (0, len(limits) // 2, len(limits) - 1):
        mine = pools == pool
        steps = usage(starts[mine], ends[mine], seats[mine], START, END)
        truth = measure(steps, edges, limits[pool], limits[pool])
        used = truth.seat_seconds > 0
        rows = hours.groups == pool
        for name in ("peak", "seat_seconds", "full_seconds", "over_seconds", "over_seat_seconds"):
            if not np.array_equal(getattr(hours, name)[rows], getattr(truth, name)[used]):
                raise SystemExit(f"pool {pool}: {name} differs from the timeline's")


if __name__ == "__main__":
    main()
