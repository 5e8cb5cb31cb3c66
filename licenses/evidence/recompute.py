#!/usr/bin/env python3
"""Count the figures of a pack again, from its entries alone:  python3 recompute.py PACK

PACK: the ZIP file or its folder; check it with verify.py first. Reads ev/ and, for what was said of
each day and month, tables/daily.csv and report.json; prints OK, or each figure that differs. Needs
Python 3.9 and nothing else (on a machine without time zones, the package tzdata).

Times are seconds since 1970, spans have their first and not their last second. None is not known.
"""

import csv
import io
import json
import pathlib
import sys
import zipfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

FAR = 1 << 61
WEEK, SILENCE = 7 * 86400, 7 * 3600
"""An IN counts so long after polls missed its OUT; a log silent for longer has lost lines."""
SHOWN = 30


# --- Sets of seconds: sorted lists of spans that do not touch ---


def union(*sets):
    merged = []
    for start, end in sorted(span for spans in sets for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def minus(spans, others):
    left, others = [], union(others)
    for start, end in union(spans):
        place = max(bisect_right(others, (start, FAR)) - 1, 0)
        while start < end and place < len(others) and others[place][0] < end:
            low, high = others[place]
            if low > start:
                left.append((start, min(low, end)))
            start, place = max(start, high), place + 1
        if start < end:
            left.append((start, end))
    return left


def clip(spans, start, end):
    first = bisect_right(spans, (start, FAR)) - 1
    cuts = (
        (max(a, start), min(b, end)) for a, b in spans[max(first, 0) : bisect_left(spans, (end,))]
    )
    return [(a, b) for a, b in cuts if a < b]


def both(spans, others):
    return minus(spans, minus([(-FAR, FAR)], others))


# --- Curves: sorted (moment from which on, level), the first from -FAR on ---


def curve(spans):
    """spans: (start, end, amount); where they overlap they add up, elsewhere is 0."""
    change = defaultdict(int)
    for start, end, amount in spans:
        if start < end:
            change[start] += amount
            change[end] -= amount
    found, level = [(-FAR, 0)], 0
    for moment in sorted(change):
        level += change[moment]
        found.append((moment, level))
    return found


def cut(levels, spans):
    """Return a curve that is None outside of some spans."""
    inside = curve((start, end, 1) for start, end in spans)
    return combined(lambda level, there: level if there else None, levels, inside)


def combined(how, *curves):
    moments = sorted({moment for each in curves for moment, _level in each})
    return list(
        zip(moments, (how(*levels) for levels in zip(*(on(each, moments) for each in curves))))
    )


def on(levels, moments):
    """Return the level at each of some moments, which rise."""
    found, place = [], 0
    for moment in moments:
        while place + 1 < len(levels) and levels[place + 1][0] <= moment:
            place += 1
        found.append(levels[place][1])
    return found


def where(test, *curves):
    """Return the spans in which a test of the levels holds."""
    told = combined(test, *curves)
    ends = [moment for moment, _ in told[1:]] + [FAR]
    return union([(moment, end) for (moment, true), end in zip(told, ends) if true])


# --- What the entries tell ---


class Server:
    """All that is told of one licence server."""

    def __init__(self):
        self.moves = defaultdict(lambda: defaultdict(list))  # feature -> holder -> OUTs and INs
        self.rows = defaultdict(dict)  # feature -> row of the status -> what is known of it
        self.answers, self.scopes = [], {}  # (moment, complete, scope)
        self.sights = {"log": defaultdict(list), "polls": defaultdict(list)}
        self.restarts = defaultdict(dict)
        self.issued = defaultdict(dict)  # feature -> moment -> seats
        self.denials = []
        self.stock = {"issued": [], "packages": [], "step": 900}

    def sighted(self, source, daemon):
        return union(self.sights[source][""], self.sights[source][daemon])

    def told(self, feature):
        """Return when complete answers told of a feature, in order."""
        return sorted(
            moment
            for moment, complete, scope in self.answers
            if (feature in self.scopes[scope][1] if scope in self.scopes else complete)
        )

    def add(self, entry):
        kind, at, body = entry["kind"], entry["event_time"], entry["body"]
        feature = (body.get("daemon", ""), body.get("feature", ""))
        if kind in ("checkout", "checkin"):
            holder = body["person"], body["host"], body["seats"]
            self.moves[feature][holder].append((at, kind == "checkout"))
        elif kind == "sample":
            row = self.rows[feature].setdefault(body["row"], {"place": len(self.rows[feature])})
            row.pop("gone", None)
            row.update(body)
        elif kind == "poll":
            self.answers.append((at, body["result"] == "parsed", body.get("scope")))
        elif kind == "coverage":
            spans, span = self.sights[body["source"]], [(body["from"], body["to"])]
            change = minus if body.get("what") == "withdrawn" else union
            spans[body["daemon"]] = change(spans[body["daemon"]], span)
        elif kind == "denial":
            self.denials.append((at, feature, body.get("code"), body["reason"].lower()))
        elif kind == "config":
            self.add_config(body, feature, at)

    def add_config(self, body, feature, at):
        what = body.get("what")
        if what == "scope":
            features = {tuple(each) for each in body["features"]}
            self.scopes[body["scope"]] = (body["daemons"], features)
        elif what == "daemon start":
            known = self.restarts[body["daemon"]].get(at)
            heard = [each for each in (known, body.get("last_seen")) if each is not None]
            self.restarts[body["daemon"]][at] = max(heard, default=None)
        elif what == "issued" and "kind" not in body:
            self.issued[feature][at] = body.get("count")
        elif what == "issued withdrawn":
            self.issued[feature].pop(at, None)


def load(opened, names):
    """Return the servers by stream, and the pools as they were told last."""
    servers, pools = defaultdict(Server), {}
    for name in sorted(name for name in names if name.startswith("ev/")):
        with opened(name) as file:
            for line in file:
                entry = json.loads(line)
                stream, body = entry["stream"], entry["body"]
                if stream.startswith("server/"):
                    servers[stream[7:]].add(entry)
                elif entry["kind"] == "stock" and body["what"] == "pool":
                    pools[body["pool"]] = body
                elif entry["kind"] == "stock":
                    servers[body["server"]].stock = body
    return servers, pools


# --- Holdings: which IN ended which OUT, what a restart lost, what polls add ---


class Held:
    """Held for sure in [sure, after), at most in [taken, back); None: nobody knows of an end."""

    def __init__(self, taken, sure, row=None, polled=False):
        self.taken, self.sure, self.row, self.polled = taken, sure, row, polled
        self.after = self.back = None
        self.lost = False

    def end(self, after, back, lost=False):
        self.after, self.back, self.lost = max(after, self.sure), max(back, self.taken), lost


class Pairing:
    """Makes the holdings of one feature."""

    def __init__(self, server, feature):
        self.server, self.told = server, server.told(feature)
        self.log = server.sighted("log", feature[0])
        pairs = zip(self.log, self.log[1:])
        self.holes = [(a[1], b[0]) for a, b in pairs if b[0] - a[1] > SILENCE]
        starts = [span[0] for span in self.log]
        known = {**server.restarts[""], **server.restarts[feature[0]]}
        self.restarts = []
        for at in sorted(known):
            place = bisect_left(starts, at) - 1
            heard = [known[at]] if known[at] is not None else []
            heard += [min(self.log[place][1], at)] if place >= 0 else []
            self.restarts.append((at, max(heard, default=at)))

    def answer_after(self, moment):
        place = bisect_right(self.told, moment)
        return self.told[place] if place < len(self.told) else None

    def hole_after(self, moment):
        return next((hole for hole in self.holes if hole[1] > moment), None)

    def logged_until(self, moment):
        return next((end for start, end in self.log if start <= moment <= end), None)

    def holdings(self, moves, rows):
        """moves: (moment, whether OUT) of one holder; rows: what the status showed of him."""
        for row in rows:
            first = row["first_seen"]
            row["began"] = min(row.get("started", first), first)
            row["until"] = row["last_seen"]
            if "gone" not in row and self.told:
                row["until"] = max(row["until"], self.told[-1])
        rows = sorted(rows, key=lambda r: (r["began"], r["first_seen"], r["until"], r["place"]))
        self.by_minute = defaultdict(list)
        for row in rows:
            self.by_minute[row["began"] // 60].append(row)
        held, alone = self.replay(moves)
        polled = []
        for row in self.matched(held, rows):
            one = Held(row["began"], min(row["began"] + 59, row["first_seen"]), row, True)
            if "gone" in row:
                one.end(row["until"] + 1, row["gone"])
            polled.append(one)
        used = set()
        for at in alone:
            for one in polled:
                gone = one.row.get("gone", FAR)
                if id(one) not in used and one.row["until"] <= at <= gone:
                    one.end(at, at)
                    used.add(id(one))
                    break
        for one in held:
            self.end_by_polls(one)
        for one in held:
            self.end_by_holes(one)
        return held + polled

    def replay(self, moves):
        begun = {at for at, _heard in self.restarts}
        out, ended, alone, waiting = [], [], [], list(self.restarts)

        def lose(until):
            while waiting and waiting[0][0] < until:
                at, heard = waiting.pop(0)
                for one in [one for one in out if one.taken < at]:
                    out.remove(one)
                    one.end(heard, heard, lost=True)
                    ended.append(one)

        # Within a second OUTs come first, but for those after a restart in it.
        for at, is_out in sorted(moves, key=lambda m: (m[0], m[1] if m[0] in begun else not m[1])):
            lose(at + 1 if is_out else at)
            if is_out:
                out.append(Held(at, at))
                continue
            one = self.returned(out, at)
            if one is None:
                alone.append(at)
            else:
                out.remove(one)
                one.end(at, at)
                ended.append(one)
        lose(FAR)
        return ended + out, alone

    def returned(self, out, at):
        """Return the oldest holding that was not over by then, as far as anybody can tell."""
        across = missed = None
        for one in out:
            minute = one.taken // 60
            mine = self.by_minute.get(minute) or self.by_minute.get(minute + 1, [])
            poll = self.answer_after(one.taken + 60)
            over = poll is not None and poll <= at
            if mine:
                over = all(row.get("gone", FAR) <= at for row in mine)
            if over:
                missed = missed or (one if at - one.taken <= WEEK else None)
                continue
            hole = self.hole_after(max([one.taken, *(row["until"] for row in mine)]))
            if hole is None or hole[1] > at:
                return one
            across = across or one
        return across or missed

    def matched(self, held, rows):
        """Give each row to the holding of its minute; return the rows that are left."""
        left, taken = rows, defaultdict(list)
        for one in held:
            taken[one.taken // 60].append(one)
        for strict in (True, False):
            rest = []
            for row in left:
                minute = row["began"] // 60
                free = [
                    one
                    for near in (minute, minute - 1)
                    for one in taken.get(near, [])
                    if one.row is None
                    and not (strict and one.back is not None and one.back + 60 < row["until"])
                ]  # fmt: skip
                if not free:
                    rest.append(row)
                    continue
                best = min(free, key=lambda one: (
                    one.taken // 60 != minute, (one.back is None) != ("gone" not in row),
                    one.taken, one.back or 0,
                ))  # fmt: skip
                best.row = row
            left = rest
        return left

    def end_by_polls(self, one):
        if one.back is not None and not one.lost:
            return
        if one.row is not None:
            gone = one.row.get("gone")
            if gone is not None and (one.back is None or gone <= one.back):
                one.end(one.row["until"] + 1, gone)
            return
        poll = self.answer_after(one.taken + 60)
        if poll is not None and (one.back is None or poll <= one.back):
            heard = self.logged_until(one.taken)
            one.end(heard if heard is not None and heard <= poll else one.taken, poll)

    def end_by_holes(self, one):
        if one.back is not None and not one.lost:
            return
        shown = one.taken if one.row is None else one.row["until"] + 1
        hole = self.hole_after(max(one.taken, shown))
        if hole is not None and (one.back is None or hole[1] <= one.back):
            one.after = max(hole[0], shown, one.sure)


def feature_holdings(server, feature):
    """Return (person, host, seats, sure, after, taken, back, exact) of a feature, all of them."""
    rows = defaultdict(list)
    for row in server.rows[feature].values():
        rows[row["person"], row["host"], row["seats"]].append(row)
    moves, pairing, found = server.moves[feature], Pairing(server, feature), []
    logged = max((end for _start, end in pairing.log), default=-FAR)
    polled = max((at + 1 for at, complete, _ in server.answers if complete), default=-FAR)
    for holder in sorted({*moves, *rows}):
        for one in pairing.holdings(moves.get(holder, []), rows.get(holder, [])):
            exact = one.taken == one.sure and one.after == one.back
            after, back = one.after, one.back
            if back is None:
                exact = one.taken == one.sure and not one.polled and after is None
                back = -FAR if one.polled else logged
                if one.row is not None:
                    shown = one.row["last_seen"] + 1
                    back = max(back, shown, polled if "gone" not in one.row else shown)
                back = max(back, one.sure + 1)
                after = back if after is None else after
            found.append((*holder, one.sure, after, one.taken, back, exact))
    return sorted(found, key=lambda row: (row[5], row[0]))


# --- What was allowed, issued, and possible ---


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
        _stream, daemon, name, self.weight, start, end = row
        self.server, self.feature = server, (daemon, name)
        self.span = [(-FAR if start == "" else start, FAR if end == "" else end)]
        self.held = feature_holdings(server, self.feature)
        self.logs, self.polls = (server.sighted(kind, daemon) for kind in ("log", "polls"))
        self.seen = union(self.logs, self.polls)
        self.files = [
            (-FAR if first == "" else first, FAR if last == "" else last,
             None if count == "" else count, overdraft)
            for d, n, count, overdraft, first, last in server.stock["issued"]
            if (d, n) == self.feature
        ]  # fmt: skip
        steps = sorted(server.issued[self.feature].items())
        self.totals = [
            (at, following, count)
            for (at, count), following in zip(steps, [at for at, _ in steps[1:]] + [FAR])
        ]

    def rows(self):
        """Return the holdings cut to the time in which the feature fed the pool."""
        (start, end), found = self.span[0], []
        for person, host, seats, sure, after, taken, back, exact in self.held:
            cut_at, until = max(taken, start), min(back, end)
            if until > cut_at or start <= taken < end:
                found.append({
                    "who": (person, host, taken), "fresh": start <= taken < end, "exact": exact,
                    "seats": seats * self.weight, "taken": cut_at, "sure": max(sure, start),
                    "after": min(after, end), "back": until,
                })  # fmt: skip
        return found

    def issued(self):
        """Return the curve of seats that the server says it issues; None where nobody says."""
        moments = {-FAR, *(m for row in self.files for m in row[:2])}
        moments |= {m for row in self.totals for m in row[:2]}
        found = []
        for moment in sorted(moments):
            total = next((row for row in self.totals[::-1] if row[0] <= moment < row[1]), None)
            lines = [row for row in self.files if row[0] <= moment < row[1]]
            if total and all(row[0] <= total[0] for row in lines):
                found.append((moment, total[2]))
            elif lines:
                counts = [row[2] for row in lines]
                found.append((moment, None if None in counts else sum(counts)))
            else:
                found.append((moment, None))
        return found

    def possible(self):
        """Return (most seats that could be out, when answers around say so, when files do)."""
        filed = curve((a, b, count or 0) for a, b, count, _over in self.files)
        over = curve((a, b, more) for a, b, _count, more in self.files)
        stated = curve((a, b, count or 0) for a, b, count in self.totals)
        most = combined(lambda f, s, o: max(f, s) + o, filed, stated, over)
        uncounted = union([row[:2] for row in self.files + self.totals if row[2] is None])
        same, changed = self.between_answers()
        return most, minus(same, uncounted), minus(minus(self.by_file(), changed), uncounted)

    def between_answers(self):
        same, changed, step = [], [], self.server.stock["step"]
        told = self.server.told(self.feature)
        for place, (start, end, count) in enumerate(self.totals):
            if end == FAR:
                same.append((start, max([start, *told[-1:]])))
                continue
            at = bisect_left([span[1] for span in self.polls], end)
            before = start
            if at < len(self.polls) and self.polls[at][0] < end:
                before = max(before, self.polls[at][0], end - step)
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
        return minus(both([row[:2] for row in self.files], [(-FAR, newest)]), spoiled)

    def whole_log(self):
        """Return the time in which a log tells of every holding, also of earlier ones."""
        begun = sorted({*self.server.restarts[""], *self.server.restarts[self.feature[0]]})
        found = []
        for first, last in self.logs:
            known = next((at for at in begun if at >= first), FAR)
            span = next((span for span in self.polls if span[1] >= first), None)
            if span is not None:
                answer = span[0]
                if answer < first:
                    answer = min(span[1], first + self.server.stock["step"])
                known = min(known, answer)
            found.append((known, last))
        return union(found)


def observed(parts):
    """Return the time in which something feeds a pool, and all that does is vouched for."""
    mapped = union(*(span for span, _seen in parts))
    return minus(mapped, union(*(minus(span, seen) for span, seen in parts)))


class Pool:
    """The figures of one pool over [start, end), as known at *now*."""

    def __init__(self, told, servers, start, end, now, proven_from):
        self.grid = self.levels = None
        zone = ZoneInfo(told["zone"])
        self.fed = [Fed(servers[row[0]], row) for row in told["features"]]
        lines = [
            (midnight(date.fromisoformat(first), zone),
             midnight(date.fromisoformat(last) + timedelta(1), zone) if last else FAR,
             quantity + overdraft, strength >= proven_from)
            for _line, first, last, quantity, overdraft, strength in told["rights"]
        ]  # fmt: skip
        begun = [(min((row[0] for row in lines), default=FAR), FAR)]
        self.allowed = cut(curve(row[:3] for row in lines), begun)
        self.proven = cut(curve(row[:3] for row in lines if row[3]), begun)
        self.issued = self.sum_of(lambda fed: fed.issued())
        self.limit = combined(lambda a, i: i if a is None else a, self.allowed, self.issued)
        self.rows = self.counted_once(servers, told)
        self.seen = observed([(fed.span, fed.seen) for fed in self.fed])
        heard = [
            max(min([*(row[5] for row in fed.held[:1]), *(s for s, _ in fed.seen[:1])],
                    default=FAR), fed.span[0][0])
            for fed in self.fed
        ]  # fmt: skip
        retired = FAR if told["retired"] == "" else told["retired"]
        first = min([row[0] for row in lines] + heard, default=FAR)
        self.expected = clip([(first, min(end, now, retired))], start, end)
        self.bound()
        self.refused = [
            at
            for fed in self.fed
            for at, feature, code, reason in fed.server.denials
            if feature == fed.feature and fed.span[0][0] <= at < fed.span[0][1]
            and start <= at < end and for_want_of_seats(code, reason)
        ]  # fmt: skip

    def sum_of(self, told):
        """Return the weighted sum over the features; None where nothing feeds or one is silent."""
        total, silent = curve([]), []
        for fed in self.fed:
            level = cut(told(fed), fed.span)
            weight = fed.weight
            total = combined(lambda t, s, w=weight: t + (s or 0) * w, total, level)
            silent.append((fed.span, where(lambda s: s is not None, level)))
        return cut(total, observed(silent))

    def counted_once(self, servers, told):
        """Leave out the components of packages for as long as the package itself counts."""
        rows = {id(fed): fed.rows() for fed in self.fed}
        by_name = {(row[0], row[1], row[2]): fed for row, fed in zip(told["features"], self.fed)}
        for stream in sorted({row[0] for row in told["features"]}):
            for daemon, package, component in servers[stream].stock["packages"]:
                outer = by_name.get((stream, daemon, package))
                inner = by_name.get((stream, daemon, component))
                if outer is None or inner is None or outer is inner:
                    continue
                free = defaultdict(list)
                for row in rows[id(outer)]:
                    if row["fresh"]:
                        free[row["who"]].append(row)
                for row in rows[id(inner)]:
                    if row["fresh"] and free[row["who"]]:
                        whole = free[row["who"]].pop(0)
                        row.update(fresh=False, taken=whole["back"], sure=whole["after"])
        every = [row for fed in self.fed for row in rows[id(fed)]]
        return [row for row in every if row["fresh"] or row["back"] > row["taken"]]

    def bound(self):
        """Find the time in which more than what is proven was impossible, and what is doubtful."""
        capacity, silent, exact = curve([]), [], []
        for fed in self.fed:
            most, by_server, by_file = fed.possible()
            weight = fed.weight
            level = combined(lambda m, w=weight: (m or 0) * w, cut(most, fed.span))
            capacity = combined(lambda one, more: one + more, capacity, level)
            silent.append((fed.span, union(by_server, by_file)))
            exact.append((fed.span, fed.whole_log()))
        capacity = cut(capacity, observed(silent))
        self.safe = where(
            lambda most, right: None not in (most, right) and most <= right, capacity, self.proven
        )
        logged = minus(both(self.expected, observed(exact)), self.safe)
        self.bare = minus(minus(self.expected, self.safe), logged)
        most = curve((row["taken"], row["back"], row["seats"]) for row in self.rows)
        above = where(lambda m, p: p is not None and m > p, most, self.proven)
        self.doubtful = both(above, logged)
        self.used = curve((row["sure"], row["after"], row["seats"]) for row in self.rows)
        unknown = where(lambda a: a is None, self.allowed)
        self.unknown = both(unknown, self.expected)
        self.over = where(lambda u, a: a is not None and u > a, self.used, self.allowed)
        self.claimed = where(lambda u, p: p is not None and u > p, self.used, self.proven)

    def cells(self, start, end):
        """Return (moment, seconds, used, allowed, issued, limit) of [start, end)."""
        if self.grid is None:
            curves = (self.used, self.allowed, self.issued, self.limit)
            self.grid = sorted({moment for each in curves for moment, _level in each})
            self.levels = list(zip(*(on(each, self.grid) for each in curves)))
        first = bisect_right(self.grid, start) - 1
        last = bisect_left(self.grid, end)
        moments = [start, *self.grid[first + 1 : last], end]
        return [
            (moment, following - moment, *levels)
            for moment, following, levels in zip(moments, moments[1:], self.levels[first:last])
        ]

    def figures(self, start, end):
        """Return the figures of [start, end) by their names in daily.csv."""
        cells = self.cells(start, end)
        peak = max(used for _at, _s, used, *_ in cells)
        seen, expected = clip(self.seen, start, end), clip(self.expected, start, end)
        missing = minus(expected, seen)
        known = peak > 0 or seconds(seen) > 0
        allowed = [a for *_, a, _i, _l in cells if a is not None]
        issued = [i for *_, i, _l in cells if i is not None]
        over = [(s, u - a) for _at, s, u, a, _i, _l in cells if a is not None and u > a]
        full = [s for _at, s, u, _a, _i, most in cells if most is not None and u and u >= most]
        bounded = seconds(both(missing, clip(self.safe, start, end)))
        watched = seconds(both(seen, expected))
        return {
            "day_seconds": end - start,
            "expected_seconds": seconds(expected),
            "observed_seconds": watched,
            "peak": peak if known else None,
            "peak_first_at": next(at for at, _s, u, *_ in cells if u == peak) if known else None,
            "peak_seconds": sum(s for _at, s, u, *_ in cells if u == peak) if known else None,
            "allowed_min": min(allowed, default=None),
            "allowed_max": max(allowed, default=None),
            "issued_min": min(issued, default=None),
            "issued_max": max(issued, default=None),
            "seconds_at_limit": sum(full),
            "overuse_seconds": sum(s for s, _excess in over),
            "overuse_licence_seconds": sum(s * excess for s, excess in over),
            "denials": sum(start <= at < end for at in self.refused),
            "gap_seconds_bounded": bounded,
            "gap_seconds_unbounded": seconds(missing) - bounded,
        }

    def sampled(self, start, end):
        """Tell whether polls alone tell of a part of the use of a month."""
        return any(
            not row["exact"] and row["taken"] < end and row["back"] > start for row in self.rows
        )

    def month(self, start, end, floor):
        """Return the figures of a month by their names in report.json."""
        found = self.figures(start, end)
        episodes = clip(self.over, start, end)
        excess = [u - a for _at, _s, u, a, *_ in self.cells(start, end) if a is not None]
        last = on(self.allowed, [end - 1])[0]
        return {
            "verdict": self.verdict(start, end, floor, bool(episodes)),
            "allowed": last,
            "peak": found["peak"],
            "peak_at": found["peak_first_at"],
            "over_seconds": found["overuse_seconds"],
            "over_seat_seconds": found["overuse_licence_seconds"],
            "over_episodes": len(episodes),
            "largest_excess": max([0, *excess]),
            "denials": found["denials"],
            "expected_seconds": found["expected_seconds"],
            "observed_seconds": found["observed_seconds"],
            "bounded_seconds": found["gap_seconds_bounded"],
        }

    def verdict(self, start, end, floor, over):
        def within(spans):
            return seconds(clip(spans, start, end))

        expected = within(self.expected)
        if over:
            return "over_use"
        if not expected:
            return "not_in_use"
        if within(self.unknown) or within(self.claimed):
            return "not_determinable"
        if not within(self.bare) and not within(self.doubtful):
            return "proven"
        share = Fraction(within(both(self.expected, self.seen)), expected)
        return "not_determinable" if share < floor else "as_observed"


RANK = ["not_in_use", "proven", "as_observed", "not_determinable", "over_use"]


def seconds(spans):
    return sum(end - start for start, end in spans)


def for_want_of_seats(code, reason):
    if code is not None:
        return code in (-4, -26)
    texts = ("licensed number of users already reached", "request for more licenses than")
    return any(text in reason for text in texts)


# --- The comparison ---


def utc(moment):
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def written(name, value):
    """Return a figure as daily.csv has it."""
    if name == "peak_first_at":
        return utc(value)
    return "" if value is None else str(value)


def compare(opened, names):
    """Yield in words what the tables and the report say otherwise; last, what was counted."""

    def read(name):
        with opened(name) as file:
            return file.read().decode()

    report = json.loads(read("report.json"))
    table = list(csv.DictReader(io.StringIO(read("tables/daily.csv"), newline="")))
    servers, told = load(opened, names)
    start, end, now = (moment_of(report[name]) for name in ("start", "end", "as_of"))
    floor, worst, days, months = Fraction(report["floor"]), [], 0, 0
    by_pool = defaultdict(list)
    for row in table:
        by_pool[row["pool"]].append(row)
    for said in report["pools"]:
        about = said["position"]
        name = about["pool"]
        if about["pool_id"] not in told:
            yield f"{name}: no entry tells of this pool"
            continue
        pool = Pool(told[about["pool_id"]], servers, start, end, now, report["proven_from"])
        verdicts, lower, due = [], {}, start
        for month in said["months"]:
            first, last = moment_of(month["start"]), moment_of(month["end"])
            found = pool.month(first, last, floor)
            found["peak_at"] = None if found["peak_at"] is None else utc(found["peak_at"])
            peak_at = None if month["peak_at"] is None else utc(moment_of(month["peak_at"]))
            for key, value in found.items():
                stated = peak_at if key == "peak_at" else month[key]
                if stated != value:
                    yield f"{name}, month from {month['start']}: {key} {stated}, counted {value}"
            verdicts.append(found["verdict"])
            lower[first, last] = pool.sampled(first, last)
            months += 1
        safe_name = name if name in by_pool else "'" + name
        for row in by_pool.pop(safe_name, []):
            first, last = moment_of(row["start"]), moment_of(row["end"])
            zone = ZoneInfo(row["zone"])
            begins = midnight(datetime.fromtimestamp(first, zone).date(), zone)
            if first != due or (first != begins and first != start):
                yield f"{name}, {row['day']}: the days have a hole, or begin at another hour"
            due, days = last, days + 1
            found = pool.figures(first, last)
            sampled = next((each for span, each in lower.items() if span[0] <= first < span[1]))
            found["peak_is_lower_bound"] = (
                None if found["peak"] is None else "true" if sampled else "false"
            )
            for key, value in found.items():
                if row[key] != written(key, value):
                    yield f"{name}, {row['day']}: {key} {row[key] or 'empty'}, counted {value}"
        if due != end:
            yield f"{name}: the days end at {utc(due)}, the period at {utc(end)}"
        verdict = max(verdicts, key=RANK.index, default="not_in_use")
        if verdict != about["verdict"]:
            yield f"{name}: the verdict {about['verdict']}, counted {verdict}"
        worst.append(verdict)
    for name in by_pool:
        yield f"{name}: in daily.csv, not in report.json"
    verdict = max(worst, key=RANK.index, default="not_in_use")
    if verdict != report["verdict"]:
        yield f"the verdict of all: {report['verdict']}, counted {verdict}"
    yield f"{len(worst)} pools, {days} days, {months} months"


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    try:
        folder = pathlib.Path(arguments[0])
        if folder.is_dir():
            files = [file for file in folder.rglob("*") if not file.is_dir()]
            names = [file.relative_to(folder).as_posix() for file in files]
            *differ, counted = compare(lambda name: (folder / name).open("rb"), names)
        else:
            with zipfile.ZipFile(folder) as file:
                *differ, counted = compare(file.open, file.namelist())
    except Exception as error:
        print(f"FAILED {type(error).__name__}: {error}")
        return 1
    for words in differ[:SHOWN]:
        print(words)
    print(f"DIFFER {len(differ)} figures of {counted}" if differ else f"OK {counted}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
