"""Holdings: which IN ended which OUT, what a restart lost, what polls add."""

from collections import defaultdict

from .matching import by_out, fits, matched
from .minutes import settle
from .sources import WEEK, Sources
from .spans import FAR
from .told import OUT_OF_ORDER


class Held:
    """Held for sure in [sure, after), at most in [taken, back); None: nobody knows of an end."""

    def __init__(self, taken, sure, row=None, polled=False):
        self.taken, self.sure, self.row, self.polled = taken, sure, row, polled
        self.told, self.logged = taken, not polled  # when the text says that it was taken
        self.after = self.back = self.by = None
        self.lost = self.goes_on = self.returned = False  # returned: an IN says so
        self.gap = None  # until when a restart lets it be held, while nothing else tells
        self.restart, self.lives_on, self.told_until = None, False, None
        self.alone = False  # the log tells of its return alone
        self.most = FAR  # known no longer than this, whenever it ends

    def end(self, after, back, lost=False):
        self.after = max(min(after, self.most), self.sure)
        self.back, self.lost, self.gap = max(back, self.taken), lost, None
        self.by = self.back  # at the latest, by the log alone

    def give_back(self, at, by=None):
        """Let an IN end it. by: at the latest."""
        self.end(at, at if by is None else by)
        self.returned = True

    def until(self, row):
        """Return until when it can have been held by the log, if it is the one of a row."""
        return max(self.by, self.gap) if self.gap and row["shown_by"] < self.gap else self.by

    def own(self):
        """Return the end of the second for which the line that took it vouches, if it does."""
        return self.sure + (self.sure == self.taken)


class Pairing(Sources):
    """Makes the holdings of one feature."""

    def holdings(self, moves, rows):
        """moves: (moment, whether OUT) of one holder; rows: what the status showed of him."""
        self.shown = bool(rows)
        for row in rows:
            first = row["first_seen"]
            row["began"] = min(row.get("started", first), first)
            starts = [row.get("started", first), row.get("started_again", FAR)]
            # Shown before the clock showed its start once more, it began at the first.
            row["starts"] = starts[: 1 + (starts[1] <= first + 60)]
            row["same"] = [start // 60 for start in row["starts"]]
            row["near"] = row["same"] + [minute - 1 for minute in row["same"]]
            row["until"] = row["last_seen"]
            if "gone" not in row and self.told:
                row["until"] = max(row["until"], self.told[-1])
            settle(row, self.told, self.server.latest)
        rows = sorted(rows, key=lambda r: (r["began"], r["first_seen"], r["until"], r["row"]))
        self.by_minute, self.unlogged = by_out(rows, moves)
        held, alone = self.over_steps(moves)
        for one in held:
            if (by := self.latest(one.told)) > one.told:
                one.sure = max(one.sure, by)
            if one.back is not None:
                one.by = max(one.back, self.latest(one.after))
        parts = [self.of_row(row) for row in matched(held, rows)]
        for one in held:
            self.outlast(one)
        polled, earlier = [own[-1] for own in parts], [one for own in parts for one in own[:-1]]
        alive, returned = [one for one in held if one.lives_on], []
        for at in alone:
            for one in alive + polled:
                if not one.returned and fits(one.row, at):
                    one.sure = max(one.taken, min(one.sure, at))
                    one.give_back(at)
                    one.by = self.latest(at)
                    break
            else:
                self.missed.append((at, at + 1, False))
                if (since := self.out_since(at)) is not None:
                    returned.append(one := Held(since, at))
                    one.give_back(at, self.latest(at))
                    one.alone = True
        for own in parts:
            vouched = self.logged_until(own[0].taken)
            if (vouched or -FAR) >= own[0].row["first_seen"] and not self.anew(own[0].row):
                self.missed.append((own[0].taken, own[0].sure, True))
                if not own[0].returned and self.alone(own[0].row):
                    own[0].most = own[0].after = own[0].sure
        for one in held:
            self.end_by_misses(one)
            self.end_by_polls(one)
        for one in held:
            self.end_by_holes(one)
        for one in held:
            if one.row is not None and one.back is not None and one.by + 60 < one.row["until"]:
                one.back = one.row.get("gone")  # the IN may have been of a seat whose OUT was lost
        later = [again for one in held for again in self.disputed(one)]
        for one in held + later + polled:
            if one.after is not None:
                one.after = max(one.after, one.sure)
            if one.back is not None:
                one.back = max(one.back, one.by)
        return held + later + polled + earlier + returned

    def of_row(self, row):
        """Return what a row without an OUT tells of: two parts, if answers contradict each other on
        it for a time and agree that it is shown both before that and after it."""
        sure = row["sure"]
        found = [Held(row["began"], sure, row, True)]
        if "disputed_from" in row:
            agreed, latest = self.agreed(row)
            until = sure if agreed is None else max(sure, agreed + 1)
            if latest is None:
                if until == sure:
                    found[0].sure = until = row["shown_by"]  # and known of no certain second
                found[0].most = found[0].after = until
            elif until == sure:
                found[0].sure = latest
            else:
                found[0].end(until, row["disputed_from"])
                found.append(Held(row["disputed_from"], latest, row, True))
                found[1].goes_on = True
        if "gone" in row:
            found[-1].end(row["until"] + 1, row["gone"])
        elif "missing" in row:
            found[-1].most = found[-1].after = max(row["until"] + 1, found[-1].sure)
        return found

    def bound_by_texts(self, held, person, host, seats, moves):
        """Let what other texts tell otherwise be known as far as they all agree: the fewest of
        the seats, until the first of them may have come back. moves: of the feature, by holder."""
        for one in held:
            spans = self.server.misdated
            if one.logged and any(start <= one.told < end for start, end in spans):
                one.after = one.sure  # it may have been on another day
                continue
            told = [row for row in self.differing if row[:3] == (one.told, person, host)]
            others = {count for row in told if seats in row[3:] for count in row[3:]} - {seats}
            if not one.logged or not others:
                continue
            backs = [
                at
                for count in others
                for at, is_out in moves.get((person, host, count), [])
                if not is_out and at >= one.told
            ]
            until = one.told if min(others) < seats else min(backs, default=FAR)
            if until < FAR and (one.after is None or until < one.after):
                one.after = max(until, one.sure)

    def bound_by_restarts(self, held):
        """Let what no IN returned, no answer shows, and a restart may have lost that reads as
        before it be known for no time: the clock told the time of both twice."""
        spans = [
            (max(at, to), since)
            for to, since in self.server.twice()
            for at, _heard in self.restarts
            if to <= at <= since
        ]
        for one in held:
            lasts = not one.logged or one.returned or one.row is not None
            if not lasts and any(start <= one.told <= end for start, end in spans):
                one.after = one.sure

    def over_steps(self, moves):
        """Let an IN without an OUT end the next one, of the time that a clock set back told twice.

        Only if less is then left without an IN, a week after the step.
        """
        (held, alone), across = self.replay(moves), []
        for to, since in sorted(self.server.set_back.items()):
            for at in [at for at in alone if to <= at < since]:
                out = min(
                    (move for move in moves if move[1] and at < move[0] <= since), default=None
                )
                if out is None:
                    continue
                rest = list(moves)
                rest.remove((at, False))
                rest.remove(out)
                if self.lacking(rest, since + WEEK) < self.lacking(moves, since + WEEK):
                    moves, (held, alone) = rest, self.replay(rest)
                    across.append(Held(to, to))
                    across[-1].told = out[0]
                    across[-1].give_back(at, since)
        return held + across, alone

    def lacking(self, moves, last):
        held, _alone = self.replay([move for move in moves if move[0] <= last])
        return sum(one.back is None or one.lost for one in held)

    def replay(self, moves):
        begun = {at for at, _heard in self.restarts}
        out, ended, alone, waiting = [], [], [], list(self.restarts)
        spared = {}  # what a restart that a clock set back told twice may not have lost: until when

        def lose(until):
            while waiting and waiting[0][0] < until:
                at, heard = waiting.pop(0)
                steps = [
                    (to, since) for to, since in self.server.set_back.items() if to < at <= since
                ]
                if not steps:
                    spared.clear()
                for one in [one for one in out if one.taken < at]:
                    out.remove(one)
                    last = self.stopped(one.taken, heard)
                    set_back = [since for to, since in steps if since - to > OUT_OF_ORDER]
                    one.end(last, max([last, *set_back]), lost=True)
                    one.restart, one.gap = at, self.stopped(one.taken, at)
                    ended.append(one)
                    if after := [since for to, since in steps if to <= one.taken]:
                        spared[one] = max(after) + WEEK

        # Within a second OUTs come first, but for those after a restart in it.
        for at, is_out in sorted(moves, key=lambda m: (m[0], m[1] if m[0] in begun else not m[1])):
            lose(at + 1 if is_out else at)
            if is_out:
                out.append(Held(at, at))
                continue
            one = self.returned(out, at)
            if one is not None:
                out.remove(one)
                ended.append(one)
            else:
                one = self.returned([one for one in spared if at <= spared[one]], at)
                spared.pop(one, None)
            if one is None:
                alone.append(at)
            else:
                one.give_back(at)
        lose(FAR)
        return ended + out, alone

    def returned(self, out, at):
        """Return the oldest holding that answers let end then; else the one they contradict least,
        unless a row without an OUT explains the IN."""
        found, groups = [], defaultdict(list)
        for one in out:
            groups[one.taken // 60].append(one)
        for minute, those in groups.items():
            one = those[0]
            mine = self.by_minute[minute]
            strain = self.strain(one.taken, mine, len(those), at)
            if strain is None:
                continue
            hole = self.hole_after(max([one.taken, *(row["until"] for row in mine)]))
            across = hole is not None and hole[1] <= at
            if not strain and not across:
                return one
            found.append((strain > 60, across, strain, one))
        if not found:
            return None
        wrong, _, _, one = min(found, key=lambda each: each[:3])
        return None if wrong and any(fits(row, at) for row in self.unlogged) else one

    def strain(self, taken, rows, count, at):
        """Return for how long answers contradict that one of so many of a minute was over then."""
        later = [row["until"] - at for row in rows if row["until"] > at]
        if len(later) >= count:
            return min(later)
        if any(row["until"] <= at < row.get("gone", FAR) for row in rows):
            return 0
        ends = [row["gone"] for row in rows if row.get("gone", FAR) <= at]
        if len(rows) < count:
            poll = self.answer_after(taken + 60)
            if poll is None or poll > at:
                return 0
            ends.append(poll)
        return at - max(ends) if at - taken <= WEEK else None

    def outlast(self, one):
        """Let what a restart lost be known until the last answer before it that shows it, and
        possible until the restart; what is borrowed, and shown after it too, lives on."""
        row, gap = one.row, one.gap
        if row is None or gap is None:
            return
        if row["state"] == "borrowed" and row["until"] > one.restart:
            one.lives_on, one.lost, one.gap, one.told_until = True, False, None, one.after
            one.after, one.back = row["until"] + 1, row.get("gone")
            one.by = one.back
            return
        if row["shown_by"] >= gap or row["until"] < one.after or self.one_shows(one):
            return
        by, shown = one.by, row["until"] + 1
        if row.get("disputed_from", FAR) < gap:
            agreed, again = self.agreed(row)
            if again is None or again >= gap:
                shown = row["shown_by"] if agreed is None else agreed + 1
        one.end(max(one.after, min(shown, gap)), min(row.get("gone", gap), gap), lost=True)
        one.by = max(by, self.latest(one.back))

    def end_by_misses(self, one):
        """Let what an IN ended long after an answer did not show it be known no longer than shown:
        the IN may have been of a seat whose OUT was lost."""
        if one.back is None or one.lost or one.after != one.back:
            return
        row = None if self.one_shows(one) else one.row
        gone = self.answer_after(one.sure + 60) if row is None else row.get("gone")
        # What prints a minute to come has a clock that is ahead.
        ahead = 0 if row is None else max(row.get("started", -FAR) - row["shown_by"], 0)
        if gone is not None and gone + 60 + ahead < one.back:
            one.after = one.own() if row is None else max(row["until"], one.sure) + 1

    def end_by_polls(self, one):
        if one.back is not None and not one.lost:
            return
        if one.row is not None:
            gone = one.row.get("gone")
            if gone is not None and (one.back is None or gone <= one.back):
                one.end(one.row["until"] + 1, gone)
            return
        poll = self.answer_after(one.sure + 60)
        if poll is not None and (one.back is None or poll <= one.back):
            heard = self.logged_until(one.taken)
            one.end(heard if heard is not None and heard <= poll else one.taken, poll)

    def disputed(self, one):
        """Let what no IN ended be known as answers agree, where the log ended before they did not.

        Returns what goes on after that, if anything does.
        """
        row, told_of = one.row, self.contradicted(one)
        if not told_of or one.lost or one.returned:
            return []
        start, last, (agreed, again) = told_of
        told = one.sure if one.told_until is None else one.told_until
        if not one.lives_on:
            heard, hole = self.logged_until(one.taken), self.hole_after(one.taken)
            told = min(one.sure if heard is None else heard, hole[0] if hole else FAR)
        until = max(told, one.own())
        if until > last:
            return []
        until = until if agreed is None else max(until, agreed + 1)
        if again is None:
            one.most, one.after = until, max(min(one.after or FAR, until), one.sure)
            return []
        part = Held(max(start, until), again, row, True)
        part.goes_on, part.logged, part.told = True, True, one.told
        part.back, part.by = one.back, one.by
        part.after = None if one.after is None else max(one.after, again)
        one.end(until, part.taken)
        return [part]

    def end_by_holes(self, one):
        if one.lives_on or (one.back is not None and not one.lost):
            return
        shown = one.taken if one.row is None else one.row["until"] + 1
        hole = self.hole_after(max(one.taken, shown))
        if hole is not None and (one.back is None or hole[1] <= one.back):
            one.after = max(hole[0], shown, one.sure, min(one.own(), hole[1] - 1))


def missed(server, daemon):
    """Return what the log of a daemon lacks the OUT of. It has lost lines then, and those may be of
    any feature of the daemon."""
    told = sorted({*server.moves, *server.rows})
    return [
        row
        for feature in told
        if feature[0] in ("", daemon)
        for row in feature_holdings(server, feature)[1]
    ]


def feature_holdings(server, feature):
    """Return (person, host, seats, sure, after, taken, back, exact, polled, whether it goes on with
    another, whether its return alone is logged) of a feature; and what its log lacks the OUT of."""
    if feature not in server.held:
        server.held[feature] = paired(server, feature)
    return server.held[feature]


def paired(server, feature):
    rows = defaultdict(list)
    for told in server.rows[feature].values():
        row = told | {"shown_by": server.latest(told["first_seen"])}
        if "gone" in row:
            row["gone"] = server.latest(row["gone"])
        rows[row["person"], row["host"], row["seats"]].append(row)
    moves, pairing, found = server.moves[feature], Pairing(server, feature), []
    logged = max((end for _start, end in pairing.log), default=-FAR)
    # What is out counts for the second of the last line too, unless the daemon went down in it.
    stops = [max(server.stops[daemon], default=-FAR) for daemon in ("", feature[0])]
    logged += logged not in stops
    polled = max((at + 1 for at, complete, _ in server.answers if complete), default=-FAR)
    listed = max((at + 1 for at in pairing.told), default=polled)
    for holder in sorted({*moves, *rows}):
        held = pairing.holdings(moves.get(holder, []), rows.get(holder, []))
        pairing.bound_by_texts(held, *holder, moves)
        pairing.bound_by_restarts(held)
        for one in held:
            after, back = one.after, one.back
            for first, last in [] if one.polled or after is None else server.twice():
                if first <= after <= last:  # maybe in the first pass: not out in the last one
                    after = max(first, min(one.sure, after))
            exact = one.taken == one.sure and after == back
            if back is None:
                exact = one.taken == one.sure and not one.polled and after is None
                own = one.sure + 1 if one.polled else one.own()
                back = max(-FAR if one.polled else logged, own)
                # A poll vouches for its own second, unless it may be of any second of a minute.
                known = one.sure if one.polled else back
                if one.row is not None:
                    known, back = (max(each, one.row["last_seen"] + 1) for each in (known, back))
                    if not {"gone", "missing"} & one.row.keys():
                        known, back = max(known, min(polled, listed)), max(back, polled)
                exact = exact and known == back
                after = known if after is None else after
            kind = one.polled, one.goes_on, one.alone
            found.append((*holder, one.sure, after, one.taken, back, exact, *kind))
    return sorted(found, key=lambda row: (row[5], row[0])), pairing.missed
