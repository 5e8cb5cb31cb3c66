"""From times of day to moments: the calendar of a log that prints the hour and seldom the date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

DAY = 86_400
LOG_SILENCE = 7 * 3600
"""Logs print the date every six hours, so more silence than this is lost text, however quiet the
server was."""
MIDNIGHT_FALL = 6 * 3600
"""A fall of the time of day by more than this is midnight; a smaller one is a clock that was set
back."""
LATE = 600
"""Seconds by which a line may come late around midnight."""
NEAR_MIDNIGHT = 3600
QUARTER = 900
"""Seconds; zones change their offset at full quarters of an hour, or at odd times long ago."""
FOLD_SLACK = 60
"""Seconds by which lines may be out of order within an hour that the zone repeats."""
WENT_BACK = "the clock went back"
"""Why a time is told twice, as far as the text itself can tell."""
TIE = 5
"""Seconds around midnight in which a date line may already, or still, name the neighbouring day."""

FIRST_DAY = date(1985, 1, 1).toordinal()
LAST_DAY = date(2200, 1, 1).toordinal()
_EPOCH = date(1970, 1, 1).toordinal()


class DayCounter:
    """Numbers the days of lines that carry the time of day alone (seconds since midnight, 0 to
    86,399).

    Late lines: after 23:59:58 and 00:00:01, a 23:59:59 belongs to the day that has just ended, and
    the next 00:00:02 starts no other day. A log that is silent for all but the last and first
    minutes of a day looks the same; its next date line puts it right.
    """

    def __init__(self, day: int = 0) -> None:
        self.day = day
        """Of the newest line."""
        self.tod: int | None = None
        self.line_day = day
        """Of the line read last: the day before `day` where it came late."""
        self._before_midnight: int | None = None

    def count(self, tod: int) -> int:
        """Return the day of the next line."""
        last = self.tod
        if last is None:
            self.tod = tod
        elif last - tod > MIDNIGHT_FALL:
            self.day += 1
            self._before_midnight = last
            self.tod = tod
        elif tod - last > DAY - LATE and last <= LATE and self._just_turned():
            self.line_day = self.day - 1
            return self.line_day
        else:
            self.tod = tod
        self.line_day = self.day
        return self.day

    def _just_turned(self) -> bool:
        before = self._before_midnight
        return before is not None and before >= DAY - NEAR_MIDNIGHT


@dataclass(slots=True)
class RepeatedHour:
    """What a text shows of an hour that the zone's clock showed twice, by its lines of that hour
    that are read as of the first time.

    first, step: when the clock showed it first, and how much later it did so again, in seconds.
    until:       the end of the last of these lines; once a line after the hour came and the clock
                 had not fallen, that of the second time: any of them may be of that.
    fell:        where the clock fell, the end of the line before; 0 where it did not.
    ended:       whether the text has gone on to something else.
    """

    first: int
    step: int
    until: int = 0
    fell: int = 0
    ended: bool = False

    @property
    def second(self) -> int:
        """When the clock showed the hour again."""
        return self.first + self.step

    @property
    def end(self) -> int:
        return self.second + self.step


class LogClock(DayCounter):
    """Turns the times of day of a log into epoch seconds of its zone.

    - An hour that the zone repeats is told apart by order: the second one begins where the clock
      falls. Where it does not, lines are read as of the first; `hours` says how much that tells.
    - A time that the zone skips is read with the offset before the change, and flagged.
    - A fall of up to six hours is the same day, and flagged; a larger one is midnight.
    - `confirm` takes the date of a date line and moves the calendar where they disagree.

    After each `read`, `step` says whether the clock ran otherwise than forward: (seconds, reason)
    or None.
    """

    def __init__(
        self, zone: ZoneInfo, day: date | None = None, state: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(day.toordinal() if day else 0)
        self.zone = zone
        self.at: int | None = None
        """Of the line read last."""
        self.follows: int | None = None
        """End of the text that comes before this one, where that tells which of two hours it is."""
        self.confirmed_at: int | None = None
        """Of the last date line that agreed, or moved the calendar."""
        self.step: tuple[int, str] | None = None
        self.base: int | None = None
        """What to add to the time of day of a line, as long as that runs forward from the line read
        last and stays below `base_until`; None in an hour that the zone repeats or skips."""
        self.base_until = 0
        self._base_from = 0
        self._base_day = 0
        self._line_tod = 0
        self._skipped_day = 0
        self.hours: list[RepeatedHour] = []
        """Hours of which lines were read that the zone shows twice."""
        if state:
            self.hours = [RepeatedHour(**hour) for hour in state.get("hours", ())]
            self.day = state["day"]
            self.tod = state["tod"]
            self.line_day = state["line_day"]
            self._before_midnight = state["before_midnight"]
            self.at = state["at"]
            self.confirmed_at = state["confirmed_at"]

    @property
    def dated(self) -> bool:
        """Whether the day of the next line is known."""
        return self.day > 0

    @property
    def today(self) -> date | None:
        """The day of the line read last; None where that is not known."""
        return date.fromordinal(min(max(self.line_day, FIRST_DAY), LAST_DAY)) if self.day else None

    def start(self, day: date) -> None:
        """Say which day the first line is."""
        self.day = self.line_day = day.toordinal()

    def state(self) -> dict[str, Any]:
        """Return what another clock needs to go on from here; fit for JSON."""
        return {
            "day": self.day,
            "tod": self.tod,
            "line_day": self.line_day,
            "before_midnight": self._before_midnight,
            "at": self.at,
            "confirmed_at": self.confirmed_at,
            "hours": [asdict(hour) for hour in self.hours],
        }

    def read(self, tod: int) -> int:
        """Return the moment of the next line, whose time of day is *tod*."""
        self.step = None
        self._line_tod = tod
        before = self.at
        self.at = self._moment(self.count(tod), tod)
        if before is not None and self.at < before:
            self.step = (self.at - before, WENT_BACK)
        self._follow(self.follows if before is None else before)
        return self.at

    def advance(self, tod: int, at: int) -> None:
        """Take over what a caller worked out itself from `base`, for lines of the current day in
        order."""
        self.tod = tod
        self._line_tod = tod
        self.at = at
        self.line_day = self.day

    def confirm(self, stated: date) -> int:
        """Compare the calendar with the date that the line read last states; return the seconds it
        moves by.

        returns: 0 where they agree, or where the line is written at midnight and names the day
                 that is just over, or about to begin.
        """
        shift = stated.toordinal() - self.line_day
        tod = self._line_tod
        if shift == 0:
            self.confirmed_at = self.at
            return 0
        may_differ = -1 if tod < TIE else 1 if tod >= DAY - TIE else 0
        if shift == may_differ and self.confirmed_at is not None:
            return 0
        before = self.at
        self.day = self.line_day = stated.toordinal()
        self.tod = tod
        self._before_midnight = None
        self.at = None
        self.at = self._moment(self.day, tod)
        self.confirmed_at = self.at
        self._follow(None)
        return self.at - before if before is not None else 0

    def _follow(self, before: int | None) -> None:
        """Note what the line read last tells of an hour that the zone repeats.

        before: moment of the line before it, or the end of the text before; None where it does not
                bear on that.
        """
        at = self.at
        open_one = next((hour for hour in self.hours if not hour.ended), None)
        if at is None or (self.base is not None and open_one is None):
            return
        if open_one is not None and open_one.first <= at < open_one.second:
            open_one.until = max(open_one.until, at + 1)
            return
        told = repeated_hour(at, self.zone)
        fallen = None if told or before is None else repeated_hour(before, self.zone)
        if fallen is not None and before is not None and fallen.second <= at < fallen.end:
            # The second time; of the first the text told, or the one that it follows.
            hour = self._hour(fallen)
            told_until = 0 if hour.until == hour.end else hour.until
            hour.ended, hour.fell = True, max(hour.fell, before + 1, told_until)
            return
        if open_one is not None:
            open_one.ended, open_one.until = True, open_one.end
        if told is not None:
            hour = self._hour(told)
            hour.until = max(hour.until, at + 1)
            hour.ended = hour.until == hour.end

    def _hour(self, found: RepeatedHour) -> RepeatedHour:
        """Return what is kept of the same hour."""
        known = next((hour for hour in self.hours if hour.first == found.first), None)
        if known is None:
            self.hours.append(known := found)
        return known

    def _moment(self, day: int, tod: int) -> int:
        # A rubbish text may fall a million times: the calendar then stands still instead of
        # overflowing.
        day = min(max(day, FIRST_DAY), LAST_DAY)
        if day != self._base_day or not self._base_from <= tod < self.base_until:
            self._base_day = day
            self.base, self._base_from, self.base_until = self._uniform(day, tod)
        if self.base is not None:
            return self.base + tod
        local = datetime.fromordinal(day) + timedelta(seconds=tod)
        naive = (day - _EPOCH) * DAY + tod
        first = naive - _offset(local, self.zone, 0)
        second = naive - _offset(local, self.zone, 1)
        if second < first:
            if self._skipped_day != day:
                self._skipped_day = day
                self.step = (0, "the zone skips this time of day when its clocks go forward")
            return first
        return second if second > first and self._is_second(first, naive - second) else first

    def _is_second(self, first: int, offset: int) -> bool:
        """Whether a time that comes twice is the second one, by the line before.

        first:  the moment if it is the first one.
        offset: of the zone after the change.
        """
        before = self.follows if self.at is None else self.at
        if before is None or before <= first - DAY:
            return False
        if first < before - FOLD_SLACK:
            return True
        changed = datetime.fromtimestamp(before, self.zone).utcoffset()
        return changed == timedelta(seconds=offset)

    def _uniform(self, day: int, tod: int) -> tuple[int | None, int, int]:
        """Return the base at a time of day, and between which times it holds."""
        begin = datetime.fromordinal(day)
        midnight = (day - _EPOCH) * DAY
        offset = _offset(begin, self.zone, 0)
        if offset == _offset(begin + timedelta(days=1), self.zone, 0):
            return midnight - offset, 0, DAY
        first, end = tod - tod % QUARTER, tod - tod % QUARTER + QUARTER
        quarter = self._of_quarter(begin, first)
        while first > 0 and self._of_quarter(begin, first - QUARTER) == quarter:
            first -= QUARTER
        while end < DAY and self._of_quarter(begin, end) == quarter:
            end += QUARTER
        return None if quarter is None else midnight - quarter, first, end

    def _of_quarter(self, begin: datetime, first: int) -> int | None:
        """Return the zone's offset in a quarter of an hour of a day; None where it is not one."""
        edges = (first, first + QUARTER - 1)
        found = {
            _offset(begin + timedelta(seconds=edge), self.zone, fold)
            for edge in edges
            for fold in (0, 1)
        }
        return found.pop() if len(found) == 1 else None


def _offset(local: datetime, zone: ZoneInfo, fold: int) -> int:
    """Return the seconds by which *zone* is ahead of UTC at a local time."""
    shift = local.replace(tzinfo=zone, fold=fold).utcoffset()
    return 0 if shift is None else round(shift.total_seconds())


def told_again(moment: int, zone: tzinfo) -> int | None:
    """Return when a zone's clock shows the time of a moment once more; None where it does not."""
    second = round(datetime.fromtimestamp(moment, zone).replace(fold=1).timestamp())
    return second if second > moment else None


def repeated_hour(moment: int, zone: tzinfo) -> RepeatedHour | None:
    """Return the hour of a moment at which a zone's clock shows a time that it will show again;
    None where it does not. Some zones repeat less than an hour."""
    again = told_again(moment, zone)
    if again is None:
        return None

    def offset(at: int) -> timedelta | None:
        return datetime.fromtimestamp(at, zone).utcoffset()

    before, after, own = moment, again, offset(moment)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset(middle) == own else (before, middle)
    return RepeatedHour(after - (again - moment), again - moment)


def told_before(moment: int, zone: tzinfo) -> int | None:
    """Return when a zone's clock showed the time of a moment before; None where it did not."""
    first = round(datetime.fromtimestamp(moment, zone).replace(fold=0).timestamp())
    return first if first < moment else None
