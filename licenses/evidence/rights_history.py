"""What rights and mappings said before: their own records keep it, as figures rest on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import CharField
from django.utils.translation import gettext_lazy

from licenses.models import Entitlement, LicensePool, PoolFeature, StrengthOverride
from licenses.models.entitlements import CORRECTABLE

from .changes import Told, plain
from .entries import INSTALLATION
from .row_history import NONE, Change, Words, deed

_LINE: Final = Told("entitlement", "line", lambda _: INSTALLATION, (*CORRECTABLE, "strength"))
_MAPPING: Final = Told(
    "mapping", "mapping", lambda _: INSTALLATION, ("feature", "server", "weight", "from", "until")
)
_Body = dict[str, Any]


def of_right(line: Entitlement, user: Any) -> list[Change]:
    """Return how a right came to be what it is, the newest first: the lines that it replaced, those
    that replaced it, and what was judged of their proof."""
    told = sorted(_lines(line), key=lambda one: one[0].recorded_at)
    more = {"strength": StrengthOverride._meta.get_field("strength")}
    return _changes(Entitlement, _LINE, told, user, more)


def of_mappings(pool: LicensePool, user: Any) -> list[Change]:
    """Return what a pool's mappings said before they were changed, the newest first."""
    meta = PoolFeature._meta
    more = {
        "feature": CharField(gettext_lazy("feature")),
        "server": CharField(gettext_lazy("server")),
        "from": meta.get_field("mapped_from"),
        "until": meta.get_field("mapped_until"),
    }
    rows = pool.mapping_changes.select_related("recorded_by").order_by("recorded_at", "pk")
    told = [(row, _body("mapping changed", row.before, row.after)) for row in rows]
    return _changes(PoolFeature, _MAPPING, told, user, more)


def _changes(model: Any, of: Told, told: Any, user: Any, more: Mapping[str, Any]) -> list[Change]:
    bodies = [
        body | {"who": row.recorded_by.get_username() if row.recorded_by else ""}
        for row, body in told
    ]
    words = Words(model, of, bodies, user, more)
    found = [
        Change(
            row.recorded_at,
            words.who(body) if row.recorded_by else NONE,
            deed(body),
            words.values(body),
            why=row.reason,
        )
        for (row, _), body in zip(told, bodies, strict=True)
    ]
    return found[::-1]


def _lines(line: Entitlement) -> Iterator[tuple[Any, _Body]]:
    """Yield each line of a right and each judgement of its proof, with what became other."""
    newest: Any = line
    while hasattr(newest, "replaced_by"):
        newest = newest.replaced_by
    strength: Any = ""
    for one in reversed(list(_back(newest))):
        before = one.replaces
        what = "withdrawn" if one.withdrawn else "corrected" if before else "made"
        if before is not None and before.withdrawn:
            what = "restored"
        yield one, _body(f"line {what}", {} if before is None else _stated(before), _stated(one))
        judged = list(one.strength_overrides.select_related("recorded_by").order_by("pk"))
        strength = strength if judged else ""  # which ends with the papers that it was of
        for said in judged:
            if plain(said.strength) != strength:
                yield (
                    said,
                    _body("line judged", {"strength": strength}, {"strength": said.strength}),
                )
                strength = plain(said.strength)


def _back(line: Entitlement | None) -> Iterator[Entitlement]:
    while line is not None:
        yield line
        line = line.replaces


def _stated(line: Entitlement) -> _Body:
    fields = [Entitlement._meta.get_field(name) for name in CORRECTABLE]
    return {field.name: plain(getattr(line, field.attname)) for field in fields}  # type: ignore[union-attr]


def _body(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> _Body:
    """Return a deed as entries have it, with what became other alone."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {
        "what": what,
        "old": {name: plain(old.get(name)) for name in names if old},
        "new": {name: plain(new.get(name)) for name in names},
    }
