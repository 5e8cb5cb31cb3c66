"""Fields of our own pages look as the admin's do."""

from __future__ import annotations

import re

import pytest
from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from licenses.admin.forms import AdminForm, Select

CHOICES = [("", "None"), ("<b>", '"A" & B'), (4, "four"), ("x", "<script>")]


def told(drawn: str) -> str:
    return re.sub(r"\s+", " ", drawn).replace("> <", "><").strip()


@pytest.mark.parametrize("value", ["", None, "<b>", 4, "4", "x", "nowhere"])
def test_a_choice_looks_as_the_library_draws_it(value: object) -> None:
    theirs, ours = UnfoldAdminSelectWidget(choices=CHOICES), Select(choices=CHOICES)
    attributes = {"id": "id_one", "required": True}
    assert told(ours.render("one", value, attributes)) == told(
        theirs.render("one", value, attributes)
    )


def test_a_form_of_our_own_draws_its_choices_so() -> None:
    class One(AdminForm):
        one = forms.ChoiceField(choices=lambda: CHOICES, initial="x")

    drawn = str(One()["one"])
    assert '<option value="x" selected>&lt;script&gt;</option>' in drawn
    assert One({"one": "4"}).is_valid() and not One({"one": "5"}).is_valid()
