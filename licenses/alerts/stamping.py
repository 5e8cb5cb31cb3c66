"""Signed heads of the evidence, stamped by a time-stamping authority: anchors. Off by default."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime

from django.conf import settings

from licenses.evidence import anchors, timestamps
from licenses.models import EvidenceAnchor, EvidenceDay

from . import egress

logger = logging.getLogger(__name__)


def stamp(now: datetime) -> EvidenceAnchor | None:
    """Have the newest head stamped by ITAM_EVIDENCE_TSA, once; return the anchor.

    None where there is nothing to stamp, or the authority gave no stamp; that is logged. The next
    night's head is of the same days and one more, so its stamp makes up for it.
    """
    url, last = settings.ITAM_EVIDENCE_TSA, EvidenceDay.objects.order_by("number").last()
    if not url or last is None:
        return None
    known = EvidenceAnchor.objects.filter(kind=EvidenceAnchor.Kind.STAMP, size=last.number)
    if known.filter(place=url).exists():
        return None
    try:
        token = _ask(url, last.checkpoint)
    except (egress.Refused, egress.Unreachable, timestamps.NotStamped) as error:
        logger.warning("No time stamp of the evidence from %s: %s", url, error)
        return None
    kind = EvidenceAnchor.Kind.STAMP
    return anchors.record(kind, url, last.number, last.checkpoint, now, token)


def _ask(url: str, checkpoint: str) -> bytes:
    nonce = secrets.randbits(63)
    policy = egress.Policy.parse(settings.ITAM_EGRESS_ALLOW, settings.ITAM_EGRESS_PORTS)
    headers = {"Content-Type": timestamps.CONTENT_TYPE}
    asked = timestamps.request(checkpoint, nonce)
    status, answer = egress.exchange(url, asked, headers, policy, most=timestamps.MOST_BYTES)
    if status != 200:
        raise egress.Unreachable(f"the authority answers with status {status}")
    timestamps.stamped_at(answer, checkpoint, nonce)
    return answer
