"""Import a log into an empty database whole: stored, paired, sealed into evidence, counted.

    python benchmarks/load.py [--events 4000000] [--pools 500] [--database sqlite|postgresql]
                              [--without-evidence] [--profile]

The yardstick is a reader of one regular expression a line, which stores nothing. Then one poll's
cycle, and a day's log that came late, against counting all hours again.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import pstats
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from common import Line, django_on, leave_out_evidence, show, timed
from parse import read_per_line

AIM = 150_000
DAYS = 365


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--pools", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--without-evidence", action="store_true")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    arguments = parser.parse_args()
    with (
        django_on(arguments.database),
        tempfile.TemporaryDirectory(prefix="itam-benchmark-") as folder,
    ):
        path = Path(folder) / "debug.log"
        end = int(time.time()) // 86400 * 86400
        write_year(path, arguments.events, arguments.pools, end)
        naive = timed(lambda: read_per_line(path))
        if arguments.without_evidence:
            leave_out_evidence()
        told = "no evidence" if arguments.without_evidence else "evidence"
        with profiled(arguments.profile):
            measure(path, arguments.pools, naive, end, told)


@contextlib.contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print what took most of the time of what is done inside, if wanted."""
    if not wanted:
        yield
        return
    profile = cProfile.Profile(time.process_time)
    with profile:
        yield
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def measure(path: Path, pools: int, naive: float, end: int, told: str) -> None:
    from django.db import connection
    from django.db.models import Sum

    from licenses.analysis import rollup
    from licenses.importing.files import Wanted, import_file
    from licenses.models import (
        EventBlock,
        Feature,
        LicensePool,
        LicenseServer,
        PoolFeature,
        Product,
        Vendor,
    )

    server = LicenseServer.objects.create(name="server", zone="UTC")
    product = Product.objects.create(name="Product", vendor=Vendor.objects.create(name="Vendor"))
    for place in range(pools):
        feature = Feature.objects.create(server=server, daemon="acmed", name=f"feat_{place}")
        pool = LicensePool.objects.create(product=product, name=f"pool{place}")
        PoolFeature.objects.create(pool=pool, feature=feature)
    storing = timed(lambda: import_file(server, path, path.name, Wanted()))
    counting = timed(rollup.drain)
    events = EventBlock.objects.aggregate(total=Sum("count"))["total"]
    whole = storing + counting
    ids = list(LicensePool.objects.order_by("pk").values_list("pk", flat=True))

    def again(pool_ids: list[int], start: int, until: int) -> float:
        rollup.mark_dirty(pool_ids, start, until)
        return timed(rollup.drain)

    noon = end - 43_200
    cycle = median(again(ids, noon - 300, noon) for _ in range(3))
    late = median(again(ids[:20], end - 5 * 86400, end - 4 * 86400) for _ in range(3))
    rebuild = again(ids, end - DAYS * 86400, end)
    work = f"log of {events:,} events, {pools} pools"
    # The aims are set for SQLite.
    aims = connection.vendor == "sqlite"
    show([
        Line(f"{work}: stored, counted, {told}", f"{events / whole:,.0f} events/s", None,
             f"at least {AIM:,} a second" if aims else "-", not aims or events / whole >= AIM),
        Line("the same against a reader that stores nothing", f"{whole:.1f} s", whole / naive,
             "at most 0.9x (set without evidence)" if aims else "-",
             not aims or whole <= 0.9 * naive),
        Line("of it, storing", f"{events / storing:,.0f} events/s", storing / naive,
             "-", True),
        Line(f"of it, counting the hours of {DAYS} days", f"{counting:.1f} s", counting / naive,
             "-", True),
        Line(f"hours after one poll's cycle of {pools} pools", f"{1e3 * cycle:.0f} ms",
             rebuild / cycle, "at most 1/100 of counting all again", rebuild >= 100 * cycle),
        Line("hours after a late log of one day, 20 pools", f"{1e3 * late:.0f} ms",
             rebuild / late, "at most 1/100 of counting all again", rebuild >= 100 * late),
    ])  # fmt: skip


def write_year(path: Path, events: int, pools: int, end: int) -> None:
    """Write a year's log up to *end* (UTC): people who come by day and keep to few features."""
    chance = random.Random(1)
    zone = ZoneInfo("UTC")
    weights = [1 / (place + 1) ** 0.8 for place in range(pools)]
    moments = []
    for feature in chance.choices(range(pools), weights, k=events // 2):
        day = end - 86400 * (1 + chance.randrange(DAYS))
        taken = day + min(86_000, max(0, int(chance.gauss(43_200, 10_800))))
        user = (feature * 97 + int(chance.random() ** 2 * 400)) % 5000
        moments.append((taken, "OUT", feature, user))
        moments.append((min(end - 1, taken + chance.randrange(60, 14_400)), "IN", feature, user))
    moments.sort()
    today = None
    with path.open("w") as out:
        for at, word, feature, user in moments:
            when = datetime.fromtimestamp(at, zone)
            if when.date() != today:
                today = when.date()
                out.write(f" 0:00:00 (lmgrd) TIMESTAMP {today.month}/{today.day}/{today.year}\n")
            out.write(
                f"{when.hour:2d}:{when.minute:02d}:{when.second:02d} "
                f'(acmed) {word}: "feat_{feature}" u{user}@ws{user * 3 % 8000}  \n'
            )


if __name__ == "__main__":
    main()
