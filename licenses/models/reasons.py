"""What counts as a reason that somebody gave."""

from __future__ import annotations

BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"
"""Letters by Unicode's word, that show nothing."""


def has_words(text: str) -> bool:
    """Tell whether a text has a letter that shows: a number alone tells others no reason."""
    return any(each.isalpha() and each not in BLANK_LETTERS for each in text)


def says_something(text: str) -> bool:
    """Tell whether a text has a letter or digit that shows: what nobody can read is no reason."""
    return any(each.isalnum() and each not in BLANK_LETTERS for each in text)
