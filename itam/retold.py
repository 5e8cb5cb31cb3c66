"""Sentences of our own that were stored in English, said again in the reader's language.

What reads licence servers knows no languages, and what it found is on record as it said it then.
A sentence that has the form of one below is told anew where people read it; its values, among them
the words of licence servers, stay as they were printed.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop

from itam import figures

FORMS = (
    # Why a name was not erased.
    gettext_noop(
        "A legal hold covers what %(person)s used: names are kept until it ends. %(holds)s"
    ),
    gettext_noop("Gave up after %(count)s attempts that ended without a word: use the command."),
    # What a connection test goes through, and what came of it.
    gettext_noop("The tool lmutil"),
    gettext_noop("The host's name"),
    gettext_noop("The port"),
    gettext_noop("The licence server"),
    gettext_noop("The vendor daemon"),
    gettext_noop("The answer"),
    gettext_noop("fine"),
    gettext_noop("not reached"),
    gettext_noop("No lmutil is set. Put its absolute path into ITAM_LMUTIL and restart."),
    gettext_noop("The server has no address. Enter one such as 27000@license.example.com."),
    gettext_noop("The server is up and lists %(count)s features."),
    gettext_noop("The server answers, but not completely. %(detail)s"),
    gettext_noop("The server is up, but its vendor daemon is down. %(detail)s"),
    gettext_noop("The host's name is unknown. %(detail)s"),
    gettext_noop("The server cannot be read with this tool. %(detail)s"),
    gettext_noop(
        "The host is there, but nothing listens on this port: is lmgrd down, or the port another? "
        "%(detail)s"
    ),
    gettext_noop("The licence server cannot be reached. %(detail)s"),
    gettext_noop(
        "The server did not answer in time. The host may be off, or a firewall drops the port."
    ),
    gettext_noop("Found %(text)s; expected a report of lmstat."),
    # What became of a program.
    gettext_noop("%(program)s did not end within %(seconds)s seconds and was killed."),
    gettext_noop("%(program)s wrote more than %(bytes)s bytes and was killed."),
    gettext_noop("%(program)s was ended by signal %(signal)s."),
    gettext_noop("%(program)s could not be started: %(error)s."),
    gettext_noop("%(program)s cannot be found: %(error)s."),
    gettext_noop("%(program)s is not a program that this user may run."),
    gettext_noop("%(program)s may be replaced by any user; it is not run."),
    # What became of a file that was handed in.
    gettext_noop("The text is not kept: it holds keys."),
    gettext_noop("Gave up after %(tries)s attempts that ended without a word."),
    # Why no pack for an auditor is made.
    gettext_noop("The period from %(first)s to %(end)s is empty."),
    gettext_noop("No day is sealed yet: the first one is, a quarter past midnight."),
    gettext_noop(
        "Expected a period that ends within the sealed days (%(begin)s to %(last)s), found"
        " %(first)s to %(end)s, with evidence up to %(day)s."
    ),
    gettext_noop(
        "These servers serve other vendors too: %(servers)s. Their entries lie in one stream, which"
        " is handed over only where shared servers are asked for."
    ),
    gettext_noop(
        "What was recorded after %(day)s tells of the period, too: let the evidence reach to a"
        " later day, once it is sealed."
    ),
    gettext_noop(
        "The evidence up to %(day)s does not tell what holds, or held since then, of %(what)s: let"
        " it reach to a later day, once it is sealed."
    ),
    # What an alert is called.
    gettext_noop("%(server)s: %(value)s of %(lines)s could not be read"),
    gettext_noop("%(pool)s: use has been zero for %(days)s"),
    gettext_noop("%(pool)s: use has been exactly %(level)s for %(days)s"),
    gettext_noop("%(pool)s: contract, licence file and server differ on its seats"),
    gettext_noop("%(pool)s is expected to be full in about %(left)s"),
    gettext_noop("Licence server %(server)s gives no answer"),
    gettext_noop("The sealed evidence does not fit"),
    gettext_noop("The %(part)s stands still"),
    gettext_noop("%(pool)s: %(refusals)s in an hour"),
    gettext_noop("%(pool)s is over its limit: %(value)s in use, %(bound)s allowed"),
    gettext_noop("%(pool)s is full: %(value)s of %(bound)s seats in use"),
    gettext_noop("%(pool)s: %(value)s of %(bound)s seats in use"),
    gettext_noop("%(pool)s: %(worst)s of %(limit)s seats were in use"),
    gettext_noop("%(pool)s: %(worst)s seats were in use"),
    gettext_noop("Licence file of %(server)s ends on %(when)s"),
    gettext_noop("Contract %(contract)s: last day to give notice is %(when)s"),
    gettext_noop("Contract %(contract)s renews after %(when)s"),
    gettext_noop("Contract %(contract)s ends on %(when)s"),
)
COUNTED = {
    "day": figures.days,
    "working day": figures.working_days,
    "line": figures.lines,
    "refusal": figures.refusals,
}
UNITS = {"d": gettext_lazy("d"), "h": gettext_lazy("h"), "min": gettext_lazy("min")}
OURS = {"days", "left", "lines", "refusals", "when"}
"""Values that we said ourselves: counts, lengths, and days with how far off they are."""
_COUNT = re.compile(rf"(\d[\d,]*) ((?:{'|'.join(COUNTED)})s?|{'|'.join(UNITS)})\b")


def retell(text: str) -> str:
    """Return a stored sentence in the present language; what has no known form, as it is."""
    if not text or (get_language() or "en").startswith("en"):
        return text
    for pattern, form in _patterns():
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            told = {name: _value(said) if name in OURS else said for name, said in values.items()}
            return gettext(form) % told if told else gettext(form)
    return text


def _value(text: str) -> str:
    day, comma, near = text.rpartition(", ")
    if comma and near == "today":
        return f"{day}, {gettext('today')}"
    if comma and near.startswith("in "):
        return f"{day}, " + gettext("in %(days)s") % {"days": _counts(near[3:])}
    return gettext(text) if text == "less than a minute" else _counts(text)


def _counts(text: str) -> str:
    def again(found: re.Match[str]) -> str:
        number, noun = found.groups()
        if noun in UNITS:
            return f"{number} {UNITS[noun]}"
        return COUNTED[noun.removesuffix("s")](int(number.replace(",", "")))

    return _COUNT.sub(again, text)


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return a pattern for each form; a value is as short as it can be."""
    found = []
    for form in FORMS:
        parts = re.split(r"%\((\w+)\)s", form)
        made = [f"(?P<{x}>.*?)" if at % 2 else re.escape(x) for at, x in enumerate(parts)]
        found.append((re.compile("".join(made), re.DOTALL), form))
    return found
