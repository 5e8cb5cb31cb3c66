"""Tasks: each takes ids, calls one function, and may run 0, 1 or 4 times.

What is due stands in the database. Beat only nudges `tick`, which hands out what is due; a lost
message or a killed worker costs the time until the next nudge after a lease ran out.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from celery import current_app, shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from itam import health
from licenses import retention
from licenses.access import waitlist
from licenses.alerts import anchors, deadman, defaults, late_data, outbox, quality, stamping
from licenses.alerts import heartbeat as beats
from licenses.alerts.evaluation import evaluate as evaluate_alerts
from licenses.analysis import busy_kept, headlines, kept, rollup
from licenses.analysis import now as pools_now
from licenses.evidence import nightly
from licenses.importing import (
    connection,
    denial_classes,
    erasure_orders,
    jobs,
    polling,
    renewal,
    rights_files,
    tail,
)
from licenses.models import Chore, DirtySpan, LicensePool

logger = logging.getLogger(__name__)

BATCH = 50
"""Servers that one task asks side by side."""
BROKER_PATIENCE = 0.5
"""Seconds in which a broker that works has answered long since."""

LATELY = timedelta(days=1)
"""What is learned of this time reaches the figures of 30 days within the hour; of earlier, at
once."""
HEADLINES = timedelta(seconds=30)
"""So long a task that counts figures of 30 days has before another is handed out."""
USUAL_HOURS = timedelta(minutes=30)
"""So often the usual hours of pools are made ahead: before what is remembered of them is over."""
RENEWING = timedelta(minutes=1)
"""So long one task makes holdings again, and then hands on."""
RENEWAL = timedelta(minutes=5)
"""So long a task has that makes holdings again before another is handed out."""
KEEPING = timedelta(minutes=5)
"""So often it is looked for parts of the time that are over and not kept."""


def nudge(task: str, *ids: int) -> None:
    """Have something done at once that stands in the database as due.

    Never waits and never fails: where the broker is away, the next tick finds it.
    """
    try:
        # To send has no limit of time: a broker that hangs would hold the page.
        if not health.broker_problem(timeout=BROKER_PATIENCE):
            current_app.send_task(task, ids, retry=False)
            return
    except (OperationalError, OSError):
        pass
    logger.warning("%s%s waits for the next tick: the broker is away", task, ids)


@shared_task
def tick() -> None:
    """Hand out what is due. Ticks that overlap are harmless: whoever works claims the row first."""
    now = timezone.now()
    servers = polling.due(now)
    for start in range(0, len(servers), BATCH):
        poll_servers.delay(servers[start : start + BATCH])
    for server_id in tail.due(now):
        read_log.delay(server_id)
    for job_id in jobs.due(now):
        import_file.delay(job_id)
    for check_id in connection.due(now):
        check_connection.delay(check_id)
    for erasure_id in erasure_orders.due(now):
        erase_name.delay(erasure_id)
    if renewal.due().exists() and Chore.objects.claim("renew holdings", RENEWAL, now):
        renew_holdings.delay()
    if DirtySpan.objects.exists():
        count_again.delay()
    if late_data.waiting(now):
        look_back.delay()
    if headlines.due(int(now.timestamp())) and Chore.objects.claim("headlines", HEADLINES, now):
        count_headlines.delay()
    if Chore.objects.claim("keep parts", KEEPING, now):
        keep_parts.delay()
    if Chore.objects.claim("usual hours", USUAL_HOURS, now):
        make_usual_hours.delay()
    if waitlist.anybody():
        serve_waitlists.delay()
    if nightly.claim(now):
        seal_evidence.delay()


@shared_task
def poll_servers(server_ids: list[int]) -> None:
    """Ask licence servers. Those that another worker asks, or that are no longer due, are left
    out."""
    polling.poll(server_ids)
    _tell_who_waits()


@shared_task
def read_log(server_id: int) -> None:
    """Import what a server's log grew by; a second run finds nothing new."""
    if tail.read_log(server_id):
        count_again.delay()


@shared_task
def import_file(job_id: int) -> None:
    """Go on with a file that was handed in; only the holder of its lease does anything."""
    jobs.run(job_id)
    late_data.drain(timezone.now())


@shared_task
def check_connection(check_id: int) -> None:
    """Try the connection that somebody asked for; only one worker does."""
    connection.run(check_id)


@shared_task
def erase_name(erasure_id: int) -> None:
    """Erase the name of a person that somebody confirmed; only one worker does."""
    erasure_orders.run(erasure_id)


@shared_task
def count_again() -> None:
    """Make the figures of touched hours again, and the newest figures of their pools."""
    pools = set(DirtySpan.objects.values_list("pool_id", flat=True).distinct())
    old = DirtySpan.objects.filter(starts__lt=timezone.now() - LATELY)
    learned = set(old.values_list("pool_id", flat=True).distinct())
    rollup.drain(limit_seconds=60)
    if pools:
        pools_now.refresh(pools)
        _tell_who_waits()
    if learned:
        headlines.mark_due(learned)


@shared_task
def count_headlines() -> None:
    """Make the figures of 30 days again of the pools whose turn it is."""
    headlines.drain(int(time.time()))


@shared_task
def renew_holdings() -> None:
    """Make holdings again that the rules of an earlier version made."""
    if not renewal.renew(RENEWING.total_seconds()):
        nudge(renew_holdings.name)


@shared_task
def keep_parts() -> None:
    """Keep what is over of large pools, so that a year of them is read at once."""
    kept.keep()


@shared_task
def make_usual_hours() -> None:
    """Make ahead when the pools of the status page are usually busy."""
    busy_kept.make_ahead()


@shared_task
def look_back() -> None:
    """Look through data that came late for what alerts would have told."""
    late_data.drain(timezone.now())


@shared_task
def serve_waitlists() -> None:
    """Offer free seats to those who wait for them, and end what is over."""
    _tell_who_waits()


@shared_task
def seal_evidence() -> None:
    """Seal the days that are over, check what was sealed, and give the signed head out."""
    now = timezone.now()
    nightly.run(now)
    anchors.send(now)
    stamping.stamp(now)


@shared_task
def evaluate() -> None:
    """Weigh the alert rules against the newest figures."""
    _once_a_day()
    now = timezone.now()
    quality.refresh(now)
    evaluate_alerts(now)


@shared_task
def deliver() -> None:
    """Send what waits in the outbox."""
    outbox.deliver(timezone.now())


@shared_task
def show_life() -> None:
    """Let people and whoever waits outside know that somebody still watches."""
    deadman.show_life(timezone.now())


@shared_task
def heartbeat() -> None:
    """Say that a message went from beat through the broker to a worker."""
    beats.beat("worker")


@shared_task
def purge() -> None:
    """Throw away what is older than retention allows, a stretch at a time."""
    if not retention.purge(timezone.now()):
        nudge(purge.name)


def _tell_who_waits() -> None:
    if waitlist.serve(timezone.now()):
        nudge(deliver.name)


def _once_a_day() -> None:
    """Look for the peaks of twelve months anew, since they fall when their day leaves the window,
    read the options files, which change now and then, derive again what other rules said of
    refusals, and throw away what is too old."""
    now = timezone.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Begun before today: whoever asks first does it, and a broker that is away changes nothing.
    if Chore.objects.claim("daily work", now - today + timedelta(microseconds=1), now):
        rights_files.read_options_files()
        defaults.ensure_channel()
        with transaction.atomic():
            pools_now.refresh(set(LicensePool.objects.values_list("pk", flat=True)), year=True)
        denial_classes.daily()
        nudge(purge.name)
