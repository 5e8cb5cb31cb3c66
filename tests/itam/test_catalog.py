"""The catalogue: complete, equal in its placeholders, and compiled as it stands."""

import re

import pytest
from django.conf import settings

from itam import catalog
from itam.catalog import Entry, Message

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|</?\w+")
# Said in other words on purpose; nothing else may differ from its translation in what it holds.
ALLOWED = {"%(count)s"}


@pytest.fixture(scope="module")
def entries():
    return catalog.read(catalog.po_path())


def test_every_sentence_of_the_sources_is_in_german(entries):
    missing = catalog.extract(settings.BASE_DIR) - {
        entry.message for entry in entries.values() if entry.done
    }
    assert not missing, "translate them as docs/translation.md says: manage.py messages"


def test_nothing_is_translated_that_no_source_says(entries):
    assert not set(entries) - catalog.extract(settings.BASE_DIR)


def test_the_compiled_catalogue_is_what_the_po_file_says(entries):
    compiled = catalog.po_path().with_suffix(".mo").read_bytes()
    assert compiled == catalog.compiled(entries.values()), "run manage.py messages"


def test_the_po_file_is_written_as_the_command_writes_it(entries):
    assert catalog.po_path().read_text(encoding="utf-8") == catalog.write(entries.values())


def test_a_translation_has_the_placeholders_and_tags_of_its_sentence(entries):
    wrong = []
    for entry in entries.values():
        forms = [entry.message.text, entry.message.plural]
        for form, text in zip(forms, entry.texts, strict=False):
            differ = set(PLACEHOLDER.findall(form)) ^ set(PLACEHOLDER.findall(text))
            if differ - (ALLOWED if entry.message.plural else set()):
                wrong.append((entry.message.text, differ))
    assert not wrong


class TestExtract:
    def test_python_is_read_by_the_names_of_the_functions(self):
        source = (
            'gettext("one " "sentence")\nt.ngettext("%(n)s seat", "%(n)s seats", 2)\n'
            'pgettext("date", "j M")\ngettext(name)\nother("no")\n'
        )
        assert set(catalog.of_python(source)) == {
            Message("one sentence"),
            Message("%(n)s seat", "%(n)s seats"),
            Message("j M", "", "date"),
        }

    def test_templates_are_read_as_django_does(self):
        source = (
            '{% translate "It\'s free" %}{% blocktranslate count n=rows %}{{ n }} row'
            "{% plural %}{{ n }} rows{% endblocktranslate %}"
            '{% translate "to" context "span" %}'
        )
        assert set(catalog.of_template(source)) == {
            Message("It's free"),
            Message("%(n)s row", "%(n)s rows"),
            Message("to", "", "span"),
        }


def test_a_po_file_is_read_back_as_it_was_written(tmp_path):
    entries = [
        Entry(Message('a "quoted"\nline'), ["eine\tZeile \\"]),
        Entry(Message("%(n)s row", "%(n)s rows", "table"), ["%(n)s Zeile", "%(n)s Zeilen"]),
        Entry(Message("open"), []),
        Entry(Message("unsure"), ["unsicher"], fuzzy=True),
    ]
    path = tmp_path / "django.po"
    path.write_text(catalog.write(entries), encoding="utf-8")
    found = catalog.read(path)
    assert [found[entry.message].done for entry in entries] == [True, True, False, False]
    assert found[entries[0].message] == entries[0]
    assert found[entries[1].message] == entries[1]
