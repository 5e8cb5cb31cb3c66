"""The evidence log: what was learned, in order, never changed.

Entries are lines of canonical JSON, numbered within their stream without a hole, and stored a chunk
at a time as one
compressed block, in the transaction that learned them.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from .scoping import ManagersOnlyQuerySet


class EvidenceStream(models.Model):
    """One sequence of numbered entries: of a daemon of a licence server, of a server as a whole, a
    contract, a vendor, or the installation."""

    class Kind(models.TextChoices):
        SERVER = "server", gettext_lazy("licence server")
        CONTRACT = "contract", gettext_lazy("contract")
        VENDOR = "vendor", gettext_lazy("vendor")
        INSTALLATION = "installation", gettext_lazy("installation")

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    next_number = models.PositiveBigIntegerField(default=1)
    sealed = models.PositiveBigIntegerField(
        default=0, help_text=gettext_lazy("The last number that lies in a sealed day.")
    )

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
    sha256 = models.CharField(max_length=64, help_text=gettext_lazy("Of the uncompressed lines."))
    size = models.PositiveBigIntegerField(
        help_text=gettext_lazy("Of the uncompressed lines, in bytes.")
    )
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


class RowChange(models.Model):
    """Where the log tells that a row was made or changed: the block whose one entry does.

    Kept beside the log, which it says nothing without: a row's history is found by it.
    """

    model = models.CharField(max_length=100, help_text=gettext_lazy("As app.model."))
    row = models.PositiveBigIntegerField()
    block = models.OneToOneField(EvidenceBlock, on_delete=models.PROTECT, related_name="+")

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-block"]
        indexes = [models.Index(fields=["model", "row", "block"], name="row_change_of")]
        verbose_name = "change of a row"
        verbose_name_plural = "changes of rows"

    def __str__(self) -> str:
        return f"{self.model} {self.row}"


class EvidenceKey(models.Model):
    """A public key that heads are signed with. Append-only.

    signature: by the key before, over the hand-over; empty for the first one, and where the one
    before was lost.
    """

    public = models.CharField(
        max_length=300, unique=True, help_text=gettext_lazy("As auditors get it.")
    )
    signature = models.CharField(max_length=100, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        verbose_name = "signing key"

    def __str__(self) -> str:
        return self.public


class EvidenceDay(models.Model):
    """A sealed day: what was recorded on it, in all streams, under one root. Append-only.

    Days follow each other without a hole, those without entries too.
    """

    day = models.DateField(
        unique=True, help_text=gettext_lazy("In UTC, by when entries were recorded.")
    )
    number = models.PositiveIntegerField(unique=True, help_text=gettext_lazy("1 is the first day."))
    streams = models.BinaryField(
        help_text=gettext_lazy("The day's lines of streams.txt, compressed.")
    )
    count = models.PositiveIntegerField(help_text=gettext_lazy("Streams."))
    entries = models.PositiveBigIntegerField()
    root = models.CharField(max_length=64, help_text=gettext_lazy("Of the day's streams."))
    checkpoint = models.TextField(
        help_text=gettext_lazy("The signed head of all days up to this one.")
    )
    sealed_at = models.DateTimeField(default=timezone.now)

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        verbose_name = "sealed day"

    def __str__(self) -> str:
        return self.day.isoformat()

    @property
    def line(self) -> str:
        """The day's line of days.txt."""
        return f"{self.day.isoformat()} {self.count} {self.root} {self.entries}"


class EvidenceAnchor(models.Model):
    """A head that was given out of our hands: what it tells of can no longer be changed unseen."""

    class Kind(models.TextChoices):
        FILE = "file", gettext_lazy("file")
        MAIL = "mail", gettext_lazy("mail")
        STAMP = "stamp", gettext_lazy("time stamp")

    kind = models.CharField(max_length=10, choices=Kind)
    place = models.CharField(max_length=500, help_text=gettext_lazy("Where it went."))
    size = models.PositiveIntegerField(help_text=gettext_lazy("How many days the head is of."))
    checkpoint = models.TextField()
    token = models.BinaryField(
        null=True, help_text=gettext_lazy("A time stamp's answer, as RFC 3161 has it.")
    )
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-size", "kind", "place"]
        constraints = [
            models.UniqueConstraint("kind", "place", "size", name="evidence_anchor_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.place}: {self.size} days"


class EvidenceCheck(models.Model):
    """What a check of the evidence found, the night's or one that somebody asked for.
    Append-only."""

    ended_at = models.DateTimeField(default=timezone.now, db_index=True)
    days = models.PositiveIntegerField(help_text=gettext_lazy("How many were sealed."))
    root = models.CharField(
        max_length=100, blank=True, help_text=gettext_lazy("Of all sealed days, as in the head.")
    )
    entries = models.PositiveBigIntegerField(
        help_text=gettext_lazy("How many were computed again.")
    )
    set_back = models.JSONField(
        default=list,
        help_text=gettext_lazy("What tells that the database was set back to an older state."),
    )
    problems = models.JSONField(default=list, help_text=gettext_lazy("What else did not fit."))
    compared = models.JSONField(
        default=dict,
        help_text=gettext_lazy(
            "Of which vendor's pools and days figures were counted again from the entries alone,"
            " and which are others (differ; null: too many entries). Empty: of none."
        ),
    )

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = "check of the evidence"
        verbose_name_plural = "checks of the evidence"

    def __str__(self) -> str:
        return f"{self.ended_at:%Y-%m-%d %H:%M}"
