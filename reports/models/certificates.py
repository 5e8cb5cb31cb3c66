"""The certificates of our own that signed reports carry."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from licenses.models.fields import EncryptedField


class SigningCertificate(models.Model):
    """A key that signs reports, and its certificate. The oldest that still holds is used.

    key: PKCS #8 as DER in base 64, encrypted as other secrets of the database are.
    """

    certificate = models.TextField(
        help_text=gettext_lazy("PEM, as those get it who are to trust it.")
    )
    key = EncryptedField(editable=False)
    sha256 = models.CharField(
        max_length=64, unique=True, help_text=gettext_lazy("Of the certificate.")
    )
    valid_until = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.sha256[:16]
