"""Check the sealed evidence, and look after the key that signs it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from licenses.evidence import anchors, keys, nightly, selfcheck, stock
from licenses.management.base import DataCommand
from licenses.models import EvidenceDay, EvidenceKey


class Command(DataCommand):
    help = (
        "check: compute everything again, and exit with 1 where something does not fit; the alert "
        "on the evidence follows it. head: print the newest signed head, which is an anchor once "
        "somebody else keeps it. keys: print the public keys. new-key: let a new key take over. "
        "accept: set aside heads of a state that was lost, and let changes count of which no entry "
        "tells, with a reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("check")
        what.add_parser("head")
        what.add_parser("keys")
        new = what.add_parser("new-key")
        new.add_argument("--lost", action="store_true", help="The old key is gone: begin anew.")
        accept = what.add_parser("accept")
        accept.add_argument(
            "--reason",
            required=True,
            help="Stands in the evidence for ever, and nowhere else: name nobody in it.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, "_" + options["what"].replace("-", "_"))(options)
        except keys.KeyLost as error:
            raise CommandError(str(error)) from error

    def _check(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        problems = selfcheck.check(now)
        nightly.note(problems, now, selfcheck.looked_at(now))
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} things do not fit.")
        self.stdout.write(f"OK {EvidenceDay.objects.count()} days; {anchors.sentence()}")

    def _head(self, options: dict[str, Any]) -> None:
        last = EvidenceDay.objects.order_by("number").last()
        if last is None:
            raise CommandError("No day is sealed yet.")
        self.stdout.write(last.checkpoint, ending="")

    def _keys(self, options: dict[str, Any]) -> None:
        keys.signer()
        for row in EvidenceKey.objects.order_by("pk"):
            self.stdout.write(f"{row.public}  since {row.recorded_at:%Y-%m-%d}")

    def _new_key(self, options: dict[str, Any]) -> None:
        self.stdout.write(keys.new_key(lost=options["lost"]).public)

    def _accept(self, options: dict[str, Any]) -> None:
        count = selfcheck.accept(options["reason"], getpass.getuser())
        self.stdout.write(f"{count} heads set aside.")
        changes = stock.accept(options["reason"], getpass.getuser())
        if changes:
            self.stdout.write(f"{changes} silent changes of pools and servers accepted.")
        if count or changes:
            now = timezone.now()
            problems = selfcheck.check(now, everything=False)
            nightly.note(problems, now, selfcheck.looked_at(now, everything=False))
