"""Translations that are looked up once.

A text that a language says as it stands, as most of English is, is looked for in the catalogue of
each language and region behind it, each time: three times as long as to remember it.
"""

from __future__ import annotations

from gettext import GNUTranslations

from django.utils.translation.trans_real import DjangoTranslation

MOST = 20_000
"""How many texts a language remembers before it forgets all of them."""


def gettext(self: DjangoTranslation, message: str) -> str:
    """Return what the catalogue says, as it did when it was asked first.

    It does not change once it was read; one that is read anew is another object.
    """
    if type(message) is not str:  # a safe text equals one that is not
        return str(GNUTranslations.gettext(self, message))
    said: dict[str, str] = self.__dict__.setdefault("_said", {})
    text = said.get(message)
    if text is None:
        if len(said) >= MOST:
            said.clear()
        text = said[message] = GNUTranslations.gettext(self, message)
    return text


def install() -> None:
    """Let Django's catalogues remember. Called when the applications are ready."""
    DjangoTranslation.gettext = gettext  # type: ignore[method-assign, assignment]
