"""What bears on the holdings of a feature besides the lines of their holders."""

from bisect import bisect_left, bisect_right

from .spans import FAR

WEEK = 7 * 86400
"""An IN counts so long after polls missed its OUT, or after the log began without it."""

SILENCE = 7 * 3600
"""A log silent for longer has lost lines."""


class Sources:
    """The answers, the log and the restarts of one feature."""

    def __init__(self, server, feature):
        self.server, self.told = server, server.told(feature)
        self.issued, self.shown = server.issued[feature], False
        self.steps = sorted(self.issued)
        # When the log lacks an OUT, when it shows, and whether an answer shows it or an IN.
        self.missed = []
        self.log = server.sighted("log", feature[0])
        alone = ((at, at) for name in {"", feature[0]} for at in server.seconds[name])
        holes, heard, told = [], FAR, sorted([*self.log, *alone])
        self.first = told[0][0] if told else FAR
        for start, end in told:
            holes += [(heard, start)] if start - heard > SILENCE else []
            heard = end if heard == FAR else max(heard, end)
        holes += [loss for daemon in {"", feature[0]} for loss in server.losses[daemon].items()]
        self.holes = sorted(holes, key=lambda hole: (hole[1], hole[0]))
        self.stops = sorted(server.stops[feature[0]])
        self.differing = server.differing[feature]
        self.hours = server.hours(feature[0])
        starts = [span[0] for span in self.log]
        known = {**server.restarts[""], **server.restarts[feature[0]]}
        self.restarts = []
        for at in sorted(known):
            place = bisect_left(starts, at) - 1
            heard = [known[at]] if known[at] is not None else []
            heard += [min(self.log[place][1], at)] if place >= 0 else []
            self.restarts.append((at, max(heard, default=at)))

    def stopped(self, taken, heard):
        """Return when the daemon went down after a seat was taken, if it was heard of later."""
        stop = next((at for at in self.stops if at >= taken), FAR)
        twice = any(to <= taken and stop <= since for to, since in self.server.set_back.items())
        return heard if twice else min(stop, heard)

    def latest(self, at):
        """Return when a line that reads as of a moment was written at the latest."""
        later = [at + end - second for first, second, end in self.hours if first <= at < second]
        return max(later, default=at)

    def answer_after(self, moment):
        """Return when the first answer was given that would have shown the holder: who holds seats
        that nobody counts need not be listed. shown: some answer did list him."""
        place = bisect_right(self.told, moment)
        if place == len(self.told):
            return None
        found = self.server.latest(self.told[place])
        stated = bisect_right(self.steps, found) - 1
        counted = stated < 0 or self.issued[self.steps[stated]] is not None
        return found if counted or self.shown else None

    def hole_after(self, moment):
        return next((hole for hole in self.holes if hole[1] > moment), None)

    def out_since(self, at):
        """Return since when it is possible that an IN without an OUT returned a seat: since the log
        was heard of, if that is a week at most, and neither a restart nor an answer came between.
        """
        since = max([hole[1] for hole in self.holes if hole[1] <= at], default=self.first)
        if not 0 < at - since <= WEEK or any(since < begun < at for begun, _ in self.restarts):
            return None
        answer = self.answer_after(since)
        return None if answer is not None and answer < at else since

    def logged_until(self, moment):
        return next((end for start, end in self.log if start <= moment <= end), None)

    def alone(self, row):
        """Tell whether one answer alone stands against a log of which nothing is lost."""
        hole = self.hole_after(row["began"])
        last = self.agreed(row)[0] if "disputed_from" in row else row["until"]
        return last in (None, row["first_seen"]) and not (hole and hole[0] <= row["first_seen"])

    def agreed(self, row):
        """Return the last answer that shows a row before others contradict it, and when the first
        that does after was given at the latest; None where none does, or only one after."""
        before = bisect_left(self.told, row["disputed_from"]) - 1
        first = self.told[before] if before >= 0 else -FAR
        taken = min(row["starts"][-1], row["shown_by"]) if "started" in row else -FAR
        if row["first_seen"] <= first < taken + 60:
            first = row["first_seen"]  # others of the minute of its start may lack it
        after, again = FAR, FAR
        if (place := bisect_right(self.told, row["disputed_to"])) < len(self.told):
            after = self.server.latest(self.told[place])
            place = bisect_right(self.told, after)
            again = self.told[place] if place < len(self.told) else FAR
        known = again <= row["until"]
        return first if first >= row["first_seen"] else None, after if known else None

    def contradicted(self, one):
        """Return (first, last that lack it, agreed) of answers that contradict each other on what
        the log has: on its row, and by lacking it after its OUT before any showed it."""
        row, own = one.row, None
        if row is None:
            return None
        if "disputed_from" in row:
            own = row["disputed_from"], row["disputed_to"], self.agreed(row)
        first = self.answer_after(one.sure + 60)
        if first is None or first >= row["first_seen"]:
            return own
        if own:
            return min(first, own[0]), own[1], (None, own[2][1])
        late = row["first_seen"] - row["began"] > 60 and row["missed"] > -FAR
        again = row["shown_by"] if row["until"] > row["shown_by"] else None
        return first, row["missed"] if late else first, (None, again)

    def one_shows(self, one):
        """Tell whether but one answer shows what the log has, after others that lack it."""
        told = self.contradicted(one)
        return bool(told) and "disputed_from" not in one.row and told[2][1] is None

    def anew(self, row):
        """Tell whether a restart may have started it anew, without an OUT, as what is borrowed."""
        near = (row["began"] - 60 <= at <= row["shown_by"] for at, _heard in self.restarts)
        return row["state"] == "borrowed" and any(near)
