"""Signed webhooks: one JSON object by POST.

    Idempotency-Key:  the same for every try of one message
    X-Itam-Timestamp: epoch seconds of the try
    X-Itam-Signature: v1=hex(HMAC-SHA256(secret, timestamp + "." + body))

The receiver computes the same over the raw body, compares in constant time, and refuses old
timestamps.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from django.conf import settings
from django.utils.translation import gettext

from licenses.alerts import egress
from licenses.models import Channel

from .base import Message, SendError


def policy() -> egress.Policy:
    """Return what the operator allows beyond the public network."""
    return egress.Policy.parse(settings.ITAM_EGRESS_ALLOW, settings.ITAM_EGRESS_PORTS)


def recipients(channel: Channel) -> list[str]:
    """Return scheme and host alone: the path of a webhook is often its password."""
    try:
        url = egress.check_url(channel.target, policy())
    except egress.Refused:
        return [channel.name]
    return [f"{url.scheme}://{url.netloc.decode('ascii')}"]


def check(target: str) -> None:
    """Refuse what can never be sent to. Where the name leads is checked at each sending."""
    try:
        egress.check_url(target, policy())
    except egress.Refused as error:
        raise ValueError(str(error)) from error


def signature(secret: str, timestamp: int, body: bytes) -> str:
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def payload(message: Message) -> bytes:
    """Return the JSON body. `text` lets chat programs show it as it is."""
    values = {
        **message.data,
        "key": str(message.key),
        "transition": message.transition,
        "subject": message.subject,
        "text": f"{message.subject}\n\n{message.body}",
    }
    return json.dumps(values, ensure_ascii=True, sort_keys=True).encode()


def send(channel: Channel, message: Message) -> None:
    body = payload(message)
    timestamp = int(message.at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "itam-webhook/1",
        "Accept-Encoding": "identity",
        "Idempotency-Key": str(message.key),
        "X-Itam-Timestamp": str(timestamp),
    }
    if channel.secret:
        headers["X-Itam-Signature"] = signature(channel.secret, timestamp, body)
    try:
        status = egress.post(channel.target, body, headers, policy())
    except egress.Refused as error:
        raise SendError(gettext("Not sent: %(error)s") % {"error": error}) from error
    except egress.Unreachable as error:
        raise SendError(gettext("No answer: %(error)s") % {"error": error}) from error
    if not 200 <= status < 300:
        raise SendError(
            gettext("The receiver answered with status %(status)s; expected 2xx.")
            % {"status": status}
        )
