"""What a refusal means for the business: the class of each lm_errno.

Only the number counts; the text differs between versions. Numbers up to -52 and their texts are
from the vendor's list
of error codes (2024 R1), the rarer ones above from code headers met in public repositories.
"""

from __future__ import annotations

from enum import StrEnum


class DenialClass(StrEnum):
    """Why a request was refused. Only the first two argue for buying seats."""

    NO_SEAT = "no_seat"
    REQUEST_TOO_LARGE = "request_too_large"
    QUEUED = "queued"
    POLICY = "policy"
    NOT_LICENSED = "not_licensed"
    LICENSE_CONTENT = "license_content"
    SERVER_OR_NETWORK = "server_or_network"
    CLOCK = "clock"
    REMOTE_SESSION = "remote_session"
    ADMINISTRATION = "administration"
    OTHER = "other"


CAPACITY = frozenset({DenialClass.NO_SEAT, DenialClass.REQUEST_TOO_LARGE})
"""The classes that more seats would have helped."""

WORDING = {
    DenialClass.NO_SEAT: "All seats were in use",
    DenialClass.REQUEST_TOO_LARGE: "More seats were asked for at once than there are",
    DenialClass.QUEUED: "Others were waiting already",
    DenialClass.POLICY: "Withheld by the options file or a vendor's rule; seats may have been free",
    DenialClass.NOT_LICENSED: "Not licensed, or not in this version",
    DenialClass.LICENSE_CONTENT: "The licence is expired, damaged or made for another machine",
    DenialClass.SERVER_OR_NETWORK: "The server or the network did not answer",
    DenialClass.CLOCK: "The clocks of client and server differ",
    DenialClass.REMOTE_SESSION: "Not allowed in a remote session",
    DenialClass.ADMINISTRATION: "An administrative request was refused",
    DenialClass.OTHER: "Another reason",
}
"""One sentence for a person, without its full stop."""

_CODES = {
    DenialClass.NO_SEAT: (-4,),
    DenialClass.REQUEST_TOO_LARGE: (-26,),
    DenialClass.QUEUED: (-24, -35),
    DenialClass.POLICY: (-38, -39, -87, -101, -53, -73, -67, -108, -104, -84),
    DenialClass.NOT_LICENSED: (-5, -18, -25, -21, -83, -93),
    DenialClass.LICENSE_CONTENT: (-1, -2, -3, -8, -9, -10, -11, -31, -36, -37, -89, -92),
    DenialClass.SERVER_OR_NETWORK: (
        *(-6, -7, -12, -13, -14, -15, -16, -17, -20, -52, -96, -97, -106),
    ),
    DenialClass.CLOCK: (-34, -88),
    DenialClass.REMOTE_SESSION: (-103,),
    DenialClass.ADMINISTRATION: (-22, -63, -64, -68, -100),
}
_BY_CODE = {code: each for each, codes in _CODES.items() for code in codes}

_BY_TEXT = (
    ("licensed number of users already reached", DenialClass.NO_SEAT),
    ("request for more licenses than", DenialClass.REQUEST_TOO_LARGE),
    ("users are queued", DenialClass.QUEUED),
    ("exclude list", DenialClass.POLICY),
    ("include list", DenialClass.POLICY),
    ("no such feature", DenialClass.NOT_LICENSED),
    ("does not support this version", DenialClass.NOT_LICENSED),
    ("feature has expired", DenialClass.LICENSE_CONTENT),
)


def classify(code: int | None, reason: str) -> DenialClass:
    """Return the class of a refusal, by its number; by the text only where the line gives no
    number."""
    if code is not None:
        return _BY_CODE.get(code, DenialClass.OTHER)
    text = reason.lower()
    return next((found for words, found in _BY_TEXT if words in text), DenialClass.OTHER)
