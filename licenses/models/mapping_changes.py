"""What mappings said before they were changed: figures of the past may rest on them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from .fields import InstantField
from .pools import LicensePool, PoolFeature
from .scoping import ScopedQuerySet

AT_ONCE: Final = timedelta(minutes=1)
"""A mapping that ends now is recorded a little later."""


class MappingChangeQuerySet(ScopedQuerySet):
    def bearing_before(self, moment: datetime) -> Self:
        """Keep those on which figures of the time before a moment rest."""
        return self.filter(models.Q(since=None) | models.Q(since__lt=moment))


class MappingChange(models.Model):
    """A mapping of a pool became another: its feature, its weight or its times.

    Nobody edits it: it tells a report what was on record when.

    before, after:  the feature and its server in words, the weight, and `from` and `until` in
                    epoch seconds, null for open ends. Where the mapping went to another pool or
                    came from one, that side is empty.
    since:          the first moment at which the two say something else; empty: ever since.
    reason:         compulsory where that is in the past: then it has a `Correction`, too.
    """

    pool = models.ForeignKey(LicensePool, on_delete=models.PROTECT, related_name="mapping_changes")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    since = InstantField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = MappingChangeQuerySet.as_manager()

    class Meta:
        ordering = ["pool", "recorded_at", "pk"]
        verbose_name = gettext_lazy("change of a mapping")
        verbose_name_plural = gettext_lazy("changes of mappings")

    def __str__(self) -> str:
        return f"{self.pool}: {self.before} → {self.after}"

    @property
    def of_the_past(self) -> bool:
        """Tell whether figures rest on it that were there before it was recorded."""
        return self.since is None or self.since < self.recorded_at - AT_ONCE


def stated(mapping: PoolFeature) -> dict[str, Any]:
    """Return what a mapping says, as it is kept."""
    return {
        "feature": mapping.feature.name,
        "from": _seconds(mapping.mapped_from),
        "server": mapping.feature.server.name,
        "until": _seconds(mapping.mapped_until),
        "weight": mapping.weight,
    }


def changes_of(
    before: PoolFeature, after: PoolFeature, user: Any, now: datetime
) -> list[MappingChange]:
    """Return the rows that tell of a change, one for each pool that it concerns; none where both
    say the same. The caller stores them."""
    old, new = stated(before), stated(after)
    sides = {before.pool_id: [old, new]}
    if before.pool_id != after.pool_id:
        sides = {before.pool_id: [old, {}], after.pool_id: [{}, new]}
    elif old == new:
        return []
    return [
        MappingChange(
            pool_id=pool,
            before=a,
            after=b,
            since=_since(before, after),
            recorded_at=now,
            recorded_by=user,
        )
        for pool, (a, b) in sides.items()
    ]


def _since(before: PoolFeature, after: PoolFeature) -> datetime | None:
    """Return the first moment at which two mappings say something else; None: ever since."""
    same = (before.pool_id, before.feature_id, before.weight, before.mapped_from) == (
        *(after.pool_id, after.feature_id, after.weight, after.mapped_from),
    )
    if same:
        ends = [moment for moment in (before.mapped_until, after.mapped_until) if moment]
        return min(ends, default=None)
    if before.mapped_from is None or after.mapped_from is None:
        return None
    return min(before.mapped_from, after.mapped_from)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
