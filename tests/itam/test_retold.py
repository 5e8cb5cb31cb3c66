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


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        pytest.param("CAD in 3 days: 9 of 10 seats in use",
                     "CAD in 3 days: 9 von 10 Plätzen belegt", id="a-name-is-no-sentence"),
        pytest.param("Licence file of lic ends on 2026-12-18, in 19 days",
                     "Lizenzdatei von lic endet am 2026-12-18, noch 19 Tage", id="in-days"),
        pytest.param("Contract A 1 ends on 2026-12-18, today",
                     "Vertrag A 1 endet am 2026-12-18, heute", id="today"),
        pytest.param("CAD: 1,204 refusals in an hour",
                     "CAD: 1.204 Ablehnungen in einer Stunde", id="counted"),
        pytest.param("CAD is expected to be full in about 1 h 5 min",
                     "CAD ist voraussichtlich in etwa 1 Std. 5 Min. voll", id="length"),
    ],
)  # fmt: skip
def test_what_an_alert_is_called_is_said_in_german(stored: str, said: str) -> None:
    with override("de"):
        assert retell(stored) == said
