"""What the building blocks say of their own accord, in the language of whoever builds with them.

This folder knows no Django, so whoever prints brings the translation: `with spoken(gettext): ...`.
Without that it is English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_say: ContextVar[Callable[[str], str]] = ContextVar("say", default=str)


def say(text: str) -> str:
    """Return a text of a building block as the report's language has it."""
    return _say.get()(text)


@contextmanager
def spoken(translate: Callable[[str], str]) -> Iterator[None]:
    """Let building blocks speak through *translate* for a while, in this thread."""
    token = _say.set(translate)
    try:
        yield
    finally:
        _say.reset(token)
