"""The hours of a week are told in words and marks, not by colour alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from licenses.portal.views import LEVELS, day_words

CSS = Path(settings.BASE_DIR) / "static" / "portal" / "portal.css"


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        pytest.param(["free"] * 24, "0–24 a seat was always free", id="alike"),
        pytest.param(
            ["free"] * 9 + ["tight"] * 3 + ["busy"] * 10 + ["unknown"] * 2,
            "0–9 a seat was always free; 9–12 was full at times; 12–22 usually busy;"
            " 22–24 not known",
            id="each-level",
        ),
    ],
)
def test_a_day_is_told_in_runs_of_alike_hours(levels: list[str], said: str) -> None:
    assert day_words(levels) == said


def test_each_level_has_a_mark_of_its_own() -> None:
    marks = dict(re.findall(r'\.h-(\w+)::before \{ content: "(.)"; \}', CSS.read_text()))
    assert set(marks) == set(LEVELS) - {"free"}, "free alone is a plain field"
    assert len(set(marks.values())) == len(marks)
