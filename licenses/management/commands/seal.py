"""Seal the evidence of all days that are over."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from licenses.evidence import anchors, keys, nightly, selfcheck, stock
from licenses.evidence import seal as sealing
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Seal what was recorded on the days that are over and sign the head of all days. The "
        "scheduler does so each night; a second run changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            restored = nightly.roll_back(now)
            silent = stock.tell_all()
            days = sealing.seal(now)
            anchors.to_file(now)
        except (keys.KeyLost, sealing.SealRefused, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        for row in days:
            self.stdout.write(f"{row.line}")
        if not days:
            self.stdout.write("Every day that is over is sealed.")
        if restored or silent:
            # As it reads now, too, so that the night does not write it down once more.
            nightly.note([*restored, *selfcheck.roll_back(), *silent], now, 0)
            raise CommandError(" ".join([*restored, *silent]))
