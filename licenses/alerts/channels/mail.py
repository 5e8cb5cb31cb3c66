"""Mail, through whatever backend the settings name."""

from __future__ import annotations

import smtplib
from email.header import Header
from email.utils import parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMessage
from django.core.validators import validate_email
from django.db import DatabaseError
from django.utils.translation import gettext

from licenses.models import Channel

from .base import Message, SendError


def recipients(channel: Channel) -> list[str]:
    """Return the addresses, each once: nobody sees who else is told."""
    parts = (part.strip() for part in channel.target.replace(";", ",").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def check(target: str) -> None:
    """Refuse a list in which something is no mail address."""
    addresses = recipients(Channel(target=target))
    if not addresses:
        raise ValueError(gettext("Expected at least one mail address."))
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError as error:
            raise ValueError(
                gettext("%(address)s is no mail address.") % {"address": repr(address)}
            ) from error


def _subject(text: str) -> str:
    """Return a subject that shows as it is: what looks like an encoded word (RFC 2047) would be
    decoded by whoever reads it, and ASCII is sent as it is."""
    if "=?" not in text:
        return text
    return Header(text, "utf-8").encode().replace("\n", "")


def send(channel: Channel, message: Message) -> None:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<{message.key}@{domain}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: nothing answers it automatically
    }
    if message.thread:
        headers["References"] = f"<{message.thread}@{domain}>"
    mail = EmailMessage(
        subject=_subject(message.subject),
        body=message.body,
        to=[message.recipient],
        headers=headers,
    )
    for file in message.attachments:
        mail.attach(file.name, file.content, file.kind)
    try:
        taken = mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()), (0, b""))[0]
        raise SendError(
            gettext("The mail server refused the address (code %(code)s).") % {"code": code}
        ) from error
    except smtplib.SMTPResponseException as error:
        raise SendError(
            gettext("The mail server refused the mail (code %(smtp_code)s).")
            % {"smtp_code": error.smtp_code}
        ) from error
    except (smtplib.SMTPException, OSError, DatabaseError, BadHeaderError, ValueError) as error:
        raise SendError(
            gettext("The mail was not taken: %(name)s.") % {"name": type(error).__name__}
        ) from error
    if not taken:
        raise SendError(gettext("The mail was not taken."))
