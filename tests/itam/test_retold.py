"""What was stored in English is read in the reader's language, but for the words of servers."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from itam.retold import FORMS, retell
from licenses.importing.polling import STEPS
from licenses.sources.flexnet.connector import explain
from licenses.sources.process import Outcome, Status


def outcome(status: Status, stdout: bytes = b"", detail: str = "") -> Outcome:
    return Outcome(0, stdout, b"", 1, status, detail)


def test_values_stay_as_they_were_printed() -> None:
    stored = "The licence server cannot be reached. lmgrd is not running: Cannot connect (-15,570)"
    with override("de"):
        said = retell(stored)
    assert said.startswith("Der Lizenzserver ist nicht erreichbar.")
    assert said.endswith(" lmgrd is not running: Cannot connect (-15,570)")
    with override("en-gb"):
        assert retell(stored) == stored


@pytest.mark.parametrize("text", ["", "Cannot connect (-15)", "%(x)s", "fine\nfine"])
def test_what_has_no_known_form_stays(text: str) -> None:
    with override("de"):
        assert retell(text) == text


def test_what_a_connection_test_says_is_known() -> None:
    with override("de"):
        assert all(retell(name) != name for name in STEPS.values())
        for found in (outcome(Status.TIMEOUT), outcome(Status.OK, b"what")):
            sentence = explain(found).sentence
            assert retell(sentence) != sentence


def test_every_form_is_found_again() -> None:
    with override("de"):
        assert [form for form in FORMS if retell(form) == form] == []
