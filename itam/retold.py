"""Sentences of our own that were stored in English, said again in the reader's language.

What reads licence servers knows no languages, and what it found is on record as it said it then.
A sentence that has one of the forms known is told anew where people read it; its values, among
them the words of licence servers, stay as they were printed.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_lazy

from itam import figures
from itam.retold_forms import FORMS

COUNTED = {
    "day": figures.days,
    "working day": figures.working_days,
    "line": figures.lines,
    "refusal": figures.refusals,
}
UNITS = {"d": gettext_lazy("d"), "h": gettext_lazy("h"), "min": gettext_lazy("min")}
OURS = {"days", "left", "lines", "refusals", "when"}
"""Values that we said ourselves: counts, lengths, and days with how far off they are."""
MOST_IN_A_ROW = 20
SAID = {"instead", "said", "there"}
"""Values that have a known form themselves: where one has none, its sentence has none either."""
NUMBERS = {"line", "seconds"}
_NUMBER = r"-?[\d.,]+"
_COUNT = re.compile(rf"(\d[\d,]*) ((?:{'|'.join(COUNTED)})s?|{'|'.join(UNITS)})\b")


def retell(text: str) -> str:
    """Return a stored sentence in the present language; what has no known form, as it is.

    Several may stand in a row with semicolons between them, each behind the name of what it is
    about and a colon.
    """
    if not text or (get_language() or "en").startswith("en"):
        return text
    whole = _named(text)
    if whole is None:
        return "; ".join(_named(part) or part for part in text.split("; ", MOST_IN_A_ROW))
    return whole


def _named(text: str) -> str | None:
    """Return a sentence that may stand behind a name; None where it has no known form."""
    if (told := _again(text)) is not None:
        return told
    name, colon, rest = text.partition(": ")
    told = None if "; " in name else _again(rest)
    return told and name + colon + told


def _again(text: str) -> str | None:
    """Return a sentence of a known form in the present language; None where it has none."""
    for pattern, form in _patterns():
        if found := pattern.fullmatch(text):
            values = found.groupdict()
            told = {name: _told(name, said) for name, said in values.items()}
            if None not in told.values():
                return gettext(form) % told if told else gettext(form)
    return None


def _told(name: str, said: str) -> str | None:
    if name in SAID:
        return _again(said)
    return _value(said) if name in OURS else said


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
        made = [
            f"(?P<{x}>{_NUMBER if x in NUMBERS else '.*?'})" if at % 2 else re.escape(x)
            for at, x in enumerate(parts)
        ]
        found.append((re.compile("".join(made), re.DOTALL), form))
    return found
