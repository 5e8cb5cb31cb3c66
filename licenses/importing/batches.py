"""Many rows, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BATCH = 500


def batches(rows: Any, size: int | None = None) -> Iterator[list[Any]]:
    """Yield the rows of a queryset by their keys; those read so far may be deleted meanwhile.

    size:  so many at a time; None: BATCH.
    """
    rows, size = rows.order_by("pk"), size or BATCH
    batch = list(rows[:size])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])
