"""Parts of pages that are kept hold what they depend on and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template, TemplateSyntaxError
from django.urls import set_script_prefix
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override
from unfold.dataclasses import Favicon

from itam import kept


def drawn(template: Template, **values: Any) -> str:
    return template.render(Context(values))


def test_what_is_kept_is_drawn_once_for_each_set_of_values() -> None:
    counted = SimpleNamespace(times=0)

    class Names(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            counted.times += 1
            return super().__getitem__(name)

    template = Template("{% kept names=names %}<{{ names.first }}>{% endkept %}")
    assert [drawn(template, names=Names(first=name)) for name in "aab"] == ["<a>", "<a>", "<b>"]
    assert counted.times == 2


def test_what_is_kept_knows_nothing_but_its_values() -> None:
    template = Template("{% kept title=title %}{{ title }}{{ user }}{{ request }}{% endkept %}")
    assert drawn(template, title="Pools", user="mara", request="her request") == "Pools"


def test_what_is_fresh_is_drawn_each_time_from_the_page() -> None:
    template = Template(
        "{% kept many=many %}{% for one in many %}{{ one }}:{% fresh %}{{ token }}{% endfresh %} "
        "{% endfor %}{% endkept %}"
    )
    assert drawn(template, many=[1, 2], token="<a>") == "1:&lt;a&gt; 2:&lt;a&gt; "
    assert drawn(template, many=[1, 2], token="b") == "1:b 2:b "
    assert drawn(Template("{% fresh %}{{ token }}{% endfresh %}"), token="c") == "c"


def test_what_is_kept_inside_of_what_is_kept_is_a_part_of_it() -> None:
    template = Template(
        "{% kept outer=outer %}{{ outer }}{% kept inner=outer %}{{ inner }}"
        "{% fresh %}{{ token }}{% endfresh %}{% endkept %}{% endkept %}"
    )
    assert [drawn(template, outer="a", token=token) for token in "xy"] == ["aax", "aay"]


def test_each_language_and_each_place_of_the_installation_has_its_own() -> None:
    template = Template("{% kept %}{% translate 'Denials' %} {% url 'admin:index' %}{% endkept %}")
    try:
        for prefix in ("/", "/below/", "/"):
            set_script_prefix(prefix)
            for language, word in (("en-gb", "Denials"), ("de", "Ablehnungen")):
                with override(language):
                    assert drawn(template) == f"{word} {prefix}admin/"
    finally:
        set_script_prefix("/")


def test_times_are_those_of_the_zone_of_the_reader() -> None:
    template = Template("{% kept at=at %}{% now 'T' %}{% endkept %}")
    for zone, name in (("UTC", "UTC"), ("Asia/Tokyo", "JST"), ("UTC", "UTC")):
        with timezone.override(zone):
            assert drawn(template, at=1) == name


def test_what_is_kept_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    template = Template("{% kept value=value %}{{ value }}{% endkept %}")
    assert [drawn(template, value=value) for value in range(10)] == [str(n) for n in range(10)]
    node = template.nodelist[0]
    assert isinstance(node, kept.KeptNode) and len(node.drawn) <= 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<b>", mark_safe("<b>")),
        (1, True),
        (1, "1"),
        (1, 1.0),
        (["a"], ["a", "a"]),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (None, ""),
        (Favicon("a", rel="icon"), Favicon("a", rel="shortcut")),
    ],
)
def test_what_is_drawn_differently_is_not_equal(one: Any, other: Any) -> None:
    assert kept.frozen(one) != kept.frozen(other)
    hash((kept.frozen(one), kept.frozen(other)))


def test_a_lazy_text_is_the_text_in_the_language_of_the_reader() -> None:
    word = gettext_lazy("Denials")
    with override("de"):
        german = kept.frozen([word])
    with override("en-gb"):
        assert kept.frozen([word]) == kept.frozen(["Denials"]) != german


def test_nothing_is_kept_by_what_cannot_be_told_from_others() -> None:
    template = Template("{% kept user=user %}{{ user }}{% endkept %}")
    with pytest.raises(TypeError, match="User cannot be kept by"):
        drawn(template, user=User(username="mara"))


def test_what_is_kept_says_by_which_names() -> None:
    with pytest.raises(TemplateSyntaxError, match="with a name each"):
        Template("{% kept title %}{% endkept %}")
