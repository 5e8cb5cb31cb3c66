"""Bring the catalogue of translations up to date with the sources; docs/translation.md."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations

from itam import catalog


class Command(BaseCommand):
    help = (
        "Writes what the sources say into locale/de, keeps what is translated, compiles it, and"
        " lists what is still to be translated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit 1 where something is missing"
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        path = catalog.po_path()
        old = catalog.read(path) if path.exists() else {}
        entries = catalog.merged(old, catalog.extract(settings.BASE_DIR))
        open_entries = [entry for entry in entries if not entry.done]
        if not options["check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(catalog.write(entries), encoding="utf-8")
            path.with_suffix(".mo").write_bytes(catalog.compiled(entries))
        for entry in open_entries:
            self.stdout.write(repr(entry.message.text))
        self.stderr.write(f"{len(entries)} messages, {len(open_entries)} to translate")
        if options["check"] and (open_entries or set(old) != {each.message for each in entries}):
            raise CommandError("The catalogue is not complete: run `manage.py messages`.")
