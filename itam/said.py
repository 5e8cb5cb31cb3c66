"""Words that were said in one language and can be said again in another.

Numbers are compared, sealed and read by programs in English, and the paper that shows them is in
the language of the installation. Both come from one reading of the facts: what has words keeps how
they are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any


class Said(str):
    """A text in the language in which it was made; `again` gives it in the present one."""

    __slots__ = ("_say",)
    _say: Callable[[], str]

    def again(self) -> str:
        return self._say()

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def said(say: Callable[..., Any], *values: Any) -> Said:
    """Return what a function makes of some values, so that it can be said again.

    It is kept as long as the text is: let it hold values, and nothing large.
    """
    text = Said(say(*values))
    text._say = lambda: str(say(*map(again, values)))
    return text


def label_of(kind: Callable[[Any], Any], value: Any) -> str:
    """Return the label of a value of some choices."""
    return str(kind(value).label)


def again(value: Any) -> Any:
    """Return a dataset in the present language: all texts in it that can be said again.

    Frozen dataclasses and tuples are gone through; of rows of a class that is `columnar` it is
    known that they hold numbers alone. What holds no such text is returned as it is.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Said):
        return value.again()
    if isinstance(value, tuple):
        if not value or getattr(value[0], "columnar", False):
            return value
        items = [again(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for name in _names(type(value)):
            old = getattr(value, name)
            new = again(old)
            if new is not old:
                changed[name] = new
        return replace(value, **changed) if changed else value
    return value


_PLAIN = frozenset({str, int, bool, type(None), float})


@lru_cache(maxsize=1_024)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init)
