"""Contracts. Their documents and the rights bought under them have modules of their own."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from .fixed import check_contract
from .inventory import Vendor
from .scoping import OF_VENDORS, ScopedQuerySet, in_scope_q, roles


class ContractQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        from .pools import LicensePool

        visible = Q(entitlements__pool__in=LicensePool.objects.visible_ids(user))
        mine = in_scope_q(user, "vendor__scope")
        return visible | mine if roles(user) & OF_VENDORS else visible


class Contract(models.Model):
    """An agreement with a vendor."""

    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="contracts")
    number = models.CharField(max_length=100)
    title = models.CharField(max_length=200, blank=True)
    valid_from = models.DateField(null=True, blank=True, help_text=gettext_lazy("First day."))
    valid_to = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day. Empty: no end agreed.")
    )
    notice_days = models.PositiveIntegerField(
        default=0, help_text=gettext_lazy("Notice to give before the last day, in days.")
    )
    renews = models.BooleanField(
        default=False, help_text=gettext_lazy("Renews by itself unless notice is given.")
    )
    cost = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text=gettext_lazy("Per term.")
    )
    currency = models.CharField(max_length=3, default="EUR")
    owner = models.CharField(
        max_length=200,
        blank=True,
        help_text=gettext_lazy("Who looks after it: a name or a mail address."),
    )
    notes = models.TextField(blank=True)

    objects = ContractQuerySet.as_manager()

    class Meta:
        ordering = ["vendor__name", "number"]
        constraints = [
            models.UniqueConstraint(
                "vendor",
                "number",
                name="contract_number_once_per_vendor",
                violation_error_message="This vendor already has a contract of that number.",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="contract_ends_after_start",
                violation_error_message=gettext_lazy("The contract ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(cost=None) | Q(cost__gte=0),
                name="contract_cost_not_negative",
                violation_error_message=gettext_lazy("The cost of a contract cannot be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.number}"

    def clean(self) -> None:
        check_contract(self)

    @property
    def notice_on(self) -> date | None:
        """Return the last day on which notice can be given; None where the contract has no end."""
        if self.valid_to is None:
            return None
        return date.fromordinal(self.valid_to.toordinal() - self.notice_days)
