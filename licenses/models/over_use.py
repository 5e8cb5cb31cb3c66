"""What people found out about over-use: why it came about, what was done, who sees to it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import InstantField
from .scoping import ScopedQuerySet


class OverUseNoteQuerySet(ScopedQuerySet):
    def as_of(self, moment: Any = None) -> Any:
        """Keep what was on record at a moment, the newest first. None: now."""
        rows = self.order_by("-recorded_at", "-pk")
        return rows if moment is None else rows.filter(recorded_at__lte=moment)


class OverUseNote(models.Model):
    """Why a pool was in use above what is allowed, what was done about it, and who sees to it.

    Episodes are derived, and late data move their ends: a note is about the episodes that touch
    [starts, ends). Of several notes on an episode the newest counts. Never edited and never
    deleted: what is known better is a note of its own.
    """

    pool = models.ForeignKey(
        "licenses.LicensePool", on_delete=models.PROTECT, related_name="over_use_notes"
    )
    starts = InstantField(help_text=_("From when on."))
    ends = InstantField(help_text=_("The first moment that is no longer meant."))
    cause = models.CharField(max_length=500, help_text=_("Why it came about."))
    resolution = models.CharField(
        max_length=500,
        blank=True,
        help_text=_("What was done about it. Empty: it is still open."),
    )
    owner = models.CharField(
        max_length=200,
        help_text=_("Who sees to it: best a role or a team, as it prints in reports."),
    )
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = OverUseNoteQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        verbose_name = _("note on over-use")
        verbose_name_plural = _("notes on over-use")
        indexes = [models.Index(fields=["pool", "starts"], name="over_use_note_by_pool")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")),
                name="over_use_note_ends_after_start",
                violation_error_message=_("The time ends before it starts."),
            ),
            models.CheckConstraint(
                condition=~Q(cause="") & ~Q(owner=""),
                name="over_use_note_says_why_and_who",
                violation_error_message=_("Say why it came about, and who sees to it."),
            ),
        ]

    def __str__(self) -> str:
        return self.cause

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise ValidationError(_("A note on over-use is never edited: record a newer one."))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ValidationError(_("A note on over-use is never deleted: record a newer one."))
