"""What people recorded: rights, their proof, which features feed which pools, why there was
over-use."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy

from itam import figures
from itam.said import said
from licenses.models import (
    Entitlement,
    LicensePool,
    MappingChange,
    OverUseNote,
    PoolFeature,
    PoolRetirement,
    Proof,
    Strength,
    StrengthOverride,
)

NOBODY: Final = "–"
BY_DOCUMENTS: Final = gettext_lazy("as the documents say")
_COMPARED: Final = (
    ("pool", gettext_lazy("pool")),
    ("contract", gettext_lazy("contract")),
    ("quantity", gettext_lazy("seats")),
    ("metric", gettext_lazy("metric")),
    ("valid_from", gettext_lazy("first day")),
    ("valid_to", gettext_lazy("last day")),
    ("overdraft", gettext_lazy("overdraft")),
    ("purchase_order", gettext_lazy("order")),
    ("scope", gettext_lazy("scope")),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a person's hand, or of a file that they handed in.

    kind:      "added", "corrected", "withdrawn", "proven", "judged", "mapped", "remapped",
               "explained", "retired" or "restored".
    what:      the thing, such as *E17*; before, after: what of it changed, in words.
    author:    the account; "–" where a file or program did it.
    approver:  the account that had approved it as a second person by the as-of time, or until now
               where it was recorded later; "–" where none had.
    at:        when it was recorded, epoch seconds.
    """

    kind: str
    pool: str
    what: str
    before: str
    after: str
    reason: str
    author: str
    approver: str
    at: int


def load_changes(
    pools: Collection[LicensePool], start: int, end: int, as_of: datetime
) -> tuple[Change, ...]:
    """Return what was recorded on the pools from *start* to *as_of*, in that order. Seven queries.

    Changes after the period count too: they may bear on it. Figures know rights as of a time, but
    mappings and retirements as they are now: what was recorded of those after *as_of* and bears on
    the time before *end* is told, too.
    """
    chosen = [pool.pk for pool in pools]
    begins, ends = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
    window = {"recorded_at__gte": begins, "recorded_at__lte": as_of}

    def known(rows: Any) -> Any:
        since = rows.filter(pool__in=chosen, recorded_at__gte=begins)
        return since.filter(recorded_at__lte=as_of) | since.bearing_before(ends)

    found = [
        *_rights(chosen, window),
        *_proofs(chosen, window),
        *_judgements(chosen, window, as_of),
        *_mappings(known(PoolFeature.objects)),
        *_remappings(known(MappingChange.objects), as_of),
        *_explanations(chosen, window, as_of),
        *_retirements(known(PoolRetirement.objects)),
    ]
    return tuple(sorted(found, key=lambda row: row.at))  # stable: one second's keep their order


def _rights(chosen: list[int], window: dict[str, Any]) -> Iterator[Change]:
    rows = Entitlement.objects.filter(pool__in=chosen, **window).select_related(
        "pool",
        "contract",
        "recorded_by",
        "replaces__pool",
        "replaces__contract",
        "correction__approved_by",
    )
    whole = [name for name, _ in _COMPARED[1:]]
    gone = said(lambda: gettext("no longer counts"))
    for row in rows.order_by("pk"):
        old = row.replaces
        if old is None:
            kind, before, after = "added", "", _described(row, whole)
        elif row.withdrawn:
            kind, before, after = "withdrawn", _described(old, whole), gone
        elif old.withdrawn:
            kind, before, after = "restored", gone, _described(row, whole)
        else:
            kind = "corrected"
            other = [name for name, _ in _COMPARED if getattr(old, name) != getattr(row, name)]
            before, after = _described(old, other, all_of=True), _described(row, other, all_of=True)
        what = f"E{row.pk}" if old is None else said(_instead, row.pk, old.pk)
        yield _change(kind, row.pool.name, what, before, after, row, window["recorded_at__lte"])


def approver(row: Entitlement | StrengthOverride | MappingChange, as_of: datetime) -> Any:
    """Return the account that had approved a correction by then, None where none had.

    A change of a mapping that is told though it was recorded later is told as it is now: so is
    whether somebody approved it.
    """
    correction = getattr(row, "correction", None)
    if correction is None or correction.approved_at is None:
        return None
    if correction.approved_at > as_of >= row.recorded_at:
        return None
    return correction.approved_by


def _instead(new: int, old: int) -> str:
    return gettext("E%(new)s for E%(old)s") % {"new": new, "old": old}


def _described(line: Entitlement, names: list[str], *, all_of: bool = False) -> str:
    """Return fields of a line in words; empty ones only if *all_of* them are asked for."""
    parts = []
    for name in names:
        value = getattr(line, name)
        if name == "contract":
            value = line.contract.number if line.contract else ""
        if value not in (None, "", 0) or all_of:
            parts.append((name, "" if value in (None, "") else str(value)))
    return said(_fields, tuple(parts))


def _fields(parts: tuple[tuple[str, str], ...]) -> str:
    words = dict(_COMPARED)
    return ", ".join(f"{words[name]} {value or gettext('none')}" for name, value in parts)


def _proofs(chosen: list[int], window: dict[str, Any]) -> Iterator[Change]:
    """Tell which documents were said to prove which lines, those of a minute together."""
    rows = Proof.objects.filter(entitlement__pool__in=chosen, **window)
    found: dict[tuple[Any, ...], list[Proof]] = {}
    for row in rows.select_related("entitlement__pool", "document", "recorded_by").order_by("pk"):
        minute = int(row.recorded_at.timestamp()) // 60
        key = (row.entitlement_id, row.recorded_by_id, row.taken_over, minute)
        found.setdefault(key, []).append(row)
    for alike in found.values():
        first = alike[0]
        papers = tuple(
            (row.document.title, row.document.sha256, row.quantity, row.entitlement.quantity)
            for row in alike
        )
        what = said(_proof, first.entitlement_id)
        words = said(_documents, papers, first.taken_over)
        yield _change("proven", first.entitlement.pool.name, what, "", words, first)


def _documents(papers: tuple[tuple[str, str, int, int], ...], taken_over: bool) -> str:
    words = "; ".join(_document(*paper) for paper in papers)
    return gettext("%(document)s, taken over") % {"document": words} if taken_over else words


def _document(title: str, digest: str, seats: int, whole: int) -> str:
    words = f"{title} (SHA-256 {digest[:12]}…)"
    part = figures.part(seats, whole)
    return f"{words}: {part}" if part else words


def _judgements(chosen: list[int], window: dict[str, Any], as_of: datetime) -> Iterator[Change]:
    rows = StrengthOverride.objects.filter(
        entitlement__pool__in=chosen, recorded_at__lte=as_of
    ).select_related("entitlement__pool", "recorded_by", "correction__approved_by")
    last: dict[int, str] = {}
    for row in rows.order_by("recorded_at", "pk"):
        before = last.get(row.entitlement_id, said(_strength, None))
        after = said(_strength, row.strength)
        last[row.entitlement_id] = after
        if row.recorded_at >= window["recorded_at__gte"]:
            line = row.entitlement
            yield _change(
                "judged",
                line.pool.name,
                said(_proof, line.pk),
                before,
                after,
                row,
                as_of,
            )


def _proof(line: int) -> str:
    return gettext("proof of E%(line)s") % {"line": line}


def _strength(value: int | None) -> str:
    return str(BY_DOCUMENTS) if value is None else str(Strength(value).label).split(":")[0]


def _mappings(rows: Any) -> Iterator[Change]:
    for row in rows.select_related("pool", "feature__server", "recorded_by").order_by("pk"):
        begins, ends = _moment(row.mapped_from), _moment(row.mapped_until)
        words = said(_counts, begins, ends, row.weight)
        what = said(_at_server, row.feature.name, row.feature.server.name)
        yield _change(
            "mapped",
            row.pool.name,
            what,
            "",
            words,
            row,
        )


def _remappings(rows: Any, as_of: datetime) -> Iterator[Change]:
    named = rows.select_related("pool", "recorded_by", "correction__approved_by")
    for row in named.order_by("pk"):
        sides = [row.before, row.after]
        known = [side for side in sides if side]
        what = said(_at_server, known[0]["feature"], known[0]["server"])
        moved = len(known) == 2 and _place(known[0]) != _place(known[1])
        before, after = (said(_mapped_as, tuple(side.items()), moved) for side in sides)
        yield _change("remapped", row.pool.name, what, before, after, row, as_of)


def _place(side: dict[str, Any]) -> tuple[str, str]:
    return side["feature"], side["server"]


def _mapped_as(items: tuple[tuple[str, Any], ...], moved: bool) -> str:
    """Say what a mapping said, with its feature where that became another."""
    side = dict(items)
    if not side:
        return gettext("does not feed this pool")
    begins, ends = (
        _moment(None if side[name] is None else datetime.fromtimestamp(side[name], UTC))
        for name in ("from", "until")
    )
    words = _counts(begins, ends, side["weight"])
    return f"{_at_server(*_place(side))}, {words}" if moved else words


def _counts(begins: str, ends: str, weight: int) -> str:
    if begins:
        words = [gettext("counts since %(begins)s") % {"begins": begins}]
    else:
        words = [gettext("counts since ever")]
    if ends:
        words.append(gettext("until %(ends)s") % {"ends": ends})
    if weight != 1:
        words.append(gettext("%(weight)s seats each") % {"weight": weight})
    return " ".join(words)


def _at_server(feature: str, server: str) -> str:
    return gettext("%(feature)s at %(server)s") % {"feature": feature, "server": server}


def _retirements(rows: Any) -> Iterator[Change]:
    for row in rows.select_related("pool", "recorded_by").order_by("pk"):
        kind = "restored" if row.after is None else "retired"
        before, after = (said(_use, _moment(each)) for each in (row.before, row.after))
        yield _change(kind, row.pool.name, said(_whole_pool), before, after, row)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _use(end: str) -> str:
    return gettext("in use until %(ends)s") % {"ends": end} if end else gettext("in use")


def _whole_pool() -> str:
    return gettext("the pool")


def _explanations(chosen: list[int], window: dict[str, Any], as_of: datetime) -> Iterator[Change]:
    """Tell what was found out of over-use; before is the last note on a time that it touches."""
    rows = OverUseNote.objects.filter(pool__in=chosen, recorded_at__lte=as_of)
    earlier: dict[int, list[OverUseNote]] = {}
    for row in rows.select_related("pool", "recorded_by").order_by("recorded_at", "pk"):
        known = earlier.setdefault(row.pool_id, [])
        last = next(
            (e for e in reversed(known) if e.starts < row.ends and row.starts < e.ends), None
        )
        known.append(row)
        if row.recorded_at >= window["recorded_at__gte"]:
            edges = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (row.starts, row.ends))
            what = said(_over_use, *edges)
            before = "" if last is None else _explained(last)
            yield _change("explained", row.pool.name, what, before, _explained(row), row)


def _over_use(start: str, end: str) -> str:
    return gettext("over-use from %(start)s to %(end)s UTC") % {"start": start, "end": end}


def _explained(note: OverUseNote) -> str:
    return said(_cause, note.cause, note.resolution, note.owner)


def _cause(cause: str, resolution: str, owner: str) -> str:
    done = gettext("still open")
    if resolution:
        done = gettext("done: %(resolution)s") % {"resolution": resolution}
    return gettext("%(cause)s; %(done)s; seen to by %(owner)s") % {
        "cause": cause,
        "done": done,
        "owner": owner,
    }


def _change(
    kind: str,
    pool: str,
    what: str,
    before: str,
    after: str,
    row: Any,
    as_of: datetime | None = None,
) -> Change:
    by = row.recorded_by
    second = approver(row, as_of) if as_of is not None else None
    return Change(
        kind=kind,
        pool=pool,
        what=what,
        before=before,
        after=after,
        reason=getattr(row, "reason", ""),
        author=by.get_username() if by is not None else NOBODY,
        approver=NOBODY if second is None else second.get_username(),
        at=int(row.recorded_at.timestamp()),
    )
