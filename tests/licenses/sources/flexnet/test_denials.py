from __future__ import annotations

import pytest

from licenses.sources.flexnet.denials import CAPACITY, WORDING, DenialClass, classify


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (-4, DenialClass.NO_SEAT),
        (-26, DenialClass.REQUEST_TOO_LARGE),
        (-24, DenialClass.QUEUED),
        (-35, DenialClass.QUEUED),
        (-38, DenialClass.POLICY),
        (-39, DenialClass.POLICY),
        (-87, DenialClass.POLICY),
        (-101, DenialClass.POLICY),
        (-5, DenialClass.NOT_LICENSED),
        (-25, DenialClass.NOT_LICENSED),
        (-10, DenialClass.LICENSE_CONTENT),
        (-15, DenialClass.SERVER_OR_NETWORK),
        (-97, DenialClass.SERVER_OR_NETWORK),
        (-34, DenialClass.CLOCK),
        (-103, DenialClass.REMOTE_SESSION),
        (-63, DenialClass.ADMINISTRATION),
        (-9999, DenialClass.OTHER),
        (4, DenialClass.OTHER),
    ],
)
def test_the_number_decides(code: int, expected: DenialClass) -> None:
    assert classify(code, "Licensed number of users already reached.") is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Licensed number of users already reached", DenialClass.NO_SEAT),
        ("User/host on EXCLUDE list for feature", DenialClass.POLICY),
        ("", DenialClass.OTHER),
    ],
)
def test_without_a_number_the_text_decides(reason: str, expected: DenialClass) -> None:
    assert classify(None, reason) is expected


def test_only_full_pools_argue_for_buying() -> None:
    assert {DenialClass.NO_SEAT, DenialClass.REQUEST_TOO_LARGE} == CAPACITY


def test_every_class_has_its_words() -> None:
    assert set(WORDING) == set(DenialClass)
