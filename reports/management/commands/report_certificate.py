"""Print the certificate that signed reports carry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from licenses.management.base import DataCommand
from reports.pdf.signing import NotUsable
from reports.signing_key import identity


class Command(DataCommand):
    help = (
        "Print the certificate of signed reports in PEM, for those who are to trust it. Its "
        "SHA-256 goes to the other output, to be compared by another way."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = identity(timezone.now())
        except NotUsable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(found.pem, ending="")
        self.stderr.write(f"SHA-256 {found.fingerprint}  {found.subject}")
