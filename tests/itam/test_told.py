"""A text that knows what it says is said again in any language, and stored as JSON."""

from __future__ import annotations

import json
import pickle

import pytest
from django.utils.translation import override

from itam.told import Told, capital, draw, figure, joined, retold, tell, tell_count

TEXTS = [
    pytest.param(
        lambda: tell("The sealed evidence does not fit"),
        "The sealed evidence does not fit",
        "Die versiegelten Nachweise passen nicht",
        id="without-values",
    ),
    pytest.param(
        lambda: tell(
            "%(pool)s is full: %(value)s of %(bound)s seats in use",
            pool="100 % {CAD}",
            value=1200,
            bound=1200,
        ),
        "100 % {CAD} is full: 1,200 of 1,200 seats in use",
        "100 % {CAD} ist voll: 1.200 von 1.200 Plätzen belegt",
        id="names-stay-and-numbers-are-written-as-one-reads-them",
    ),
    pytest.param(
        lambda: tell("in %(days)s", days=figure("days", 1)), "in 1 day", "noch 1 Tag", id="a-figure"
    ),
    pytest.param(lambda: figure("length", 90_000), "1 d 1 h", "1 T. 1 Std.", id="a-length"),
    pytest.param(
        lambda: tell_count("%(count)s person holds them.", "%(count)s people hold them.", 2),
        "2 people hold them.",
        "2 Personen halten sie.",
        id="in-the-number-it-stands-in",
    ),
    pytest.param(
        lambda: joined(["Full", capital(tell("today"))], ": "),
        "Full: Today",
        "Full: Heute",
        id="several",
    ),
    pytest.param(lambda: retold("the row is cut"), "the row is cut", "", id="stored-in-english"),
]


@pytest.mark.parametrize(("make", "english", "german"), TEXTS)
def test_a_text_is_said_again_from_what_was_stored(make: object, english: str, german: str) -> None:
    assert callable(make)
    with override("en-gb"):
        text = make()
    assert isinstance(text, Told) and text == english
    stored = json.loads(json.dumps(text.facts))
    with override("de"):
        said, made = draw(stored), make()
        assert said == made and (not german or said == german) and said != english
        assert pickle.loads(pickle.dumps(text)) == said
    with override("en-gb"):
        assert draw(made.facts) == english


def test_what_is_no_fact_is_refused() -> None:
    with pytest.raises(ValueError, match="expected facts of a text"):
        draw({"run": "rm"})
