"""Import logs, statuses, licence files and options files of a licence server."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from licenses.alerts import late_data
from licenses.importing import machines, mapping
from licenses.importing.captures import DiskFull
from licenses.importing.files import (
    FORMATS,
    ImportRefused,
    Wanted,
    import_file,
    server_for,
    set_zone,
)
from licenses.importing.jobs import after_import
from licenses.management import asking
from licenses.management.base import DataCommand
from licenses.models import LicenseServer


class Command(DataCommand):
    help = (
        "Import files of a licence server: debug logs, lmstat output, licence files, options "
        "files. Prints one JSON object a file. A second import of the same file changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("server", help="Name of the server; it is made if it is new.")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--kind", choices=LicenseServer.Kind.values, default="flexnet")
        parser.add_argument(
            "--format", choices=FORMATS, help="Recognised from the text if left out."
        )
        parser.add_argument("--zone", help="Zone in which the server prints times.")
        parser.add_argument(
            "--date",
            type=asking.day,
            help="Date of the first line, for a log that has none of its own.",
        )
        parser.add_argument(
            "--machine",
            action="append",
            default=[],
            metavar="NAME",
            help="A machine that the server runs on, whose logs are its own.",
        )
        parser.add_argument(
            "--create-pools", action="store_true", help="Make one pool for each unmapped feature."
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Refuse a server's name that looks like an option as data, and not as a wrong option."""
        known = self.create_parser(argv[0], argv[1])._option_string_actions
        if (
            len(argv) > 2
            and argv[2].startswith("-")
            and argv[2].split("=")[0] not in {*known, "--"}
        ):
            self.stderr.write(
                f"CommandError: Server name {argv[2]!r}: expected letters, digits, blanks, dots or "
                "dashes, starting with a letter or digit."
            )
            sys.exit(1)
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        failed = False
        try:
            missing = [path for path in options["files"] if not path.is_file()]
            if missing:
                raise ImportRefused(f"{missing[0]}: there is no such file.")
            server = server_for(options["server"], kind=options["kind"])
            if note := set_zone(server, options["zone"]):
                self.stderr.write(note)
            for name in options["machine"]:
                machines.confirm(server, name)
        except ImportRefused as error:
            raise CommandError(str(error), returncode=1) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=1) from error
        for path in options["files"]:
            failed |= not self._import(server, path, options)
        if options["create_pools"]:
            mapping.create_pools(server)
        after_import(server)
        late_data.drain(timezone.now())
        if failed:
            raise CommandError("Not every file could be imported.", returncode=1)

    def _import(self, server: LicenseServer, path: Path, options: dict[str, Any]) -> bool:
        wanted = Wanted(
            format=options["format"] or "", date=options["date"], progress=self._progress(path.name)
        )
        try:
            results = import_file(server, path, path.name, wanted)
        except machines.OtherMachine as error:
            self.stderr.write(f"{path.name}: {error} Say so with --machine {error.name}.")
            return False
        except (ImportRefused, DiskFull) as error:
            self.stderr.write(str(error))
            return False
        for result in results:
            self.stdout.write(json.dumps(result.as_dict(server.tzinfo), ensure_ascii=False))
        return True

    def _progress(self, name: str) -> Any:
        shown = -1

        def show(done: int, total: int) -> None:
            nonlocal shown
            percent = done * 100 // max(total, 1)
            if sys.stderr.isatty() and percent != shown:
                shown = percent
                self.stderr.write(f"\r{name}: {percent} %", ending="")

        return show
