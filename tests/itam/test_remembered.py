"""A text that was looked up once is said as the catalogue says it, in each language."""

from __future__ import annotations

from gettext import GNUTranslations

import pytest
from django.template import Context, Template
from django.templatetags.i18n import TranslateNode
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


PAGES = [
    '{% translate "Denials" %}',
    '{% translate "Denials"|upper %}',
    '{% translate "Denials" as words %}<{{ words }}>',
    '{% translate "Denials" noop %}',
    '{% translate "j M Y" context "date" %}',
    "{% translate word %}",
    '{% translate "100 % & <b>" %}',
    '{% autoescape off %}{% translate "a & b" %}{% endautoescape %}',
]


@pytest.mark.parametrize("page", PAGES)
def test_a_template_says_what_it_says_without_memory(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [_drawn(page) for _ in range(2)]
    monkeypatch.setattr(TranslateNode, "render", remembered._library_translate)
    assert drawn == [_drawn(page)] * 2


def _drawn(page: str) -> list[str]:
    template, found = Template(page), []
    for language in ("de", "en-gb", "de", None):
        for word in ("Denials", "<Denials>"):
            with override(language):
                found.append(template.render(Context({"word": word})))
    return found


def test_a_text_of_a_template_is_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = remembered._library_translate

    def counted(node: TranslateNode, context: Context) -> str:
        asked.append(node)
        return whole(node, context)

    monkeypatch.setattr(remembered, "_library_translate", counted)
    template = Template('{% for n in "1234" %}{% translate "made ready once" %}{% endfor %}')
    with override("de"):
        assert template.render(Context()) == 4 * "made ready once"
    assert len(asked) == 1
