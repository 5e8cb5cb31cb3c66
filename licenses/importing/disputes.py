"""Where complete answers contradict each other on a row of a status: some show it, and others do
not that are neither before all of these nor after them.

A seat that was returned does not come back with its old start, so one of them is wrong, and nobody
knows which. What is noted is a function of the set of answers: the first and the last that lack the
row, from the first to the last that show it. Those of the minute in which it was taken contradict
nothing: within it a seat may come back, and be taken again. That is the minute which the row
prints, by the server's clock; if an answer showed it before that, the clock is ahead of ours, and
it was taken by the time of that answer.

Each answer was given at some moment of a span: of a second, or of the minute that it prints.
Answers whose spans overlap may have come in either order, and contradict each other only if no
order explains them. Those that lack a row and may be before the first that shows it are taken to
be that; those that may be after the last that shows it, and for certain after its seats were taken,
are taken to be that, and its seats were gone by the first of them.
"""

from __future__ import annotations

from typing import Any, Final

from licenses.models import Capture, Sighting

from . import coverage
from .answers import NEVER, Answers
from .held import Dispute, Seen

Told = tuple[int, int]
"""When an answer was given, at the earliest and at the latest."""

MINUTE: Final = 60
"""A row prints the minute in which its seats were taken."""


class Disputes:
    """Notes what an answer contradicts, or is contradicted by.

    alone:  no other answer is stored of its second.
    newest: nor of a later one, or of that second only.
    """

    def __init__(
        self, capture: Capture, answers: Answers, at: int, *, alone: bool, newest: bool
    ) -> None:
        self._capture, self._answers, self._at = capture, answers, at
        self._alone, self._newest = alone, newest

    def shown(self, row: Sighting, first: int | None, gone: int | None) -> bool:
        """Note which answers lack a row that this one shows. Returns whether any is new.

        first: the first answer so far that showed it; None: no other did.
        gone:  the first complete one after the last so far that did not; None where there is none.
        """
        at, pk = self._at, row.feature_id
        lacking = [at] if self._others(pk) else []
        if first is None:
            pass
        elif at < first:
            following = self._answers.following(pk, at)
            if following is not None and following < first:
                lacking += [following, self._until(pk, first - 1)]
        elif gone is not None and gone <= at:
            lacking += [gone, max(gone, self._until(pk, at - 1))]
        else:
            lacking = []
        return any([note(row, each) for each in lacking])

    def matters(self, row: Sighting) -> bool:
        """Whether that an answer shows a disputed row, or is another that lacks it, may tell more
        of when it is sure."""
        if row.disputed_to is None:
            return False
        last = _seconds(row.disputed_to)
        return not self._newest or unsettled(self._answers, row.feature_id, last, self._at)

    def _others(self, feature: int) -> bool:
        """Whether another answer of this second told of the feature."""
        at = self._at
        return not self._alone and self._until(feature, at, but=self._capture.pk) == at

    def _until(self, feature: int, moment: int, but: int | None = None) -> int:
        found = self._answers.until(feature, moment, but=but)
        return NEVER if found is None else found


def unsettled(answers: Answers, feature: int, last: int, at: int) -> bool:
    """Whether before an answer of a moment no two followed the last one that lacks a row: the first
    stands alone until a second one, later for certain, shows the row too."""
    # Of the minute of one that is known by its minute others may be as well.
    first = answers.following_by(feature, last + MINUTE - 1 if answers.by_minute else last)
    second = None if first is None else answers.following(feature, first)
    return second is None or at <= second


def note(row: Sighting, at: int) -> bool:
    """Note that an answer lacks a row, from the first to the last that show it. Returns whether
    that changes anything."""
    known = [_seconds(each) for each in (row.disputed_from, row.disputed_to) if each is not None]
    if known and known[0] <= at <= known[-1]:
        return False
    row.disputed_from = coverage.moment(min([at, *known]))
    row.disputed_to = coverage.moment(max([at, *known]))
    return True


def settled(answers: Answers, feature: int, row: Seen, lacking: tuple[Told, Told] | None) -> Seen:
    """Return a row with what the answers tell that lack it.

    row:     its end is the first answer after the last that shows it, as yet.
    lacking: the first and the last from the first that shows it to the last, if any.
    """
    noted, lacking = lacking, _after_its_minute(answers, feature, row, lacking)
    after: list[Told] = []
    if lacking is not None:
        (start, start_by), (end, end_by) = lacking
        late = min(start_by, end_by) >= row.last_seen
        if late and row.gone_at is None:
            # The next answer tells whether it was gone by these.
            row = row._replace(dispute=_dispute(answers, feature, row, (start, end), False))
        elif end <= row.shown_by:
            row = row._replace(missed_at=end)
        elif late:
            after = list(lacking)
        else:
            # One alone of the two need contradict the row in whatever order they were given.
            lack = [(end, end_by)] if noted != lacking else [(start, start_by), (end, end_by)]
            certain = any(row.shown_by < at and by < row.last_seen for at, by in lack)
            row = row._replace(dispute=_dispute(answers, feature, row, (start, end), certain))
    if row.gone_at is None:
        return row
    # What lacks the row may have been given before it was taken.
    by = row.taken_by
    gone = row.gone_at if by <= row.last_seen else answers.following_by(feature, by)
    ends = [latest for at, latest in after if at > by] + ([] if gone is None else [gone])
    if not ends:
        return row._replace(gone_at=None, missing=True)
    return row._replace(gone_at=max(min(ends), row.last_seen + 1))


def _after_its_minute(
    answers: Answers, feature: int, row: Seen, lacking: tuple[Told, Told] | None
) -> tuple[Told, Told] | None:
    """Return the same without the answers of the minute in which the row was taken. Which of the
    first ones after it lack the row is not known: all are taken to."""
    if lacking is None or (since := _contradicted_since(row)) is None:
        return lacking
    first, last = lacking
    if last[0] < since:
        return None
    if first[0] < since:
        start = answers.following(feature, since - 1)
        by = answers.following_by(feature, since - 1)
        first = last if start is None or by is None else (start, by)
    return first, last


def _contradicted_since(row: Seen) -> int | None:
    """Return from when on an answer without a row contradicts one that shows it; None: always."""
    return None if row.printed_at is None else min(row.starts[-1], row.shown_by) + MINUTE


def _dispute(
    answers: Answers, feature: int, row: Seen, lacking: tuple[int, int], certain: bool
) -> Dispute:
    """Return which answers that show a row nobody contradicts. lacking: the first and the last
    within that lack it."""
    start, end = lacking
    before = answers.until(feature, start - 1)
    since = _contradicted_since(row)
    if before is not None and before < row.first_seen:
        before = None
    elif before is not None and since is not None and before < since:
        before = row.first_seen  # others of that minute may lack it
    by, last = answers.following_by(feature, end), row.last_seen
    again = None if by is None else answers.following(feature, by)
    return Dispute(
        start,
        end,
        before,
        by if again is not None and again <= last else None,
        certain,
    )


def _seconds(value: Any) -> int:
    return int(value.timestamp())
