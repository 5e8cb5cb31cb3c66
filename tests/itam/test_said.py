"""What was said in one language is said again in another, from one reading."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext, override

from itam.said import Said, again, said


def greeting(count: int) -> str:
    return f"{gettext('no')} {count}"


@dataclass(frozen=True, slots=True)
class Row:
    words: str
    count: int
    rows: tuple[object, ...] = ()


class Pair(NamedTuple):
    words: str
    count: int


def test_a_text_is_said_again_in_the_present_language() -> None:
    with override("en-gb"):
        text = said(greeting, 3)
    assert text == "no 3" and json.dumps(text) == '"no 3"'
    with override("de"):
        assert text == "no 3" and again(text) == "nein 3"
    copy = pickle.loads(pickle.dumps(text))
    assert copy == "no 3" and type(copy) is str


def test_a_text_in_a_text_is_said_again_too() -> None:
    with override("en-gb"):
        outer = said("({})".format, said(greeting, 3))
    with override("de"):
        assert again(outer) == "(nein 3)"


def test_a_dataset_is_said_again_through_and_through_and_otherwise_stays_what_it_is() -> None:
    with override("en-gb"):
        inner = Row("as typed", 1, (Pair(said(greeting, 1), 5), "x"))
        whole = Row(said(greeting, 2), 2, (inner, Row("plain", 3)))
    with override("de"):
        told = again(whole)
    assert told == Row("nein 2", 2, (Row("as typed", 1, (Pair("nein 1", 5), "x")), Row("plain", 3)))
    assert told.rows[1] is whole.rows[1] and not isinstance(told.words, Said)
    assert again(told) is told
