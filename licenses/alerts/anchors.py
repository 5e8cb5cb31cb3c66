"""Signed heads of the evidence by mail, each month, to people who keep them: anchors.

A mail counts as an anchor once the mail server took it. One that only lies in our own mailbox,
since no mail server is configured, is none, and is not written.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy

from licenses.evidence import anchors, heads, keys
from licenses.models import Channel, EvidenceAnchor, EvidenceDay, Notification
from licenses.models.stock_names import StockName

from .channels import mail, spoken

_SENT = Notification.objects.filter(transition=Notification.Transition.ANCHOR)
TEXT = gettext_lazy(
    """\
This is the signed head of the evidence of licence use: {size} days up to {day}.

Please keep this mail. With it an auditor can tell that none of these days was changed since: saved
as a file, it is an ANCHOR of  python3 verify.py PACK PUBKEY ANCHOR

The public key: {public}

{checkpoint}
"""
)


def send(now: datetime) -> int:
    """Write the newest head to everybody in ITAM_EVIDENCE_MAIL who got none this month yet; return
    how many messages were written. What the mail server took meanwhile becomes an anchor."""
    _record_sent(now)
    last = EvidenceDay.objects.order_by("number").last()
    if last is None or not settings.ITAM_EVIDENCE_MAIL or not settings.EMAIL_HOST:
        return 0
    mail.check(settings.ITAM_EVIDENCE_MAIL)
    channel, _created = Channel.objects.update_or_create(
        name=StockName.EVIDENCE_HEADS,
        defaults={"kind": "mail", "target": settings.ITAM_EVIDENCE_MAIL},
    )
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    told = set(
        _SENT.filter(channel=channel, recorded_at__gte=month).values_list("recipient", flat=True)
    )
    public = keys.chain()[-1].public
    with spoken(channel):
        subject = gettext("Keep this: signed head of the licence evidence up to %(day)s")
        text = str(TEXT).format(
            size=last.number,
            day=last.day,
            public=public,
            checkpoint=last.checkpoint.rstrip("\n"),
        )
    rows = [
        Notification(
            transition=Notification.Transition.ANCHOR,
            sequence=last.number,
            channel=channel,
            recipient=who,
            subject=subject % {"day": last.day},
            body=text,
            data={"alerts": []},
            due_at=now,
            recorded_at=now,
        )
        for who in mail.recipients(channel)
        if who not in told
    ]
    Notification.objects.bulk_create(rows)
    return len(rows)


def _record_sent(now: datetime) -> None:
    known = EvidenceAnchor.objects.filter(kind="mail").values_list("place", "size")
    known_already = set(known)
    for row in _SENT.filter(state=Notification.State.SENT).order_by("pk"):
        if (row.recipient, row.sequence) not in known_already:
            anchors.record(
                EvidenceAnchor.Kind.MAIL,
                row.recipient,
                row.sequence,
                heads.FORM.findall(row.body)[0],
                row.sent_at or now,
            )
