"""Which part of the installation itself stands still, and whom alerts do not reach."""

from __future__ import annotations

import threading
import time

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import health, said
from licenses.alerts import deadman, reach
from licenses.analysis.ages import ago
from licenses.models import Heartbeat

PARTS = {
    "beat": gettext_lazy("scheduler"),
    "worker": gettext_lazy("worker"),
    "alerts": gettext_lazy("watch over alerts"),
}

QUIET_SECONDS = 300
"""A part that has not been heard of for this long stands still: it reports every minute."""
STARTING_SECONDS = 90.0
"""How long after this process began nobody is missed that was never heard of: workers may be
starting with it."""
KEPT_SECONDS = 10.0
PATIENCE_SECONDS = 0.5
_BORN = time.monotonic()


class _Kept:
    """The last answer, kept for some seconds in this process.

    Not in the shared cache: that is away exactly when the broker is, and every page would then
    wait for it again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._found: list[str] = []

    def stopped(self) -> list[str]:
        with self._lock:  # one asks, the others of this moment wait for its answer
            if time.monotonic() >= self._until:
                self._found = _look()
                self._until = time.monotonic() + KEPT_SECONDS
            return [said.again(sentence) for sentence in self._found]

    def forget(self) -> None:
        self._until = float("-inf")


_kept = _Kept()
forget = _kept.forget


def stopped() -> list[str]:
    """Return which of broker, scheduler and worker do not run, in sentences that anybody may read.

    An answer is kept for ten seconds. Looking takes one query, and half a second at most where the
    broker is away.
    """
    return _kept.stopped()


def unattended() -> list[str]:
    """Return why people may not be told of what happens, or not led to it, in sentences. Three
    queries."""
    problem = deadman.ping_problem(timezone.now())
    return [*([problem] if problem else []), *reach.unheard(), *reach.hostless()]


def _look() -> list[str]:
    """Look, and tell it in sentences that are said again in the language of each reader."""
    found: list[str] = []
    if problem := health.broker_problem(timeout=PATIENCE_SECONDS):
        found.append(said.said(_away, problem.removeprefix("broker: ")))
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    now = timezone.now()
    for name in sorted(seen):
        age = int((now - seen[name]).total_seconds())
        if age > QUIET_SECONDS:
            found.append(said.said(_still, name, age))
    if not seen and time.monotonic() - _BORN > STARTING_SECONDS:
        found.append(said.said(_never))
    return found


def _away(why: str) -> str:
    told = gettext(
        "The broker does not answer (%(why)s): nothing is polled, imported or sent."
        " What is on record can be read and changed as ever."
    )
    return told % {"why": why}


def _still(name: str, age: int) -> str:
    part = str(PARTS.get(name, name))
    told = gettext("The %(part)s stands still: last heard of %(ago)s.")
    return told % {"part": part, "ago": ago(age)}


def _never() -> str:
    return gettext("No worker was ever heard of: start everything with `python3 manage.py up`.")
