"""Signs of life, and the alert that goes out when they stop:

by a road that needs neither broker nor worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import DatabaseError, connections
from django.utils import timezone
from django.utils.translation import gettext

from itam.figures import number
from licenses.models import Alert, Heartbeat

from . import outbox
from .evaluation import evaluate
from .world import HEARTBEAT_SECONDS, Kind

logger = logging.getLogger(__name__)

WATCHED = "worker"
"""Its beat goes from the scheduler through the broker to a worker, so it proves all three."""

LOOK_SECONDS = 15.0


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
        age = _silent_for(moment)
        if age is None:
            return [gettext("The %(watched)s was never heard of.") % {"watched": WATCHED}]
        if age <= HEARTBEAT_SECONDS:
            return []
        evaluate(moment, only=[Kind.SCHEDULER])
        if send:
            _tell(moment)
        return [
            gettext("The %(watched)s stands still: no sign of life for %(age)s seconds.")
            % {"watched": WATCHED, "age": number(age, 0)}
        ]
    except DatabaseError as error:
        logger.exception("The watch could not ask the database")
        return [f"The watch could not ask the database: {type(error).__name__}."]


def _silent_for(moment: datetime) -> float | None:
    """Return the seconds since the worker's last sign of life; None: there was none. One query."""
    heard = dict(Heartbeat.objects.values_list("name", "at"))
    return (moment - heard[WATCHED]).total_seconds() if WATCHED in heard else None


class Lookout:
    """The watch as a web page runs it for whoever asks: no lever against us, however often asked.

    At most one query in LOOK_SECONDS a process; between them the last answer is given again. The
    alarm itself is raised beside the request, by one thread at a time, so that a mail server that
    hangs does not make a balancer think that the pages hang.
    """

    def __init__(self, alarm: Callable[[], None] | None = None) -> None:
        """alarm: what to do when the worker stands still; by default raise and send the alert."""
        self._alarm = alarm or _watch_apart
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._word = "ok"
        self._thread: threading.Thread | None = None

    def look(self) -> str:
        """Return "ok", or what is wrong with the worker."""
        with self._lock:
            if time.monotonic() < self._next:
                return self._word
            self._next = time.monotonic() + LOOK_SECONDS
        try:
            age = _silent_for(timezone.now())
        except DatabaseError as error:
            self._word = f"worker: unknown ({type(error).__name__})"
            return self._word
        if age is None:
            self._word = "worker: never heard of"
        elif age <= HEARTBEAT_SECONDS:
            self._word = "ok"
        else:
            self._word = f"worker: silent for {age:.0f} s"
            self._raise_alarm()
        return self._word

    def _raise_alarm(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._alarm, daemon=True)
                self._thread.start()


def _watch_apart() -> None:
    try:
        watch()
    finally:
        connections.close_all()


def _tell(moment: datetime) -> None:
    """Send the messages about what stands still, and as many others that wait for the worker."""
    firing = Alert.objects.filter(rule__kind=Kind.SCHEDULER, state=Alert.State.FIRING)
    if firing.exists():
        # Nobody else is going to join this message, so it does not wait for company.
        outbox.hurry(firing, moment)
        outbox.deliver(moment, limit=5)
