"""Which stored rows and holdings the answer of a status bears on: what is asked for each."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import BigIntegerField, Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Least

from licenses.analysis.prepared import Asked, Prepared
from licenses.analysis.rows import number
from licenses.models import Checkout, Coverage, Disagreement, Sighting

from .answers import NEVER

_KEY = ("feature_id", "person_id", "host_id", "seats")


@Prepared
def SHOWN(features: Collection[int]) -> Asked:
    return Sighting.objects.filter(feature__among=features, gone_at=None).order_by(), ()


@Prepared
def SHOWN_AROUND(features: Collection[int], at: int) -> Asked:
    candidates = Q(gone_at=None) | Q(first_seen__lte=at, gone_at__gt=at)
    return Sighting.objects.filter(candidates, feature__among=features).order_by(), ()


@Prepared
def NOT_YET_SHOWN(features: Collection[int], at: int) -> Asked:
    rows = Sighting.objects.filter(feature__among=features, started_at__lt=at, first_seen__gt=at)
    return rows.order_by(), (*_KEY, number("started_at"))


def _unseen(features: Collection[int], at: int, before: int) -> Asked:
    rows = Checkout.objects.reaching(features, at, at).filter(sighting=None)
    methods = Checkout.Method
    rows = rows.filter(Q(method=methods.EVENT, begun__lt=before) | Q(method=methods.RETURNED))
    differ = Sighting.objects.filter(
        feature__among=features, gone_at=None, disputed_to__isnull=False
    )
    began = Least(number("first_seen"), Coalesce(number("started_at"), number("first_seen")))
    # One query, as it is asked for each answer.
    told = [
        each.order_by().values(*_KEY).annotate(since=since, differ=disputed_to)
        for each, since, disputed_to in (
            (rows, number("taken_at"), Value(NEVER, output_field=BigIntegerField())),
            (differ, began, number("disputed_to")),
        )
    ]
    return told[0].union(told[1], all=True), (*_KEY, "since", "differ")


def _logged(server: int) -> Asked:
    rows = Coverage.objects.filter(server=server, source=Coverage.Source.LOG)
    return rows.order_by()[:1], ("pk",)


def _contradicted(features: Collection[int], at: int) -> Asked:
    ended = Checkout.objects.filter(
        feature=OuterRef("feature"),
        person=OuterRef("person"),
        host=OuterRef("host"),
        sighting=OuterRef("pk"),
        returned_after__lt=at,
    )
    rows = Sighting.objects.filter(Exists(ended), feature__among=features, gone_at=None)
    return rows.order_by(), (*_KEY, number("started_at"), number("first_seen"))


def _in_doubt(features: Collection[int], since: int, at: int, second: int) -> Asked:
    """Of answers after *since*: what went in the minute of the first that showed it, and what those
    of a second tell of."""
    went = Q(gone_at__gt=since, gone_at__lte=at, first_seen__gt=since)
    told = Q(first_seen=second) | Q(gone_at=second) | Q(disputed_from=second)
    reaching = Q(gone_at=None) | Q(gone_at__gt=since)
    rows = Sighting.objects.filter(reaching, went | told, feature__among=features)
    return rows.order_by(), (*_KEY, number("started_at"), number("first_seen"))


def _alone(features: Collection[int], at: int, until: int) -> Asked:
    rows = Disagreement.objects.filter(feature__among=features, starts__gt=at, starts__lte=until)
    rows = rows.filter(kind=Disagreement.Kind.RETURN_ALONE).order_by()
    return rows, (*_KEY, number("starts"))


ALONE = Prepared(_alone)
IN_DOUBT = Prepared(_in_doubt)
UNSEEN = Prepared(_unseen)
LOGGED = Prepared(_logged)
CONTRADICTED = Prepared(_contradicted)
