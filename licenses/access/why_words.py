"""Why somebody was refused, in sentences."""

from __future__ import annotations

from typing import Any

from licenses.access.why import Why
from licenses.alerts.messages import length, plural
from licenses.models import DenialEpisode, SharingRule
from licenses.sources.flexnet.denials import DenialClass

Outcome = DenialEpisode.Outcome

_WHAT = {
    DenialClass.NO_SEAT: "All seats were in use.",
    DenialClass.REQUEST_TOO_LARGE: "More seats were asked for at once than there are.",
    DenialClass.QUEUED: "Others were waiting in the licence server's queue already.",
    DenialClass.POLICY: "A rule of the licence server withheld a seat; seats may have been free.",
    DenialClass.NOT_LICENSED: "The program, or this version of it, is not licensed there.",
    DenialClass.LICENSE_CONTENT: "The licence had expired, or was made for another machine.",
    DenialClass.SERVER_OR_NETWORK: "The licence server or the network did not answer.",
    DenialClass.CLOCK: "The clocks of the computer and of the licence server differed.",
    DenialClass.REMOTE_SESSION: "The program may not be used in a remote session.",
    DenialClass.ADMINISTRATION: "An administrative request was refused, not the program.",
    DenialClass.OTHER: "The licence server gave another reason.",
    DenialEpisode.UNEXPLAINED: "The licence server said that all seats were in use, but as far as"
    " we saw some were free.",
}
_WHAT_TO_DO = {
    DenialClass.NO_SEAT: "Have yourself told when one is free, or come at a quieter hour.",
    DenialClass.REQUEST_TOO_LARGE: "Ask for fewer at once, in the program's own settings.",
    DenialClass.QUEUED: "Wait for your turn, or come at a quieter hour.",
    DenialClass.POLICY: "Ask whoever looks after licences whether the rule is meant for you.",
    DenialClass.NOT_LICENSED: "Ask whoever looks after licences which versions may be used.",
    DenialClass.LICENSE_CONTENT: "Tell whoever looks after licences: it stops others, too.",
    DenialClass.SERVER_OR_NETWORK: "Try again; if it goes on, tell whoever looks after licences.",
    DenialClass.CLOCK: "Set the computer's clock right, and try again.",
    DenialClass.REMOTE_SESSION: "Start the program at the computer itself.",
    DenialClass.ADMINISTRATION: "Nothing, if you did not mean to change the licence server.",
    DenialClass.OTHER: "Show the server's own words below to whoever looks after licences.",
    DenialEpisode.UNEXPLAINED: "Seats kept for others, or a server that we do not see, may be why:"
    " tell whoever looks after licences.",
}


def what(episode: DenialEpisode) -> str:
    """Return the class of an episode's refusals as a sentence."""
    return _WHAT.get(episode.reason_class, _WHAT[DenialClass.OTHER])


def what_to_do(episode: DenialEpisode) -> str:
    return _WHAT_TO_DO.get(episode.reason_class, _WHAT_TO_DO[DenialClass.OTHER])


def then(why: Why) -> str:
    """Return how full the pool was at the first refusal."""
    row = why.episode
    if row.in_use is None and row.limit is None:
        return "How many seats were in use then is not known."
    if row.limit is None:
        return (
            f"{plural(row.in_use or 0, 'seat was', 'seats were')} in use; the limit is not known."
        )
    if row.in_use is None:
        return f"How many of the {row.limit} seats were in use then is not known."
    return f"{row.in_use} of {plural(row.limit, 'seat')} were in use."


def outcome(episode: DenialEpisode) -> str:
    """Return how an episode ended."""
    if episode.outcome == Outcome.WAITED:
        return f"Got a seat after {length(episode.lost_seconds)}."
    if episode.outcome == Outcome.OPEN:
        return "It is too early to tell whether a seat was got."
    tries = plural(episode.refusals, "try", "tries")
    if not episode.lost_seconds:
        return f"Got no seat: {tries}, then no more."
    return f"Got no seat: {tries} within {length(episode.lost_seconds)}, then no more."


def holders(why: Why) -> str:
    """Return who held the seats, in sums that tell of nobody alone."""
    found = why.holders
    if found.seats is None:
        return "Nobody can say who held seats then: nobody looked at the licence server."
    if not found.seats:
        return "Nobody is known to have held a seat then."
    seats = plural(found.seats, "seat")
    if found.people is None:
        return f"{seats} were held."
    text = f"{plural(found.people, 'person', 'people')} held {seats}"
    if found.longest_seconds is not None:
        text += f", the longest for {length(found.longest_seconds)}"
    return text + "."


def rule(row: SharingRule, reader: Any) -> str:
    """Return a line of an options file as it stands there; people and machines only for who may see
    names."""
    amount = "" if row.amount is None else str(row.amount)
    parts = (row.keyword, amount, row.feature_name, row.holder_type, row.shown_holder(reader))
    return " ".join(part for part in parts if part)
