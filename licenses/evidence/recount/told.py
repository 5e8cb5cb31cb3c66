"""What the entries tell of servers and pools."""

import hashlib
import json
from bisect import bisect_left
from collections import defaultdict

from .spans import FAR, minus, union

OUT_OF_ORDER = 5
"""Seconds by which a log's clock may fall and not have been set back."""


class Server:
    """All that is told of one licence server."""

    def __init__(self):
        self.moves = defaultdict(lambda: defaultdict(list))  # feature -> holder -> OUTs and INs
        self.rows = defaultdict(dict)  # feature -> row of the status -> what is known of it
        self.answers, self.scopes = [], defaultdict(set)  # (moment, complete, scope)
        self.within = {}  # moment of an answer -> seconds by which it may have been given later
        self.soonest = {}  # the same of the one of them that is known best, of those that tell
        self.sights = {"log": defaultdict(list), "polls": defaultdict(list)}
        self.restarts, self.stops = defaultdict(dict), defaultdict(list)
        self.doubts, self.losses = defaultdict(list), defaultdict(dict)
        self.seconds = defaultdict(set)  # of which a log tells, and of nothing just before or after
        self.misdated = []  # (from, to) of lines that may be of another day
        # By daemon: first moment of an hour that the clock showed twice -> until when texts go on
        # without its fall and how much later it came again, and until when others go on before it.
        self.repeated, self.fell = defaultdict(dict), defaultdict(dict)
        self.differing = defaultdict(set)  # feature -> (moment, person, host, seats, fewer seats)
        self.set_back = {}  # moment to which a log's clock was set back -> from which
        self.issued = defaultdict(dict)  # feature -> moment -> seats
        self.denials = []
        self.longest = None
        # What is made of it once somebody asks: by feature, and by daemon.
        self.held, self.whole_logs = {}, {}
        self.texts = []  # (first second, end, when it was recorded), of a log or an answer
        self.stock = {"issued": [], "packages": [], "step": 900}
        self.opened, self.announced = set(), set()  # digests of daemons whose streams began

    def recorded(self, start, end):
        """Return when the texts that tell of [start, end) were recorded; None: it is not told."""
        if self.longest is None:
            self.texts.sort(key=lambda row: row[:2])
            self.longest = max((row[1] - row[0] for row in self.texts), default=0)
        first = bisect_left(self.texts, (start - self.longest,))
        last = bisect_left(self.texts, (end,))
        return [when for _from, to, when in self.texts[first:last] if to > start]

    def sighted(self, source, daemon):
        return union(self.sights[source][""], self.sights[source][daemon])

    def hours(self, daemon):
        """Return (from, until, to) of hours from one moment until another that a clock showed again
        until a third, of which a log does not tell when it fell."""
        return [
            (first, first + step, first + 2 * step)
            for name in {"", daemon}
            for first, (until, step) in self.repeated[name].items()
            if until > self.fell[name].get(first, -FAR)
        ]

    def twice(self):
        """Return the time that the log tells twice, as (first moment, last): lines that stand out
        of order by little are no step of its clock."""
        found = []
        for to, since in sorted(self.set_back.items()):
            if since - to <= OUT_OF_ORDER:
                continue
            if found and to <= found[-1][1]:
                to, since = found[-1][0], max(found.pop()[1], since)
            found.append((to, since))
        return found

    def told(self, feature):
        """Return when complete answers told of a feature, in order."""
        return sorted(
            moment
            for moment, complete, scope in self.answers
            if (feature in self.scopes[scope] if scope in self.scopes else complete)
        )

    def latest(self, at):
        """Return when the answers of a moment were given at the latest."""
        return at + self.within.get(at, 0)

    def answered(self, at):
        """Return by when an answer of a moment was given for certain."""
        return at + self.soonest.get(at, 0)

    def steps(self):
        """Return how far apart two answers could be, as (from, to, seconds), by when the first
        of the two was given."""
        rows = [(-FAR, self.stock["step"]), *self.stock.get("steps", ())]
        return [
            (start, end, step) for (start, step), (end, _next) in zip(rows, [*rows[1:], (FAR, 0)])
        ]

    def step_at(self, at):
        """Return how far apart two answers could be, the first of which was given then."""
        return next(step for start, end, step in self.steps() if start <= at < end)

    def latest_after(self, at):
        """Return when the next answer came at the latest, after one up to a moment."""
        return max(min(at, end - 1) + step for start, end, step in self.steps() if start <= at)

    def earliest_before(self, at):
        """Return when the last answer before another of that moment or later was, at the
        earliest."""
        return min(
            max(start, at - step)
            for start, end, step in self.steps()
            if start < at and at - step < end
        )

    def add(self, entry):
        kind, at, body = entry["kind"], entry["event_time"], entry["body"]
        feature = (body.get("daemon", ""), body.get("feature", ""))
        if kind in ("checkout", "checkin"):
            holder = body["person"], body["host"], body["seats"]
            self.moves[feature][holder].append((at, kind == "checkout"))
        elif kind == "sample":
            row = self.rows[feature].setdefault(body["row"], {})
            for word in ("gone", "left_out", "disputed_from", "disputed_to"):
                row.pop(word, None)
            row.update(body)
            if "left_out" in row:  # as earlier versions told it
                row["disputed_from"] = row["disputed_to"] = row["first_seen"]
        elif kind == "poll":
            self.answers.append((at, body["result"] == "parsed", body.get("scope")))
            within = body.get("within", 0)
            self.within[at] = max(within, self.within.get(at, 0))
            if body["result"] in ("parsed", "daemon_down"):
                self.soonest[at] = min(within, self.soonest.get(at, within))
            if body["result"] in ("parsed", "partial"):
                self.texts.append((at, at + within + 1, body.get("captured_at")))
        elif kind == "capture" and body.get("from") != "":
            known = "from" in body
            start, end = (body["from"], body["to"]) if known else (-FAR, FAR)
            self.texts.append((start, max(end, start + 1), at if known else None))
        elif kind == "coverage":
            spans, span = self.sights[body["source"]], [(body["from"], body["to"])]
            change = minus if body.get("what") == "withdrawn" else union
            spans[body["daemon"]] = change(spans[body["daemon"]], span)
        elif kind == "denial":
            self.denials.append((at, feature, body))
        elif kind == "clock" and "line" in body and -6 * 3600 <= body["step"] < 0:
            self.set_back[at] = max(at - body["step"], self.set_back.get(at, at))
        elif kind == "stream" and "daemon" in body:
            said = f"{body['salt']} {body['daemon']}"
            self.opened.add(hashlib.sha256(said.encode()).hexdigest())
        elif kind == "stream":
            self.announced.add(body["sha256"])
        elif kind == "config":
            self.add_config(body, feature, at)

    def add_config(self, body, feature, at):
        what = body.get("what")
        if what == "scope":
            # Each daemon's stream tells its own part.
            self.scopes[body["scope"]].update(map(tuple, body["features"]))
        elif what == "daemon start":
            known = self.restarts[body["daemon"]].get(at)
            heard = [each for each in (known, body.get("last_seen")) if each is not None]
            self.restarts[body["daemon"]][at] = max(heard, default=None)
        elif what == "daemon stop":
            self.stops[body["daemon"]].append(at)
        elif what == "log doubt":
            self.doubts[body["daemon"]].append(at)
            if "until" in body:
                self.misdated.append((at, body["until"]))
        elif what == "log loss":
            until = max(body.get("until", at + 1), self.losses[body["daemon"]].get(at, at))
            self.losses[body["daemon"]][at] = until
        elif what == "log hour repeated":
            known = self.repeated[body["daemon"]]
            known[at] = max(known.get(at, (0, 0)), (body["until"], body["step"]))
        elif what == "log hour fell":
            known = self.fell[body["daemon"]]
            known[at] = max(known.get(at, 0), body["until"])
        elif what == "log second":
            self.seconds[body["daemon"]].add(at)
        elif what in ("logs differ", "logs differ no more"):
            row = at, body["person"], body["host"], body["seats"], body["fewer_seats"]
            known = self.differing[feature]
            (known.add if what == "logs differ" else known.discard)(row)
        elif what == "issued" and "kind" not in body:
            self.issued[feature][at] = body.get("count")
        elif what == "issued withdrawn":
            self.issued[feature].pop(at, None)


class Deeds:
    """What was recorded of rights, by their lines, and of mappings, where the pack holds it."""

    def __init__(self):
        self.lines, self.replaced = {}, set()
        self.mapped = defaultdict(set)  # (daemon, feature) -> (weight, from, until)
        self.before = set()  # mappings that were told of before any deed was

    def add(self, kind, body):
        if kind == "mapping" and "daemon" in body:
            row = body["weight"], body["from"], body["until"]
            self.mapped[body["daemon"], body["feature"]].add(row)
        elif kind == "entitlement" and "quantity" in body:
            self.lines[body["line"]] = body
            self.replaced.add(body["replaces"])

    def add_pool(self, body):
        """An earlier version wrote the deeds of mappings where a pack seldom holds them."""
        if not self.mapped:
            self.before.update(map(tuple, body["features"]))

    def differ(self, pool):
        """Yield where a pool's rights and mappings are not those that deeds told."""
        for line, first, last, quantity, overdraft, *_proof in pool["rights"]:
            said = self.lines.get(line)
            if said is None:
                continue
            if line in self.replaced or said["what"] == "withdrawn":
                yield f"{pool['name']}: line {line} counts, though it was corrected or withdrawn"
            names = ("from", "to", "quantity", "overdraft")
            for name, value in zip(names, (first, last, quantity, overdraft)):
                if said[name] != value:
                    yield f"{pool['name']}: line {line}: {name} {value}, recorded {said[name]}"
        for server, daemon, name, *row in pool["features"]:
            said = self.mapped.get((daemon, name))
            known = (server, daemon, name, *row) in self.before
            if said and tuple(row) not in said and not known:
                yield f"{pool['name']}: no deed mapped {name} as it counts: {row}"


def load(opened, names):
    """Return the servers by stream, the pools as they were told last, and the deeds."""
    servers, pools, deeds = defaultdict(Server), {}, Deeds()
    # By day and stream: that of all daemons of a server comes before those that took its place.
    files = [name for name in names if name.startswith("ev/")]
    for name in sorted(files, key=lambda name: name.replace(".jsonl", "")):
        with opened(name) as file:
            for line in file:
                entry = json.loads(line)
                stream, body = entry["stream"], entry["body"]
                if stream.startswith("server/"):
                    servers[stream.split("/")[1]].add(entry)
                elif entry["kind"] == "stock" and body["what"] == "pool":
                    pools[body["pool"]] = body
                    deeds.add_pool(body)
                elif entry["kind"] == "stock":
                    servers[body["server"]].stock = body
                else:
                    deeds.add(entry["kind"], body)
    return servers, pools, deeds
