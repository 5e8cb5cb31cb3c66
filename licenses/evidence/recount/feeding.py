"""What a feature brings to a pool: what it held, was seen, issued and possible."""

from bisect import bisect_left
from datetime import datetime, time

from .curves import combined, curve, on, where
from .holdings import feature_holdings, missed
from .spans import FAR, both, clip, minus, union


def midnight(day, zone):
    """Return the first moment of a day, also where the clock jumps over midnight."""
    wall = datetime.combine(day, time.min)
    first = int(wall.replace(tzinfo=zone).timestamp())
    if datetime.fromtimestamp(first, zone).replace(tzinfo=None) == wall:
        return first
    return next(
        moment
        for moment in range(int(wall.replace(tzinfo=zone, fold=1).timestamp()), first + 1)
        if datetime.fromtimestamp(moment, zone).replace(tzinfo=None) >= wall
    )


class Fed:
    """A feature that feeds a pool: what it held, what was seen, issued and possible."""

    def __init__(self, server, row):
        self.stream, daemon, name, self.weight, start, end = row
        self.server, self.feature = server, (daemon, name)
        self.span = [(-FAR if start == "" else start, FAR if end == "" else end)]
        self.held, _missed = feature_holdings(server, self.feature)
        self.logs, self.polls = (server.sighted(kind, daemon) for kind in ("log", "polls"))
        self.seen = union(self.logs, self.polls)
        # An answer that prints its minute alone may have been given in its last second.
        answered = union([(server.answered(start), end) for start, end in self.polls])
        vouched = union(self.logs, answered)
        # Answers that do not list the feature do not vouch for it.
        told = server.told(self.feature)
        cuts = [
            (first, min(server.latest(at) for at in told if first < at < again + 60))
            for first, again in zip(told, told[1:])
            if again - first > server.step_at(first)
        ]
        asked = bool(server.scopes)
        since = min(map(server.answered, told), default=FAR if asked else -FAR)
        listed = minus([(since, max(told, default=-FAR if asked else FAR))], cuts)
        self.watched = union(self.logs, both(answered, listed))
        # Before anybody listed it or held it, answers of its daemon say that nobody served it.
        held, seen, logged = (
            min((at for at, *_ in rows), default=FAR)
            for rows in ([row[5:6] for row in self.held if not row[-1]], vouched, self.logs)
        )
        unserved = both(vouched, [(-FAR, min(since, held))])
        self.served = minus(self.span, minus(unserved, self.watched))
        heard = min(held, seen if seen >= since else min(logged, since))
        self.heard = max(heard, self.span[0][0])
        lines, read = server.stock["issued"], server.stock.get("read", ())
        self.files, self.unread = [], []
        for place, (d, n, count, overdraft, first, last) in enumerate(lines):
            if (d, n) == self.feature:
                start, end = -FAR if first == "" else first, FAR if last == "" else last
                self.files.append((start, end, None if count == "" else count, overdraft))
                since, until = read[place] if read[place:] else ("", "")
                self.unread.append((start, end if since == "" else min(end, since)))
                self.unread.append((start if until == "" else max(start, until), end))
        steps = sorted(server.issued[self.feature].items())
        self.totals = [
            (at, following, count)
            for (at, count), following in zip(steps, [at for at, _ in steps[1:]] + [FAR])
        ]

    def rows(self):
        """Return the holdings cut to the time in which the feature fed the pool."""
        (start, end), found, twice = self.span[0], [], self.server.twice()
        for person, host, seats, sure, after, taken, back, exact, *kind in self.held:
            polled, goes_on, alone = kind
            cut_at, until, here = max(taken, start), min(back, end), start <= taken < end
            earliest, latest = taken, back
            for first, last in [] if polled else twice:
                earliest = first if first <= taken <= last else earliest
                latest = last if first <= back <= last else latest
            earliest, latest = max(earliest, start), min(latest, end)
            if latest > earliest or here:
                found.append({
                    "who": (person, host, taken), "here": here, "exact": exact,
                    "fresh": here and not (goes_on or alone), "goes_on": here and goes_on,
                    "polled": polled, "alone": alone, "fed": self, "feature": self.feature[1],
                    "stream": self.stream, "first": cut_at,
                    "seats": seats * self.weight, "taken": cut_at, "sure": max(sure, start),
                    "after": min(after, end), "back": until,
                    "earliest": earliest, "latest": latest,
                })  # fmt: skip
        return found

    def issued(self):
        """Return the curve of seats that the server says it issues; None where nobody says."""
        moments = {-FAR, *(m for row in self.files for m in row[:2])}
        moments |= {m for row in self.totals for m in row[:2]}
        return [
            (moment, sum(counts) if counts and None not in counts else None)
            for moment in sorted(moments)
            for counts in [self.stated(moment)]
        ]

    def stated(self, moment):
        """Return what is stated to be issued then, a number each; None: seats without one."""
        total, lines = self.last_stated(moment)
        return [row[2] for row in lines] if total is None else [total[2]]

    def last_stated(self, moment):
        """Return (the server's total, the lines of files in force); no total if lines are newer."""
        total = next((row for row in self.totals[::-1] if row[0] <= moment < row[1]), None)
        lines = [row for row in self.files if row[0] <= moment < row[1]]
        return (total if total and all(row[0] <= total[0] for row in lines) else None), lines

    def filed(self):
        """Return the time in which lines of files say what is issued: seats of a component that
        are sold besides its package."""
        moments = sorted({m for row in self.files + self.totals for m in row[:2]})
        told = [(start, end, *self.last_stated(start)) for start, end in zip(moments, moments[1:])]
        return union([(start, end) for start, end, total, lines in told if lines and not total])

    def uncounted(self):
        """Return the time in which seats without a number are stated: nobody need ask for one."""
        moments = sorted({m for row in self.files + self.totals for m in row[:2]})
        cells = zip(moments, moments[1:])
        return union([cell for cell in cells if None in self.stated(cell[0])])

    def possible(self):
        """Return (most seats that could be out, when answers around say so, when files do)."""
        filed = curve((a, b, count or 0) for a, b, count, _over in self.files)
        over = curve((a, b, more) for a, b, _count, more in self.files)
        stated = curve((a, b, count or 0) for a, b, count in self.totals)
        most = combined(lambda f, o: f + o, filed, over)
        unfiled = where(lambda f, s: s > f, filed, stated)  # of what it lends above, no file tells
        uncounted = union([row[:2] for row in self.files + self.totals if row[2] is None])
        same, changed = self.between_answers()
        by_file = self.by_file()
        if self.totals:
            first, _end, count = self.totals[0]
            if (count or 0) > on(filed, [first])[0]:
                by_file = minus(by_file, [(-FAR, first)])  # the server did not read that file
        spoiled = union(unfiled, uncounted)
        return most, minus(same, spoiled), minus(minus(by_file, changed), spoiled)

    def refuted(self, rows, start, end):
        """Return the time in which statements are in force that known use of [start, end) is once
        above. rows: the holdings of the feature, with the weight of its seats."""
        used = curve((row["sure"], row["after"], row["seats"]) for row in rows)
        over = curve((a, b, more) for a, b, _count, more in self.files)
        found, asked = [], both(self.span, [(start, end)])
        for stated in ([row[:3] for row in self.files], self.totals):
            counts = curve((a, b, count or 0) for a, b, count in stated)
            above = where(lambda u, c, o: u > (c + o) * self.weight, used, counts, over)
            above = both(above, asked)
            found.append([row[:2] for row in stated if clip(above, *row[:2])])
        return union(*found)

    def between_answers(self):
        same, changed = [], []
        told = self.server.told(self.feature)
        for place, (start, end, count) in enumerate(self.totals):
            if end == FAR:
                same.append((start, max([start, *told[-1:]])))
                continue
            at = bisect_left([span[1] for span in self.polls], end)
            before = start
            if at < len(self.polls) and self.polls[at][0] < end:
                before = max(before, self.polls[at][0], self.server.earliest_before(end))
            elif at:
                before = max(before, self.polls[at - 1][1])
            same.append((start, before))
            if self.totals[place + 1][2] != count:
                changed.append((before, end))
        return union(same), union(changed)

    def by_file(self):
        # A poll vouches for its own second.
        answers = [at + 1 for at, complete, _scope in self.server.answers if complete]
        newest = max([end for _start, end in self.logs] + answers, default=-FAR)
        dark, spoiled = minus([(-FAR, FAR)], self.seen), []
        for moment in {m for row in self.files for m in row[:2]} - {-FAR, FAR}:
            spoiled += [span for span in dark if span[0] <= moment < span[1]]
        return minus(both([row[:2] for row in self.files], [(-FAR, newest)]), self.unread + spoiled)

    def whole_log(self):
        """Return the time in which a log tells of every holding, also of earlier ones, as it does
        for all features of a daemon."""
        logs, daemon = self.server.whole_logs, self.feature[0]
        if daemon not in logs:
            logs[daemon] = self.told_in_full()
        return logs[daemon]

    def told_in_full(self):
        self.begun = sorted({*self.server.restarts[""], *self.server.restarts[self.feature[0]]})
        doubts = {*self.server.doubts[""], *self.server.doubts[self.feature[0]]}
        found = []
        for first, last in self.logs:
            cuts = sorted(at for at in doubts if first <= at < last)
            for since, until in zip([first, *cuts], [*cuts, last]):
                # One of the second of a doubt may come before it.
                found.append((self.known_after(since, since + (since in doubts)), until))
        lost = [
            (self.known_before(at), self.known_after(shown, shown) if by_answer else shown)
            for at, shown, by_answer in missed(self.server, self.feature[0])
        ]
        lost += [(first, end) for first, _second, end in self.server.hours(self.feature[0])]
        return minus(union(found), lost)

    def known_after(self, since, least):
        """Return from when on it is known what is out."""
        known = next((at for at in self.begun if at >= least), FAR)
        span = next((span for span in self.polls if span[1] >= least), None)
        if span is None:
            return known
        answer = span[0]
        if answer <= since:
            answer = min(span[1], self.server.latest_after(since))
        return min(known, answer)

    def known_before(self, at):
        """Return since when it was known what is out, when something turns out to be."""
        since = max([-FAR, *(moment for moment in self.begun if moment < at)])
        for first, last in self.polls:
            if first < at:
                near = max(first, self.server.earliest_before(at))
                since = max(since, near if last >= at else last)
        return since


def observed(parts):
    """Return the time in which something feeds a pool, and all that does is vouched for."""
    mapped = union(*(span for span, _seen in parts))
    return minus(mapped, union(*(minus(span, seen) for span, seen in parts)))
