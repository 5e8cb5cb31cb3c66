import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.models.patterns import matcher

WORDS = st.text(alphabet="ab?*.[]", max_size=8)


@given(WORDS, st.text(alphabet="ab?*.[]", max_size=8))
def test_it_fits_what_the_plain_regular_expression_fits(pattern, name):
    plain = "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern)
    assert matcher(pattern)(name) == (re.fullmatch(plain, name, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("pattern", "fits", "differs"),
    [
        ("cae-*", ["cae-1", "CAE-", " cae-x "], ["xcae-1", "cae"]),
        ("*", ["", "anybody"], []),
        ("ws-??", ["ws-01"], ["ws-1", "ws-001"]),
        ("a*a", ["aa", "aba"], ["a"]),
        ("STRASSE", ["straße"], []),
        ("a.c", ["a.c"], ["abc"]),
        ("anna", ["Anna"], ["annabel", "joanna"]),
    ],
)
def test_it_fits_whole_names_whatever_their_case(pattern, fits, differs):
    test = matcher(pattern)
    assert all(test(name) for name in fits)
    assert not any(test(name) for name in differs)


def test_stars_do_not_multiply_the_work():
    # A pattern that tried every way to lay its stars would need years for this name.
    assert not matcher("*a" * 60 + "b")("a" * 250)
    assert not any(matcher("*".join(p))("a" * 200) for p in itertools.product("ab?", repeat=3)
                   if "b" in p)  # fmt: skip
