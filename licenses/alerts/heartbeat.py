"""Signs of life, and the alert that goes out when they stop:

by a road that needs neither broker nor worker.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone

from licenses.models import Alert, Heartbeat

from . import outbox
from .evaluation import evaluate
from .world import HEARTBEAT_SECONDS, Kind

logger = logging.getLogger(__name__)

WATCHED = "worker"
"""Its beat goes from the scheduler through the broker to a worker, so it proves all three."""


def beat(name: str, now: datetime | None = None) -> None:
    """Say that a part of the system works."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now or timezone.now()})


def watch(now: datetime | None = None, *, send: bool = True) -> list[str]:
    """Return what stands still, in words, and see that people are told.

    For those who run beside scheduler and worker: the web's health page, `manage.py healthcheck`.
    One query while all is well. When a part stands still the alert is raised here and its message
    is sent here (send=False: only raised); the database keeps several watchers from telling twice.
    """
    moment = now or timezone.now()
    try:
        heard = dict(Heartbeat.objects.values_list("name", "at"))
        if WATCHED not in heard:
            return [f"The {WATCHED} was never heard of."]
        age = (moment - heard[WATCHED]).total_seconds()
        if age <= HEARTBEAT_SECONDS:
            return []
        evaluate(moment, only=[Kind.SCHEDULER])
        if send:
            _tell(moment)
        return [f"The {WATCHED} stands still: no sign of life for {age:.0f} seconds."]
    except DatabaseError as error:
        logger.exception("The watch could not ask the database")
        return [f"The watch could not ask the database: {type(error).__name__}."]


def _tell(moment: datetime) -> None:
    """Send the messages about what stands still, and as many others that wait for the worker."""
    firing = Alert.objects.filter(rule__kind=Kind.SCHEDULER, state=Alert.State.FIRING)
    if firing.exists():
        # Nobody else is going to join this message, so it does not wait for company.
        outbox.hurry(firing, moment)
        outbox.deliver(moment, limit=5)
