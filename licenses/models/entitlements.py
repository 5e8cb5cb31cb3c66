"""The rights bought under contracts. They are never edited: a correction is a new row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import accumulate
from typing import Any, Final, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .contracts import Contract
from .documents import WORTH_OF_KIND, Document, Strength, worth_at_least
from .reasons import says_something
from .scoping import ScopedQuerySet

UNPROVEN: Final = -1
"""Of how many seats of a line documents tell that do not: of none, not even of one of 0 seats."""


class EntitlementQuerySet(ScopedQuerySet):
    def as_of(self, moment: Any = None) -> Self:
        """Keep the rows that counted at `moment`: recorded by then, not yet replaced. None: now."""
        if moment is None:
            return self.filter(replaced_by=None, withdrawn=False)
        later = self.model.objects.filter(replaces=models.OuterRef("pk"), recorded_at__lte=moment)
        return self.filter(~models.Exists(later), recorded_at__lte=moment, withdrawn=False)

    def with_proof(self, moment: Any = None) -> Self:
        """Add `proof`, the strength of each line, and `proof_reason`, why it was set by hand.

        The best document that names the line decides (`Proof`), unless somebody set the strength
        with a reason.

        moment: count what was recorded by then; None: now.
        """
        tied = Q(proofs__entitlement=models.OuterRef("pk"))
        said = StrengthOverride.objects.filter(entitlement=models.OuterRef("pk"))
        if moment is not None:
            tied &= Q(proofs__recorded_at__lte=moment)
            said = said.filter(recorded_at__lte=moment)
        best = (
            Document.objects.filter(tied)
            .annotate(worth=WORTH_OF_KIND)
            .order_by("-worth")
            .values("worth")[:1]
        )
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

    def with_seats_proven(self, strength: int, moment: Any = None) -> Self:
        """Add `seats_proven`, of how many seats of each line there is proof of that strength or
        better: UNPROVEN where there is none.

        The document that proves most of them decides, as several may be about the same seats.
        Where somebody judged the line, it is all of it or nothing.

        moment: count what was recorded by then; None: now.
        """
        return self.annotate(seats_proven=seats_proven(strength, moment))

    def seats_at_once(self) -> int:
        """Return the most seats that they have on one day. One query."""
        return _at_once(self.values_list("quantity", "valid_from", "valid_to"))

    def valid_on(self, day: date) -> Self:
        return self.filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day)


def _at_once(spans: Iterable[tuple[int, date, date | None]]) -> int:
    """Return the most seats on one day, of (seats, first day, last day or None)."""
    changes: Counter[int] = Counter()
    for seats, first, last in spans:
        changes[first.toordinal()] += seats
        if last is not None:
            changes[last.toordinal() + 1] -= seats
    return max(accumulate(seats for _day, seats in sorted(changes.items())), default=0)


def seats_proven(strength: int, moment: Any = None) -> Coalesce:
    """Return what `with_seats_proven` adds, as an expression."""
    known = {"entitlement": models.OuterRef("pk")}
    if moment is not None:
        known["recorded_at__lte"] = moment
    tied = Proof.objects.filter(worth_at_least(strength, "document__"), **known)
    said = StrengthOverride.objects.filter(**known)
    judged = models.Case(
        models.When(strength__gte=strength, then=models.OuterRef("quantity")),
        models.When(strength__isnull=False, then=UNPROVEN),
        output_field=models.IntegerField(),
    )
    last = said.order_by("-recorded_at", "-pk").values(seats=judged)
    return Coalesce(
        models.Subquery(last[:1]),
        models.Subquery(tied.order_by("-quantity").values("quantity")[:1]),
        UNPROVEN,
        output_field=models.IntegerField(),
    )


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
    purchase_order = models.CharField(
        max_length=100,
        blank=True,
        help_text=gettext_lazy("Its number. It stands in the evidence for ever: name nobody."),
    )
    scope = models.CharField(
        max_length=300,
        blank=True,
        help_text=gettext_lazy(
            "Territory, entity, version, as the paper says it. It stands in the evidence for ever:"
            " name nobody."
        ),
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
    documents = models.ManyToManyField(
        Document,
        through="Proof",
        blank=True,
        related_name="entitlements",
        verbose_name=gettext_lazy("proven by"),
        help_text=gettext_lazy(
            "Documents of the contract that name product, quantity and metric of this line."
        ),
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

    def claims_more_than(self, earlier: Entitlement) -> bool:
        """Tell whether it grants anything that an earlier line did not: what proves that line need
        not prove this one.
        """
        return (
            (self.contract_id, self.metric) != (earlier.contract_id, earlier.metric)
            or self.pool.product_id != earlier.pool.product_id
            or earlier.scope not in ("", self.scope)  # no rule says which of two texts is wider
            or self.quantity > earlier.quantity
            or self.overdraft > earlier.overdraft
            or self.valid_from < earlier.valid_from
            or (self.valid_to or date.max) > (earlier.valid_to or date.max)
        )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ValidationError(
            gettext("An entitlement is never deleted. Withdraw it, with a reason.")
        )


class ProofQuerySet(ScopedQuerySet):
    pool_path = "entitlement__pool"

    def standing(self) -> Self:
        """Keep those of lines that count now."""
        return self.filter(entitlement__replaced_by=None, entitlement__withdrawn=False)

    def seats_at_once(self) -> int:
        """Return the most seats that they prove on one day. One query."""
        line = "entitlement__"
        return _at_once(self.values_list("quantity", f"{line}valid_from", f"{line}valid_to"))


class Proof(models.Model):
    """Somebody read in a document what a line says: its product, metric, and so many of its seats.

    quantity:  all seats of the line, or fewer where the document is about a part of them.

    Never edited and never deleted. Where it was said wrongly, a correction of the line says which
    documents prove the corrected one.

    taken_over:  nobody said it. Until documents named lines, each proved all of its contract, and
    what was there is kept so that the figures of earlier reports stay what they were.
    """

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="proofs")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="proofs")
    quantity = models.PositiveIntegerField(gettext_lazy("seats that it proves"))
    taken_over = models.BooleanField(default=False, editable=False)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = ProofQuerySet.as_manager()

    class Meta:
        ordering = ["entitlement", "recorded_at", "pk"]
        verbose_name = "proof"
        verbose_name_plural = "proofs"
        constraints = [
            models.UniqueConstraint(
                fields=["entitlement", "document"], name="proof_once_for_line_and_document"
            )
        ]

    def __str__(self) -> str:
        return f"{self.document} ({self.entitlement})"


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
    back: bool = False,
) -> Entitlement:
    """Replace an entitlement by a corrected (or withdrawn) copy and return it; both stay.

    back:  a correction is taken back: one that withdrew a line is replaced as others are.
    """
    if hasattr(entitlement, "replaced_by"):
        raise ValidationError(
            gettext("This entitlement was already replaced. Correct the newer line.")
        )
    if entitlement.withdrawn and not back:
        raise ValidationError(gettext("This line is withdrawn. Add a new one instead."))
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
