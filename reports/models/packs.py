"""Packs for auditors that were asked for, and what became of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.models import Vendor, validate_zone
from licenses.models.scoping import ScopedQuerySet

FOLDER = "packs"


class EvidencePackQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        return Q(vendor__in=Vendor.objects.for_user(user).order_by().values("pk"))


class EvidencePack(models.Model):
    """A vendor's evidence and figures of a period, made in the background by whoever holds its
    lease.

    One with names waits for somebody else's approval, and says in itself on what basis they are
    in it.
    """

    class State(models.TextChoices):
        ASKED = "asked", gettext_lazy("Waits for approval")
        WAITING = "waiting", gettext_lazy("Waiting")
        RUNNING = "running", gettext_lazy("Running")
        DONE = "done", gettext_lazy("Done")
        FAILED = "failed", gettext_lazy("Failed")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="packs")
    first = models.DateField(
        "from", help_text=gettext_lazy("First day of the period, in the zone.")
    )
    end = models.DateField("to", help_text=gettext_lazy("First day no longer in the period."))
    zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    shared = models.BooleanField(
        gettext_lazy("with shared servers"),
        default=False,
        help_text=gettext_lazy(
            "Hand over servers that serve other vendors, too: their entries lie in the same stream."
        ),
    )
    names_basis = models.CharField(
        gettext_lazy("basis for names"),
        max_length=500,
        blank=True,
        help_text=gettext_lazy(
            "Empty: pseudonyms only. Else on what basis the names of people go in, such as"
            " a clause and who agreed; somebody else must approve it."
        ),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(
        max_length=10, choices=State, default=State.WAITING, db_index=True, editable=False
    )
    progress = models.PositiveSmallIntegerField(
        default=0, help_text=gettext_lazy("Percent."), editable=False
    )
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveBigIntegerField(default=0, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    objects = EvidencePackQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "pack for an auditor"
        verbose_name_plural = "packs for auditors"
        permissions: ClassVar = [("approve_pack_names", "Can approve names in packs")]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("first")),
                name="pack_ends_after_start",
                violation_error_message=gettext_lazy("The period ends before it starts."),
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(sha256=""), name="pack_done_has_hash"
            ),
            models.CheckConstraint(
                condition=Q(names_basis="") | Q(state="asked") | Q(approved_by__isnull=False),
                name="pack_with_names_is_approved",
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(vendor)s, %(first)s to %(end)s") % {
            "vendor": self.vendor,
            "first": self.first,
            "end": self.end,
        }

    def clean(self) -> None:
        if self.first and self.end and self.first >= self.end:
            raise ValidationError(
                {"end": gettext("It is exclusive, so it lies after the first day.")}
            )

    @property
    def path(self) -> Path:
        """Return where the file is, or will be. No text of a user is in it."""
        return Path(settings.MEDIA_ROOT) / FOLDER / f"{self.uuid}.zip"
