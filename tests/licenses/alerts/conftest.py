"""A small company whose licence servers say what a test tells them to."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail

from licenses.alerts import evaluation, outbox
from licenses.models import (
    Alert,
    AlertRule,
    Channel,
    LicensePool,
    LicenseServer,
    Notification,
    PollState,
    PoolNow,
)
from tests.factories import FeatureFactory, PoolFactory, ServerFactory

T0 = 1_789_997_600
"""Second 0 of every story: 2026-09-21 13:33:20 UTC."""


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(T0 + second, UTC)


class Company:
    """Pools of 10 seats with a server each, a rule at 90 percent, and one reader by mail."""

    def __init__(self) -> None:
        self.channel = Channel.objects.create(
            name="Managers", kind=Channel.Kind.MAIL, target="asset.manager@example.test"
        )
        self.rule = self.add_rule("nearly full", AlertRule.Kind.USE_PERCENT)

    def add_rule(self, name: str, kind: str, **values: Any) -> AlertRule:
        values.setdefault("repeat_seconds", 0)
        rule = AlertRule.objects.create(name=name, kind=kind, **values)
        rule.channels.add(self.channel)
        return rule

    def add_server(self, **values: Any) -> LicenseServer:
        values = {"polling": "file", "status_path": "/status", "poll_seconds": 300} | values
        server = ServerFactory(**values)
        LicenseServer.objects.filter(pk=server.pk).update(recorded_at=moment(-86400))
        return LicenseServer.objects.get(pk=server.pk)

    def add_pool(
        self, name: str, server: LicenseServer | None = None, **values: Any
    ) -> LicensePool:
        pool = PoolFactory(name=name, **values)
        FeatureFactory(server=server or self.add_server(), pool=pool)
        return pool

    def sample(self, pool: LicensePool, second: int, in_use: int | None, **values: Any) -> None:
        """Let the pool's servers answer at that second, with so many seats in use."""
        figures = {"limit": 10, "allowed": 10, "source": "polls"} | values
        PoolNow.objects.update_or_create(
            pool=pool, defaults={"at": moment(second), "in_use": in_use, **figures}
        )
        for server in LicenseServer.objects.filter(features__mappings__pool=pool):
            self.answer(server, second)

    def answer(self, server: LicenseServer, second: int, attempt: int | None = None) -> None:
        PollState.objects.update_or_create(
            server=server,
            defaults={
                "last_parsed_at": moment(second),
                "last_attempt_at": moment(second if attempt is None else attempt),
            },
        )

    def evaluate(self, second: int) -> evaluation.Summary:
        return evaluation.evaluate(moment(second))

    def deliver(self, second: int) -> int:
        return outbox.deliver(moment(second))

    def story(self, pool: LicensePool, values: list[int | None], begin: int = 0) -> int:
        """Play samples 300 s apart (None: no answer), delivering in between; return the end."""
        second = begin
        for number, value in enumerate(values):
            second = begin + number * 300
            if value is not None:
                self.sample(pool, second, value)
            for later in (0, 40, 150):
                self.evaluate(second + later + 5)
                self.deliver(second + later + 6)
        return second + 300

    def fire(self, pool: LicensePool, begin: int = 0, in_use: int = 9) -> Alert:
        """Let the pool be nearly full in two answers, without delivering; return the alert."""
        for second in (begin, begin + 300):
            self.sample(pool, second, in_use)
            self.evaluate(second + 5)
        return Alert.objects.get(pool=pool, rule=self.rule, state="firing")

    def subjects(self) -> list[str]:
        return [message.subject for message in mail.outbox]

    def waiting(self) -> list[Notification]:
        return list(Notification.objects.filter(state="waiting").order_by("pk"))


@pytest.fixture
def company(db: None) -> Company:
    mail.outbox.clear()
    return Company()


@pytest.fixture
def receiver():
    """Answer one request after another with a status, and keep them."""

    class Receiver:
        def __init__(self) -> None:
            self.status = b"200 OK"
            self.requests: list[bytes] = []
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}/hook?token=secret"
            self.thread = threading.Thread(target=self.serve, daemon=True)
            self.thread.start()

        def serve(self) -> None:
            while True:
                try:
                    connection, _address = self.socket.accept()
                except OSError:
                    return
                with connection:
                    self.requests.append(self.read(connection))
                    reply = b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 6\r\n\r\nhidden"
                    connection.sendall(reply)

        def read(self, connection: socket.socket) -> bytes:
            text = b""
            while b"\r\n\r\n" not in text or not (
                text.endswith(b"}") or b"Content-Length: 0\r" in text
            ):
                text += connection.recv(65536)
            return text

    server = Receiver()
    yield server
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()
    server.thread.join(10)
