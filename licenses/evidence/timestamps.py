"""Time stamps as RFC 3161 has them: requests for a signed head, and what the authority answers.

The authority learns a hash and nothing else. That its answer is about that hash is looked at here;
its signature is for whoever gets a pack to check, with the authority's own certificates, as we
would vouch for ourselves otherwise.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from asn1crypto import cms, core, tsp

CONTENT_TYPE = "application/timestamp-query"
MOST_BYTES = 65_536


class _Answer(core.Sequence):
    """An answer with or without a token; the library knows none without."""

    _fields = [("status", tsp.PKIStatusInfo), ("token", core.Any, {"optional": True})]


class NotStamped(ValueError):
    """The answer is no time stamp of what was asked; the message says why."""


def request(checkpoint: str, nonce: int) -> bytes:
    """Return the request, DER, for the SHA-256 of a head. nonce: at random, so that no old answer
    can be given."""
    wanted = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(checkpoint.encode()).digest(),
            },
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return bytes(wanted.dump())


def stamped_at(answer: bytes, checkpoint: str, nonce: int | None = None) -> datetime:
    """Return the moment that an answer states for a head. Raises NotStamped where the authority
    refused, or stamped something else.

    nonce: that of the request; None: whatever it was.
    """
    try:
        status = _Answer.load(answer, strict=True)["status"]["status"].native
        if status not in ("granted", "granted_with_mods"):
            raise NotStamped(f"The authority answers {status!r}: expected 'granted'.")
        found = tsp.TimeStampResp.load(answer, strict=True)
        signed: cms.SignedData = found["time_stamp_token"]["content"]
        info: tsp.TSTInfo = signed["encap_content_info"]["content"].parsed
        imprint = info["message_imprint"]
        method = imprint["hash_algorithm"]["algorithm"].native
        digest, said, at = imprint["hashed_message"].native, info["nonce"].native, info["gen_time"]
    except NotStamped:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotStamped(f"The answer cannot be read: {error}"[:200]) from error
    if (method, digest) != ("sha256", hashlib.sha256(checkpoint.encode()).digest()):
        raise NotStamped("The authority stamped something else than the head.")
    if nonce is not None and said != nonce:
        raise NotStamped("The answer is to another request: the nonce differs.")
    moment = at.native
    if not isinstance(moment, datetime):
        raise NotStamped("The answer states no time.")
    return moment
