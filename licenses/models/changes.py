"""Changes of several rows at once, kept so that they can be looked up and taken back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from itam import figures

from .scoping import ManagersOnlyQuerySet


class BulkChange(models.Model):
    """Somebody changed several rows of one kind in one go.

    parts: a list of {"id", "name", "field", "old", "new", "old_words", "new_words"}, one for each
    value that became another; old and new are as stored (ids of related rows).
    """

    class Kind(models.TextChoices):
        POOLS = "pools", gettext_lazy("Pools")
        PRODUCTS = "products", gettext_lazy("Products")
        CONTRACTS = "contracts", gettext_lazy("Contracts")
        ENTITLEMENTS = "entitlements", gettext_lazy("Entitlements")

    kind = models.CharField("of", max_length=20, choices=Kind)
    parts = models.JSONField()
    reason = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField("changed at", default=timezone.now)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="changed by",
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = ManagersOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "change of several"
        verbose_name_plural = "changes of several"

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {figures.moment(self.recorded_at)}"
