"""Translations that are looked up once.

A text that a language says as it stands, as most of English is, is looked for in the catalogue of
each language and region behind it, each time: three times as long as to remember it. And what
stands in a template is made ready for the catalogue and the page anew each time, hundreds of times
for a page of rows.
"""

from __future__ import annotations

from gettext import GNUTranslations

from django.template import Context, Variable
from django.templatetags.i18n import TranslateNode
from django.utils.translation.trans_real import DjangoTranslation, catalog

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


def translate(self: TranslateNode, context: Context) -> str:
    """Draw `{% translate %}` as the library does, once for each text of a template in a language.

    Such a text is safe as it stands, so that nothing of the page bears on it.
    """
    text = self.__dict__.get("_text", "")
    if text == "":
        text = self.__dict__["_text"] = _text(self)
    if text is None:
        return str(_library_translate(self, context))
    drawn: dict[str, str] = catalog().__dict__.setdefault("_drawn", {})
    said = drawn.get(text)
    if said is None:
        said = drawn[text] = _library_translate(self, context)
    return said


def _text(node: TranslateNode) -> str | None:
    """Return the text of a node that does nothing but say it; None: it does more, or less."""
    told = node.filter_expression
    plain = isinstance(told.var, Variable) and not told.filters and node.message_context is None
    if plain and isinstance(told.var.literal, str) and not node.noop and not node.asvar:
        return told.var.literal or None
    return None


_library_translate = TranslateNode.render


def install() -> None:
    """Let Django's catalogues remember. Called when the applications are ready."""
    DjangoTranslation.gettext = gettext  # type: ignore[method-assign, assignment]
    TranslateNode.render = translate  # type: ignore[method-assign]
