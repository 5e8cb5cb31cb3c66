"""What a channel is given and how it says that it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


class SendError(Exception):
    """The message was not taken.

    Shown in the delivery log, so it holds no secret and nothing the other side wrote.
    """


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail. kind: its media type."""

    name: str
    content: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient.

    key:    the same for every try, so that the other side can tell a repetition.
    thread: alert that it belongs to; mail programs put its messages together.
    data:   the same for programs.
    at:     when it is sent.
    """

    key: UUID
    recipient: str
    subject: str
    body: str
    data: Mapping[str, Any]
    transition: str
    at: datetime
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()
