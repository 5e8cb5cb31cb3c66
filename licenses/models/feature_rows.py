"""Which rows of a feature somebody may see: those of the time in which it fed a pool of theirs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import F, Q

from .scoping import ScopedQuerySet


class FeatureRowQuerySet(ScopedQuerySet):
    """Rows of a feature that tell of a time. A feature may feed one vendor's pool first and then
    another's: each sees what touches its own time.

    begins, ends:  columns of that time; empty ones are *since ever* and *until further notice*.
    """

    pool_path = "feature__mappings__pool"
    begins: ClassVar[str] = "starts"
    ends: ClassVar[str] = "ends"

    def scope_q(self, user: Any) -> Q | None:
        mine = super().scope_q(user)
        since, until = "feature__mappings__mapped_from", "feature__mappings__mapped_until"
        reached = Q(**{since: None}) | Q(**{self.ends: None})
        # The second is for rows of one moment.
        reached |= Q(**{f"{since}__lt": F(self.ends)}) | Q(**{f"{since}__lte": F(self.begins)})
        begun = Q(**{until: None}) | Q(**{self.begins: None})
        begun |= Q(**{f"{until}__gt": F(self.begins)})
        return mine and mine & reached & begun
