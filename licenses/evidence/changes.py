"""Who changed what of contracts, papers, products, pools, servers, teams, rules and alerts, and of
who may do and see what, in whatever way.

Rights and mappings write their own entries (`licenses.importing.rights`, `mapping`), as figures
rest on them. Of all else that they hang on, each row that is made, changed or deleted by a request
or a command is an entry here: the admin's forms, the API, changes of several and commands all save
rows. What nobody does is none.

Values are told of the fields listed alone. Others may hold names of people: only that they were
changed is told, and of texts that matter a keyed digest. `row_history` reads them for people.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.utils import timezone

from itam.acting import who
from licenses.models import (
    AlertRule,
    Channel,
    Contract,
    Document,
    EscalationStep,
    Feature,
    LegalHold,
    LicensePool,
    LicenseServer,
    Product,
    RowChange,
    Scope,
    Silence,
    Team,
    TeamRule,
    Vendor,
)
from licenses.models.fields import InstantField

from . import entries, stock

SOURCE: Final = "settings"
Stream = tuple[str, str]


class Told(NamedTuple):
    """How changes of a model are told.

    made: also that a row was made or deleted. own: columns that the program keeps for itself.
    lists: of what many-to-many fields is told, by name. texts: told of by a digest.
    """

    kind: str
    what: str
    stream: Callable[[Any], Stream]
    fields: tuple[str, ...]
    made: bool = True
    own: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def _installation(_row: Any) -> Stream:
    return entries.INSTALLATION


TOLD: Final[dict[type[Model], Told]] = {
        Vendor: Told("config", "vendor", lambda row: stock.stream_of(row.pk), ("name",)),
        Contract: Told(
            "config",
            "contract",
            entries.contract_stream,
            ("vendor", "number", "valid_from", "valid_to", "notice_days", "renews", "cost",
             "currency"),
        ),
        Document: Told(
            "config",
            "document",
            lambda row: entries.contract_stream(row.contract),
            ("contract", "kind", "for_group", "quantity", "sha256"),
        ),
        Product: Told(
            "config",
            "product",
            lambda row: stock.stream_of(row.vendor_id),
            ("vendor", "name", "category"),
        ),
        LicensePool: Told(
            "pool",
            "pool",
            lambda row: stock.stream_of(row.product.vendor_id),
            ("product", "name", "zone", "on_status", "episode_gap_minutes", "retired_at"),
            lists=("owner_teams",),
            texts=("house_rules", "notes"),
        ),
        Feature: Told(
            "config",
            "feature",
            lambda row: entries.opened_stream(row.server, row.daemon),
            ("ignored",),
            made=False,
            own=("max_duration", "duplicate_group"),
        ),
        LicenseServer: Told(
            "config",
            "server",
            entries.server_stream,
            ("name", "kind", "address", "zone", "polling", "poll_seconds", "enabled", "machines"),
            made=False,
        ),
        TeamRule: Told(
            "rule",
            "team rule",
            _installation,
            ("team", "order", "valid_from", "valid_to"),
        ),
        Team: Told("config", "team", _installation, ("name", "parent", "cost_center")),
        LegalHold: Told(
            "config", "legal hold", _installation, ("vendor", "contract", "set_at", "released_at")
        ),
        Channel: Told(
            "config",
            "channel",
            _installation,
            ("kind", "language", "enabled", "fallback", "still_watching", "reports"),
        ),
        AlertRule: Told(
            "config",
            "alert rule",
            _installation,
            ("kind", "pool", "server", "threshold", "for_seconds", "for_samples",
             "hysteresis_percent", "keep_firing_seconds", "repeat_seconds", "enabled"),
            lists=("channels",),
        ),
        EscalationStep: Told(
            "config",
            "escalation step",
            _installation,
            ("rule", "step", "wait_minutes", "channel"),
        ),
        Silence: Told(
            "config",
            "silence",
            _installation,
            ("rule", "pool", "server", "starts_at", "ends_at"),
        ),
        User: Told(
            "config",
            "account",
            _installation,
            ("is_active", "is_staff", "is_superuser"),
            own=("last_login",),
            lists=("groups", "user_permissions"),
        ),
        Group: Told("config", "role", _installation, ("name",), lists=("permissions",)),
        Scope: Told(
            "config", "scope", _installation, ("user", "valid_until"), lists=("vendors", "teams")
        ),
}  # fmt: skip

_SAYING: Final[dict[type[Model], str]] = {Group: "name", Permission: "codename"}
"""What tells more than their numbers, of rows that are listed."""


def listen() -> None:
    """Have every saved row of these models told."""
    for model in TOLD:
        _listen(model)


def also(
    model: type[Model],
    what: str,
    fields: tuple[str, ...],
    *,
    own: tuple[str, ...] = (),
    lists: tuple[str, ...] = (),
) -> None:
    """Have the rows of a model above this layer told in the installation's stream, too."""
    TOLD[model] = Told("config", what, _installation, fields, own=own, lists=lists)
    _listen(model)


def _listen(model: type[Model]) -> None:
    name = model._meta.label_lower
    pre_save.connect(_remember, sender=model, dispatch_uid=f"told before {name}")
    post_save.connect(_saved, sender=model, dispatch_uid=f"told {name}")
    post_delete.connect(_deleted, sender=model, dispatch_uid=f"told deleted {name}")
    for each in TOLD[model].lists:
        through = getattr(model, each).through
        m2m_changed.connect(_listed, sender=through, dispatch_uid=f"told {each} of {name}")


def _values(row: Any) -> dict[str, Any]:
    """Return all columns of a row as they are stored."""
    return {
        field.name: field.get_prep_value(getattr(row, field.attname))
        if isinstance(field, InstantField)
        else getattr(row, field.attname)
        for field in row._meta.concrete_fields
    }


def _own(told: Told, only: Collection[str] | None) -> bool:
    """Tell whether the program writes none but its own columns, as at each sign-in."""
    return only is not None and set(only) <= set(told.own)


def _remember(sender: type[Model], instance: Any, raw: bool = False, **more: Any) -> None:
    if raw or instance.pk is None or who() is None:
        return
    if _own(TOLD[sender], more.get("update_fields")):
        return
    old = sender._base_manager.filter(pk=instance.pk).first()
    instance._told_before = None if old is None else _values(old)


def _saved(sender: type[Model], instance: Any, raw: bool = False, **more: Any) -> None:
    told, before = TOLD[sender], instance.__dict__.pop("_told_before", None)
    if raw or who() is None or _own(told, more.get("update_fields")):
        return
    if before is None:
        if told.made:
            texts = [name for name in told.texts if getattr(instance, name)]
            _tell(told, instance, "made", dict.fromkeys((*told.fields, *texts)))
        return
    only = more.get("update_fields")
    now = _values(instance)
    changed = {
        name: old
        for name, old in before.items()
        if name not in told.own
        and old != now[name]
        and plain(old) != plain(now[name])
        and (only is None or name in only)
    }
    if changed:
        _tell(told, instance, "changed", changed)
    if sender is LicensePool and changed.keys() & {"product", "retired_at", "zone"}:
        with transaction.atomic():
            stock.tell({instance.pk})


def _deleted(sender: type[Model], instance: Any, **_more: Any) -> None:
    if who() is not None and TOLD[sender].made:
        _tell(TOLD[sender], instance, "deleted", {})


def _listed(sender: Any, instance: Any, action: str, reverse: bool, **more: Any) -> None:
    """Tell what is listed and was before. reverse: rows are listed by the row that they list."""
    if who() is None:
        return
    model, field = next(
        (model, name)
        for model, told in TOLD.items()
        for name in told.lists
        if getattr(model, name).through is sender
    )
    if action.startswith("pre_"):
        rows = [instance]
        if reverse:
            chosen = {field: instance} if more["pk_set"] is None else {"pk__in": more["pk_set"]}
            rows = list(model._base_manager.filter(**chosen))
        instance._listed_before = [(row, _list(row, field)) for row in rows]
        return
    word, key = field.replace("_", " "), list_key(field)
    for row, old in instance.__dict__.pop("_listed_before", ()):
        now = _list(row, field)
        if now != old:
            _append(TOLD[model], row, f"{word} changed", {key: now, "old": {key: old}})


def list_key(field: str) -> str:
    """Return under which key an entry has what a many-to-many field lists: owner teams: teams."""
    return field.rpartition("_")[2]


def _list(row: Any, field: str) -> list[Any]:
    saying = _SAYING.get(getattr(row, field).model, "pk")
    return sorted(getattr(row, field).order_by().values_list(saying, flat=True))


def _tell(told: Told, row: Any, deed: str, before: Mapping[str, Any]) -> None:
    now = _values(row)
    old = before if deed == "changed" else {}
    body: dict[str, Any] = {"new": _bodies(told, now, before), "old": _bodies(told, old, before)}
    if hidden := sorted(before.keys() - {*told.fields, *told.texts}):
        body["others"] = hidden
    _append(told, row, deed, body)


def _bodies(told: Told, values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return what an entry says of these fields, those of which it tells something."""
    here = [name for name in names if name in values]
    stated = {name: plain(values[name]) for name in here if name in told.fields}
    return stated | entries.digests(**{name: values[name] for name in here if name in told.texts})


def tell_members(teams: set[int], count: int) -> None:
    """Tell that so many memberships of these teams are others now: in one entry, as a directory
    changes thousands at once, and without the people."""
    if who() is not None:
        body = {"count": count, "teams": sorted(teams), "what": "memberships changed", "who": who()}
        entry = entries.draft("config", int(timezone.now().timestamp()), body)
        with transaction.atomic():
            entries.append(entries.INSTALLATION, [entry], source=SOURCE)


def _append(told: Told, row: Any, deed: str, body: Mapping[str, Any]) -> None:
    about = {**body, "id": row.pk, "what": f"{told.what} {deed}", "who": who() or ""}
    entry = entries.draft(told.kind, int(timezone.now().timestamp()), about)
    with transaction.atomic():
        block = entries.append(told.stream(row), [entry], source=SOURCE)
        assert block is not None
        RowChange.objects.create(model=label(type(row)), row=row.pk, block=block)


def label(model: type[Model]) -> str:
    return model._meta.concrete_model._meta.label_lower  # type: ignore[union-attr]


def plain(value: Any) -> Any:
    """Return a value as an entry holds it: whole numbers and texts, "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int) else str(value)
