"""The figures of a pool: its hours and days."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from .curves import combined, curve, cut, on, where
from .feeding import Fed, midnight, observed
from .spans import FAR, both, clip, minus, seconds, union
from .uses import unserved, wants_seats


class Pool:
    """The figures of one pool over [start, end), as known at *now*."""

    def __init__(self, told, servers, start, end, now, proven_from):
        self.grid = self.levels = None
        zone = ZoneInfo(told["zone"])
        self.fed = [Fed(servers[row[0]], row) for row in told["features"]]
        lines = [
            (midnight(date.fromisoformat(first), zone),
             midnight(date.fromisoformat(last) + timedelta(1), zone) if last else FAR,
             quantity, overdraft, vouched(quantity, proof, proven_from))
            for _line, first, last, quantity, overdraft, *proof in told["rights"]
        ]  # fmt: skip
        begun = [(min((row[0] for row in lines), default=FAR), FAR)]

        def total(amount):
            return cut(curve((*row[:2], amount(*row[2:])) for row in lines), begun)

        self.entitled = total(lambda seats, _more, _proven: seats)
        self.vouched = total(lambda _seats, _more, proven: max(proven, 0))
        self.allowed = total(lambda seats, more, _proven: seats + more)
        # Proof of a part of the seats is none of the overdraft.
        self.proven = total(
            lambda seats, more, proven: seats + more if proven >= seats else max(proven, 0)
        )
        self.packages = self.packed(servers, told)
        self.issued = self.sum_of(self.added)
        self.limit = combined(lambda a, i: i if a is None else a, self.allowed, self.issued)
        self.rows = self.counted_once()
        self.seen = observed([(fed.served, fed.watched) for fed in self.fed])
        self.logged = observed([(fed.span, fed.logs) for fed in self.fed])
        retired = FAR if told["retired"] == "" else told["retired"]
        first = min([row[0] for row in lines] + [fed.heard for fed in self.fed], default=FAR)
        self.expected = clip([(first, min(end, now, retired))], start, end)
        self.bound(start, end)
        self.asked = [
            (fed, at, body)
            for fed in self.fed
            for at, feature, body in fed.server.denials
            if feature == fed.feature and fed.span[0][0] <= at < fed.span[0][1]
            and start <= at < end
        ]  # fmt: skip
        self.refused = [at for _fed, at, body in self.asked if wants_seats(body)]
        self.unserved = unserved(self)

    def sum_of(self, told):
        """Return the weighted sum over the features; None where nothing feeds or one is silent."""
        total, silent = curve([]), []
        for fed in self.fed:
            level = cut(told(fed), fed.span)
            weight = fed.weight
            total = combined(lambda t, s, w=weight: t + (s or 0) * w, total, level)
            silent.append((fed.span, where(lambda s: s is not None, level)))
        return cut(total, observed(silent))

    def packed(self, servers, told):
        """Return what feeds the pool as a package, and what as a component of it, each as often as
        it is mapped: a pair of lists for each two of which both do."""
        named = defaultdict(list)
        for (stream, daemon, name, *_), fed in zip(told["features"], self.fed):
            named[stream, daemon, name].append(fed)
        pairs = [
            (named[stream, daemon, package], named[stream, daemon, component])
            for stream in sorted({row[0] for row in told["features"]})
            for daemon, package, component in servers[stream].stock["packages"]
            if package != component
        ]
        return [pair for pair in pairs if all(pair)]

    def added(self, fed):
        """Return the curve of seats that a feature adds: of a component what it has beyond its
        packages, as a server lists the seats of both, and a licence file does not."""
        level = fed.issued()
        wholes = [
            whole
            for outers, inners in self.packages
            for whole in outers
            if any(fed is part for part in inners)
        ]
        for whole in wholes:
            its = cut(whole.issued(), minus(whole.span, fed.filed()))
            level = combined(
                lambda own, all_: own if all_ is None else (own or 0) - all_, level, its
            )
        if wholes:
            level = [(at, None if seats is None else max(seats, 0)) for at, seats in level]
            level = cut(level, minus([(-FAR, FAR)], fed.uncounted()))
        return level

    def counted_once(self):
        """Leave out the components of packages for as long as the package itself counts."""
        rows = {id(fed): fed.rows() for fed in self.fed}
        pairs = []
        for packed in self.packages:
            both_sides = [[row for fed in feds for row in rows[id(fed)]] for feds in packed]
            found = together(*both_sides)
            pairs += found + going_on(found, *both_sides)
        # Answers may list the one name alone: what is known of either is known of the seat.
        for whole, part in pairs:
            if whole["seats"] == part["seats"]:
                whole["sure"] = min(whole["sure"], max(part["sure"], whole["taken"]))
                whole["after"] = max(whole["after"], min(part["after"], whole["back"]))
                ends = whole["taken"] == whole["sure"] and whole["after"] == whole["back"]
                whole["exact"] = whole["exact"] or ends
        ends = {}
        for whole, part in pairs:
            ends[id(part)] = max(whole["back"], ends.get(id(part), -FAR))
        for _whole, part in pairs:
            until = ends[id(part)]
            latest = part["latest"] if part["back"] > until else until
            part.update(taken=until, sure=until, earliest=until, latest=latest)
        every = [row for fed in self.fed for row in rows[id(fed)]]
        for fed in self.fed:
            for daemon, name, letters in fed.server.stock.get("shared", ()):
                if fed.feature == (daemon, name):
                    share(rows[id(fed)], letters)
        return [row for row in every if row["fresh"] or row["latest"] > row["earliest"]]

    def bound(self, start, end):
        """Find the time in which more than what is proven was impossible, and what is doubtful."""
        capacity, silent, exact = curve([]), [], []
        uncounted = union(*(both(fed.span, fed.uncounted()) for fed in self.fed))
        own = defaultdict(list)
        for row in self.rows:
            own[id(row["fed"])].append(row)
        for fed in self.fed:
            most, by_server, by_file = fed.possible()
            refuted = fed.refuted(own[id(fed)], start, end)
            weight = fed.weight
            level = combined(lambda m, w=weight: (m or 0) * w, cut(most, fed.span))
            capacity = combined(lambda one, more: one + more, capacity, level)
            silent.append((fed.span, minus(union(by_server, by_file), refuted)))
            exact.append((fed.span, fed.whole_log()))
        capacity = cut(capacity, observed(silent))
        self.safe = where(
            lambda most, right: None not in (most, right) and most <= right, capacity, self.proven
        )
        logged = minus(both(self.expected, observed(exact)), union(self.safe, uncounted))
        self.unmeasured = both(uncounted, self.expected)
        self.bare = minus(minus(self.expected, self.safe), logged)
        most = curve((row["earliest"], row["latest"], row["seats"]) for row in self.rows)
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
        judged = known and bool(allowed)
        peak_at = next(at for at, _s, u, *_ in cells if u == peak) if known else None
        true = sum(start <= at < end for at in self.unserved)
        asked = sum(start <= at < end for _fed, at, _body in self.asked)
        limited = known and any(most is not None for *_, most in cells)
        bounded = seconds(both(missing, clip(self.safe, start, end)))
        watched = seconds(both(seen, expected))
        logged = seconds(both(clip(self.logged, start, end), expected))
        refused = sum(start <= at < end for at in self.refused)
        return {
            "day_seconds": end - start,
            "expected_seconds": seconds(expected),
            "observed_seconds": watched,
            "peak": peak if known else None,
            "peak_first_at": peak_at,
            "peak_seconds": sum(s for _at, s, u, *_ in cells if u == peak) if known else None,
            **extremes("entitled", self.entitled, start, end),
            **extremes("proven", self.vouched, start, end),
            "allowed_at_peak": on(self.allowed, [peak_at])[0] if known else None,
            "allowed_min": min(allowed, default=None),
            "allowed_max": max(allowed, default=None),
            "issued_min": min(issued, default=None),
            "issued_max": max(issued, default=None),
            "seconds_at_limit": sum(full) if limited else None,
            "overuse_seconds": sum(s for s, _excess in over) if judged else None,
            "overuse_licence_seconds": sum(s * excess for s, excess in over) if judged else None,
            "denials": refusals_known(refused, logged),
            "denials_true": refusals_known(true, logged),
            "denials_other": refusals_known(asked - true, logged),
            "logged_seconds": logged,
            "gap_seconds_bounded": bounded,
            "gap_seconds_unbounded": seconds(missing) - bounded,
            "source_method": method(logged, watched),
        }

    def recorded(self, start, end):
        """Return when what is told of a day was recorded, by the names in daily.csv; nothing where
        entries of an earlier version do not tell it."""
        feeding = {fed.stream: fed.server for fed in self.fed if clip(fed.span, start, end)}
        found = [when for server in feeding.values() for when in server.recorded(start, end)]
        if None in found:
            return {}
        return {
            "first_recorded_at": min(found, default=None),
            "last_recorded_at": max(found, default=None),
        }

    def sampled(self, start, end):
        """Tell whether polls alone tell of a part of the use of a month."""
        return any(
            not certain(row) and row["earliest"] < end and row["latest"] > start
            for row in self.rows
        )


def certain(row):
    """Tell whether a holding was possible in the time in which it is known, and no other."""
    told = row["taken"], row["back"]
    return row["exact"] and told == (row["earliest"], row["latest"])


def vouched(quantity, proof, proven_from):
    """Return of how many seats of a line there is proof of that strength; -1: of no line at all.

    proof: its strength and, where it is not that of all seats, of how many there is full proof, and
    of how many at least a partial one.
    """
    strength, *seats = proof
    if seats:
        return seats[0 if proven_from >= 4 else 1]
    return quantity if strength >= proven_from else -1


def extremes(name, levels, start, end):
    """Return the least and the most of a curve in [start, end), where it is known."""
    known = [on(levels, [start])[0], *(level for at, level in levels if start < at < end)]
    known = [level for level in known if level is not None]
    return {f"{name}_min": min(known, default=None), f"{name}_max": max(known, default=None)}


def refusals_known(count, logged):
    """Return how many refusals are known of a time of which logs told so many seconds: polls tell
    of none."""
    return count if count or logged else None


def method(logged, watched):
    """Return how a day was observed, of which logs told so many of the observed seconds."""
    if not watched:
        return None
    return "event" if logged == watched else "mixed" if logged else "sampled"


def share(rows, letters):
    """Let checkouts that may share a seat be known to hold one together."""
    groups = defaultdict(list)
    for row in rows:
        person, host, _taken = row["who"]
        groups[person if "U" in letters else "", host if "H" in letters else ""].append(row)
    for group in groups.values():
        group.sort(key=lambda row: (
            row["sure"], -row["after"], -row["seats"], row["taken"], row["back"], *row["who"][:2]
        ))  # fmt: skip
        newest, until = None, -FAR
        for row in group:
            after = row["after"]
            if row["sure"] < until and after > until:
                newest.update(after=row["sure"], exact=False)
            elif row["sure"] < until:
                row.update(after=row["sure"], exact=False)
                continue
            newest, until = row, after


def together(outers, inners):
    """Return the holdings of a package and those of a component that they brought: of one second
    or, where only answers tell of the one or the other, of one minute."""
    found = []
    for unit in (1, 60):
        free = defaultdict(list)
        for row in sorted(outers, key=alike):
            if row["fresh"] and all(row is not whole for whole, _part in found):
                free[holder(row, unit)].append(row)
        for row in sorted(inners, key=alike):
            known = unit > 1 and row["taken"] == row["sure"]
            waiting = free[holder(row, unit)] if row["fresh"] else []
            for place, whole in enumerate(waiting):
                if not known or whole["taken"] < whole["sure"]:
                    row["fresh"] = False
                    found.append((waiting.pop(place), row))
                    break
    return found


def going_on(pairs, outers, inners):
    """Return what goes on after answers that contradict each other, with what the part before it
    goes with or, where that is not known, with what is out then."""
    found = []
    for mine, rows, others in ((0, outers, inners), (1, inners, outers)):
        seconds = [row for row in rows if row["goes_on"]]
        for row in sorted(seconds, key=lambda row: (row["taken"], *alike(row))):
            known = pairs + found
            if mine == 1 and any(part is row for _whole, part in known):
                continue
            at, who = row["taken"], row["who"][:2]
            out = [
                other
                for other in sorted(others, key=alike)
                if other["who"][:2] == who and other["taken"] <= at < other["back"]
            ]
            before = [id(pair[1 - mine]) for pair in known if pair[mine]["back"] == at]
            taken = [id(pair[1 - mine]) for pair in known]
            chosen = [other for other in out if id(other) in before]
            chosen += [other for other in out if id(other) not in taken]
            if chosen:
                found.append((row, chosen[0]) if mine == 0 else (chosen[0], row))
    return found


def holder(row, unit):
    person, host, taken = row["who"]
    return person, host, taken // unit


def alike(row):
    return row["seats"], row["back"], row["after"]
