"""Placeholder of the FlexNet connector: the address grammar alone."""

from __future__ import annotations

import re

_MEMBER = re.compile(r"(\d{1,5})@([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)")


def validate_address(text: str) -> tuple[int, str]:
    members = text.split(",")
    if len(members) not in (1, 3):
        raise ValueError(f"{text!r}: expected port@host or three of them joined by commas")
    for member in members:
        if not (match := _MEMBER.fullmatch(member)):
            raise ValueError(f"{member!r}: expected port@host such as 27000@license.example.com")
    match = _MEMBER.fullmatch(members[0])
    assert match
    return int(match[1]), match[2]
