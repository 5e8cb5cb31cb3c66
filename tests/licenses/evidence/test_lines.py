"""Lines of entries put together by column: those that they would be one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from licenses.evidence.entries import canonical, draft
from licenses.evidence.lines import Columns, written

WORDS = {1: "checkout", 2: "checkin"}
TAIL = ',"recorded_at":1796002428,"source":"capture:0","stream":"server/1/2","v":1}\n'
MOMENTS = (-1, -86_400, 0, 5, 9, 10, 999_999_999, 1_000_000_000, 1_796_002_428, 10**11)


def alone(body: dict[str, object], at: int, kind: int, number: int) -> str:
    return f"{draft(WORDS[kind], at, body)}{number}{TAIL}"


@pytest.mark.parametrize("first", [1, 8, 95, 999_990, 10**9 - 3])
def test_lines_by_column_are_those_that_drafts_make(first: int) -> None:
    chance = random.Random(first)
    for count in (1, 2, 30):
        bodies = [
            {"daemon": chance.choice(["a", 'b"c']), "feature": chance.choice(["f", "größe", "\\"])}
            for _ in range(count)
        ]
        at = [chance.choice(MOMENTS) for _ in range(count)]
        kind = [chance.choice([1, 2]) for _ in range(count)]
        expected = "".join(
            alone(body, moment, word, number)
            for number, (body, moment, word) in enumerate(zip(bodies, at, kind, strict=True), first)
        )
        starts = [f'{{"body":{{"daemon":{canonical(body["daemon"])},' for body in bodies]
        rests = [f'"feature":{canonical(body["feature"])}}},"event_time":' for body in bodies]
        pieces = [[each.encode() for each in piece] for piece in (starts, rests)]
        columns = Columns(pieces, np.array(at), np.array(kind), WORDS)
        found = written(columns, first, TAIL.encode(), behind="vorher é\n".encode())
        assert found.decode() == f"vorher é\n{expected}"
