"""Why somebody was refused, in sentences."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, gettext_lazy, ngettext

from itam import figures
from licenses.access.why import Why
from licenses.alerts.words import length
from licenses.models import DenialEpisode, SharingRule
from licenses.sources.flexnet.denials import DenialClass

Outcome = DenialEpisode.Outcome

_WHAT = {
    DenialClass.NO_SEAT: gettext_lazy("All seats were in use."),
    DenialClass.REQUEST_TOO_LARGE: gettext_lazy(
        "More seats were asked for at once than there are."
    ),
    DenialClass.QUEUED: gettext_lazy("Others were waiting in the licence server's queue already."),
    DenialClass.POLICY: gettext_lazy(
        "A rule of the licence server withheld a seat; seats may have been free."
    ),
    DenialClass.NOT_LICENSED: gettext_lazy(
        "The program, or this version of it, is not licensed there."
    ),
    DenialClass.LICENSE_CONTENT: gettext_lazy(
        "The licence had expired, or was made for another machine."
    ),
    DenialClass.SERVER_OR_NETWORK: gettext_lazy(
        "The licence server or the network did not answer."
    ),
    DenialClass.CLOCK: gettext_lazy(
        "The clocks of the computer and of the licence server differed."
    ),
    DenialClass.REMOTE_SESSION: gettext_lazy("The program may not be used in a remote session."),
    DenialClass.ADMINISTRATION: gettext_lazy(
        "An administrative request was refused, not the program."
    ),
    DenialClass.OTHER: gettext_lazy("The licence server gave another reason."),
    DenialEpisode.UNEXPLAINED: gettext_lazy(
        "The licence server said that all seats were in use, but as far as we saw some were free."
    ),
}
_WHAT_TO_DO = {
    DenialClass.NO_SEAT: gettext_lazy(
        "Have yourself told when one is free, or come at a quieter hour."
    ),
    DenialClass.REQUEST_TOO_LARGE: gettext_lazy(
        "Ask for fewer at once, in the program's own settings."
    ),
    DenialClass.QUEUED: gettext_lazy("Wait for your turn, or come at a quieter hour."),
    DenialClass.POLICY: gettext_lazy(
        "Ask whoever looks after licences whether the rule is meant for you."
    ),
    DenialClass.NOT_LICENSED: gettext_lazy(
        "Ask whoever looks after licences which versions may be used."
    ),
    DenialClass.LICENSE_CONTENT: gettext_lazy(
        "Tell whoever looks after licences: it stops others, too."
    ),
    DenialClass.SERVER_OR_NETWORK: gettext_lazy(
        "Try again; if it goes on, tell whoever looks after licences."
    ),
    DenialClass.CLOCK: gettext_lazy("Set the computer's clock right, and try again."),
    DenialClass.REMOTE_SESSION: gettext_lazy("Start the program at the computer itself."),
    DenialClass.ADMINISTRATION: gettext_lazy(
        "Nothing, if you did not mean to change the licence server."
    ),
    DenialClass.OTHER: gettext_lazy(
        "Show the server's own words below to whoever looks after licences."
    ),
    DenialEpisode.UNEXPLAINED: gettext_lazy(
        "Seats kept for others, or a server that we do not see, may be why: tell"
        " whoever looks after licences."
    ),
}


def what(episode: DenialEpisode) -> str:
    """Return the class of an episode's refusals as a sentence."""
    return str(_WHAT.get(episode.reason_class, _WHAT[DenialClass.OTHER]))


def what_to_do(episode: DenialEpisode) -> str:
    return str(_WHAT_TO_DO.get(episode.reason_class, _WHAT_TO_DO[DenialClass.OTHER]))


def then(why: Why) -> str:
    """Return how full the pool was at the first refusal."""
    row = why.episode
    if row.in_use is None and row.limit is None:
        return gettext("How many seats were in use then is not known.")
    if row.limit is None:
        count = row.in_use or 0
        return ngettext(
            "%(count)s seat was in use; the limit is not known.",
            "%(count)s seats were in use; the limit is not known.",
            count,
        ) % {"count": count}
    if row.in_use is None:
        return gettext("How many of the %(limit)s seats were in use then is not known.") % {
            "limit": row.limit
        }
    return gettext("%(in_use)s of %(seats)s were in use.") % {
        "in_use": row.in_use,
        "seats": figures.seats(row.limit),
    }


def outcome(episode: DenialEpisode) -> str:
    """Return how an episode ended."""
    if episode.outcome == Outcome.WAITED:
        return gettext("Got a seat after %(length)s.") % {"length": length(episode.lost_seconds)}
    if episode.outcome == Outcome.OPEN:
        return gettext("It is too early to tell whether a seat was got.")
    tries = figures.tries(episode.refusals)
    if not episode.lost_seconds:
        return gettext("Got no seat: %(tries)s, then no more.") % {"tries": tries}
    return gettext("Got no seat: %(tries)s within %(length)s, then no more.") % {
        "tries": tries,
        "length": length(episode.lost_seconds),
    }


def holders(why: Why) -> str:
    """Return who held the seats, in sums that tell of nobody alone."""
    found = why.holders
    if found.seats is None:
        return gettext("Nobody can say who held seats then: nobody looked at the licence server.")
    if not found.seats:
        return gettext("Nobody is known to have held a seat then.")
    seats = figures.seats(found.seats)
    if found.people is None:
        return ngettext("%(count)s seat was held.", "%(count)s seats were held.", found.seats) % {
            "count": found.seats
        }
    people = figures.people(found.people)
    if found.longest_seconds is None:
        return gettext("%(people)s held %(seats)s.") % {"people": people, "seats": seats}
    longest = length(found.longest_seconds)
    return gettext("%(people)s held %(seats)s, the longest for %(longest)s.") % {
        "people": people,
        "seats": seats,
        "longest": longest,
    }


def rule(row: SharingRule, reader: Any) -> str:
    """Return a line of an options file as it stands there; people and machines only for who may see
    names."""
    amount = "" if row.amount is None else str(row.amount)
    parts = (row.keyword, amount, row.feature_name, row.holder_type, row.shown_holder(reader))
    return " ".join(part for part in parts if part)
