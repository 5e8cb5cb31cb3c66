"""Vendors, products, contracts and entitlements as sheets. Entitlements are only ever added."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from licenses.analysis import now as pools_now
from licenses.importing.inventory import RIGHT, recorded_rights
from licenses.importing.rights import note_rights
from licenses.models import (
    Contract,
    Entitlement,
    LicensePool,
    Product,
    Vendor,
)
from licenses.models.entitlements import CORRECTABLE

from .base import Rules, Sheet, column
from .cells import Choice, Day, Money, Named, Text, Whole, YesNo


class VendorResource(Sheet):
    needed = ("vendor",)
    name = column("name", header="vendor")
    website = column("website")
    notes = column("notes")

    class Meta(Rules):
        model = Vendor
        fields = ("name", "website", "notes")
        import_id_fields = ("name",)


class ProductResource(Sheet):
    needed = ("vendor", "product")
    vendor = column("vendor", Named(Vendor))
    name = column("name", header="product")
    category = column("category")

    class Meta(Rules):
        model = Product
        fields = ("vendor", "name", "category")
        import_id_fields = ("vendor", "name")


class ContractResource(Sheet):
    needed = ("contract", "vendor")
    number = column("number", header="contract")
    vendor = column("vendor", Named(Vendor))
    title = column("title")
    valid_from = column("valid_from", Day())
    valid_to = column("valid_to", Day())
    notice_days = column("notice_days", Whole(0))
    renews = column("renews", YesNo())
    cost = column("cost", Money())
    currency = column("currency", default="EUR")
    owner = column("owner")

    class Meta(Rules):
        model = Contract
        fields = (
            "number",
            "vendor",
            "title",
            "valid_from",
            "valid_to",
            "notice_days",
            "renews",
            "cost",
            "currency",
            "owner",
        )
        import_id_fields = ("vendor", "number")


class OfVendor(Named):
    """A contract by its number, of the vendor of the row's pool: two vendors may use one number."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        number = Text.clean(self, value)
        if not number:
            return None
        pool = LicensePool.objects.filter(name=Text.clean(self, (row or {}).get("pool"))).first()
        wanted = Contract.objects.filter(number=number)
        if pool is not None:
            wanted = wanted.filter(vendor__products__pools=pool)
        found = wanted.first()
        if found is None:
            said = gettext(
                "there is no contract %(number)s with the pool's vendor: record it first"
            )
            raise ValueError(said % {"number": repr(number)})
        return found


class EntitlementResource(Sheet):
    """Lines to add.

    One that is already on record, word for word, is left alone; nothing is ever changed.
    """

    needed = ("pool", "quantity", "valid_from")
    pool = column("pool", Named(LicensePool))
    contract = column("contract", OfVendor(Contract, "number"), saves_null_values=True)
    quantity = column("quantity", Whole())
    metric = column(
        "metric", Choice(Entitlement.Metric.choices, Entitlement.Metric.CONCURRENT.value)
    )
    valid_from = column("valid_from", Day())
    valid_to = column("valid_to", Day())
    overdraft = column("overdraft", Whole(0))
    unit_price = column("unit_price", Money())
    currency = column("currency", default="EUR")
    purchase_order = column("purchase_order")
    scope = column("scope")

    class Meta:
        model = Entitlement
        fields = tuple(CORRECTABLE)
        import_id_fields = ()
        report_skipped = True
        clean_model_instances = True
        use_transactions = True

    def get_instance(self, instance_loader: Any, row: Any) -> None:
        """Return nothing: each row is a new line."""

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().import_instance(instance, row, **kwargs)
        if instance.valid_from is None:
            raise ValidationError({"valid_from": gettext("empty: expected the first day")})
        instance.recorded_by = kwargs.get("user")

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        self.recorded = recorded_rights()
        self.added: list[Entitlement] = []

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Leave alone a line that is on record, or was until it was corrected.

        Two equal lines of a sheet are two purchases: only as many are skipped as are on record.
        """
        if import_validation_errors:
            return False
        form = tuple(getattr(instance, name) for name in RIGHT)
        if not self.recorded[form]:
            return False
        self.recorded[form] -= 1
        return True

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        self.added.append(instance)

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        super().after_import(dataset, result, **kwargs)
        note_rights(self.added)
        pools_now.refresh({line.pool_id for line in self.added})
