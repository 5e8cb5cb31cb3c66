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
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .inventory import Vendor
from .reasons import says_something
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
        INVOICE = "invoice", gettext_lazy("Invoice")
        AGREEMENT = "agreement", gettext_lazy("Signed and dated agreement")
        STATEMENT = "statement", gettext_lazy("Publisher's statement")
        RESELLER = "reseller", gettext_lazy("Reseller's statement")
        ORDER = "order", gettext_lazy("Purchase order")
        CONFIRMATION = "confirmation", gettext_lazy("Order confirmation")
        MAIL = "mail", gettext_lazy("Mail")
        LICENSE_FILE = "license_file", gettext_lazy("Licence file")
        OTHER = "other", gettext_lazy("Other")

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20, choices=Kind)
    for_group = models.BooleanField(
        gettext_lazy("names another entity"),
        default=False,
        help_text=gettext_lazy(
            "It names another entity of the group, not the one whose use is judged."
        ),
    )
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


class Strength(models.IntegerChoices):
    """How well a right is proven. What a document of each kind is worth stands in `WORTH`."""

    CLAIMED = 1, gettext_lazy("claimed: typed in, no document")
    WEAK = 2, gettext_lazy("weak: order, mail or licence file only")
    PARTIAL = 3, gettext_lazy("partial: another entity's or a reseller's paper")
    PROVEN = 4, gettext_lazy("proven: invoice, signed agreement or publisher's statement")


WORTH = {
    Document.Kind.INVOICE: Strength.PROVEN,
    Document.Kind.AGREEMENT: Strength.PROVEN,
    Document.Kind.STATEMENT: Strength.PROVEN,
    Document.Kind.RESELLER: Strength.PARTIAL,
    Document.Kind.ORDER: Strength.WEAK,
    Document.Kind.CONFIRMATION: Strength.WEAK,
    Document.Kind.MAIL: Strength.WEAK,
    Document.Kind.LICENSE_FILE: Strength.WEAK,
    Document.Kind.OTHER: Strength.CLAIMED,
}
"""What a document that names our entity proves; one that names another proves PARTIAL at most."""


def _kinds(*strengths: Strength) -> list[Document.Kind]:
    return [kind for kind, worth in WORTH.items() if worth in strengths]


# Every reading of limits has this in its query, so it is made once and has few branches.
_WORTH = models.Case(
    models.When(kind__in=_kinds(Strength.PROVEN), for_group=False, then=Strength.PROVEN),
    models.When(kind__in=_kinds(Strength.PROVEN, Strength.PARTIAL), then=Strength.PARTIAL),
    models.When(kind__in=_kinds(Strength.WEAK), then=Strength.WEAK),
    default=Strength.CLAIMED,
    output_field=models.IntegerField(),
)


class EntitlementQuerySet(ScopedQuerySet):
    def as_of(self, moment: Any = None) -> Self:
        """Keep the rows that counted at `moment`: recorded by then, not yet replaced. None: now."""
        if moment is None:
            return self.filter(replaced_by=None, withdrawn=False)
        later = self.model.objects.filter(replaces=models.OuterRef("pk"), recorded_at__lte=moment)
        return self.filter(~models.Exists(later), recorded_at__lte=moment, withdrawn=False)

    def with_proof(self, moment: Any = None) -> Self:
        """Add `proof`, the strength of each line, and `proof_reason`, why it was set by hand.

        The best document of the contract decides, unless somebody set the strength with a reason.

        moment: count what was recorded by then; None: now.
        """
        papers = Document.objects.filter(contract=models.OuterRef("contract"))
        said = StrengthOverride.objects.filter(entitlement=models.OuterRef("pk"))
        if moment is not None:
            papers = papers.filter(recorded_at__lte=moment)
            said = said.filter(recorded_at__lte=moment)
        best = papers.annotate(worth=_WORTH).order_by("-worth").values("worth")[:1]
        last = said.order_by("-recorded_at", "-pk")
        given = models.When(strength__isnull=False, then=F("reason"))
        why = last.annotate(why=models.Case(given, default=models.Value("")))
        return self.annotate(
            proof=Coalesce(
                models.Subquery(last.values("strength")[:1]),
                models.Subquery(best),
                int(Strength.CLAIMED),
                output_field=models.IntegerField(),
            ),
            proof_reason=Coalesce(models.Subquery(why.values("why")[:1]), models.Value("")),
        )

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
        CONCURRENT = "concurrent", gettext_lazy("Concurrent users")
        TOKEN = "token", gettext_lazy("Tokens")
        NAMED = "named", gettext_lazy("Named users")
        NODE = "node", gettext_lazy("Node-locked")
        SITE = "site", gettext_lazy("Site")

    pool = models.ForeignKey(
        "licenses.LicensePool", on_delete=models.PROTECT, related_name="entitlements"
    )
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, null=True, blank=True, related_name="entitlements"
    )
    quantity = models.IntegerField(
        help_text=gettext_lazy("Seats (or tokens) that may be in use at one time.")
    )
    metric = models.CharField(max_length=20, choices=Metric, default=Metric.CONCURRENT)
    valid_from = models.DateField(help_text=gettext_lazy("First day."))
    valid_to = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day. Empty: perpetual.")
    )
    overdraft = models.IntegerField(
        default=0,
        help_text=gettext_lazy(
            "Seats above the quantity that the contract tolerates on these days. A grace period or"
            " a true-up is a line of 0 seats with an overdraft."
        ),
    )
    unit_price = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=gettext_lazy("Per seat and year."),
    )
    currency = models.CharField(max_length=3, default="EUR")
    purchase_order = models.CharField(max_length=100, blank=True)
    scope = models.CharField(
        max_length=300,
        blank=True,
        help_text=gettext_lazy("Territory, entity, version, as the paper says it."),
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
        max_length=500, blank=True, help_text=gettext_lazy("Why an earlier line is replaced.")
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
                violation_error_message=gettext_lazy("The entitlement ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=0),
                name="entitlement_quantity_not_negative",
                violation_error_message=gettext_lazy(
                    "An entitlement cannot have fewer than 0 seats."
                ),
            ),
            models.CheckConstraint(
                condition=Q(overdraft__gte=0),
                name="entitlement_overdraft_not_negative",
                violation_error_message=gettext_lazy("An overdraft cannot be fewer than 0 seats."),
            ),
            models.CheckConstraint(
                condition=Q(unit_price=None) | Q(unit_price__gte=0),
                name="entitlement_price_not_negative",
                violation_error_message=gettext_lazy("A price cannot be negative."),
            ),
            models.CheckConstraint(
                condition=Q(replaces=None) | ~Q(reason=""),
                name="entitlement_correction_has_reason",
                violation_error_message=gettext_lazy("A correction needs a reason."),
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(quantity)s × %(pool)s from %(valid_from)s") % {
            "quantity": self.quantity,
            "pool": self.pool,
            "valid_from": self.valid_from,
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk and not self._state.adding:
            raise ValidationError(
                gettext(
                    "An entitlement is never edited. Record a correction that replaces it, with a"
                    " reason."
                )
            )
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.replaces_id and not says_something(self.reason):
            raise ValidationError({"reason": gettext("A correction needs a reason.")})
        if self.valid_to and self.valid_from and self.valid_to < self.valid_from:
            raise ValidationError(
                {
                    "valid_to": gettext(
                        "The entitlement ends on %(valid_to)s, before it starts on %(valid_from)s."
                    )
                    % {"valid_to": self.valid_to, "valid_from": self.valid_from}
                }
            )
        if (
            self.contract is not None
            and self.pool_id
            and self.contract.vendor_id != self.pool.product.vendor_id
        ):
            raise ValidationError(
                {
                    "contract": gettext(
                        "Contract %(contract)s is with another vendor than %(pool)s (%(vendor)s)."
                    )
                    % {
                        "contract": self.contract,
                        "pool": self.pool,
                        "vendor": self.pool.product.vendor,
                    }
                }
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ValidationError(
            gettext("An entitlement is never deleted. Withdraw it, with a reason.")
        )


class StrengthOverrideQuerySet(ScopedQuerySet):
    pool_path = "entitlement__pool"


class StrengthOverride(models.Model):
    """Somebody judged the proof of an entitlement otherwise than its documents alone say.

    The newest one of a line counts; one without a strength leaves it to the documents again. Never
    edited and never deleted.
    """

    entitlement = models.ForeignKey(
        Entitlement, on_delete=models.PROTECT, related_name="strength_overrides"
    )
    strength = models.PositiveSmallIntegerField(
        choices=Strength,
        null=True,
        blank=True,
        help_text=gettext_lazy("Empty: as the documents say."),
    )
    reason = models.CharField(max_length=500)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = StrengthOverrideQuerySet.as_manager()

    class Meta:
        ordering = ["entitlement", "-recorded_at"]
        verbose_name = "judgement of proof"
        verbose_name_plural = "judgements of proof"
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="strength_override_has_reason",
                violation_error_message=gettext_lazy(
                    "A strength that is set by hand needs a reason."
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_strength_display() or 'as the documents say'} ({self.reason})"

    def clean(self) -> None:
        if not says_something(self.reason):
            words = gettext("A strength that is set by hand needs a reason.")
            raise ValidationError({"reason": words})


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
        raise ValidationError(
            gettext("This entitlement was already replaced. Correct the newer line.")
        )
    values = {name: changes.get(name, getattr(entitlement, name)) for name in CORRECTABLE}
    copy = Entitlement(
        **values,
        replaces=entitlement,
        withdrawn=withdraw,
        reason=reason,
        recorded_by=author,
    )
    copy.full_clean(exclude=["recorded_by"])
    copy.save()
    return copy


def unreplaced(entitlements: Iterable[Entitlement]) -> list[Entitlement]:
    """Return those that count now, from rows already read."""
    rows = list(entitlements)
    replaced = {row.replaces_id for row in rows}
    return [row for row in rows if row.pk not in replaced and not row.withdrawn]
