"""Refusals under the rules of today: classed again when the rules have changed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max, Min

from licenses.analysis import rollup
from licenses.analysis.mappings import pools_fed_by
from licenses.analysis.rows import number
from licenses.concurrency.denials import RULES
from licenses.models import Denial, DenialEpisode
from licenses.sources.flexnet.denials import CAPACITY, classify


def daily() -> None:
    """Have derived again what other rules derived, or what could not be told yet.

    Safe to run any number of times: what is left to do stands in the rows.
    """
    reclassify(Denial.objects.exclude(rules=RULES))
    _look_at_open()


@transaction.atomic
def reclassify(rows: Any) -> None:
    """Class refusals again by today's rules, and have their hours and episodes made again.

    rows:  a queryset of Denial. One update for each code among them. The class of a refusal
           without a code came from its words, and stays where these were thrown away.
    """
    span = rows.aggregate(first=Min("at"), last=Max("at"))
    if span["first"] is None:
        return
    # Fixed now: each update takes its rows out of a queryset that asks for other rules.
    rows = rows.order_by()
    features = set(rows.values_list("feature_id", flat=True).distinct())
    codes = list(rows.exclude(code=0).values_list("code", flat=True).distinct())
    words = list(rows.filter(code=0).values_list("reason", flat=True).distinct())
    for code in codes:
        _class(rows.filter(code=code), code, "")
    for reason in words:
        if reason:
            _class(rows.filter(code=0, reason=reason), None, reason)
        else:
            rows.filter(code=0, reason="").update(rules=RULES)
    start, end = (int(span[name].timestamp()) for name in ("first", "last"))
    rollup.mark_dirty(pools_fed_by(features, start, end + 1), start, end + 1)


def _class(rows: Any, code: int | None, reason: str) -> None:
    found = classify(code, reason)
    rows.update(reason_class=str(found), capacity=found in CAPACITY, rules=RULES)


def _look_at_open() -> None:
    """Have open episodes looked at again: news of a server may close one without touching it."""
    rows = DenialEpisode.objects.filter(outcome=DenialEpisode.Outcome.OPEN).order_by()
    for pool, last in (
        rows.values("pool").annotate(latest=Max(number("last"))).values_list("pool", "latest")
    ):
        rollup.mark_dirty([pool], last, last + 1)
