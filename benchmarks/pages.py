"""Time every page of the admin and every list of the API, over 1,000 pools and 12 months.

    python benchmarks/pages.py [--database sqlite|postgresql] [--pools 1000] [--holdings 1000000]

Server time through Django's test client: the whole of middleware, view and template, no network.
`--all` prints the processor's time beside it: on a busy machine the clock tells of the others, too.
The yardstick is the same request for one pool's row alone (`/api/v1/pools/{id}/`).
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from common import Line, django_on, show, timed, typical
from company import END, START, fill

LIMIT_MS = 100
USAGE_MS = 15
ROUNDS = 5
NOW = "/api/v1/pools/now/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--pools", type=int, default=1_000)
    parser.add_argument("--holdings", type=int, default=1_000_000)
    parser.add_argument("--all", action="store_true", help="print each page's time")
    arguments = parser.parse_args()
    with django_on(arguments.database):
        from django.core.management import call_command

        call_command("collectstatic", verbosity=0, interactive=False)
        fill(arguments.holdings, arguments.pools)
        furnish()
        show(measure(each=arguments.all))


def furnish() -> None:
    """Add what pages show besides holdings: rights, refusals, the present, and counted hours."""
    from licenses import models as m
    from licenses.analysis import headlines, now, rollup

    dice = random.Random(3)
    pools = list(m.LicensePool.objects.order_by("pk"))
    vendor = m.Vendor.objects.get()
    contract = m.Contract.objects.create(
        vendor=vendor, number="C-1", title="Frame", valid_from=date(2020, 1, 1)
    )
    m.Entitlement.objects.bulk_create(
        m.Entitlement(
            pool=pool, contract=contract, quantity=dice.randint(5, 60), metric="concurrent",
            valid_from=date(2020, 1, 1),
        )
        for pool in pools
    )  # fmt: skip
    features = list(m.Feature.objects.order_by("pk"))
    m.IssuedCount.objects.bulk_create(
        m.IssuedCount(feature=feature, source="status", count=40) for feature in features
    )
    people, hosts = m.Person.objects.count(), m.Host.objects.count()
    m.Denial.objects.bulk_create(
        [
            m.Denial(
                feature=dice.choice(features), person_id=dice.randint(1, people),
                host_id=dice.randint(1, hosts), at=START + dice.randrange(END - START), seats=1,
                reason_class="capacity", capacity=True,
            )
            for _ in range(30_000)
        ],
        batch_size=2_000,
    )  # fmt: skip
    m.Checkout.objects.filter(returned_at__gte=datetime.fromtimestamp(END - 7200, UTC)).update(
        returned_at=None, returned_after=None, end_reason=""
    )
    ids = [pool.pk for pool in pools]
    rollup.mark_dirty(ids, START, END)
    rollup.drain()
    now.refresh(ids)
    taken = timed(lambda: headlines.drain(END, limit_seconds=3600))
    print(f"30 days of {len(ids)} pools counted in {taken:.1f} s")


def paths() -> list[str]:
    """Return the address of each page and list without parameters, and of some rows' own pages."""
    from django.contrib import admin
    from django.urls import reverse

    from licenses import models as m
    from licenses.admin.pool_tabs import TABS
    from licenses.api.urls import ENDPOINTS

    pool, server = m.LicensePool.objects.order_by("pk").first(), m.LicenseServer.objects.get()
    assert pool is not None
    found = ["/admin/", "/admin/live/pools/"]
    for model, page in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"admin:{name}_changelist"))
        row = page.model.objects.order_by("pk").first() if page.model is not m.Checkout else None
        if row is not None:
            found.append(reverse(f"admin:{name}_change", args=[row.pk]))
    found += [
        *(f"/admin/licenses/licensepool/{pool.pk}/overview/?tab={tab.key}" for tab in TABS),
        f"/admin/licenses/licenseserver/{server.pk}/overview/",
    ]
    found += [f"/api/v1/{name}/" for name in ENDPOINTS]
    end = datetime.fromtimestamp(END, UTC).replace(hour=0, minute=0, second=0)
    start = end - timedelta(days=364)
    span = f"from={start:%Y-%m-%d}&to={end:%Y-%m-%d}"
    found += [f"/api/v1/pools/{pool.pk}/{name}/?{span}" for name in ("usage", "denials", "teams")]
    found += ["/api/v1/overview/", f"{NOW}?headlines=true"]
    found += [f"/admin/live/dashboard/{name}/" for name in ("cards", "pools", "tasks")]
    found += ["/status/", "/status/?q=a", f"/status/pools/{pool.pk}/", "/status/refusals/"]
    episode = m.DenialEpisode.objects.first()
    found += [f"/status/refusals/{episode.pk}/"] if episode else []
    found += [NOW, f"{NOW}?week=true", f"/api/v1/pools/{pool.pk}/holders/"]
    return found


def measure(*, each: bool) -> list[Line]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    user = get_user_model().objects.create_superuser("bench", password="x")
    client = Client(HTTP_HOST="localhost")
    client.force_login(user)

    # As a web process does once it is loaded (itam/gunicorn.py).
    gc.collect()
    gc.freeze()

    def ask(path: str) -> Any:
        answer = client.get(path)
        assert answer.status_code in (200, 404, 405), (path, answer.status_code)
        return answer

    times: dict[str, float] = {}
    worked: dict[str, float] = {}
    for path in paths():
        if ask(path).status_code == 200:
            began = time.process_time()
            times[path] = 1000 * typical(lambda path=path: ask(path), ROUNDS)  # type: ignore[misc]
            worked[path] = 1000 * (time.process_time() - began) / ROUNDS
    if each:
        for path, taken in sorted(times.items(), key=lambda item: -item[1]):
            print(f"{taken:>9.1f} ms {worked[path]:>9.1f} ms of the processor  {path}")
    slowest = max(times, key=times.__getitem__)
    yardstick = 1000 * median(timed(lambda: ask("/api/v1/pools/1/")) for _ in range(15))
    lines = [
        Line(
            f"slowest of {len(times)} pages and lists: {slowest.split('?')[0]}",
            f"{times[slowest]:.0f} ms",
            times[slowest] / yardstick,
            f"at most {LIMIT_MS} ms of server time (ratio: to one pool's row)",
            times[slowest] <= LIMIT_MS,
        ),
        Line(
            "use of all pools now, one answer of the API",
            f"{times[NOW]:.1f} ms",
            times[NOW] / yardstick,
            f"at most {USAGE_MS} ms for 1,000 pools",
            times[NOW] <= USAGE_MS,
        ),
    ]
    return lines


if __name__ == "__main__":
    main()
