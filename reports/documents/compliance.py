"""The compliance report: title block, result, position, each pool, method, sign-off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext
from reportlab.platypus import Flowable

from itam import figures
from licenses.analysis.verdict import Verdict
from licenses.models import Strength
from reports.datasets.compliance import Compliance, PoolReport, Position
from reports.datasets.standing import Standing
from reports.documents import records
from reports.documents import standing as standings
from reports.documents.integrity import head_words, integrity
from reports.documents.pool_pages import month_grid, pool_pages, small_charts
from reports.documents.pool_tables import all_gaps, rights
from reports.documents.words import (
    TONES,
    VERDICTS,
    day_span,
    figure,
    hours,
    moment,
    peak_words,
    percent,
    refusals,
    signed,
)
from reports.pdf import look
from reports.pdf.blocks import heading
from reports.pdf.files import Attachment
from reports.pdf.page import Masthead, build
from reports.pdf.tables import Cell, Column, FastTable
from reports.pdf.text import prose

TITLE: Final = gettext_lazy("Licence compliance")
READY: Final = Standing("ready")
ENTITY_NOT_STATED: Final = gettext_lazy("legal entity not stated")
ALL_IN_FULL: Final = 12
"""With more pools than this, only those with findings have pages of their own."""
FINDINGS: Final = ("over_use", "not_determinable")

_ASK: Final = {
    "over_use": gettext_lazy(
        "Over-use was found. Please check the episodes listed for each pool, and either"
        " record the entitlement that covers them or agree a correction with the"
        " vendor."
    ),
    "not_determinable": gettext_lazy(
        "For some pools nothing can be said. Please close the gaps or record the"
        " missing entitlements that the reasons name, then make this report again."
    ),
    "as_observed": gettext_lazy(
        "No over-use was seen. Please review the gaps that are listed, since nothing is"
        " said about them."
    ),
    "not_in_use": gettext_lazy("No pool was in use in this period: nothing was judged."),
    "proven": gettext_lazy("Use stayed within what is allowed at every moment."),
}


def paper(
    data: Compliance,
    standing: Standing = READY,
    report_id: str = "",
    files: Sequence[Attachment] = (),
) -> bytes:
    """Return the report as a PDF file; the same dataset, standing and files give the same bytes.

    report_id:  that of the dataset, where the caller has it already: it is made of all numbers.
    files:      what shall lie inside the PDF.
    """
    zone = ZoneInfo(data.zone)
    in_full = data.pools
    if len(data.pools) > ALL_IN_FULL:
        in_full = tuple(pool for pool in data.pools if pool.position.verdict in FINDINGS)
    shown = {pool.position.pool_id for pool in in_full}
    rest = [pool for pool in data.pools if pool.position.pool_id not in shown]
    story = [*_result(data), *position(data.pools, zone, gettext("Licence position"))]
    for pool in in_full:
        story += pool_pages(pool, data, zone)
    if rest:
        story += [*heading(gettext("Pools without findings"), room=170), *small_charts(rest, data)]
        story += [*heading(gettext("Highest use of each month"), 2), month_grid(rest, zone)]
        story += [*rights(rest, data.proven_from), *all_gaps(rest, zone)]
    story += [
        *records.scope_rules(data.pools, gettext("Scope rules")),
        *records.sources(data.sources, gettext("Coverage by source")),
        *records.changes(data.changes, zone, gettext("Corrections and manual entries")),
        *standings.differences(standing),
    ]
    story += [*method(data, gettext("Method and limits")), *integrity(data.integrity, files)]
    story += standings.recounted(standing)
    story += standings.sign_off(standing, zone)
    head = masthead(data, standing, zone, report_id or data.report_id)
    return build(head, story, files=files)


STATUS = {
    "collecting": gettext_lazy("collecting"),
    "waiting": gettext_lazy("waiting for late data"),
    "ready": gettext_lazy("ready, not signed"),
    "signed": gettext_lazy("signed"),
}


def masthead(data: Compliance, standing: Standing, zone: ZoneInfo, report_id: str) -> Masthead:
    """Return what the title block says of the compliance of pools."""
    return Masthead(
        title=str(TITLE),
        entity=data.entity or str(ENTITY_NOT_STATED),
        period=day_span(data.start, data.end, zone),
        zone=data.zone,
        as_of=data.as_of,
        as_of_text=moment(data.as_of, zone),
        report_id=report_id,
        version=str(standing.version),
        status=str(STATUS.get(standing.status, standing.status)),
        supersedes=standing.supersedes,
        evidence=head_words(data.integrity),
        verdict=str(VERDICTS[data.verdict]),
        verdict_tone=TONES[data.verdict],
        verdict_reason=_reason(data),
        software=gettext("Licence management"),
        facts=(
            *_counted_as_proven(data),
            *_recorded_later(data),
            (gettext("Scope"), figures.scope(data.scope)),
            (gettext("Pools"), f"{len(data.pools):,}"),
            (gettext("Coverage"), percent(data.coverage)),
            (gettext("Floor of coverage"), percent(data.floor)),
            (gettext("Logic version"), data.logic_version),
        ),
    )


def _counted_as_proven(data: Compliance) -> list[tuple[str, str]]:
    """Return a line of the title block where less than the best proof counts."""
    if data.proven_from == Strength.PROVEN:
        return []
    return [
        (
            gettext("Counts as proven"),
            gettext("partial proof too: another entity's or a reseller's paper"),
        )
    ]


def _recorded_later(data: Compliance) -> list[tuple[str, str]]:
    """Return a line of the title block where figures rest on what the as-of time did not know."""
    records, changes = data.late.records, data.late.changes
    said = []
    if records:
        words = ngettext("%(count)s record of use", "%(count)s records of use", records)
        said.append(words % {"count": figures.number(records)})
    if changes:
        words = ngettext(
            "%(count)s change of mappings or retirements",
            "%(count)s changes of mappings or retirements",
            changes,
        )
        said.append(words % {"count": figures.number(changes)})
    if not said:
        return []
    return [(gettext("Counted though recorded later"), ", ".join(said))]


def _reason(data: Compliance) -> str:
    if len(data.pools) == 1:
        return data.reason
    same = dict(data.counts)[data.verdict]
    worst = next(
        pool.position
        for pool in data.pools
        if (pool.position.verdict, pool.position.reason) == (data.verdict, data.reason)
    )
    return gettext("%(same)s of %(pools)s pools; the clearest is %(pool)s: %(reason)s") % {
        "same": same,
        "pools": len(data.pools),
        "pool": worst.pool,
        "reason": data.reason,
    }


def _result(data: Compliance) -> list[Flowable]:
    rows = [
        (Cell(str(VERDICTS[verdict]), TONES[verdict]), f"{number:,}")
        for verdict, number in data.counts
    ]
    story: list[Flowable] = [
        *heading(gettext("Result")),
        prose(str(_ASK[data.verdict]), look.BODY),
        FastTable([Column(gettext("Verdict"), 0.8), Column(gettext("Pools"), 0.2, "right")], rows),
    ]
    found = [pool.position for pool in data.pools if pool.position.verdict != "proven"]
    if found:
        rank = {verdict.value: -place for place, verdict in enumerate(Verdict)}
        found.sort(key=lambda row: rank[row.verdict])
        story += [*heading(gettext("Pools that are not proven"), 2), _not_proven(found)]
    return story


def _not_proven(found: Sequence[Position]) -> FastTable:
    columns = [
        Column(gettext("Pool"), 0.18, lines=2),
        Column(gettext("Verdict"), 0.13, lines=2),
        Column(gettext("Entitled"), 0.07, "right"),
        Column(gettext("Peak"), 0.07, "right"),
        Column(gettext("Excess"), 0.07, "right"),
        Column(gettext("Coverage"), 0.09, "right"),
        Column(gettext("Why"), 0.39, lines=4),
    ]
    rows = [
        (
            Cell(row.pool, TONES[row.verdict]),
            str(VERDICTS[row.verdict]),
            figure(row.entitled),
            peak_words(row.peak, row.peak_exact),
            _excess(row),
            percent(row.coverage),
            row.reason,
        )
        for row in found
    ]
    return FastTable(columns, rows, size=7.5, limit=240)


def _excess(row: Position) -> str:
    """Return the most in use above what is allowed; a dash where either was never known."""
    if row.spare is None or row.peak is None:
        return figure(None)
    return figure(max(-row.spare, 0))


def position(pools: Sequence[PoolReport], zone: ZoneInfo, title: str) -> list[Flowable]:
    """Return the position of every pool: a line of what it has a right to and what is said of it,
    and one of how near it came to that."""
    found = [pool.position for pool in pools]
    rights = [
        Column(gettext("Pool, product"), 0.2, lines=4),
        Column(gettext("Metric"), 0.1, lines=2),
        Column(pgettext("narrow column", "Entitled"), 0.068, "right"),
        Column(pgettext("narrow column", "Proven"), 0.063, "right"),
        Column(gettext("Over- draft"), 0.056, "right"),
        Column(pgettext("narrow column", "Issued"), 0.063, "right"),
        Column(gettext("Peak"), 0.075, "right"),
        Column(gettext("Peak reached"), 0.115, lines=2),
        Column(gettext("Verdict"), 0.16, lines=2),
        Column(gettext("Basis"), 0.1, lines=2),
    ]
    use = [
        Column(gettext("Pool"), 0.2, lines=2),
        Column(gettext("Peak"), 0.08, "right"),
        Column(gettext("99.9 % level"), 0.1, "right"),
        Column(gettext("Least spare"), 0.1, "right"),
        Column(gettext("Hours over"), 0.12, "right"),
        Column(gettext("Seat- hours over"), 0.13, "right"),
        Column(gettext("Refusals"), 0.13, "right"),
        Column(gettext("Coverage"), 0.14, "right"),
    ]
    return [
        *heading(title),
        FastTable(
            rights,
            [
                (
                    Cell(_named(row), TONES[row.verdict]),
                    row.metric or "–",
                    figure(row.entitled),
                    figure(row.proven),
                    figure(row.overdraft),
                    figure(row.issued),
                    peak_words(row.peak, row.peak_exact),
                    moment(row.peak_at, zone) if row.peak_at is not None and row.peak else "–",
                    str(VERDICTS[row.verdict]),
                    _basis(row),
                )
                for row in found
            ],
            size=7,
            limit=240,
        ),
        *heading(gettext("Use against the position"), 2),
        FastTable(
            use,
            [
                (
                    row.pool,
                    peak_words(row.peak, row.peak_exact),
                    peak_words(row.p999, row.peak_exact),
                    signed(row.spare),
                    hours(row.over_seconds),
                    hours(row.over_seat_seconds),
                    refusals(row),
                    percent(row.coverage),
                )
                for row in found
            ],
            size=7,
        ),
        prose(
            gettext(
                "Entitled, proven, overdraft and issued at the end of the period. 99.9 % level: for"
                " information, the seats that were enough for 99.9 % of the observed time. Least"
                " spare: allowed minus in use at the tightest moment. Seat-hours over: each seat"
                " above what is allowed, for as long as it was. A dash stands for what is not"
                " known."
            ),
            look.CAPTION,
        ),
    ]


def _named(row: Position) -> str:
    """Return the pool and its product; once where they are called the same."""
    return row.pool if row.pool == row.product else f"{row.pool}, {row.product}"


def _basis(row: Position) -> str:
    """Return which sources tell of what was observed: polls alone prove no absence of over-use."""
    if not row.observed_seconds:
        return gettext("nothing observed")
    if not row.logged_seconds:
        return gettext("polls")
    return gettext("logs") if row.logged_seconds >= row.observed_seconds else gettext("logs, polls")


def method(data: Compliance, title: str) -> list[Flowable]:
    """Say what the figures mean."""
    return [
        *heading(title),
        *(prose(sentence, look.BODY) for sentence in data.method),
    ]
