"""Cells of lists that are made once look as Unfold draws them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.utils.translation import gettext_lazy, override

from itam import lists

KINDS = {"ok": "success", "bad": "danger", 4: "info"}
ATTACK = "<script>alert(1)</script>"


@pytest.mark.parametrize("kinds", [KINDS, True], ids=["kinds", "no kinds"])
@pytest.mark.parametrize(
    "value",
    [
        *("ok", "fine", "", None, 4, 1234567, ("ok", "a", "b"), ATTACK, gettext_lazy("Denials")),
        *(("ok", "in order"), ("none", "of these"), (4, "four"), ("bad", ATTACK), ("ok", "")),
    ],
)
def test_a_label_is_what_the_template_draws(value: Any, kinds: Any) -> None:
    for language in ("en", "de"):
        with override(language):
            assert lists.label(value, "-", kinds) == lists._template_label(value, "-", kinds)


@pytest.mark.parametrize("value", [1, "7f", ATTACK, '"'])
def test_the_box_of_a_row_is_what_the_widget_draws(value: Any) -> None:
    for language in ("en", "de"):
        with override(language):
            assert lists.Box().render("_chosen", value) == lists._box_widget.render(
                "_chosen", value
            )


@pytest.mark.parametrize("value", [True, False, None])
def test_a_tick_is_what_the_template_draws(value: bool | None) -> None:
    assert lists.icon(value) == lists._template_icon(value)


def test_the_heads_of_a_list_are_made_once_and_in_its_language() -> None:
    made = []

    def make(cl: Any) -> Any:
        made.append(cl)
        yield {"text": gettext_lazy("Denials"), "sortable": False}

    heads = lists.once_for_a_page(make)
    english, german = SimpleNamespace(), SimpleNamespace()
    with override("en"):
        assert [head["text"] for head in [*heads(english), *heads(english)]] == ["Denials"] * 2
    with override("de"):
        assert (
            [head["text"] for head in heads(german)]
            == [str(gettext_lazy("Denials"))]
            != ["Denials"]
        )
    assert made == [english, german]
