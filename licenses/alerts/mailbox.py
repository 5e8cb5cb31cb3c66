"""The mailbox:

mails kept in the database and shown in the admin, for as long as no mail server is set up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.db import DatabaseError, transaction

from licenses.models import MailboxMessage

logger = logging.getLogger(__name__)


def keep(
    *, sender: str, recipients: Sequence[str], subject: str, body: str, message_id: str = ""
) -> MailboxMessage:
    """Put one mail into the mailbox; one that is there, by its Message-ID, is left as it is."""
    values = {
        "sender": sender[:300],
        "recipients": ", ".join(recipients)[:1000],
        "subject": subject[:300],
        "body": body,
    }
    if not message_id:
        return MailboxMessage.objects.create(**values)
    known = MailboxMessage.objects.filter(message_id=message_id[:200]).first()
    return known or MailboxMessage.objects.create(message_id=message_id[:200], **values)


class MailboxBackend(BaseEmailBackend):
    """A Django mail backend that delivers into the mailbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep each mail and return how many were kept.

        One that fails does not take the others with it.
        """
        kept = 0
        for message in email_messages:
            try:
                with transaction.atomic():
                    keep(**_fields(message))
            except DatabaseError:
                logger.exception("A mail could not be put into the mailbox")
                if not self.fail_silently:
                    raise
            else:
                kept += 1
        return kept


def _fields(message: EmailMessage) -> dict[str, Any]:
    headers = {name.lower(): str(value) for name, value in message.extra_headers.items()}
    return {
        "sender": message.from_email,
        "recipients": message.recipients(),
        "subject": " ".join(str(message.subject).split()),
        "body": str(message.body),
        "message_id": headers.get("message-id", ""),
    }
