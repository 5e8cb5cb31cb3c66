"""When somebody took what goes on after answers that contradict each other: before these."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.concurrency.intervals import Ints
from licenses.models import Checkout


def began(taken_at: Ints, row_ids: Ints, method: Ints) -> Ints:
    """Return when somebody took the seats of these holdings: of a second part, of the first.

    One query where there are such parts, none otherwise.
    """
    seconds = method == Checkout.Method.CONTINUED
    if not seconds.any():
        return taken_at
    first: dict[int, int] = dict(_FIRST.rows(row_ids[seconds].tolist()))
    found = taken_at.copy()
    # One that an import deletes meanwhile began when it says.
    told = zip(row_ids[seconds].tolist(), taken_at[seconds].tolist(), strict=True)
    found[seconds] = [first.get(pk, at) for pk, at in told]
    return found


@Prepared
def _FIRST(row_ids: Collection[int]) -> Asked:
    parts = Checkout.objects.filter(
        feature=OuterRef("feature"),
        person=OuterRef("person"),
        host=OuterRef("host"),
        sighting=OuterRef("sighting"),
    )
    first = parts.order_by("taken_at").values(first=number("taken_at"))[:1]
    rows = Checkout.objects.filter(pk__among=row_ids).order_by()
    # Without its row nothing tells of a first part.
    return rows.annotate(first=Coalesce(Subquery(first), number("taken_at"))), ("pk", "first")
