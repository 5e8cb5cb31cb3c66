"""Documents of contracts, and how well they prove a right."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from .contracts import Contract
from .scoping import ScopedQuerySet


def document_path(document: Document, _name: str) -> str:
    """Store under a random name: what people call a file never becomes a path."""
    return f"documents/{uuid.uuid4()}"


class DocumentQuerySet(ScopedQuerySet):
    def scope_q(self, user: Any) -> Q | None:
        visible = Contract.objects.for_user(user).order_by().values("pk")
        return Q(contract__in=visible)


class Document(models.Model):
    """A file of a contract. Which of its lines it proves is said line by line (`Proof`)."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", gettext_lazy("Invoice")
        AGREEMENT = "agreement", gettext_lazy("Signed and dated agreement")
        STATEMENT = "statement", gettext_lazy("Vendor's statement")
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
    quantity = models.PositiveIntegerField(
        gettext_lazy("seats in it"),
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "As many as can be read in it, of all lines together: so many it proves at one time,"
            " and no more. Empty: nobody counted them."
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
    PROVEN = 4, gettext_lazy("proven: invoice, signed agreement or vendor's statement")


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


def worth(kind: str, *, for_group: bool) -> Strength:
    """Return how well a document proves what it names."""
    found = WORTH[Document.Kind(kind)]
    return min(found, Strength.PARTIAL) if for_group else found


def worth_at_least(strength: int, path: str = "") -> Q:
    """Return the condition that a document proves what it names so well, or better.

    path:  lookup from a row to documents, such as "document__".
    """
    kinds = [kind for kind, worth in WORTH.items() if worth >= strength]
    of_kind = Q(**{f"{path}kind__in": kinds})
    ours = Q(**{f"{path}for_group": False}) if strength > Strength.PARTIAL else Q()
    return of_kind & ours


WORTH_OF_KIND = models.Case(
    *(
        models.When(worth_at_least(strength), then=strength)
        for strength in (Strength.PROVEN, Strength.PARTIAL, Strength.WEAK)
    ),
    default=Strength.CLAIMED,
    output_field=models.IntegerField(),
)
