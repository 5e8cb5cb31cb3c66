"""The dates that FlexNet prints: expiry dates, and starts without a year."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

MONTHS = {
    month: number
    for number, month in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEARS_BACK = 12
"""A weekday settles the year within five or six years; 29 February needs up to eight."""
TOLERANCE = timedelta(days=1)
"""By which a start may lie after the report: the clocks of tool and server differ."""

_DAY = re.compile(r"[A-Za-z]{3} \d{1,2}/\d{1,2}")
_TIME = re.compile(r"\d{1,2}:\d\d")
_EXPIRY = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{1,4})")


def is_expiry(text: str) -> bool:
    """Whether *text* is written as an expiry: a date, or one of the words for never."""
    return text.lower().startswith("permanent") or _EXPIRY.fullmatch(text) is not None


def expiry(text: str) -> date | None:
    """Return the last day of a licence; None for a permanent one, whose year may be written 0 or
    0000.

    Raises ValueError where *text* is neither.
    """
    text = text.strip()
    if text.lower().startswith("permanent"):
        return None
    found = _EXPIRY.fullmatch(text)
    month = MONTHS.get(found[2].lower()) if found else None
    if not found or not month:
        raise ValueError(f"{text!r} is not an expiry date such as 31-dec-2026 or permanent")
    year = int(found[3])
    if year == 0:
        return None
    if year < 100:
        year += 2000 if year < 70 else 1900
    return date(year, month, int(found[1]))


def moment(local: datetime, zone: ZoneInfo, near: int | None = None) -> int:
    """Return the epoch seconds of a local time; in an hour that the zone repeats, the one closer to
    *near*."""
    first = round(local.replace(tzinfo=zone).timestamp())
    second = round(local.replace(tzinfo=zone, fold=1).timestamp())
    if near is not None and second > first and abs(second - near) < abs(first - near):
        return second
    return first


class _NotPlainError(Exception):
    """A start that is not a whole day's midnight and a time of day added."""


class _Memo(dict[str, Any]):
    """Values made from their keys when they are first asked for."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: str) -> Any:
        self[key] = made = self._make(key)
        return made


def _seconds(time: str) -> int:
    if not _TIME.fullmatch(time):
        raise ValueError(f"{time!r} is not a time such as 8:13")
    hour, _, minute = time.partition(":")
    if int(hour) > 23 or int(minute) > 59:
        raise _NotPlainError
    return int(hour) * 3600 + int(minute) * 60


_SECONDS = _Memo(_seconds)
"""Of "8:14": there are some thousands of such texts, and no more."""


@lru_cache(maxsize=1 << 14)
def _plain_midnight(zone: ZoneInfo, day: date) -> int | None:
    """Return the epoch seconds of a day's midnight; None where the zone's clocks change on it."""
    begun = datetime(day.year, day.month, day.day)  # noqa: DTZ001
    first = moment(begun, zone)
    for hour in range(1, 25):
        local = begun + timedelta(hours=hour)
        if moment(local, zone) != first + 3600 * hour:
            return None
    return first


class StartDates:
    """Finds the year of starts printed as "Fri 10/20 15:53", for one report.

    taken: when the report was taken, or about when; None leaves every start without a year unknown.
    """

    def __init__(self, taken: int | None, zone: ZoneInfo) -> None:
        self._zone = zone
        self._limit = None
        if taken is not None:
            self._limit = (datetime.fromtimestamp(taken, UTC).astimezone(zone) + TOLERANCE).date()
        self._known: dict[tuple[str, int, int], tuple[date | None, bool]] = {}
        self._midnights = _Memo(self._midnight)
        self._guessed: set[str] = set()

    def of_text(self, day: str, time: str) -> tuple[int | None, bool]:
        """Return the same as `start` for a start without a year: "Fri 10/20", "15:53".

        Raises ValueError where either is written otherwise.
        """
        if not (_DAY.fullmatch(day) and _TIME.fullmatch(time)):
            raise ValueError(f"{day!r} and {time!r} are not a start such as Mon 3/16 8:13")
        weekday, _, day = day.partition(" ")
        month, _, number = day.partition("/")
        hour, _, minute = time.partition(":")
        return self.start(weekday, int(month), int(number), None, int(hour), int(minute))

    def of_columns(
        self, days: Sequence[str], times: Sequence[str]
    ) -> tuple[Sequence[int | None], Sequence[bool]]:
        """Return what `of_text` says of many starts, as two columns.

        Raises ValueError where one is written otherwise.
        """
        try:
            midnights = map(self._midnights.__getitem__, days)
            moments = list(map(add, midnights, map(_SECONDS.__getitem__, times)))
            if not self._guessed:
                return moments, [False] * len(days)
            return moments, [day in self._guessed for day in days]
        except _NotPlainError:
            texts = list(zip(days, times, strict=True))
            found = {each: self.of_text(*each) for each in set(texts)}
            started, guessed = zip(*map(found.__getitem__, texts), strict=True)
            return started, guessed

    def _midnight(self, text: str) -> int:
        """Return the epoch seconds of the midnight of "Fri 10/20", and note where its year is a
        guess.

        Raises _NotPlainError where a time of that day cannot simply be added, ValueError where it
        is no day.
        """
        if not _DAY.fullmatch(text):
            raise ValueError(f"{text!r} is not a day such as Mon 3/16")
        weekday, _, day = text.partition(" ")
        month, _, number = day.partition("/")
        found, guessed = self._date_of(weekday, int(month), int(number))
        begun = None if found is None else _plain_midnight(self._zone, found)
        if begun is None:
            raise _NotPlainError
        if guessed:
            self._guessed.add(text)
        return begun

    def start(
        self, weekday: str, month: int, day: int, year: int | None, hour: int, minute: int
    ) -> tuple[int | None, bool]:
        """Return (epoch seconds or None, whether the year is a guess)."""
        if hour > 23 or minute > 59:
            return None, False
        guessed = False
        found: date | None
        if year is not None:
            found = _date(year + 2000 if year < 100 else year, month, day)
        else:
            found, guessed = self._date_of(weekday, month, day)
        if found is None:
            return None, False
        local = datetime(found.year, found.month, found.day, hour, minute)  # noqa: DTZ001
        return moment(local, self._zone), guessed

    def _date_of(self, weekday: str, month: int, day: int) -> tuple[date | None, bool]:
        key = (weekday.lower(), month, day)
        if key not in self._known:
            self._known[key] = self._resolve(*key)
        return self._known[key]

    def _resolve(self, weekday: str, month: int, day: int) -> tuple[date | None, bool]:
        if self._limit is None:
            return None, False
        latest = None
        for year in range(self._limit.year, self._limit.year - YEARS_BACK, -1):
            candidate = _date(year, month, day)
            if candidate is None or candidate > self._limit:
                continue
            if WEEKDAYS[candidate.weekday()] == weekday:
                return candidate, False
            latest = latest or candidate
        return latest, latest is not None


def _date(year: int, month: int, day: int) -> date | None:
    if not 1970 < year < 2200:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
