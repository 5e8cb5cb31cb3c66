"""Forget somebody's name everywhere; use stays under the pseudonym."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from licenses.importing import erasure
from licenses.importing.erasure_names import find_person
from licenses.management import asking
from licenses.management.base import DataCommand


class Command(DataCommand):
    help = (
        "Erase the names of a person from all tables and files of this installation. Cannot be "
        "undone. Prints what was done, and where a name had to stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="Login or pseudonym.")
        parser.add_argument(
            "--reason",
            required=True,
            help="Stands in the evidence for ever, and nowhere else: name nobody in it.",
        )
        parser.add_argument(
            "--despite-hold", action="store_true", help="Erase although a legal hold covers it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = find_person(options["person"])
        if person is None:
            raise CommandError("Nobody is known by that login or pseudonym.", returncode=1)
        try:
            done = erasure.erase(
                person,
                options["reason"],
                known_as=options["person"],
                despite_hold=options["despite_hold"],
            )
        except erasure.Held as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(
            asking.as_json(done._asdict() | {"documents": [row.words for row in done.documents]})
        )
