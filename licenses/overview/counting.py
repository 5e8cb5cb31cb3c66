"""What of the figures is being counted again, as people read it beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from itam import figures
from licenses.analysis.ages import ago
from licenses.analysis.waiting import Waiting, waiting
from licenses.models import LicensePool, Rebuild, sees_everything

QUIET_SECONDS = 600
"""A run that was not heard of for longer says since when."""


@dataclass(frozen=True, slots=True)
class Counting:
    """waiting: hours of the pools that a user may see, or of one. run: a rebuild that goes on, for
    who sees everything."""

    waiting: Waiting
    run: Rebuild | None


def counting(user: Any, pool: int | None = None) -> Counting:
    """Return what is being counted again. Two queries at most.

    pool:  its id, where only one is shown; whoever calls has seen to it that the user may see it.
    """
    everything = sees_everything(user)
    pools: Any = None if everything else LicensePool.objects.for_user(user).order_by().values("pk")
    found = waiting(pools if pool is None else [pool])
    return Counting(found, Rebuild.objects.going_on(timezone.now()) if everything else None)


def sentences(found: Counting, now: datetime) -> list[str]:
    """Return what is to be said beside the figures: nothing where all of them are up to date."""
    said = []
    if found.run is not None:
        text = gettext("All figures are being made again, begun %(ago)s: %(far)s.")
        said.append(text % {"ago": _ago(found.run.begun_at, now), "far": found.run})
        if (now - found.run.heard_at).total_seconds() > QUIET_SECONDS:
            text = gettext("This was last heard of %(ago)s.")
            said[-1] += " " + text % {"ago": _ago(found.run.heard_at, now)}
    if found.waiting.since is not None:
        text = gettext("Figures of %(hours)s are being counted again, since %(since)s.")
        if not found.waiting.exact:
            text = gettext(
                "Figures of more than %(hours)s are being counted again, since %(since)s."
            )
        elif found.waiting.pools > 1:
            text = gettext(
                "Figures of %(hours)s, of %(pools)s, are being counted again, since %(since)s."
            )
        told = {
            "hours": figures.hours(found.waiting.hours),
            "pools": figures.pools(found.waiting.pools),
            "since": figures.moment(found.waiting.since),
        }
        said.append(f"{text % told} {gettext('Until then, what was known before is shown.')}")
    return said


def _ago(at: datetime, now: datetime) -> str:
    return ago(int((now - at).total_seconds()))
