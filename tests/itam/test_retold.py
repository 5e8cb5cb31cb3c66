"""What was stored in English is read in the reader's language, but for the words of servers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import override

from itam.retold import SAID, retell
from itam.retold_forms import FORMS
from licenses.importing.inventory_csv import read
from licenses.importing.polling import STEPS
from licenses.sources.base import DateNeeded, NotRecognised
from licenses.sources.flexnet import FLEXNET
from licenses.sources.flexnet.connector import explain
from licenses.sources.flexnet.detection import _FOREIGN
from licenses.sources.process import Outcome, Status


def filled(form: str) -> str:
    return re.sub(r"%\((\w+)\)s", lambda found: "fine" if found[1] in SAID else "3", form)


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
        assert [form for form in FORMS if retell(filled(form)) == filled(form)] == []


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


def sentences(pattern: str, *made_by: str) -> set[str]:
    """Return what these sources hand to these calls or names, each value a word in its place."""
    found = set()
    for path in sorted(Path(settings.BASE_DIR).glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = node.args if name in made_by else []
            elif isinstance(node, ast.Assign):
                names = {getattr(target, "id", "") for target in node.targets}
                given = [node.value] if names & set(made_by) else []
            found |= set(filter(None, map(_words, given)))
    return {text for text in found if " " in text}


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(part.value if isinstance(part, ast.Constant) else "word" for part in node.values)


def test_why_a_line_could_not_be_read_is_known() -> None:
    said = sentences(
        "licenses/sources/**/*.py",
        *("_Wrong", "RowError", "NotAnEvent", "Unreadable", "_unreadable", "reason", "add"),
    )
    with override("de"):
        assert [text for text in sorted(said) if retell(text) == text] == []
    assert len(said) > 25, "the search finds them"


def test_why_a_file_is_refused_is_known() -> None:
    expected = ", ".join(each.label for each in FLEXNET.formats[:-1])
    expected += f" or {FLEXNET.formats[-1].label}"
    found = sentences("licenses/sources/**/*.py", "NotRecognised") | {name for _, name in _FOREIGN}
    said = {str(NotRecognised(each, expected)) for each in found} | {
        str(DateNeeded(3)),
        f"{DateNeeded(3)} Give it with --date YYYY-MM-DD.",
    }
    refused = sentences("licenses/importing/files.py", "ImportRefused")
    refused = {text for text in refused if not text.startswith("word: word")}  # said by a reader
    with override("de"):
        told = {text: retell(text) for text in [*refused, *(f"cad.log: {each}" for each in said)]}
    assert [text for text, again in told.items() if again == text] == []
    assert not any("Found" in again or "expected" in again for again in told.values())
    assert len(refused) > 5, "the search finds them"


POOLS = "pool,vendor,product,zone,owner_team,server,daemon,feature,weight,mapped_from,mapped_until"
RIGHTS = (
    "pool,contract,quantity,metric,valid_from,valid_to,overdraft,unit_price,currency,"
    "purchase_order,scope"
)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"\xff", id="bytes"),
        pytest.param(b"", id="empty"),
        pytest.param(b"x,y\n", id="no-header-of-ours"),
        pytest.param(b"vendor,website\n", id="nearly-a-header-of-ours"),
        pytest.param(b"vendor,website,notes\na\n", id="too-few-values"),
        pytest.param(b"vendor,website,notes\n,,\n\0,,\n", id="nothing-and-nul"),
        pytest.param(f"{POOLS}\np,v,p,Nowhere,,s,d,f,0,2026,soon\n".encode(), id="pools"),
        pytest.param(f"{RIGHTS}\np,,-1,seats,2026-01-01,,,1.2.3,euro,,\n".encode(), id="rights"),
    ],
)
def test_what_is_wrong_in_a_file_of_the_inventory_is_known(file: bytes) -> None:
    said = [str(problem) for problem in read(file).problems]
    with override("de"):
        told = [retell(text) for text in said]
    assert said and all(text.startswith("Zeile ") for text in told)
    assert not any("found" in text or "expected" in text for text in told), told


def test_what_does_not_go_together_in_an_inventory_is_known() -> None:
    said = {
        "found 'x', expected the name of a known vendor",
        "found 'x', expected the name of a known team",
        "found 'x', expected the name of a known pool",
        "found 'x', expected 'y' as in line 3",
        "found 'x', expected the number of a known contract with y",
        *sentences("licenses/importing/inventory.py", "wrong"),
    }
    with override("de"):
        assert [text for text in sorted(said) if "expected" in retell(text)] == []
    assert len(said) > 6, "the search finds more"


def test_several_sentences_in_a_row_are_each_told_again() -> None:
    stored = "line 3: the clock went back (-3600 s); line 9: the clock went back (-60 s)"
    with override("de"):
        assert retell(stored) == (
            "Zeile 3: die Uhr ging zurück (-3600 s); Zeile 9: die Uhr ging zurück (-60 s)"
        )
        assert retell("cad up; acme: no such host") == "cad up; acme: no such host"
