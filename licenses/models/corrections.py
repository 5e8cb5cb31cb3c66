"""Why rights and mappings on record were corrected, as a code, and the second person who approved
that."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from .entitlements import Entitlement, StrengthOverride
from .mapping_changes import MappingChange
from .pools import LicensePool
from .scoping import ScopedQuerySet


class Correction(models.Model):
    """What stands beside a line that replaces another, a judgement of a line's proof, or a mapping
    that was changed for the past.

    One that was recorded before there were codes, or whose reason nobody named, has no row until it
    is approved. A correction counts from when it was recorded; until it is approved, a report on
    the pool is signed with a comment only.

    line, judgement, change:  one of the three.
    """

    class Code(models.TextChoices):
        """Why it was wrong before."""

        ENTRY = "wrong_entry", gettext_lazy("Entered wrongly")
        DOCUMENT = "document_found", gettext_lazy("A document was found")
        MAPPING = "wrong_mapping", gettext_lazy("Mapped to the wrong pool")
        ZONE = "wrong_zone", gettext_lazy("Dated in the wrong time zone")
        DUPLICATE = "duplicate_source", gettext_lazy("Recorded twice")
        PARSER = "parser_bug", gettext_lazy("Read wrongly by the program")
        OTHER = "other", gettext_lazy("Another reason")

    pool = models.ForeignKey(LicensePool, on_delete=models.PROTECT, related_name="+")
    line = models.OneToOneField(
        Entitlement, on_delete=models.PROTECT, null=True, related_name="correction"
    )
    judgement = models.OneToOneField(
        StrengthOverride, on_delete=models.PROTECT, null=True, related_name="correction"
    )
    change = models.OneToOneField(
        MappingChange, on_delete=models.PROTECT, null=True, related_name="correction"
    )
    code = models.CharField(max_length=20, choices=Code, default=Code.OTHER)
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = gettext_lazy("correction")
        verbose_name_plural = gettext_lazy("corrections")
        constraints = [
            models.CheckConstraint(
                condition=Q(line__isnull=False, judgement=None, change=None)
                | Q(line=None, judgement__isnull=False, change=None)
                | Q(line=None, judgement=None, change__isnull=False),
                name="correction_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, approved_by=None)
                | Q(approved_at__isnull=False, approved_by__isnull=False),
                name="correction_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line or self.judgement or self.change}: {self.get_code_display()}"
