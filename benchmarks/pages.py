"""Time every page of the admin and every list of the API, over 1,000 pools and 12 months.

    python benchmarks/pages.py --all --keep FOLDER      a verdict for each page; the database stays

Server time through Django's test client: the whole of middleware, view and template, no network.
Each page is asked for once to warm up and then some times more: median and worst on the clock, and
the median of the processor's time, which tells less of others on a busy machine. The yardstick, a
loop of plain Python, runs between the pages: its median over its best is how busy the machine was.
A page is *met* by the clock, *busy* where only the processor's time keeps to the aim, or *MISSED*.
The dashboard's first paint is measured in Chromium, where Playwright and it are installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from common import BASE, Line, django_on, show, timed
from company import END, fill
from furnish import fill_lists, furnish

LIMIT_MS = 100
USAGE_MS = 15
PAINT_MS = 1000
PAINTED = 7
FIRST_PAINT = """() => new Promise(told => new PerformanceObserver(list => {
    const [entry] = list.getEntriesByName('first-contentful-paint');
    if (entry) told(entry.startTime);
}).observe({type: 'paint', buffered: true}))"""
"""Waits for it: all may be loaded before the first frame is drawn."""
NOW = "/api/v1/pools/now/"
MARK = "complete"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--pools", type=int, default=1_000)
    parser.add_argument("--holdings", type=int, default=1_000_000)
    parser.add_argument("--all", action="store_true", help="print each page's time and verdict")
    parser.add_argument(
        "--keep", type=Path, help="a folder (SQLite only) whose database is used again if it fits"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--markdown", type=Path, help="write the pages' table there for the docs")
    arguments = parser.parse_args()
    if arguments.keep and arguments.database != "sqlite":
        parser.error("--keep works with SQLite only")
    size = f"{arguments.pools} {arguments.holdings}"
    began = time.monotonic()
    if arguments.keep:
        _clear_unless(arguments.keep, size)
    with django_on(arguments.database, arguments.keep):
        from django.core.management import call_command
        from django.db import connection

        from licenses.analysis import kept
        from licenses.models import LicensePool

        call_command("collectstatic", verbosity=0, interactive=False)
        if not LicensePool.objects.exists():
            fill(arguments.holdings, arguments.pools)
            furnish()
        reader = account()
        fill_lists(reader)
        kept.keep(END, limit_seconds=3600)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")  # else it does so itself, while pages are timed
        if arguments.keep:
            (arguments.keep / MARK).write_text(size)
        print(f"database ready after {time.monotonic() - began:.0f} s", flush=True)
        client = signed_in(reader)
        pages, busy = measure(client, arguments.rounds)
        if arguments.all:
            for page in sorted(pages, key=lambda page: -page.clock):
                print(page.text())
        print(
            f"yardstick {busy[0]:.2f} ms at the median, {busy[1]:.2f} ms at best: "
            f"{busy[0] / busy[1]:.2f}x; load {os.getloadavg()[0]:.1f}"
        )
        if arguments.markdown:
            arguments.markdown.write_text(markdown(pages, busy))
        show([*lines(pages, busy), *paint(client)])
    print(f"all of it in {time.monotonic() - began:.0f} s")


def _clear_unless(keep: Path, size: str) -> None:
    """Take away a kept database of another size, or one that was never finished."""
    mark = keep / MARK
    if keep.exists() and not (mark.exists() and mark.read_text() == size):
        for file in keep.glob("itam.sqlite3*"):
            file.unlink()


@dataclass(frozen=True, slots=True)
class Page:
    """One page's times in milliseconds: on the clock (median, worst) and of the processor."""

    path: str
    clock: float
    worst: float
    worked: float

    @property
    def limit(self) -> float:
        return USAGE_MS if self.path == NOW else LIMIT_MS

    @property
    def verdict(self) -> str:
        if self.clock <= self.limit:
            return "met"
        return "busy" if self.worked <= self.limit else "MISSED"

    def text(self) -> str:
        return (
            f"{self.verdict:<7}{self.clock:>8.1f} ms, worst {self.worst:>7.1f} ms, "
            f"{self.worked:>7.1f} ms of the processor  {self.path}"
        )


def yardstick() -> None:
    total = 0
    for number in range(50_000):
        total += number * number % 7


def paths() -> list[str]:
    """Return the address of each page and list without parameters, and of some rows' own pages.

    Of pools, those of one in the middle, which stands for most, and those of the largest, which
    has a twentieth of all use.
    """
    from django.contrib import admin
    from django.urls import reverse

    from licenses import models as m
    from licenses.api.urls import ENDPOINTS
    from reports.api.urls import router as reports

    pools = list(m.LicensePool.objects.filter(name__startswith="pool").order_by("pk"))
    server = m.LicenseServer.objects.order_by("pk").first()
    assert server is not None
    found = ["/admin/", "/admin/live/pools/", "/admin/search/?s=pool&extended=1"]
    for model, page in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found += [reverse(f"admin:{name}_changelist"), reverse(f"admin:{name}_add")]
        row = page.model.objects.order_by("pk").first() if page.model is not m.Checkout else None
        if row is not None:
            found.append(reverse(f"admin:{name}_change", args=[row.pk]))
            found.append(reverse(f"admin:{name}_history", args=[row.pk]))
    found += [f"/admin/licenses/licenseserver/{server.pk}/overview/"]
    for pool in (pools[len(pools) // 2], pools[0]):
        found += of_pool(pool.pk)
    found += [f"/api/v1/{name}/" for name in ENDPOINTS]
    found += [f"/api/v1/{name}/" for name, *_ in reports.registry]
    found += ["/api/v1/overview/", NOW, f"{NOW}?week=true", f"{NOW}?headlines=true"]
    found += [f"/admin/live/dashboard/{name}/" for name in ("cards", "pools", "tasks")]
    found += [f"/admin/set-up/{name}/" for name in ("features", "pools", "contracts", "report")]
    found += ["/status/", "/status/?q=a", "/status/refusals/"]
    episode = m.DenialEpisode.objects.first()
    found += [f"/status/refusals/{episode.pk}/"] if episode else []
    return list(dict.fromkeys(path.replace("//", "/") for path in found))


def of_pool(pk: int) -> list[str]:
    """Return the pages of one pool, and what the API tells of a year of it."""
    from licenses.admin.pool_tabs import TABS

    end = datetime.fromtimestamp(END, UTC).replace(hour=0, minute=0, second=0)
    span = f"from={end - timedelta(days=364):%Y-%m-%d}&to={end:%Y-%m-%d}"
    row = f"/admin/licenses/licensepool/{pk}"
    return [
        *(f"{row}/overview/?tab={tab.key}" for tab in TABS),
        *(f"{row}/at/", f"{row}/over-use/", f"{row}/change/"),
        f"/admin/live/pools/{pk}/use/?from={END - 30 * 86_400}&to={END}",
        *(f"/admin/live/pools/{pk}/{name}/" for name in ("pattern", "holders")),
        *(f"/api/v1/pools/{pk}/{name}/?{span}" for name in ("usage", "denials", "teams")),
        *(f"/api/v1/pools/{pk}/holders/", f"/status/pools/{pk}/"),
    ]


def account() -> Any:
    """Return the administrator who reads the pages."""
    from django.contrib.auth.models import User

    user = User.objects.filter(username="bench").first()
    return user or User.objects.create_superuser("bench", password="x")


def signed_in(user: Any) -> Any:
    """Return a client that an account is signed in with."""
    from django.test import Client

    client = Client(HTTP_HOST="localhost", raise_request_exception=False)
    client.force_login(user)
    return client


def measure(client: Any, rounds: int) -> tuple[list[Page], tuple[float, float]]:
    """Return each page's times, and the yardstick's median and best in milliseconds."""
    from itam.memory import settle

    settle()  # as a web process does once it is loaded (itam/gunicorn.py)
    found, beats = [], []
    for path in paths():
        answer = client.get(path)
        if answer.status_code != 200:  # what cannot be added, or cannot be asked for alone
            if answer.status_code not in (403, 404, 405):
                print(f"{answer.status_code} {path}", flush=True)
            continue
        clock, worked = [], []
        for _ in range(rounds):
            beats.append(1000 * timed(yardstick))
            began = time.process_time()
            clock.append(1000 * timed(lambda path=path: client.get(path)))  # type: ignore[misc]
            worked.append(1000 * (time.process_time() - began))
        found.append(Page(path, median(clock), max(clock), median(worked)))
    return found, (median(beats), min(beats))


def lines(pages: list[Page], busy: tuple[float, float]) -> list[Line]:
    """Return the lines for the table: the slowest page, how many keep to the aim, and use now."""
    slowest = max(pages, key=lambda page: page.clock)
    now = next(page for page in pages if page.path == NOW)
    kept = sum(page.verdict == "met" for page in pages)
    return [
        Line(
            f"slowest of {len(pages)} pages and lists: {slowest.path.split('?')[0]}",
            f"{slowest.clock:.0f} ms",
            slowest.clock / busy[0],
            f"at most {LIMIT_MS} ms of server time (ratio: to 50,000 rounds of plain Python); "
            f"{kept} pages keep to it",
            slowest.verdict == "met",
        ),
        Line(
            "use of all pools now, one answer of the API",
            f"{now.clock:.1f} ms",
            now.clock / busy[0],
            f"at most {USAGE_MS} ms for 1,000 pools",
            now.verdict == "met",
        ),
    ]


def markdown(pages: list[Page], busy: tuple[float, float]) -> str:
    """Return the table of pages for the docs, slowest first."""
    rows = [
        f"| `{page.path.split('?from')[0]}` | {page.clock:.0f} ms | {page.worst:.0f} ms | "
        f"{page.worked:.0f} ms | {page.verdict} |"
        for page in sorted(pages, key=lambda page: -page.clock)
    ]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {len(pages)} pages and lists, yardstick "
        f"{busy[0] / busy[1]:.2f}x of its best, load {os.getloadavg()[0]:.1f}.\n\n"
        "| page | median | worst | of the processor | |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def paint(client: Any) -> list[Line]:
    """Return how long the dashboard takes to its first paint, from gunicorn to Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("first paint: not measured, as Playwright or Chromium is not installed")
        return []
    from django.conf import settings

    times = []
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    with serving() as base, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(PAINTED):
            context = browser.new_context()  # with nothing cached
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": base}])
            page = context.new_page()
            page.goto(f"{base}/admin/", wait_until="load")
            times.append(page.evaluate(FIRST_PAINT))
            context.close()
        browser.close()
    times = times[1:]  # the first one warms the server's process up
    return [
        Line(
            "first paint of the dashboard, nothing cached",
            f"{median(times):.0f} ms",
            None,
            f"at most {PAINT_MS} ms on loopback (worst {max(times):.0f} ms)",
            median(times) <= PAINT_MS,
        )
    ]


@contextmanager
def serving() -> Iterator[str]:
    """Serve the same database as in production, with one process; give its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", str(BASE / "itam" / "gunicorn.py")],
        cwd=BASE,
        env=os.environ | {"ITAM_BIND": f"127.0.0.1:{port}", "ITAM_WEB_PROCESSES": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


if __name__ == "__main__":
    main()
