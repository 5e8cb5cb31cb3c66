"""What several pages do with functions of other layers, said once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.utils.module_loading import import_string

from licenses.analysis import now as pools_now
from licenses.analysis.rollup import mark_dirty
from licenses.concurrency.periods import local_midnight
from licenses.models import Entitlement


def rights_changed(*lines: Entitlement) -> None:
    """Have the hours counted again over which these lines hold: their limits are others now."""
    for line in lines:
        zone = line.pool.tzinfo
        end = int(time.time()) + 1  # hours to come are counted when they have come
        if line.valid_to is not None:
            end = min(end, local_midnight(line.valid_to + timedelta(days=1), zone))
        mark_dirty([line.pool_id], local_midnight(line.valid_from, zone), end)
    pools_now.refresh({line.pool_id for line in lines})


def optional(dotted: str) -> Any:
    """Return a function of a part that need not be there, else None.

    Reports stand above us: we never import them, and without them a button is missing.
    """
    try:
        return import_string(dotted)
    except ImportError:
        return None
