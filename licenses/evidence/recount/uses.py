"""Each session and refusal of a pool, as the tables list them."""

from bisect import bisect_left
from collections import defaultdict

from .words import utc

SOON = 5
"""A refusal that a seat for the same person on the same host follows so soon was none."""


def sessions(pool, start, end):
    """Return the holdings that touch the period, by names of sessions.csv."""
    found = []
    for row in pool.rows:
        touches = row["first"] < end and row["back"] > max(row["first"], start)
        if touches or (row["here"] and start <= row["first"] < end):
            beyond = row["back"] >= end
            person, host, _taken = row["who"]
            found.append({
                "feature": row["feature"], "person": person, "host": host,
                "seats": row["seats"], "taken_at": utc(row["taken"]),
                "taken_by": utc(row["sure"]), "returned_after": utc(min(row["after"], end)),
                "returned_at": "" if beyond else utc(row["back"]),
                "lasts_beyond": "true" if beyond else "false",
                "method": "return" if row["alone"] else "sampled" if row["polled"] else "event",
            })  # fmt: skip
    return found


def denials(pool):
    """Return the refusals of the period, by names of denials.csv."""
    return [
        {
            "feature": fed.feature[1], "at": utc(at), "person": body["person"],
            "host": body["host"], "seats": body["seats"] * fed.weight,
            "code": body.get("code", ""), "minor": body["minor"],
            "capacity": "true" if wants_seats(body) else "false",
            "served_at": utc(seat),
        }
        for fed, at, body, seat in judged(pool)
    ]  # fmt: skip


def unserved(pool):
    """Return when somebody was refused for want of seats, and no seat followed at once."""
    return [at for _fed, at, body, seat in judged(pool) if seat is None and wants_seats(body)]


def judged(pool):
    """Return the refusals of the period as (feature, moment, entry, seat that served it)."""
    given = defaultdict(list)
    for row in pool.rows:
        if row["fresh"] and (not row["polled"] or row["taken"] == row["sure"]):
            person, host, _taken = row["who"]
            given[person, host].append((row["taken"], row["stream"]))
    for seats in given.values():
        seats.sort()
    return [
        (fed, at, body, served(given[body["person"], body["host"]], at, fed.stream))
        for fed, at, body in pool.asked
    ]


def served(seats, at, stream):
    """Return when a refusal was served after all: soon after it, or, as clocks differ, by another
    server soon before it; None if never."""
    place = bisect_left(seats, (at,))
    if place < len(seats) and seats[place][0] <= at + SOON:
        return seats[place][0]
    before = [when for when, by in seats[:place] if when >= at - SOON and by != stream]
    return before[-1] if before else None


def wants_seats(body):
    """Tell whether somebody was refused as no seat was free, or too many were asked for."""
    if body.get("code") is not None:
        return body["code"] in (-4, -26)
    texts = ("licensed number of users already reached", "request for more licenses than")
    return any(text in body["reason"].lower() for text in texts)
