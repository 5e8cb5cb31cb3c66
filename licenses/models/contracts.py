"""Contracts, their documents and the rights bought under them.

Rights are never edited: a correction is a new row.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .inventory import Vendor
from .scoping import AUDITOR, ScopedQuerySet, roles


class ContractQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        from .pools import LicensePool

        visible = Q(entitlements__pool__in=LicensePool.objects.visible_ids(user))
        return visible | Q(vendor__scope__user=user) if AUDITOR in roles(user) else visible


class Contract(models.Model):
    """An agreement with a vendor."""

    vendor = models.ForeignKey(Vendor, on_delete=models.PROTECT, related_name="contracts")
    number = models.CharField(max_length=100)
    title = models.CharField(max_length=200, blank=True)
    valid_from = models.DateField(null=True, blank=True, help_text="First day.")
    valid_to = models.DateField(null=True, blank=True, help_text="Last day. Empty: no end agreed.")
    notice_days = models.PositiveIntegerField(
        default=0, help_text="Notice to give before the last day, in days."
    )
    renews = models.BooleanField(
        default=False, help_text="Renews by itself unless notice is given."
    )
    cost = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text="Per term."
    )
    currency = models.CharField(max_length=3, default="EUR")
    owner = models.CharField(
        max_length=200, blank=True, help_text="Who looks after it: a name or a mail address."
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
                violation_error_message="The contract ends before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(cost=None) | Q(cost__gte=0),
                name="contract_cost_not_negative",
                violation_error_message="The cost of a contract cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.number}"

    @property
    def notice_on(self) -> date | None:
        """Return the last day on which notice can be given; None where the contract has no end."""
        if self.valid_to is None:
            return None
        return date.fromordinal(self.valid_to.toordinal() - self.notice_days)


def document_path(document: Document, _name: str) -> str:
    """Store under a random name: what people call a file never becomes a path."""
    return f"documents/{uuid.uuid4()}"


class DocumentQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        visible = Contract.objects.for_user(user).order_by().values("pk")
        return Q(contract__in=visible)


class Document(models.Model):
    """A file that proves something about a contract."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        AGREEMENT = "agreement", "Signed agreement"
        STATEMENT = "statement", "Publisher's statement"
        ORDER = "order", "Order"
        LICENSE_FILE = "license_file", "Licence file"
        OTHER = "other", "Other"

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20, choices=Kind)
    title = models.CharField(max_length=200)
    file = models.FileField(
        upload_to=document_path,
        validators=[
            FileExtensionValidator(
                ["pdf", "png", "jpg", "jpeg", "txt", "eml", "docx", "xlsx", "lic", "csv"]
            )
        ],
    )
    file_name = models.CharField(max_length=255, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    size = models.PositiveBigIntegerField(editable=False)
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["contract", "-recorded_at"]
        permissions = [("download_document", "Can download contract documents")]

    def __str__(self) -> str:
        return self.title


class EntitlementQuerySet(ScopedQuerySet):
    def as_of(self, moment: Any = None) -> Self:
        """Keep the rows that counted at `moment`: recorded by then, not yet replaced. None: now."""
        if moment is None:
            return self.filter(replaced_by=None, withdrawn=False)
        later = self.model.objects.filter(replaces=models.OuterRef("pk"), recorded_at__lte=moment)
        return self.filter(~models.Exists(later), recorded_at__lte=moment, withdrawn=False)

    def valid_on(self, day: date) -> Self:
        return self.filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day)


class Entitlement(models.Model):
    """A right bought: so many seats of a pool, from a day to a day.

    Append-only (the database refuses changes): a correction is a row that `replaces` another, with
    a reason; taking one
    back is such a row with `withdrawn`. Days are the pool's own, in its zone; `valid_to` is the
    last day.
    """

    class Metric(models.TextChoices):
        CONCURRENT = "concurrent", "Concurrent users"
        TOKEN = "token", "Tokens"
        NAMED = "named", "Named users"
        NODE = "node", "Node-locked"
        SITE = "site", "Site"

    class Strength(models.IntegerChoices):
        CLAIMED = 1, "claimed: typed in, no document"
        WEAK = 2, "weak: order, mail or licence file only"
        PARTIAL = 3, "partial: another entity's or a reseller's paper"
        PROVEN = 4, "proven: invoice, signed agreement or publisher's statement"

    pool = models.ForeignKey(
        "licenses.LicensePool", on_delete=models.PROTECT, related_name="entitlements"
    )
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, null=True, blank=True, related_name="entitlements"
    )
    quantity = models.IntegerField(help_text="Seats (or tokens) that may be in use at one time.")
    metric = models.CharField(max_length=20, choices=Metric, default=Metric.CONCURRENT)
    valid_from = models.DateField(help_text="First day.")
    valid_to = models.DateField(null=True, blank=True, help_text="Last day. Empty: perpetual.")
    overdraft = models.IntegerField(
        default=0, help_text="Seats above the quantity that the contract tolerates."
    )
    unit_price = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text="Per seat and year."
    )
    currency = models.CharField(max_length=3, default="EUR")
    purchase_order = models.CharField(max_length=100, blank=True)
    scope = models.CharField(
        max_length=300, blank=True, help_text="Territory, entity, version, as the paper says it."
    )
    strength = models.PositiveSmallIntegerField(
        choices=Strength, default=Strength.CLAIMED, editable=False
    )

    replaces = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="replaced_by",
    )
    withdrawn = models.BooleanField(default=False, editable=False)
    reason = models.CharField(
        max_length=500, blank=True, help_text="Why an earlier line is replaced."
    )
    recorded_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        ordering = ["pool", "valid_from", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="entitlement_ends_after_start",
                violation_error_message="The entitlement ends before it starts.",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=0),
                name="entitlement_quantity_not_negative",
                violation_error_message="An entitlement cannot have fewer than 0 seats.",
            ),
            models.CheckConstraint(
                condition=Q(overdraft__gte=0),
                name="entitlement_overdraft_not_negative",
                violation_error_message="An overdraft cannot be fewer than 0 seats.",
            ),
            models.CheckConstraint(
                condition=Q(unit_price=None) | Q(unit_price__gte=0),
                name="entitlement_price_not_negative",
                violation_error_message="A price cannot be negative.",
            ),
            models.CheckConstraint(
                condition=Q(replaces=None) | ~Q(reason=""),
                name="entitlement_correction_has_reason",
                violation_error_message="A correction needs a reason.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.pool} from {self.valid_from}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise ValidationError(
                "An entitlement is never edited. Record a correction that replaces it, with a "
                "reason."
            )
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.valid_to and self.valid_from and self.valid_to < self.valid_from:
            raise ValidationError(
                {
                    "valid_to": f"The entitlement ends on {self.valid_to}, "
                    f"before it starts on {self.valid_from}."
                }
            )
        if (
            self.contract is not None
            and self.pool_id
            and self.contract.vendor_id != self.pool.product.vendor_id
        ):
            raise ValidationError(
                {
                    "contract": f"Contract {self.contract} is with another vendor than {self.pool} "
                    f"({self.pool.product.vendor})."
                }
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ValidationError("An entitlement is never deleted. Withdraw it, with a reason.")


CORRECTABLE = [
    "pool",
    "contract",
    "quantity",
    "metric",
    "valid_from",
    "valid_to",
    "overdraft",
    "unit_price",
    "currency",
    "purchase_order",
    "scope",
]


def correct_entitlement(
    entitlement: Entitlement,
    *,
    changes: dict[str, Any],
    reason: str,
    author: Any,
    withdraw: bool = False,
) -> Entitlement:
    """Replace an entitlement by a corrected (or withdrawn) copy and return it; both stay."""
    if hasattr(entitlement, "replaced_by"):
        raise ValidationError("This entitlement was already replaced. Correct the newer line.")
    values = {name: changes.get(name, getattr(entitlement, name)) for name in CORRECTABLE}
    copy = Entitlement(
        **values,
        replaces=entitlement,
        withdrawn=withdraw,
        reason=reason,
        recorded_by=author,
        strength=entitlement.strength,
    )
    copy.full_clean(exclude=["recorded_by"])
    copy.save()
    return copy


def unreplaced(entitlements: Iterable[Entitlement]) -> list[Entitlement]:
    """Return those that count now, from rows already read."""
    rows = list(entitlements)
    replaced = {row.replaces_id for row in rows}
    return [row for row in rows if row.pk not in replaced and not row.withdrawn]
