"""Which key signs reports: one that the installation was given, or one of its own."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from reports.models import SigningCertificate
from reports.pdf.signing import Identity, NotUsable

YEARS = timedelta(days=3653)
LEAST_LEFT = timedelta(days=30)
"""One of our own is followed by another so long before it ends."""


def identity(now: datetime) -> Identity:
    """Return the key that signs now; an installation without one makes its first here.

    Raises NotUsable where the file of ITAM_REPORT_SIGNING_FILE cannot be read or its certificate
    does not hold: another key in its place would surprise whoever trusts that one.
    """
    path = settings.ITAM_REPORT_SIGNING_FILE
    if path is None:
        return _own(now)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotUsable(f"ITAM_REPORT_SIGNING_FILE cannot be read: {error}.") from error
    found = Identity.from_pkcs12(content, settings.ITAM_REPORT_SIGNING_PASSWORD)
    found.check(now)
    return found


def _own(now: datetime) -> Identity:
    rows = SigningCertificate.objects.filter(valid_until__gt=now + LEAST_LEFT).order_by("pk")
    if not rows.exists():
        name = f"{settings.ITAM_LEGAL_ENTITY or 'Licence management'}: reports"
        made = Identity.new(name, now - timedelta(minutes=5), now + YEARS)
        SigningCertificate.objects.create(
            certificate=made.pem,
            key=base64.b64encode(made.key).decode(),
            sha256=made.fingerprint,
            valid_until=now + YEARS,
        )
    row = rows[0]  # of two made at once the first counts
    certificate = x509.load_pem_x509_certificate(row.certificate.encode())
    return Identity(base64.b64decode(row.key), certificate.public_bytes(Encoding.DER))
