"""Write all that is on record about one person into a file."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from licenses.evidence import person_data
from licenses.importing.erasure_names import find_person
from licenses.management import asking
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = "Write all that is on record about one person into a new file, for a request of access."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="Login or pseudonym.")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE.json")

    def handle(self, *args: Any, **options: Any) -> None:
        person = find_person(options["person"])
        if person is None:
            raise CommandError("Nobody is known by that login or pseudonym.", returncode=1)
        try:
            handle = os.open(options["output"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}.", returncode=1) from error
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(asking.as_json(person_data.collect(person)) + "\n")
