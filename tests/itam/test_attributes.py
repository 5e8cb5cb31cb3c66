"""Attributes of fields in forms, drawn without a loop of a template."""

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, get_default_renderer
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

ATTRIBUTES = [
    {},
    {"id": "id_name", "class": "a b", "rows": 3, "step": 0.5},
    {"required": True, "disabled": False, "data-none": None},
    {"title": '"><script>alert(1)</script>', "data-x": "a & b"},
    {"title": mark_safe("a &amp; b"), 'odd"name': "1"},
    {"aria-label": gettext_lazy("Name"), "data-pair": (1, 2)},
]


@pytest.mark.parametrize("attrs", ATTRIBUTES, ids=range(len(ATTRIBUTES)))
@pytest.mark.parametrize("name", ["django/forms/widgets/attrs.html", "django/forms/attrs.html"])
def test_they_read_as_the_librarys_own_templates_draw_them(
    name: str, attrs: dict[str, Any]
) -> None:
    context = {"attrs": attrs, "widget": {"attrs": attrs}}
    drawn = [each.render(name, context) for each in (DjangoTemplates(), get_default_renderer())]
    assert drawn[0] == drawn[1]


def test_a_field_is_drawn_by_them() -> None:
    class Form(forms.Form):
        word = forms.CharField(widget=forms.TextInput({"title": "<b>"}))

    ours, theirs = Form(), Form(renderer=DjangoTemplates())
    assert str(ours["word"]) == str(theirs["word"])
    assert 'title="&lt;b&gt;"' in str(ours["word"])
    origin = get_default_renderer().get_template("django/forms/widgets/attrs.html").origin
    assert "site-packages" not in str(origin)
