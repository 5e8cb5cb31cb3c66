"""A text that was looked up once is said as the catalogue says it, in each language."""

from __future__ import annotations

from gettext import GNUTranslations

import pytest
from django.utils.translation import gettext, override, pgettext
from django.utils.translation.trans_real import DjangoTranslation, translation

from itam import remembered


def test_each_language_says_its_own() -> None:
    for _ in range(2):
        for language, word in (("de", "Ablehnungen"), ("en-gb", "Denials"), ("de", "Ablehnungen")):
            with override(language):
                assert gettext("Denials") == word
                assert gettext("said by nobody") == "said by nobody"
                assert pgettext("date", "said by nobody") == "said by nobody"


def test_the_catalogue_is_asked_once_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    german = DjangoTranslation("de")
    for number in [*range(9), "Denials", "Denials"]:
        assert german.gettext(str(number)) == GNUTranslations.gettext(german, str(number))
    assert len(german.__dict__["_said"]) <= 3
    assert DjangoTranslation.gettext is remembered.gettext
    assert isinstance(translation("de"), DjangoTranslation)
