"""What happens to the evidence each night: seal, give the head out, look whether all of it fits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import transaction

from licenses.models import Chore

from . import anchors, checks, entries, keys, seal, selfcheck, stock

logger = logging.getLogger(__name__)

CHORE = "evidence"
EVERY = timedelta(minutes=10)
"""How soon a seal that was cut short is tried again."""
LIMIT_SECONDS = 120.0
_COMPARING: list[Callable[[datetime], Mapping[str, Any]]] = []


def also(compare: Callable[[datetime], Mapping[str, Any]]) -> None:
    """Have figures counted again each night by a part that we do not import. It returns of what,
    and under `differ`, in words, which are not those of the entries."""
    _COMPARING.append(compare)


def claim(now: datetime) -> bool:
    """Tell whether it is this caller's turn to seal. Two small queries on most days' ticks."""
    return seal.due(now) and Chore.objects.claim(CHORE, EVERY, now)


def run(now: datetime) -> list[str]:
    """Seal what is due and check; return in words what does not fit, which an alert tells of too.

    Never raises: what goes wrong is what it is there to tell.
    """
    problems: list[str] = []
    looked_at, compared = 0, checks.compared_on(now)

    def compare(now: datetime) -> list[str]:
        for figures in () if compared else _COMPARING:  # once, however often a seal is tried again
            compared.update(figures(now))
        return [
            f"The evidence log gives other figures: {one}" for one in compared.get("differ") or ()
        ]

    for step in (roll_back, _tell_stock, _seal, _give_out, _check, compare):
        try:
            problems += [each for each in step(now) if each not in problems]
            looked_at += selfcheck.looked_at(now, everything=False) if step is _check else 0
        except (keys.KeyLost, seal.SealRefused, ValueError, OSError) as error:
            problems.append(str(error))
        except Exception as error:
            logger.exception("The evidence could not be checked")
            problems.append(f"Internal error: {type(error).__name__}: {error}")
    for problem in problems:
        logger.error("Evidence: %s", problem)
    note(problems, now, looked_at, compared)
    return problems


def note(
    problems: list[str],
    now: datetime,
    looked_at: int,
    compared: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Keep what was found for the alert, and on record.

    looked_at:  how many entries were computed again.
    compared:   of what figures were counted again.
    """
    checks.record(problems, now, looked_at, compared)
    Chore.objects.claim(CHORE, timedelta(0), now)
    Chore.objects.ended(CHORE, now, " ".join(problems))


def problem() -> str:
    """Return what the last check found, in words; nothing where all fitted. One small query."""
    row = Chore.objects.filter(name=CHORE).first()
    return row.error if row else ""


def roll_back(now: datetime) -> list[str]:
    """Look for signs of a restored backup before the next day is sealed on top of it, and write
    down the first."""
    found = selfcheck.roll_back()
    if found and found[0] not in problem():  # written once, however often it is tried again
        body = {"found": found[0]}
        with transaction.atomic():
            entry = entries.draft("restore", int(now.timestamp()), body)
            entries.append(entries.INSTALLATION, [entry], source="seal")
    return found


def _tell_stock(now: datetime) -> list[str]:
    return stock.tell_all()


def _seal(now: datetime) -> list[str]:
    seal.seal(now, LIMIT_SECONDS)
    return []


def _give_out(now: datetime) -> list[str]:
    anchors.to_file(now)
    return []


def _check(now: datetime) -> list[str]:
    return selfcheck.check(now, everything=False)
