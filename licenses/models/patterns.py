"""Patterns for names of people and machines: `*` stands for any characters, `?` for one."""

from __future__ import annotations

import re
from collections.abc import Callable

from .inventory import normalized_name


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a test of whether a whole name fits a pattern; case and outer blanks are ignored.

    pattern:  `*` any number of characters, none included; `?` exactly one; all else itself.

    The pieces between the stars are looked for from left to right and never again, so a test
    takes at most the length of the name times that of the pattern: no pattern is a trap.
    """
    first, *rest = normalized_name(pattern).split("*")
    if not rest:
        whole = _piece(first)
        return lambda name: whole.fullmatch(normalized_name(name)) is not None
    head, inner, tail = _piece(first), [_piece(piece) for piece in rest[:-1] if piece], rest[-1]
    last = _piece(tail)

    def fits(name: str) -> bool:
        text = normalized_name(name)
        found = head.match(text)
        if found is None:
            return False
        place, end = found.end(), len(text) - len(tail)
        for piece in inner:
            found = piece.search(text, place)
            if found is None:
                return False
            place = found.end()
        return place <= end and last.match(text, end) is not None

    return fits


def _piece(text: str) -> re.Pattern[str]:
    """Return a piece without stars: a fixed number of characters, so it cannot match in two ways
    from one place."""
    return re.compile("".join("." if sign == "?" else re.escape(sign) for sign in text), re.DOTALL)
