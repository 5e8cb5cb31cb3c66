"""Mark what an import touched, so that it is counted again."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from licenses.analysis import rollup
from licenses.models import Feature, LicenseServer


def mark_server(server: LicenseServer, start: int, end: int) -> None:
    """Have the hours of [start, end) counted again in every pool that this server feeds.

    Holdings that are still open reach to the end of time; hours to come are counted when they have
    come.
    """
    mark_features(
        list(Feature.objects.filter(server=server).order_by().values_list("pk", flat=True)),
        start,
        end,
    )


def mark_features(feature_ids: Collection[int], start: int, end: int) -> None:
    """Do the same in every pool that these features feed."""
    until = min(end, int(timezone.now().timestamp()) + 1)
    rollup.mark_dirty(start=start, end=until, feature_ids=feature_ids)
