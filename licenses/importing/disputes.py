"""Where complete answers contradict each other on a row of a status: some show it, and others do
not that are neither before all of these nor after them.

A seat that was returned does not come back with its old start, so one of them is wrong, and nobody
knows which. Of several answers of one second, as where only the minute of each is known, the order
is not known either. What is noted is a function of the set of answers: the first and the last that
lack the row, from the first to the last that show it.
"""

from __future__ import annotations

from typing import Any

from licenses.models import Capture, Sighting

from . import coverage
from .attempts import NEVER, Answers
from .held import Dispute


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
        """Whether that an answer shows a disputed row may tell more of when it is sure."""
        if row.disputed_to is None:
            return False
        if not self._newest:
            return True
        # The first answer after those that lack it stands alone until a second one shows it too.
        last, before = _seconds(row.disputed_to), self._until(row.feature_id, self._at - 1)
        return before <= last or self._until(row.feature_id, before - 1) <= last

    def _others(self, feature: int) -> bool:
        """Whether another answer of this second told of the feature."""
        at = self._at
        return not self._alone and self._until(feature, at, but=self._capture.pk) == at

    def _until(self, feature: int, moment: int, but: int | None = None) -> int:
        found = self._answers.until(feature, moment, but=but)
        return NEVER if found is None else found


def note(row: Sighting, at: int) -> bool:
    """Note that an answer lacks a row, from the first to the last that show it. Returns whether
    that changes anything."""
    known = [_seconds(each) for each in (row.disputed_from, row.disputed_to) if each is not None]
    if known and known[0] <= at <= known[-1]:
        return False
    row.disputed_from = coverage.moment(min([at, *known]))
    row.disputed_to = coverage.moment(max([at, *known]))
    return True


def of_row(
    answers: Answers, feature: int, lacking: tuple[int, int], shown: tuple[int, int]
) -> Dispute:
    """Return which answers that show a row nobody contradicts.

    lacking: the first and the last answer within that lack it.  shown: those that show it.
    """
    (start, end), (first, last) = lacking, shown
    before, after = answers.until(feature, start - 1), answers.following(feature, end)
    again = None if after is None else answers.following(feature, after)
    by = answers.following_by(feature, end)
    return Dispute(
        start,
        end,
        before if before is not None and before >= first else None,
        by if by is not None and again is not None and max(by, again) <= last else None,
    )


def _seconds(value: Any) -> int:
    return int(value.timestamp())
