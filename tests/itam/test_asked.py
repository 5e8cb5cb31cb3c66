from __future__ import annotations

import pytest

from itam.asked import BIGGEST_ID, asked_id


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("7", 7, id="an-id"),
        pytest.param(str(BIGGEST_ID), BIGGEST_ID, id="the-biggest"),
        pytest.param(str(BIGGEST_ID + 1), None, id="beyond-what-a-database-holds"),
        pytest.param("9" * 5_000, None, id="thousands-of-digits"),
        pytest.param("-1", None, id="less-than-none"),
        pytest.param("٣", None, id="digits-of-another-script"),
        pytest.param("seven", None, id="a-word"),
        pytest.param("", None, id="nothing"),
        pytest.param(None, None, id="not-given"),
    ],
)
def test_what_an_address_names_is_an_id_or_none(text: object, number: int | None) -> None:
    assert asked_id(text) == number
