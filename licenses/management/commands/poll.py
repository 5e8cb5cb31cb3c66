"""Ask licence servers now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from licenses.importing import polling
from licenses.management.base import DataCommand
from licenses.models import LicenseServer


class Command(DataCommand):
    help = "Ask licence servers now, whether due or not. Prints one JSON object a server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("servers", nargs="*", metavar="SERVER", help="Names; all if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        servers = LicenseServer.objects.filter(enabled=True)
        names = options["servers"]
        if names:
            servers = servers.filter(name__in=names)
            known = set(servers.values_list("name", flat=True))
            if unknown := [name for name in names if name not in known]:
                raise CommandError(
                    f"There is no enabled server named {unknown[0]!r}.", returncode=1
                )
            off = servers.filter(polling=LicenseServer.Polling.OFF).first()
            if off is not None:
                raise CommandError(
                    f"Server {off.name} is not polled: set its polling first.", returncode=1
                )
        ids = list(servers.exclude(polling=LicenseServer.Polling.OFF).values_list("pk", flat=True))
        captures = polling.poll(ids, force=True)
        for server in servers.filter(pk__in=ids):
            capture = captures.get(server.pk)
            answer = {"server": server.name, "result": "busy", "detail": "Somebody else is asking."}
            if capture is not None:
                answer = {
                    "server": server.name,
                    "result": capture.result,
                    "detail": capture.detail,
                    "unreadable_count": capture.unreadable_count,
                    "new": capture.new,
                    "duration_ms": capture.duration_ms,
                }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        if any(capture.result != "parsed" for capture in captures.values()):
            raise CommandError("Not every server gave a complete answer.", returncode=1)
