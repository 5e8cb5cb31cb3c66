"""Which feature feeds which pool: the one way in for the admin, the API, commands and inventory
files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from itam import figures
from itam.acting import who
from licenses.analysis import now as pools_now
from licenses.analysis import rollup
from licenses.evidence import entries, stock
from licenses.models import (
    UNSORTED,
    Checkout,
    Correction,
    Coverage,
    Denial,
    Feature,
    LicensePool,
    LicenseServer,
    MappingChange,
    PoolFeature,
    Product,
    Vendor,
    changes_of,
)

from .corrections import Corrected, approve

UNKNOWN_VENDOR = "Unknown vendor"
AT_ONCE = 50
"""Pools made in one transaction."""


def map_feature(
    feature: Feature,
    pool: LicensePool,
    *,
    weight: int = 1,
    mapped_from: datetime | None = None,
    mapped_until: datetime | None = None,
    user: Any = None,
) -> PoolFeature:
    """Let a feature feed a pool, and have the hours counted again that this touches.

    Raises ValidationError where the feature feeds a pool at that time already.
    """
    mapping = PoolFeature(
        pool=pool,
        feature=feature,
        weight=weight,
        mapped_from=mapped_from,
        mapped_until=mapped_until,
        recorded_by=user,
    )
    mapping.full_clean(exclude=["recorded_by"])
    return save_mapping(mapping, user=user)


def save_mapping(
    mapping: PoolFeature,
    *,
    user: Any = None,
    reason: str = "",
    code: str = Correction.Code.OTHER,
) -> PoolFeature:
    """Store a new or changed mapping that was validated, with its evidence.

    reason, code:  why what it said of the past was wrong; the code is one of Correction.Code.
    Raises ValidationError where a change bears on the past and has no reason.
    """
    with transaction.atomic():
        before = _stored(mapping)
        pools = _save(mapping, before, user, reason, code)
        stock.tell(pools, {row.feature.server_id for row in (before, mapping) if row})
    pools_now.refresh(pools)
    return mapping


def corrects(mapping: PoolFeature) -> bool:
    """Tell whether a mapping that is not stored yet says something else of the past."""
    before = _stored(mapping)
    if before is None:
        return False
    return any(row.of_the_past for row in changes_of(before, mapping, None, timezone.now()))


def _save(
    mapping: PoolFeature,
    before: PoolFeature | None,
    user: Any,
    reason: str = "",
    code: str = Correction.Code.OTHER,
) -> set[int]:
    """Store a mapping, and return the pools of which evidence and newest figures are to follow.

    before: as it stands in the database; None where it is new.
    """
    told = [] if before is None else changes_of(before, mapping, user, timezone.now())
    past = [row for row in told if row.of_the_past]
    why = {"code": str(code) if past else "", "reason": reason.strip()}
    if past and not why["reason"]:
        raise ValidationError(
            {"reason": _("Say why: this changes what the mapping said of the past.")}
        )
    try:
        with transaction.atomic():
            for change in told:
                change.reason = why["reason"]
            # First, as the database lets no mapping become what no change tells of.
            MappingChange.objects.bulk_create(told)
            mapping.save()
            _record(mapping, "mapped" if before is None else "changed", user, before, why)
            Correction.objects.bulk_create(
                Correction(pool_id=change.pool_id, change=change, code=code) for change in past
            )
            for row in filter(None, (before, mapping)):
                _forget_served(row)
                _mark(row)
    except IntegrityError as error:
        raise ValidationError(
            _("%(feature)s already feeds a pool at that time: end that mapping first.")
            % {"feature": mapping.feature}
        ) from error
    return {mapping.pool_id} | ({before.pool_id} if before else set())


def _stored(mapping: PoolFeature) -> PoolFeature | None:
    """Return a mapping as it stands in the database; None where it is new."""
    if not mapping.pk:
        return None
    rows = PoolFeature.objects.select_related("pool__product", "feature__server")
    return rows.filter(pk=mapping.pk).first()


def unapproved(pool: LicensePool) -> list[Corrected]:
    """Return what changed of a pool's mappings for the past, and no second person approved."""
    rows = pool.mapping_changes.filter(correction__isnull=False, correction__approved_at=None)
    return list(rows.select_related("recorded_by", "correction"))


def approve_changes(pool: LicensePool, *, user: Any) -> None:
    """Approve what changed of a pool's mappings for the past, as a second person.

    Raises ValidationError where nothing waits, or where *user* recorded some of it.
    """
    with transaction.atomic():
        locked = LicensePool.objects.select_for_update().get(pk=pool.pk)
        rows, now = unapproved(locked), timezone.now()
        authors = approve(rows, pool=pool.pk, user=user, now=now)
        body = {
            "approver": user.get_username(),
            "authors": authors,
            "changes": sorted(row.pk for row in rows),
            "pool": locked.name,
            "what": "changes of mappings approved",
        }
        draft = entries.draft("correction", int(now.timestamp()), body)
        stream = stock.stream_of(locked.product.vendor_id)
        entries.append(stream, [draft], source="mapping")


def unmap_feature(
    mapping: PoolFeature,
    *,
    at: datetime | None = None,
    user: Any = None,
    reason: str = "",
    code: str = Correction.Code.OTHER,
) -> PoolFeature:
    """End a mapping at a moment (now). What was counted before stays counted.

    reason, code:  as for `save_mapping`, where that moment is in the past.
    """
    moment = at or timezone.now()
    if mapping.mapped_from is not None and moment <= mapping.mapped_from:
        raise ValidationError(
            _("The mapping starts on %(start)s, so it cannot end on %(end)s.")
            % {"start": figures.moment(mapping.mapped_from), "end": figures.moment(moment)}
        )
    mapping.mapped_until = moment
    return save_mapping(mapping, user=user, reason=reason, code=code)


def forget_mapping(mapping: PoolFeature, *, user: Any = None) -> None:
    """Take a mapping back as if it had never been, with evidence that it was: for a mistake that is
    seen at once. Whoever calls this has made sure that nobody signed figures under it."""
    pools = {mapping.pool_id}
    with transaction.atomic():
        _record(mapping, "taken back", user)
        _forget_served(mapping)
        _mark(mapping)
        mapping.delete()
        stock.tell(pools, {mapping.feature.server_id})
    pools_now.refresh(pools)


def forget_pool(pool: LicensePool, *, user: Any = None) -> None:
    """Take a pool back with its mappings and all that was counted for it, as `forget_mapping` does.
    Whoever calls this has made sure that nothing else hangs on it. Its product and vendor stay.
    """
    with transaction.atomic():
        # Whoever counts for it meanwhile waits, and then finds that it is gone.
        locked = LicensePool.objects.select_for_update().get(pk=pool.pk)
        for row in list(locked.mappings.select_related("feature__server", "pool")):
            forget_mapping(row, user=user)
        locked.delete()


def create_pool_for(
    feature: Feature, *, product: Product | None = None, name: str | None = None, user: Any = None
) -> LicensePool:
    """Make a pool named as the feature (" @SERVER" added on a clash) and map the feature to it."""
    with transaction.atomic():
        pool = _create_pool_for(feature, product, name, user)
        stock.tell({pool.pk})
    pools_now.refresh({pool.pk})
    return pool


def _create_pool_for(
    feature: Feature, product: Product | None, name: str | None, user: Any
) -> LicensePool:
    if product is None:
        vendor, _created = Vendor.objects.get_or_create(name=feature.daemon or UNKNOWN_VENDOR)
        product, _created = Product.objects.get_or_create(vendor=vendor, name=UNSORTED)
    wanted = (name or feature.name)[:190]
    names = [
        wanted,
        f"{wanted} @{feature.server.name}"[:200],
        f"{wanted} @{feature.server.name} ({feature.daemon})"[:200],
    ]
    taken = set(LicensePool.objects.filter(name__in=names).values_list("name", flat=True))
    free = next((candidate for candidate in names if candidate not in taken), None)
    if free is None:
        raise ValidationError(
            _("There are pools named %(names)s already: give the new pool a name.")
            % {"names": ", ".join(names)}
        )
    pool = LicensePool(product=product, name=free, zone=feature.server.zone or "UTC")
    pool.full_clean()
    pool.save()
    mapping = PoolFeature(pool=pool, feature=feature, recorded_by=user)
    mapping.full_clean(exclude=["recorded_by"])
    _save(mapping, None, user)
    return pool


def set_ignored(features: Iterable[Feature], ignored: bool = True) -> int:
    """List features as unmapped no more, or again; return how many were not so yet.

    Row by row, as each is an entry of the evidence log that says who did it.
    """
    count = 0
    with transaction.atomic():
        for feature in features:
            if feature.ignored != ignored:
                feature.ignored = ignored
                feature.save(update_fields=["ignored"])
                count += 1
    return count


def create_pools(server: LicenseServer, *, user: Any = None) -> list[LicensePool]:
    """Make one pool for each feature of a server that feeds none and is not ignored.

    A few at a time, with their evidence and newest figures, so that other writers need not wait.
    """
    unmapped = list(Feature.objects.filter(server=server).unmapped().select_related("server"))
    pools: list[LicensePool] = []
    for first in range(0, len(unmapped), AT_ONCE):
        with transaction.atomic():
            part = unmapped[first : first + AT_ONCE]
            made = [_create_pool_for(feature, None, None, user) for feature in part]
            stock.tell({pool.pk for pool in made})
        pools_now.refresh({pool.pk for pool in made})
        pools += made
    return pools


def _forget_served(mapping: PoolFeature) -> None:
    """Let no refusal count as served by a pool that its feature may feed no more."""
    refused = Denial.objects.filter(feature=mapping.feature_id, served_at__isnull=False)
    if mapping.mapped_from is not None:
        refused = refused.filter(at__gte=mapping.mapped_from)
    if mapping.mapped_until is not None:
        refused = refused.filter(at__lt=mapping.mapped_until)
    refused.update(served_at=None)


def _mark(mapping: PoolFeature) -> None:
    """Mark what the feature ever did under this mapping."""
    first = (
        Coverage.objects.filter(server=mapping.feature.server_id)
        .order_by("starts")
        .values_list("starts", flat=True)
        .first()
    )
    held = (
        Checkout.objects.filter(feature=mapping.feature_id)
        .order_by("taken_at")
        .values_list("taken_at", flat=True)
        .first()
    )
    known = [int(moment.timestamp()) for moment in (first, held) if moment is not None]
    if not known:
        return
    start = max(min(known), int(mapping.mapped_from.timestamp()) if mapping.mapped_from else 0)
    end = int((mapping.mapped_until or timezone.now()).timestamp())
    rollup.mark_dirty([mapping.pool_id], start, min(end, int(timezone.now().timestamp()) + 1))


def _record(
    mapping: PoolFeature,
    what: str,
    user: Any,
    before: PoolFeature | None = None,
    why: dict[str, str] | None = None,
) -> None:
    """Write a deed into the vendor's stream, which its packs hold: where a feature went from one
    vendor's pool to another's, what each of them had, or has, into its own."""
    vendor = mapping.pool.product.vendor_id
    if before is None or before.pool.product.vendor_id == vendor:
        _note(vendor, _body(mapping, what, user, before, why))
        return
    _note(before.pool.product.vendor_id, _body(before, "mapped elsewhere", user, None, why))
    _note(vendor, _body(mapping, "mapped", user, None, why))


def _note(vendor: int, body: dict[str, Any]) -> None:
    entry = entries.draft("mapping", int(timezone.now().timestamp()), body)
    entries.append(stock.stream_of(vendor), [entry], source="mapping")


def _body(
    mapping: PoolFeature,
    what: str,
    user: Any,
    before: PoolFeature | None,
    why: dict[str, str] | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "author": user.get_username() if user is not None else who() or "",
        "daemon": mapping.feature.daemon,
        "feature": mapping.feature.name,
        "from": int(mapping.mapped_from.timestamp()) if mapping.mapped_from else "",
        "pool": mapping.pool.name,
        "server": mapping.feature.server.name,
        "until": int(mapping.mapped_until.timestamp()) if mapping.mapped_until else "",
        "weight": mapping.weight,
        "what": what,
    }
    if why is not None and (why["code"] or why["reason"] or before is not None):
        body |= {"code": why["code"], **entries.digests(reason=why["reason"])}
    if before is not None:
        body["old"] = {
            "feature": before.feature.name,
            "from": int(before.mapped_from.timestamp()) if before.mapped_from else "",
            "pool": before.pool.name,
            "server": before.feature.server.name,
            "until": int(before.mapped_until.timestamp()) if before.mapped_until else "",
            "weight": before.weight,
        }
    return body
