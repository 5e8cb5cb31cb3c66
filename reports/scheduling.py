"""Scheduled reports: asked for when their time has come, and mailed once they are made.

What is due stands in the database. A report, its mails on record and the schedule's next due time
are one transaction, so that a run that died, ran twice or comes late makes each period once.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext

from itam import figures
from licenses.alerts.channels import Message, SendError, mail
from licenses.alerts.channels.base import Attachment
from licenses.alerts.failing import GIVE_UP
from licenses.alerts.outbox import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, LEASE
from licenses.alerts.words import link, plain
from licenses.evidence import entries
from licenses.evidence.reads import note_read
from licenses.evidence.stored import Exchanged, open_recorded
from licenses.models import LicensePool
from reports import events
from reports.delivery import request_report
from reports.documents import KINDS
from reports.documents.words import VERDICTS, day_span
from reports.models import Report, ReportDelivery, ReportSchedule

logger = logging.getLogger(__name__)

MOST_PERIODS = 24
"""That one run catches up with, a schedule; the next run goes on."""
MOST_BYTES = 10_000_000
"""Of attachments; more goes as a link."""

State = ReportDelivery.State
Attach = ReportSchedule.Attach


def run_due(now: datetime) -> list[int]:
    """Ask for the reports whose time has come; return their ids, to be built."""
    made: list[int] = []
    due = ReportSchedule.objects.filter(enabled=True, due_at__lte=now).order_by("due_at", "pk")
    for schedule_id in list(due.values_list("pk", flat=True)):
        for _ in range(MOST_PERIODS):
            with transaction.atomic():
                row = ReportSchedule.objects.select_for_update(of=("self",))
                schedule = row.filter(pk=schedule_id, enabled=True, due_at__lte=now).first()
                if schedule is None:
                    break
                if report := _ask(schedule, now):
                    made.append(report.pk)
                schedule.next_end = schedule.end_after(schedule.next_end)
                schedule.plan(now)
                schedule.save(update_fields=["next_end", "due_at", "last_error"])
    return made


def _ask(schedule: ReportSchedule, now: datetime) -> Report | None:
    pools, scope = pools_of(schedule)
    if not pools:
        schedule.last_error = gettext("No report on %(next_end)s: %(owner)s sees no pool.") % {
            "next_end": schedule.next_end,
            "owner": schedule.owner,
        }
        return None
    schedule.last_error = ""
    start, end = schedule.window()
    zone = ZoneInfo(schedule.zone)
    report = request_report(
        schedule.report, pools, start, end, zone, schedule.owner, now, scope=scope
    )
    rows = [
        ReportDelivery(
            schedule=schedule,
            report=report,
            recipient=address,
            attach=schedule.attach,
            due_at=now,
            recorded_at=now,
        )
        for address in schedule.addresses()
    ]
    ReportDelivery.objects.bulk_create(rows)
    return report


def pools_of(schedule: ReportSchedule) -> tuple[list[LicensePool], str]:
    """Return the pools that it is about, as far as its owner may see them, and their name."""
    seen = LicensePool.objects.for_user(schedule.owner)
    if schedule.vendor is not None:
        return list(seen.filter(product__vendor=schedule.vendor)), schedule.vendor.name
    chosen = list(schedule.pools.order_by().values_list("pk", flat=True))
    if not chosen:
        return list(seen), figures.ALL_POOLS
    pools = list(seen.filter(pk__in=chosen))
    return pools, pools[0].name if len(pools) == 1 else figures.pools(len(pools))


def deliver(now: datetime, limit: int = 50) -> int:
    """Mail the reports that are made, and return how many mails went out. Any number of these may
    run at once; who dies between sending and marking repeats a mail with the same message id."""
    unmade = ReportDelivery.objects.filter(state=State.WAITING, report__state=Report.State.FAILED)
    unmade.update(state=State.FAILED, last_error=gettext("The report could not be made."))
    ready = ReportDelivery.objects.filter(_free(now), report__state=Report.State.DONE)
    sent = 0
    for pk in list(ready.order_by("due_at", "pk").values_list("pk", flat=True)[:limit]):
        row = _claim(pk, now)
        if row is not None and _send(row, now):
            sent += 1
    return sent


def _free(now: datetime) -> Q:
    lease = Q(leased_until=None) | Q(leased_until__lte=now)
    return lease & Q(state=State.WAITING, due_at__lte=now)


def _claim(pk: int, now: datetime) -> ReportDelivery | None:
    lease = uuid.uuid4()
    claimed = ReportDelivery.objects.filter(_free(now), pk=pk).update(
        lease=lease, leased_until=now + LEASE, attempts=F("attempts") + 1
    )
    if not claimed:
        return None
    rows = ReportDelivery.objects.select_related("report__requested_by")
    return rows.filter(pk=pk, lease=lease).first()


def _send(row: ReportDelivery, now: datetime) -> bool:
    held = ReportDelivery.objects.filter(pk=row.pk, lease=row.lease)
    owner = row.report.requested_by
    if not Report.objects.for_user(owner).filter(pk=row.report_id).exists():
        words = gettext("%(owner)s may no longer see this report: nothing was sent.")
        _failed(row, held, words % {"owner": owner}, now, over=True)
        return False
    try:
        mail.send(row.channel, message_of(row, now))
    except (SendError, OSError) as error:
        _failed(row, held, _words(error), now)
        return False
    except Exception as error:
        logger.exception("report delivery %s", row.pk)
        _failed(
            row, held, gettext("Internal error: %(name)s") % {"name": type(error).__name__}, now
        )
        return False
    with transaction.atomic():
        marked = held.update(
            state=State.SENT, sent_at=now, sha256=row.report.sha256, last_error="", lease=None
        )
        if marked:
            about: dict[str, str | int] = {
                "report": row.report_id,
                "sha256": row.report.sha256,
                **entries.digests(recipient=row.recipient),
            }
            note_read(owner, "export", "report sent by mail", 1, **about)
    return True


def _words(error: SendError | OSError) -> str:
    if isinstance(error, SendError):
        return str(error)
    if isinstance(error, Exchanged):
        return gettext("A file of the report is not the one that was recorded: nothing was sent.")
    return gettext("The files could not be read.")


def _failed(
    row: ReportDelivery, held: Any, error: str, now: datetime, *, over: bool = False
) -> None:
    """Let a mail wait for another attempt. over: there is none, as after the time for them."""
    made = row.report.finished_at or row.recorded_at
    over = over or now - made >= GIVE_UP
    pause = min(FIRST_RETRY_SECONDS * 2 ** min(row.attempts - 1, 20), LAST_RETRY_SECONDS)
    with transaction.atomic():
        mine = held.update(
            state=State.FAILED if over else State.WAITING,
            due_at=now + timedelta(seconds=pause),
            last_error=error[:500],
            lease=None,
            leased_until=None,
        )
        if mine and over:
            events.tell(events.Event.DELIVERY_FAILED, row.report, now, detail=error)


def message_of(row: ReportDelivery, now: datetime) -> Message:
    """Return the mail. Raises FileNotFoundError where a file is gone, or another one is there."""
    report = row.report
    paper = _recorded(report.path, report.sha256)
    files = [Attachment(report.file_name, paper, "application/pdf")]
    if row.attach == Attach.BOTH:
        name = report.file_name.removesuffix(".pdf") + ".json"
        numbers = _recorded(report.data_path, report.data_sha256)
        files.append(Attachment(name, numbers, "application/json"))
    if row.attach == Attach.LINK or sum(len(file.content) for file in files) > MOST_BYTES:
        files = []
    params = report.params
    span = day_span(params["start"], params["end"], ZoneInfo(params["zone"]))
    verdict = VERDICTS.get((report.data or {}).get("verdict", ""), gettext("not known"))
    # One line, or a scope's second one could pass for the verdict.
    title = f"{KINDS[report.name].title}, {plain(figures.scope(params['scope']), 200)}, {span}"
    place = link(reverse("admin:reports_report_change", args=[report.pk]))
    lines = [
        f"{title}.",
        gettext("Verdict: %(verdict)s.") % {"verdict": verdict},
        gettext("In licence management: %(place)s") % {"place": place},
        *(
            gettext("Attached: %(file)s, %(size)s bytes")
            % {"file": file.name, "size": figures.number(len(file.content))}
            for file in files
        ),
        gettext("SHA-256 of the PDF: %(sha256)s") % {"sha256": report.sha256},
    ]
    return Message(
        key=row.key,
        recipient=row.recipient,
        subject=title[:300],
        body="\n".join(lines) + "\n",
        data={},
        transition="report",
        at=now,
        attachments=tuple(files),
    )


def _recorded(path: Path, sha256: str) -> bytes:
    with open_recorded(path, sha256) as file:
        return file.read()
