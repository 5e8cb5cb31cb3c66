"""What makes a comment compulsory where a report is signed (`reports.lifecycle`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Least
from django.utils.translation import gettext, ngettext, ngettext_lazy

from itam import figures
from licenses.analysis.verdict import FLOOR
from licenses.models import (
    Entitlement,
    MappingChange,
    PoolFeature,
    PoolRetirement,
    Proof,
    StrengthOverride,
)
from reports.beside import load_beside
from reports.models import Report

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Decision = Report.Decision

_NOT_APPROVED: Final = ngettext_lazy(
    "%(count)s correction of rights or mappings was recorded since the last report on these pools"
    " was signed, and this report names nobody who approved it.",
    "%(count)s corrections of rights or mappings were recorded since the last report on these"
    " pools was signed, and this report names nobody who approved them.",
    "count",
)
_BACK_DATED: Final = ngettext_lazy(
    "%(count)s right or mapping was recorded within the period for a time before that.",
    "%(count)s rights and mappings were recorded within the period for a time before that.",
    "count",
)
_AFTERWARDS: Final = ngettext_lazy(
    "%(count)s right, mapping or retirement of a pool that counts in the period was recorded after"
    " its end.",
    "%(count)s rights, mappings and retirements of pools that count in the period were recorded"
    " after its end.",
    "count",
)
_PROVEN: Final = ngettext_lazy(
    "Of %(count)s right somebody has said since the last report on these pools was signed which"
    " document proves it.",
    "Of %(count)s rights somebody has said since the last report on these pools was signed which"
    " document proves them.",
    "count",
)


def why_comment(report: Report) -> list[str]:
    """Return what makes a comment compulsory for signing, each a sentence; none: it may be empty.

    The report must be done.
    """
    data: Mapping[str, Any] = report.data or {}
    reasons = []
    expected, observed = data.get("expected_seconds", 0), data.get("observed_seconds", 0)
    if expected and Fraction(observed, expected) < FLOOR:
        reasons.append(
            gettext("Only %(coverage)s of the time was observed.") % {"coverage": data["coverage"]}
        )
    # Rows that were made before this was counted have the pools' own verdicts alone.
    blind = data.get("undetermined", data.get("counts", {}).get("not_determinable", 0))
    if blind:
        told = gettext("Of %(pools)s nothing can be said in at least one month.")
        reasons.append(told % {"pools": figures.pools(blind)})
    unexplained = data.get("unexplained", 0)
    if unexplained:
        told = ngettext(
            "Of %(count)s over-use episode nobody recorded the cause.",
            "Of %(count)s over-use episodes nobody recorded the cause.",
            unexplained,
        )
        reasons.append(told % {"count": figures.number(unexplained)})
    idle = sum(1 for position in data.get("positions", []) if not position["peak"])
    if idle:
        reasons.append(gettext("No use was seen in %(pools)s.") % {"pools": figures.pools(idle)})
    if report.differs:
        told = gettext("The evidence log gives other figures: %(found)s.")
        reasons.append(told % {"found": "; ".join(report.differs)})
    counted = [
        (_corrections(report), _NOT_APPROVED),
        (_back_dated(report), _BACK_DATED),
        (_afterwards(report), _AFTERWARDS),
        (_proofs(report), _PROVEN),
    ]
    reasons += [str(words % {"count": count}) for count, words in counted if count]
    return reasons + [str(other) for other in load_beside(report)]


def kin(report: Report) -> Any:
    """Return the other reports of this kind about the same pools."""
    return Report.objects.filter(scope_key=report.scope_key).exclude(pk=report.pk)


def _corrections(report: Report) -> int:
    """Count the corrections, of lines, of their proof and of mappings up to the period's end, of
    which the report names no second person who approved them, and no earlier signature covers."""
    pools, known, fed = _unsigned(report)
    later = Q(recorded_at__lte=report.as_of, correction__approved_at__gt=report.as_of)
    alone = Q(correction__approved_at=None) | later
    lines = Entitlement.objects.filter(known, alone, pool__in=pools, replaces__isnull=False)
    proofs = StrengthOverride.objects.filter(known, alone, entitlement__pool__in=pools)
    ends = datetime.fromtimestamp(report.params["end"], UTC)
    changes = MappingChange.objects.filter(fed, alone, pool__in=pools, correction__isnull=False)
    changed = changes.bearing_before(ends)
    return lines.count() + proofs.count() + changed.count()


def _afterwards(report: Report) -> int:
    """Count the rights, mappings and retirements of pools that bear on the period, were recorded
    after its end, and that no earlier signature covers: they may turn over-use into none."""
    pools, known, fed = _unsigned(report)
    ends = datetime.fromtimestamp(report.params["end"], UTC)
    late = Q(pool__in=pools, recorded_at__gte=ends)
    lines = Entitlement.objects.filter(known, late, replaces=None, valid_from__lte=ends.date())
    mappings = PoolFeature.objects.filter(fed, late).bearing_before(ends)
    retired = PoolRetirement.objects.filter(fed, late).bearing_before(ends)
    return lines.count() + mappings.count() + retired.count()


def _proofs(report: Report) -> int:
    """Count the rights that bear on the period and were proven by a word of one person that no
    earlier signature covers. (What came with a line is that line's.)"""
    pools, known, _fed = _unsigned(report)
    ends = datetime.fromtimestamp(report.params["end"], UTC)
    said = Proof.objects.filter(
        known,
        entitlement__in=Entitlement.objects.as_of(report.as_of),
        entitlement__pool__in=pools,
        entitlement__valid_from__lte=ends.date(),
        entitlement__recorded_at__lt=F("recorded_at"),
    )
    return said.order_by().values("entitlement").distinct().count()


def _back_dated(report: Report) -> int:
    """Count what was recorded before the period's end of a time before it was recorded, and that
    no earlier signature covers: use above what was allowed then may be above no more. (What was
    corrected is counted as that.)

    The first rights of a pool, and the first mapping of a feature, hide nothing: without them
    nothing was judged.
    """
    pools, known, fed = _unsigned(report)
    within = Q(pool__in=pools, recorded_at__lt=datetime.fromtimestamp(report.params["end"], UTC))
    others = Entitlement.objects.filter(pool=OuterRef("pool"), pk__lt=OuterRef("pk"))
    lines = Entitlement.objects.filter(known, within, Exists(others), replaces=None)
    rights = lines.values_list("valid_from", "recorded_at")
    mapped = PoolFeature.objects.filter(feature=OuterRef("feature")).exclude(pk=OuterRef("pk"))
    new = PoolFeature.objects.filter(fed, within, Exists(mapped))
    begun = new.values_list("mapped_from", "recorded_at")
    return sum(begins < (recorded - DAY).date() for begins, recorded in rights) + sum(
        begins is None or begins < recorded - MINUTE for begins, recorded in begun
    )


def _unsigned(report: Report) -> tuple[list[int], Q, Q]:
    """Return the pools, and what counts in the figures though no earlier signature covers it: of
    rights, what is on record as of the report's time; of mappings and retirements, which figures
    know as they are now, all that was recorded since.

    A signature covers what was on record at its report's as-of time, and when that was asked for:
    a time to come covers nothing yet.
    """
    signed = kin(report).filter(decision=Decision.SIGNED, as_of__lte=report.as_of)
    last = signed.aggregate(last=Max(Least("as_of", "requested_at")))["last"]
    since = Q(recorded_at__gt=last or datetime.fromtimestamp(0, UTC))
    pools = list(report.pools.order_by().values_list("pk", flat=True))
    return pools, since & Q(recorded_at__lte=report.as_of), since
