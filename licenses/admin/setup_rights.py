"""The steps of the guided set-up from what a server serves to what was bought of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext, gettext_lazy, ngettext

from itam import figures
from licenses.importing import mapping
from licenses.importing.rights import add_right
from licenses.models import (
    Contract,
    Entitlement,
    Feature,
    IssuedCount,
    LicensePool,
    Product,
    Vendor,
)

from .setup_step import Step

MOST_ROWS = 100


class ProductForm(Step):
    vendor = forms.CharField(
        label=gettext_lazy("Vendor"), max_length=200, help_text=gettext_lazy("Who sells it.")
    )
    product = forms.CharField(
        label=gettext_lazy("Product"),
        max_length=200,
        help_text=gettext_lazy("What people call it."),
    )
    category = forms.CharField(
        label=gettext_lazy("Category"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Products of one category can be compared."),
    )

    def save(self, user: Any) -> str:
        given = self.cleaned_data
        with transaction.atomic():
            vendor, _new = Vendor.objects.get_or_create(name=given["vendor"].strip())
            product, _new = Product.objects.get_or_create(
                vendor=vendor,
                name=given["product"].strip(),
                defaults={"category": given["category"]},
            )
        self.goes_to = "products"
        return gettext("%(product)s of %(vendor)s is on record.") % {
            "product": product,
            "vendor": vendor,
        }


class PoolsForm(Step):
    """A row for each feature that feeds no pool: where it goes, and whose product a new pool is."""

    NEW, LATER, IGNORE = "new", "later", "ignore"

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.features = list(
            Feature.objects.for_user(user)
            .unmapped()
            .select_related("server")
            .order_by("server__name", "daemon", "name")[:MOST_ROWS]
        )
        super().__init__(*args, **kwargs)
        pools = LicensePool.objects.for_user(user).active().order_by("name")
        self.pools = {str(pool.pk): pool for pool in pools}
        products = Product.objects.for_user(user).select_related("vendor").order_by("name")
        self.products = {str(row.pk): row for row in products}
        choices = [
            (self.NEW, gettext("a new pool of this name")),
            *((pk, pool.name) for pk, pool in self.pools.items()),
            (self.IGNORE, gettext("none: ignore it")),
            (self.LATER, gettext("later")),
        ]
        kinds = [("", gettext("to be named later"))]
        kinds += [(pk, f"{row.name} ({row.vendor})") for pk, row in self.products.items()]
        for feature in self.features:
            told = {"feature": feature.name}
            pool = forms.ChoiceField(choices=choices, label=gettext("Pool of %(feature)s") % told)
            product = forms.ChoiceField(
                choices=kinds, label=gettext("Product of %(feature)s") % told, required=False
            )
            self._in_row(f"pool_{feature.pk}", pool)
            self._in_row(f"product_{feature.pk}", product)

    @property
    def rows(self) -> list[tuple[Feature, Any, Any]]:
        return [
            (feature, self[f"pool_{feature.pk}"], self[f"product_{feature.pk}"])
            for feature in self.features
        ]

    def save(self, user: Any) -> str:
        count = 0
        with transaction.atomic():
            for feature in self.features:
                deed = self.cleaned_data[f"pool_{feature.pk}"]
                product = self.products.get(self.cleaned_data[f"product_{feature.pk}"])
                count += self._map(feature, deed, product, user)
        told = ngettext("%(count)s feature is settled.", "%(count)s features are settled.", count)
        return told % {"count": count}

    def _map(self, feature: Feature, deed: str, product: Product | None, user: Any) -> bool:
        if deed == self.LATER:
            return False
        if deed == self.IGNORE:
            mapping.set_ignored([feature])
        elif deed == self.NEW:
            mapping.create_pool_for(feature, product=product, user=user)
        else:
            mapping.map_feature(feature, self.pools[deed], user=user)
        return True


class ContractForm(Step):
    """A contract, with a line for each pool of its vendor of which seats were bought."""

    vendor = forms.ModelChoiceField(Vendor.objects.none(), label=gettext_lazy("Vendor"))
    number = forms.CharField(
        label=gettext_lazy("Number"), max_length=100, help_text=gettext_lazy("As the paper says.")
    )
    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"), help_text=gettext_lazy("First day.")
    )
    valid_to = forms.DateField(
        label=gettext_lazy("Valid to"),
        required=False,
        help_text=gettext_lazy("Last day. Empty: perpetual."),
    )
    notice_days = forms.IntegerField(
        label=gettext_lazy("Notice days"),
        min_value=0,
        max_value=3650,
        initial=0,
        help_text=gettext_lazy("Notice to give, in days."),
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency"), max_length=3, min_length=3, initial="EUR"
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vendors = Vendor.objects.for_user(user).order_by("name")
        self._choose("vendor", vendors)
        bare = ~Exists(Entitlement.objects.as_of().filter(pool=OuterRef("pk")))
        pools = LicensePool.objects.for_user(user).active().filter(bare)
        self.pools = list(pools.select_related("product__vendor").order_by("name")[:MOST_ROWS])
        issued = _issued([pool.pk for pool in self.pools])
        for pool in self.pools:
            seen = (
                gettext("The server issues %(issued)s.") % {"issued": issued[pool.pk]}
                if pool.pk in issued
                else ""
            )
            seats = forms.IntegerField(
                min_value=0, max_value=10**9, required=False,
                label=gettext("Seats of %(pool)s") % {"pool": pool.name},
                help_text=seen,
            )  # fmt: skip
            price = forms.DecimalField(
                min_value=0, max_digits=14, decimal_places=2, required=False,
                label=gettext("Price of a seat of %(pool)s and year") % {"pool": pool.name},
            )  # fmt: skip
            self._in_row(f"seats_{pool.pk}", seats)
            self._in_row(f"price_{pool.pk}", price)

    @property
    def rows(self) -> list[tuple[LicensePool, Any, Any]]:
        return [(pool, self[f"seats_{pool.pk}"], self[f"price_{pool.pk}"]) for pool in self.pools]

    @property
    def head(self) -> list[Any]:
        return [field for field in self if not field.name.startswith(("seats_", "price_"))]

    def clean(self) -> None:
        given = self.cleaned_data
        if self.errors:
            return
        self.contract = Contract(
            **{name: given[name] for name in ("vendor", "number", "valid_from", "valid_to")},
            notice_days=given["notice_days"],
            currency=given["currency"].upper(),
        )
        self.check(self.contract)
        for pool in self.pools:
            bought = given.get(f"seats_{pool.pk}") is not None
            if bought and pool.product.vendor_id != given["vendor"].pk:
                self.add_error(
                    f"seats_{pool.pk}",
                    gettext("%(pool)s is of %(vendor)s: another contract.")
                    % {"pool": pool, "vendor": pool.product.vendor},
                )

    def save(self, user: Any) -> str:
        given, count = self.cleaned_data, 0
        with transaction.atomic():
            self.contract.save()
            for pool in self.pools:
                if (seats := given.get(f"seats_{pool.pk}")) is None:
                    continue
                line = Entitlement(
                    pool=pool,
                    contract=self.contract,
                    quantity=seats,
                    unit_price=given.get(f"price_{pool.pk}"),
                    currency=self.contract.currency,
                    valid_from=given["valid_from"],
                    valid_to=self.contract.valid_to,
                )
                line.full_clean(exclude=["recorded_by"])
                add_right(line, user=user)
                count += 1
        self.goes_to = "contracts"
        return gettext("%(contract)s is on record, with rights of %(pools)s.") % {
            "contract": self.contract,
            "pools": figures.pools(count),
        }


def _issued(pool_ids: list[int]) -> dict[int, int]:
    """Return what servers issue now of features of pools, summed by pool. One query."""
    found: dict[int, int] = {}
    rows = IssuedCount.objects.filter(
        feature__mappings__pool__in=pool_ids, feature__mappings__mapped_until=None, ends=None
    )
    for pool, count in rows.values_list("feature__mappings__pool", "count"):
        found[pool] = found.get(pool, 0) + (count or 0)
    return found
