"""Ask for a report, and build it: at most once at a time, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext, override

from itam.memory import uncollected
from itam.one_moment import one_moment
from itam.said import again
from licenses.analysis.verdict import Verdict
from licenses.evidence import entries
from licenses.evidence.reads import note_read
from licenses.evidence.stored import open_recorded
from licenses.importing.renewal import renew_pools
from licenses.models import LicensePool, Person
from reports import events, leases
from reports.beside import load_beside
from reports.datasets.audit import one_vendor
from reports.datasets.files import TABLES, Numbers, as_text
from reports.datasets.standing import Difference, Signed, Standing, differences
from reports.documents import KINDS
from reports.leases import LEASE, MOST_ATTEMPTS, PAUSE, free
from reports.models import Report, SignOff, role_of, scope_key
from reports.pdf.files import Attachment, pack
from reports.pdf.words import spoken

logger = logging.getLogger(__name__)


LONG = frozenset({"pools", "changes", "audit"})
"""Numbers that stand in the files alone, and not in the row."""

State = Report.State

ENGLISH = "en-gb"


def request_report(
    name: str,
    pools: Collection[LicensePool],
    start: int,
    end: int,
    zone: ZoneInfo,
    user: Any,
    as_of: datetime | None = None,
    *,
    scope: str = "",
    about: Mapping[str, str] | None = None,
) -> Report:
    """Put a report on record, to be built; the caller then nudges the task or waits for the tick.

    pools:  those that the user may see; the caller has checked it.
    scope:  whose these are, in words; a single pool speaks for itself.
    about:  what is said of the occasion of a report about one vendor.

    Raises ValueError where no such report exists, without a pool or with pools of two vendors where
    it is about one, and as `check_period` does.
    """
    if name not in KINDS:
        raise ValueError(f"no report is named {name!r}: expected one of {', '.join(KINDS)}")
    if not pools:
        raise ValueError("a report is about at least one pool, found none")
    as_of = as_of or timezone.now()
    check_period(start, end, zone, as_of)
    if KINDS[name].one_vendor:
        one_vendor(pools)
    if not scope and len(pools) == 1:
        scope = next(iter(pools)).name
    with transaction.atomic():
        report = Report.objects.create(
            name=name,
            params={
                "start": start,
                "end": end,
                "zone": str(zone),
                "scope": scope,
                **({"about": dict(about)} if about else {}),
            },
            as_of=as_of,
            requested_by=user,
            requested_role=role_of(user),
            scope_key=scope_key(name, [pool.pk for pool in pools]),
        )
        report.pools.set(pools)
    made: Report = report
    return made


def check_period(start: int, end: int, zone: ZoneInfo, as_of: datetime) -> None:
    """Raise ValueError where a report has nothing to tell: unless start < end, and where the period
    begins after the as-of. One that has begun and goes on is *collecting*.

    Of a time to come nothing is expected, and so its verdict would be *not in use*.
    """
    if start >= end:
        raise ValueError(f"the window [{start}, {end}) is empty: expected its end after its start")
    begins = datetime.fromtimestamp(start, zone)
    if begins >= as_of:
        known = as_of.astimezone(zone)
        raise ValueError(
            gettext(
                "The period begins on %(begins)s, and nothing is known after %(known)s: expected"
                " one that has begun."
            )
            % {"begins": begins.date(), "known": f"{known:%Y-%m-%d %H:%M}"}
        )


def request_again(report: Report, user: Any, now: datetime) -> Report:
    """Put the next version of a report on record, as of now; called in a transaction that knows
    of no newer one."""
    copy: Report = Report.objects.create(
        name=report.name,
        params=report.params,
        as_of=now,
        requested_by=user,
        requested_role=role_of(user),
        requested_at=now,
        scope_key=report.scope_key,
        version=report.version + 1,
        supersedes=report,
    )
    copy.pools.set(report.pools.all())
    return copy


def stage_at(end: int, known: datetime) -> str:
    """Return where a report on a period that ends at *end* stands, from what was known then."""
    over = datetime.fromtimestamp(end, UTC)
    if known < over:
        return "collecting"
    late = timedelta(days=settings.ITAM_REPORT_WAIT_DAYS)
    return "waiting" if known < over + late else "ready"


def render(
    name: str,
    pools: Collection[LicensePool],
    start: int,
    end: int,
    zone: ZoneInfo,
    as_of: datetime,
    scope: str = "",
    about: Mapping[str, str] | None = None,
) -> Made:
    """Return a report as PDF, and its numbers as JSON knows them.

    Raises ValueError as `check_period` does, and for pools of two vendors where it is about one.
    """
    check_period(start, end, zone, as_of)
    with uncollected():
        numbers = _dataset(name, pools, start, end, zone, as_of, scope, about)
        standing = Standing(stage_at(end, min(as_of, timezone.now())))
        with override(ENGLISH):
            as_json = numbers.as_json()
        return printed(name, numbers, as_json, standing, zone)


def numbers_of(report: Report, as_of: datetime) -> dict[str, Any]:
    """Return the numbers that a report on the same pools and period would have as of a moment."""
    params, zone = report.params, ZoneInfo(report.params["zone"])
    pools = list(report.pools.select_related("product__vendor"))
    found = _dataset(
        *(report.name, pools, params["start"], params["end"], zone, as_of),
        *(params["scope"], params.get("about")),
    )
    with override(ENGLISH):
        numbers: Numbers = found.as_json()
    return numbers


def _dataset(
    name: str,
    pools: Collection[LicensePool],
    start: int,
    end: int,
    zone: ZoneInfo,
    as_of: datetime,
    scope: str,
    about: Mapping[str, str] | None,
) -> Any:
    """Return the dataset of a report. Its numbers are compared, sealed and read by programs, so
    what is said in them is English, whoever asks; `itam.said.again` says it as the paper does.

    They are those of one moment, at which all is stored that was recorded until now."""
    kind = KINDS[name]
    renew_pools([pool.pk for pool in pools])
    entries.wait_for_writers()
    with one_moment(), override(ENGLISH):
        return kind.dataset(
            pools,
            start=start,
            end=end,
            zone=zone,
            as_of=as_of,
            scope=scope,
            entity=settings.ITAM_LEGAL_ENTITY,
            proven_from=settings.ITAM_PROVEN_FROM_STRENGTH,
            **({"about": about} if kind.one_vendor else {}),
        )


def due(now: datetime) -> list[int]:
    """Return the reports that wait, or whose builder's lease ran out, oldest first.

    Those that were tried often enough are given up.
    """

    def tell(report: Report) -> None:
        events.tell(events.Event.FAILED, report, now)

    return leases.due(Report.objects.all(), now, tell)


def build(report_id: int, now: datetime | None = None) -> bool:
    """Build a report if nobody else does, and tell whether this call did.

    An error is kept in the report, which waits for another attempt or has failed.
    """
    lease = _claim(report_id, now or timezone.now())
    if lease is None:
        return False
    report = Report.objects.get(pk=report_id)
    try:
        _build(report, lease)
    except Exception as error:
        logger.exception("report %s: attempt %s did not succeed", report_id, report.attempts)
        _put_back(report, lease, f"{type(error).__name__}: {error}")
        return False
    return True


def write(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for a part of it, for whoever may read what this
    account writes: the sealer, of another account, compares signed ones with their hashes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def file_response(report: Report, user: Any, *, numbers: bool = False) -> FileResponse | None:
    """Return the PDF, or all numbers, for download; None where the report is not done, or
    the file is gone or another one.

    Writes who takes it.
    """
    path = report.data_path if numbers else report.path
    recorded = report.data_sha256 if numbers else report.sha256
    if report.state != State.DONE:
        return None
    try:
        stream = open_recorded(path, recorded)
    except FileNotFoundError:
        return None
    name = Path(report.file_name).with_suffix(path.suffix).name
    kind = "application/json" if numbers else "application/pdf"
    about: dict[str, str | int] = {"report": report.pk, "sha256": report.sha256}
    note_read(user, "export", f"{'numbers' if numbers else 'PDF'} of a report", 1, **about)
    return FileResponse(stream, as_attachment=True, filename=name, content_type=kind)


def note_export(made: Made, who: str) -> None:
    """Write that a report left as a file of the command line."""
    body = {
        "count": 1,
        "id": made.numbers["id"],
        "sha256": hashlib.sha256(made.paper).hexdigest(),
        "what": f"{made.numbers['report']} report",
        "who": who,
    }
    entry = entries.draft("export", int(timezone.now().timestamp()), body)
    with transaction.atomic():
        entries.append(entries.INSTALLATION, [entry], source="command")


@dataclass(frozen=True, slots=True)
class Made:
    """A report as it goes into its files. text: the numbers as they lie inside the PDF, too."""

    paper: bytes
    numbers: dict[str, Any]
    text: bytes


def make(report: Report, approved: SignOff | None = None, certificate: str = "") -> Made:
    """Make a report from the facts of today, with its standing.

    approved:     the approval that it gets with this.
    certificate:  the SHA-256 of the certificate whose signature the file is to carry.
    """
    params, zone = report.params, ZoneInfo(report.params["zone"])
    pools = list(report.pools.select_related("product__vendor"))
    what = (
        *(report.name, pools, params["start"], params["end"], zone, report.as_of),
        *(params["scope"], params.get("about")),
    )
    with uncollected():
        found = _dataset(*what)
        with override(ENGLISH):
            numbers = found.as_json()
            standing = _standing(report, numbers, approved, certificate)
        return printed(report.name, found, numbers, standing, zone)


def printed(
    name: str,
    found: Any,
    numbers: Numbers,
    standing: Standing,
    zone: ZoneInfo,
) -> Made:
    """Return a dataset as the files of a report; the numbers lie inside the PDF, too.

    numbers:  those of the dataset as JSON knows them. The PDF says them in the installation's
              language.
    """
    # Packing lets go of the interpreter: a second processor does it while pages are drawn.
    with ThreadPoolExecutor(max_workers=1) as beside:

        def attached(name: str, content: bytes, kind: str, about: str) -> Attachment:
            return Attachment(name, content, kind, about, beside.submit(pack, content))

        with override(ENGLISH):
            whole = numbers.also(standing=standing.as_json(zone))
            text = as_text(whole)
            numbers_inside = "all numbers, with the standing"
            files = [attached("report.json", text, "application/json", numbers_inside)]
            files += [
                attached(table, content, "text/csv", TABLES[table])
                for table, content in found.tables().items()
            ]
        with override(settings.LANGUAGE_CODE), spoken(gettext):
            paper = KINDS[name].paper(again(found), standing, numbers["id"], files)
    return Made(paper, whole, text)


def store(made: Made, name: uuid.UUID) -> dict[str, Any]:
    """Write the files of a report; return what its row then says of them."""
    place = Report(uuid=name)
    write(place.data_path, made.text)
    write(place.path, made.paper)
    short = {key: value for key, value in made.numbers.items() if key not in LONG}
    pools = made.numbers["pools"]
    short["positions"] = [pool["position"] for pool in pools]
    # Over-use in another month outranks it in a pool's verdict, and in the counts of verdicts.
    short["undetermined"] = sum(
        any(month["verdict"] == Verdict.NOT_DETERMINABLE for month in pool["months"])
        for pool in pools
    )
    return {
        "uuid": name,
        "sha256": hashlib.sha256(made.paper).hexdigest(),
        "data_sha256": hashlib.sha256(made.text).hexdigest(),
        "size": len(made.paper),
        "data": short,
    }


def _standing(
    report: Report, numbers: Mapping[str, Any], approved: SignOff | None, certificate: str
) -> Standing:
    steps = list(report.sign_offs.exclude(step=SignOff.Step.REJECTED))
    signed = [
        Signed(row.step, row.name, row.role, int(row.at.timestamp()), row.comment)
        for row in [*steps, *([approved] if approved else [])]
    ]
    author = report.requested_by
    if author is not None:
        name = author.get_full_name() or author.get_username()
        signed.insert(
            0, Signed("prepared", name, report.requested_role, int(report.requested_at.timestamp()))
        )
    known = min(report.as_of, report.requested_at)
    before = report.supersedes
    # It is counted again once it is made: until it is signed, it stays the same file.
    again = report.differs if approved else None
    return Standing(
        status="signed" if approved else stage_at(report.params["end"], known),
        version=report.version,
        supersedes=before.words if before else "",
        signed=tuple(signed),
        differences=_differences(before, numbers) if before else None,
        certificate=certificate,
        beside=load_beside(report, numbers),
        differs=None if again is None else tuple(again),
    )


def _differences(before: Report, numbers: Mapping[str, Any]) -> tuple[Difference, ...] | None:
    try:
        old = json.loads(before.data_path.read_text())
    except FileNotFoundError:
        return None
    return differences(old, numbers)


def drop_files(now: datetime) -> None:
    """Throw the files of old reports away. Their rows stay, with the hash and when that was.

    Signed and rejected reports are kept whole.
    """
    before = now - timedelta(days=settings.ITAM_KEEP_REPORT_FILES_DAYS)
    for report in Report.objects.filter(
        state=State.DONE, finished_at__lt=before, files_dropped_at=None, decision=""
    ):
        for path in (report.path, report.data_path):
            path.unlink(missing_ok=True)
        Report.objects.filter(pk=report.pk).update(files_dropped_at=now)


def _claim(report_id: int, now: datetime) -> uuid.UUID | None:
    lease = uuid.uuid4()
    claimed = Report.objects.filter(free(now), pk=report_id, attempts__lt=MOST_ATTEMPTS).update(
        state=State.RUNNING,
        progress=5,
        lease=lease,
        lease_until=now + LEASE,
        attempts=F("attempts") + 1,
    )
    return lease if claimed else None


def _build(report: Report, lease: uuid.UUID) -> None:
    held, began = Report.objects.filter(pk=report.pk, lease=lease), timezone.now()
    made = make(report)
    held.update(progress=90)
    files, now = store(made, report.uuid), timezone.now()
    with transaction.atomic():
        if Person.objects.filter(erased_at__gte=began).exists():
            raise RuntimeError("a name was erased meanwhile: it may stand in what was made")
        mine = held.update(
            **files,
            state=State.DONE,
            progress=100,
            error="",
            lease=None,
            lease_until=None,
            finished_at=now,
        )
        if mine:
            report.refresh_from_db()
            events.tell(events.Event.READY, report, now)


def _put_back(report: Report, lease: uuid.UUID, error: str) -> None:
    over = report.attempts >= MOST_ATTEMPTS
    now = timezone.now()
    with transaction.atomic():
        mine = Report.objects.filter(pk=report.pk, lease=lease).update(
            state=State.FAILED if over else State.WAITING,
            progress=0,
            lease=None,
            lease_until=None if over else now + PAUSE * report.attempts,
            finished_at=now if over else None,
            error=error[:2000],
        )
        if mine and over:
            report.refresh_from_db()
            events.tell(events.Event.FAILED, report, now)
