"""The evidence log: what was learned, in order, never changed.

Entries are lines of canonical JSON, numbered within their stream without a hole, and stored a chunk
at a time as one
compressed block, in the transaction that learned them.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class EvidenceStream(models.Model):
    """One sequence of numbered entries: a licence server's, a contract's, or the installation's."""

    class Kind(models.TextChoices):
        SERVER = "server", "licence server"
        CONTRACT = "contract", "contract"
        INSTALLATION = "installation", "installation"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    next_number = models.PositiveBigIntegerField(default=1)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EvidenceBlock(models.Model):
    """The entries `first` to `last` of a stream, as zlib-compressed lines. Append-only: the
    database refuses changes."""

    stream = models.ForeignKey(EvidenceStream, on_delete=models.PROTECT, related_name="blocks")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    recorded_at = models.DateTimeField(default=timezone.now, db_index=True)
    sha256 = models.CharField(max_length=64, help_text="Of the uncompressed lines.")
    size = models.PositiveBigIntegerField(help_text="Of the uncompressed lines, in bytes.")
    payload = models.BinaryField()

    class Meta:
        ordering = ["stream", "first"]
        constraints = [
            models.UniqueConstraint("stream", "first", name="evidence_block_once"),
            models.CheckConstraint(
                condition=models.Q(last__gte=models.F("first")), name="evidence_block_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.first}-{self.last}"
