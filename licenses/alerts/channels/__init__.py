"""How messages leave: one module a kind, one line each here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from django.conf import settings
from django.utils.translation import override

from licenses.models import Channel

from . import mail, webhook
from .base import Message, SendError

__all__ = ["KINDS", "Message", "SendError", "recipients", "send", "spoken"]


class Kind(Protocol):
    def recipients(self, channel: Channel) -> list[str]:
        """Return who gets a message of this channel; each gets one of their own.

        Shown to people: no secrets.
        """

    def check(self, target: str) -> None:
        """Raise ValueError with a sentence for a person where the target cannot work."""

    def send(self, channel: Channel, message: Message) -> None:
        """Hand the message over.

        Returns only when the other side took it; raises SendError otherwise.
        """


KINDS: dict[str, Kind] = {
    Channel.Kind.MAIL: mail,
    Channel.Kind.WEBHOOK: webhook,
}


@contextmanager
def spoken(channel: Channel) -> Iterator[None]:
    """Say what is said meanwhile in the language of a channel; where it has none, in that of the
    installation."""
    with override(channel.language or settings.LANGUAGE_CODE):
        yield


def recipients(channel: Channel) -> list[str]:
    return KINDS[channel.kind].recipients(channel)


def send(channel: Channel, message: Message) -> None:
    KINDS[channel.kind].send(channel, message)
