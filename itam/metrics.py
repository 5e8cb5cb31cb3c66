"""Figures of the installation in Prometheus' text format, read from the database at each scrape.

Counted from rows, so that any number of web processes gives the same answer.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from itam import health

__all__ = ["CONTENT_TYPE", "text"]


class InstallationCollector(Collector):
    """Collect what tells whether the installation works."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("itam_part_up", "1 while the part answers.", labels=["part"])
        for part, word in health.web_problems().items():
            up.add_metric([part], 1.0 if word == "ok" else 0.0)
        yield up
        disk = shutil.disk_usage(settings.ITAM_DATA_DIR)
        yield GaugeMetricFamily("itam_disk_free_bytes", "Room left for data.", value=disk.free)
        yield GaugeMetricFamily(
            "itam_disk_total_bytes", "Size of the data's disk.", value=disk.total
        )


def text() -> bytes:
    """Return all figures."""
    registry = CollectorRegistry()
    registry.register(InstallationCollector())
    return generate_latest(registry)
