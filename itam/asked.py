"""Numbers that addresses ask for, which anybody can write as they like."""

from __future__ import annotations

from typing import Final

from django.db.models import BigIntegerField

BIGGEST_ID: Final = BigIntegerField.MAX_BIGINT


def asked_id(text: object) -> int | None:
    """Return the id that a text is; None for what is no id that a row could have."""
    written = str(text)
    if not (written.isascii() and written.isdecimal()) or is_beyond(written):
        return None
    return int(written)


def is_beyond(text: str) -> bool:
    """Tell whether a text is a number that no database can be asked about."""
    try:
        return abs(int(text)) > BIGGEST_ID
    except ValueError:  # no number, or thousands of digits
        return len(text) > 4_000
