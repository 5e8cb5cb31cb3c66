"""Taking back what was done a moment ago: one way for all that can be.

Whoever does something reversible (access.reversible) leaves a step that says what became of it.
Taking it back asks the permission again, holds only while everything is as the step left it, and
happens once, wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.access import waitlist
from licenses.alerts import actions
from licenses.importing import changes, mapping, rights, unreadable
from licenses.importing.edits import EDITED, give_back
from licenses.models import (
    BulkChange,
    Correction,
    DenialEpisode,
    Entitlement,
    Feature,
    IgnoredLines,
    KeptPart,
    LicensePool,
    PoolDrift,
    PoolFeature,
    PoolForecast,
    PoolHeadline,
    PoolHour,
    PoolNow,
    PoolStillness,
    SavedFilter,
    Silence,
    TeamHour,
    UndoStep,
    WaitlistEntry,
)
from licenses.models.entitlements import CORRECTABLE

State = dict[str, Any]
Refusal = Callable[[int, datetime], bool]
_signed: list[Refusal] = []

COUNTED = frozenset(
    {DenialEpisode, KeptPart, PoolDrift, PoolForecast, PoolHeadline, PoolHour, PoolNow}
    | {PoolStillness, TeamHour}
)
"""Of a pool, what the program counts by itself and can count again."""


class Kind(NamedTuple):
    """words: what was done; permission: asked again, "" for what is one's own; back: takes the
    step's state, the user and the moment, and raises ValidationError where it cannot be."""

    words: Any
    permission: str
    back: Callable[[State, Any, datetime], None]


def signed_by(look: Refusal) -> None:
    """Let a part of the program that this one does not know say whether figures of a pool (its id)
    were signed since a moment: then its mapping is not taken back."""
    _signed.append(look)


def offer(user: Any, kind: str, state: State) -> UndoStep:
    """Keep what is needed to take back what a user has just done."""
    return UndoStep.objects.create(owner=user, kind=kind, state=state)


def take_back(step: UndoStep, *, user: Any, now: datetime | None = None) -> None:
    """Undo a step.

    Raises ValidationError, with a sentence for people, where it is too late, was done already or
    something else changed since; PermissionDenied where it is no longer theirs to change.
    """
    moment = now or timezone.now()
    kind = KINDS[step.kind]
    with transaction.atomic():
        mine = UndoStep.objects.for_user(user).open(moment).filter(pk=step.pk)
        if mine.update(used_at=moment) != 1:
            raise ValidationError(
                gettext("This was undone already, or more than 10 minutes have gone by.")
            )
        _ask(kind, user)
        kind.back(step.state, user, moment)
    step.used_at = moment


def _ask(kind: Kind, user: Any) -> None:
    if kind.permission and not user.has_perm(kind.permission):
        raise PermissionDenied


def changed() -> ValidationError:
    return ValidationError(gettext("Something else changed it since: nothing is undone."))


# --- How each kind goes back --------------------------------------------------------------------


def _silence(state: State, user: Any, now: datetime) -> None:
    rows = Silence.objects.for_user(user).filter(pk=state["id"], ends_at=_at(state["new"]))
    if rows.update(ends_at=_at(state["old"])) != 1:
        raise changed()


def _acknowledged(state: State, user: Any, now: datetime) -> None:
    if not actions.unacknowledge(state["ids"], user, _at(state["at"])):
        raise changed()


def _ignored(state: State, user: Any, now: datetime) -> None:
    row = IgnoredLines.objects.for_user(user).filter(pk=state["id"]).first()
    if row is None or row.ended_at is not None:
        raise changed()
    unreadable.show_again(row, user=user)


def _shown(state: State, user: Any, now: datetime) -> None:
    row = IgnoredLines.objects.for_user(user).filter(pk=state["id"]).first()
    if row is None or row.ended_at != _at(state["at"]):
        raise changed()
    unreadable.ignore(row.server, row.digest, note=row.note, user=user)


def _left(state: State, user: Any, now: datetime) -> None:
    entry = WaitlistEntry.objects.for_user(user).filter(pk=state["id"]).first()
    if entry is None or not waitlist.come_back(entry, _at(state["at"]), now):
        raise changed()


def _mapped(state: State, user: Any, now: datetime) -> None:
    mapping.forget_mapping(_as_mapped(state, user), user=user)


def _as_mapped(state: State, user: Any) -> PoolFeature:
    row = PoolFeature.objects.for_user(user).filter(pk=state["id"]).first()
    if row is None or row.mapped_until is not None or fingerprint(row) != state["new"]:
        raise changed()
    if any(look(row.pool_id, row.recorded_at) for look in _signed):
        raise ValidationError(gettext("Figures of this pool were signed since: end the mapping."))
    return row


def _pool_made(state: State, user: Any, now: datetime) -> None:
    row = _as_mapped(state, user)
    if needed := _hanging_on(row.pool, row):
        told = {"pool": row.pool.name, "what": ", ".join(needed)}
        text = gettext("%(pool)s stays, as by now it has more than its feature: %(what)s.")
        raise ValidationError(text % told)
    if words_of(row.pool) != state["pool"]:
        raise changed()
    mapping.forget_pool(row.pool, user=user)


def _hanging_on(pool: LicensePool, own: PoolFeature) -> list[str]:
    """Name what hangs on a pool beside its first mapping and what was counted for it by itself.
    A kind of rows that this does not know holds the pool."""
    found = []
    relations: list[Any] = [*pool._meta.related_objects, *pool._meta.many_to_many]
    for relation in relations:
        model = relation.related_model
        if model in COUNTED:
            continue
        if relation in pool._meta.many_to_many:
            rows = getattr(pool, relation.name).all()
        else:
            rows = model._default_manager.filter(**{relation.field.name: pool.pk})
        if model is PoolFeature:
            rows = rows.exclude(pk=own.pk)
        if rows.exists():
            found.append(str(model._meta.verbose_name_plural))
    return sorted(found)


def _set_aside(state: State, user: Any, now: datetime) -> None:
    rows = Feature.objects.for_user(user).filter(ignored=True, pk=state["id"]).values("pk")
    if mapping.set_ignored(Feature.objects.filter(pk__in=rows), False) != 1:
        raise changed()


def _deleted(state: State, user: Any, now: datetime) -> None:
    row = SavedFilter(**state["row"])
    try:
        row.full_clean()
    except ValidationError as error:
        raise changed() from error
    row.save()


def _several(state: State, user: Any, now: datetime) -> None:
    done = BulkChange.objects.for_user(user).filter(pk=state["id"]).first()
    if done is None:
        raise changed()
    if not changes.may_change(user, done.kind):
        raise PermissionDenied
    changes.undo(done, user=user)


def _saved(state: State, user: Any, now: datetime) -> None:
    model = EDITED[state["model"]]
    row = model._default_manager.for_user(user).filter(pk=state["id"]).first()
    if not user.has_perm(f"{model._meta.app_label}.change_{model._meta.model_name}"):
        raise PermissionDenied
    if row is None or not give_back(row, state["old"], state["new"], user=user):
        raise changed()


def _corrected(state: State, user: Any, now: datetime) -> None:
    copy = Entitlement.objects.for_user(user).filter(pk=state["id"]).first()
    if copy is None or hasattr(copy, "replaced_by") or copy.replaces is None:
        raise changed()
    if rights.proven_otherwise_since(copy):
        raise changed()
    before = {name: getattr(copy.replaces, name) for name in CORRECTABLE}
    rights.correct_rights(
        [(copy, before)], reason=_taken_back(copy.reason), code=_code_of(copy), user=user, back=True
    )


def _code_of(line: Entitlement) -> str:
    row = getattr(line, "correction", None)
    return Correction.Code.OTHER if row is None else row.code


def _taken_back(reason: str) -> str:
    told = gettext("Taken back: %(why)s") % {"why": reason} if reason else gettext("Taken back")
    return told[:500]


def _together(state: State, user: Any, now: datetime) -> None:
    for part in reversed(state["parts"]):
        kind = KINDS[part["kind"]]
        _ask(kind, user)
        kind.back(part["state"], user, now)


def _mappings(state: State, user: Any, now: datetime) -> None:
    for told in reversed(state["rows"]):  # one may have ended for the next to begin
        row = PoolFeature.objects.for_user(user).filter(pk=told["id"]).first()
        if row is None or terms_of(row) != told["new"]:
            raise changed()
        old = told["old"]
        row.pool_id, row.feature_id, row.weight = old["pool"], old["feature"], old["weight"]
        row.mapped_from, row.mapped_until = (old[name] and _at(old[name]) for name in _TIMES)
        row.full_clean(exclude=["recorded_by"])
        why = {"code": told["code"]} if told.get("code") else {}
        mapping.save_mapping(row, user=user, reason=_taken_back(told.get("reason", "")), **why)


_TIMES = ("from", "until")


def terms_of(row: PoolFeature) -> dict[str, Any]:
    """Return all that a mapping says, as JSON keeps it."""
    times = zip(_TIMES, (row.mapped_from, row.mapped_until), strict=True)
    return {
        "pool": row.pool_id,
        "feature": row.feature_id,
        "weight": row.weight,
        **{name: None if at is None else at.isoformat() for name, at in times},
    }


def fingerprint(row: PoolFeature) -> list[Any]:
    """Return what a mapping says, to see whether it was changed."""
    start = row.mapped_from.isoformat() if row.mapped_from else None
    return [row.pool_id, row.feature_id, row.weight, start]


def words_of(pool: LicensePool) -> list[str]:
    """Return what is stored of a pool itself, to see whether it was changed."""
    fields = (field for field in pool._meta.concrete_fields if not field.primary_key)
    return [str(field.value_from_object(pool)) for field in fields if field.name != "recorded_at"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


KINDS = {
    "silence-ended": Kind(gettext_lazy("Silence ended"), "licenses.change_silence", _silence),
    "alerts-acknowledged": Kind(
        gettext_lazy("Alerts acknowledged"), "licenses.change_alert", _acknowledged
    ),
    "lines-ignored": Kind(gettext_lazy("Lines ignored"), "licenses.add_ignoredlines", _ignored),
    "lines-shown": Kind(gettext_lazy("Lines shown again"), "licenses.add_ignoredlines", _shown),
    "waitlist-left": Kind(gettext_lazy("Waitlist left"), "", _left),
    "feature-mapped": Kind(gettext_lazy("Feature mapped"), "licenses.add_poolfeature", _mapped),
    "pool-made": Kind(gettext_lazy("Pool made"), "licenses.add_licensepool", _pool_made),
    "feature-ignored": Kind(
        gettext_lazy("Feature ignored"), "licenses.add_poolfeature", _set_aside
    ),
    "filter-deleted": Kind(
        gettext_lazy("Saved filter deleted"), "licenses.add_savedfilter", _deleted
    ),
    "right-corrected": Kind(
        gettext_lazy("Entitlement corrected"), "licenses.add_entitlement", _corrected
    ),
    "right-withdrawn": Kind(
        gettext_lazy("Entitlement withdrawn"), "licenses.add_entitlement", _corrected
    ),
    "mappings-changed": Kind(
        gettext_lazy("Mappings changed"), "licenses.change_poolfeature", _mappings
    ),
    "row-saved": Kind(gettext_lazy("Changes saved"), "", _saved),
    "together": Kind(gettext_lazy("Changes saved"), "", _together),
    "several-changed": Kind(
        gettext_lazy("Several changed at once"), "licenses.add_bulkchange", _several
    ),
}
