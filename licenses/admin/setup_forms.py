"""The forms of the guided set-up, one a step. Each is checked as a whole and saved as a whole: with
an error beside a field nothing is stored, and what was typed stays."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Exists, Model, OuterRef
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext

from itam import figures
from itam.retold import retell
from licenses.admin import deeds
from licenses.alerts.channels import mail
from licenses.concurrency.periods import local_midnight
from licenses.importing import mapping
from licenses.importing.inventory import import_table
from licenses.importing.inventory_csv import read
from licenses.importing.jobs import hand_in
from licenses.importing.rights import add_right
from licenses.models import (
    AlertRule,
    Channel,
    Contract,
    Coverage,
    Entitlement,
    Feature,
    IssuedCount,
    LicensePool,
    LicenseServer,
    Product,
    Team,
    Vendor,
    zone_names,
)
from licenses.tasks import nudge

from .beside import place
from .forms import AdminForm, dress

REQUEST_REPORT = "reports.delivery.request_report"
MOST_ROWS = 100
MOST_CSV = 5_000_000
YEAR = timedelta(days=365)


class Step(AdminForm):
    """A form of a step. `save` does it and returns a sentence that says what came of it; `goes_to`
    is where to go then, "" for the next step."""

    goes_to = ""

    def save(self, user: Any) -> str:
        raise NotImplementedError

    def _choose(self, name: str, rows: Any) -> None:
        """Let a field offer these rows."""
        field: Any = self.fields[name]
        field.queryset = rows
        dress(field)

    def _in_row(self, name: str, field: forms.Field) -> None:
        """Take a field of a table's row: the column's head is no label, so it carries its own."""
        dress(field)
        field.widget.attrs["aria-label"] = field.label
        self.fields[name] = field

    def check(self, row: Model) -> None:
        """Put what a row's own rules say beside the field that it is about."""
        try:
            row.full_clean()
        except ValidationError as error:
            self.refuse(error, type(row))

    def refuse(self, error: ValidationError, model: type[Model] | None = None) -> None:
        """Put each error beside the field of its name, or that its constraint is about."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, found in error.error_dict.items():
            for each in found:
                mended = place(each, model, self.fields) if model else ""
                self.add_error(name if name in self.fields else mended or None, each)


@lru_cache(maxsize=1)
def _zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(zone_names())]


def _zones_to_choose() -> list[tuple[str, str]]:
    """Return the zones after none of them: a server keeps what is chosen, so nothing is guessed."""
    return [("", gettext("Choose the zone")), *_zones()]


class ServerForm(Step):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("As you call it.")
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Zone"),
        choices=_zones_to_choose,
        help_text=gettext_lazy(
            "In which it prints times. Logs do not say it themselves. Once one is read, the zone"
            " stays."
        ),
    )
    polling = forms.ChoiceField(
        label=gettext_lazy("How its use is learned"), choices=LicenseServer.Polling.choices
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=800,
        help_text=gettext_lazy("To ask it: port@host, such as 27000@host."),
    )
    status_path = forms.CharField(
        label=gettext_lazy("Status path"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("To read a file: its absolute path."),
    )
    log_path = forms.CharField(
        label=gettext_lazy("Log path"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "If its log lies on this machine: the absolute path. It is read as it grows."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        number = LicenseServer.objects.count() + 1
        kwargs.setdefault("initial", {}).update(
            name=f"licence-server-{number}",
            polling=LicenseServer.Polling.OFF,
        )
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        self.server = LicenseServer(**self.cleaned_data)
        self.check(self.server)

    def save(self, user: Any) -> str:
        self.server.save()
        return gettext("%(server)s is on record.") % {"server": self.server.name}


class FeaturesForm(Step):
    server = forms.ModelChoiceField(LicenseServer.objects.none(), label=gettext_lazy("Server"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A debug log, a status, a licence file or an options file, as it was written;"
            " .gz is read, too. What it is, is seen from its text."
        ),
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Date of the first line"),
        help_text=gettext_lazy("Only for a log that has no date of its own."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.user = user
        rows = LicenseServer.objects.for_user(user).exclude(zone="")
        kwargs.setdefault("initial", {}).update(server=rows.order_by("-pk").first())
        super().__init__(*args, **kwargs)
        self._choose("server", rows)

    def clean(self) -> None:
        given = self.cleaned_data
        if self.errors:
            return
        try:
            self.job = hand_in(given["server"], given["file"], date=given["date"], user=self.user)
        except ValidationError as error:
            self.refuse(error)

    def save(self, user: Any) -> str:
        nudge("licenses.tasks.import_file", self.job.pk)
        self.goes_to = "features"
        return gettext("%(file_name)s is being read.") % {"file_name": self.job.file_name}


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
        return gettext("%(contract)s is on record, with rights of %(count)s pools.") % {
            "contract": self.contract,
            "count": count,
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


class TeamForm(Step):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    cost_center = forms.CharField(label=gettext_lazy("Cost center"), max_length=100, required=False)
    contact_email = forms.EmailField(
        label=gettext_lazy("Contact email"),
        required=False,
        help_text=gettext_lazy("Who hears about its pools."),
    )

    def clean(self) -> None:
        self.team = Team(**self.cleaned_data)
        self.check(self.team)

    def save(self, user: Any) -> str:
        self.team.save()
        self.goes_to = "teams"
        return gettext("%(team)s is on record.") % {"team": self.team}


class AlertForm(Step):
    addresses = forms.CharField(
        label=gettext_lazy("Addresses"),
        max_length=500,
        help_text=gettext_lazy("Mail addresses, joined by commas. They hear of every rule."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {}).update(addresses=user.email)
        super().__init__(*args, **kwargs)

    def clean_addresses(self) -> str:
        text: str = self.cleaned_data["addresses"]
        for address in text.split(","):
            try:
                validate_email(address.strip())
            except ValidationError as error:
                raise ValidationError(
                    gettext("%(strip)s: expected a mail address.")
                    % {"strip": repr(address.strip())}
                ) from error
        mail.check(text)
        return text

    def save(self, user: Any) -> str:
        with transaction.atomic():
            channel, _new = Channel.objects.update_or_create(
                name="Told since the set-up",
                defaults={
                    "kind": Channel.Kind.MAIL,
                    "target": self.cleaned_data["addresses"],
                    "enabled": True,
                },
            )
            rules = list(AlertRule.objects.filter(enabled=True))
            for rule in rules:
                rule.channels.add(channel)
        return gettext("%(rules)s rules tell %(target)s.") % {
            "rules": len(rules),
            "target": channel.target,
        }


class ReportForm(Step):
    first = forms.DateField(label=gettext_lazy("From"), help_text=gettext_lazy("First day."))
    last = forms.DateField(label=gettext_lazy("To"), help_text=gettext_lazy("First day left out."))
    zone = forms.ChoiceField(
        label=gettext_lazy("Zone"),
        choices=_zones,
        help_text=gettext_lazy("In which days and months begin."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.user = user
        today = timezone.localdate()
        known = Coverage.objects.order_by("-ends").values_list("ends", flat=True).first()
        last = min(today, known.date() + timedelta(days=1)) if known else today
        server = LicenseServer.objects.exclude(zone="").order_by("pk").first()
        kwargs.setdefault("initial", {}).update(
            first=last - YEAR, last=last, zone=server.zone if server else "UTC"
        )
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        given = self.cleaned_data
        if not self.errors and given["first"] >= given["last"]:
            self.add_error(
                "last",
                gettext("%(last)s is not after %(first)s.")
                % {"last": given["last"], "first": given["first"]},
            )
        if not LicensePool.objects.for_user(self.user).active().exists():
            self.add_error(None, gettext("There is no pool yet to make a report of."))

    def save(self, user: Any) -> str:
        given, zone = self.cleaned_data, zoneinfo.ZoneInfo(self.cleaned_data["zone"])
        report = deeds.optional(REQUEST_REPORT)(
            "compliance",
            list(LicensePool.objects.for_user(user).active().order_by("pk")),
            local_midnight(given["first"], zone),
            local_midnight(given["last"], zone),
            zone,
            user,
            scope=figures.ALL_POOLS,
        )
        nudge("reports.tasks.build_report", report.pk)
        self.goes_to = f"report:{report.pk}"
        return gettext("The report is being made. It appears here when it is ready.")


class CsvForm(AdminForm):
    """A file with rows of the inventory: its header says of which kind."""

    csv = forms.FileField(label=gettext_lazy("CSV file"))

    def __init__(self, *args: Any, kinds: tuple[str, ...], **kwargs: Any) -> None:
        """kinds: those that are taken here."""
        super().__init__(*args, **kwargs)
        self.kinds = kinds

    def clean_csv(self) -> Any:
        file = self.cleaned_data["csv"]
        if file.size > MOST_CSV:
            raise ValidationError(
                gettext("%(file)s is larger than %(most_csv)s MB: split it.")
                % {"file": file.name, "most_csv": MOST_CSV // 10**6}
            )
        table = read(file.read())
        if table.kind and table.kind not in self.kinds:
            raise ValidationError(
                gettext("%(file)s holds %(kind)s: expected %(list)s here.")
                % {"file": file.name, "kind": table.kind, "list": ", ".join(self.kinds)}
            )
        self.result = import_table(file.name, table)
        if self.result.problems:
            raise ValidationError([retell(each) for each in self.result.as_dict()["errors"]])
        return file

    def told(self) -> str:
        found = self.result
        return gettext("%(file)s: %(new)s new, %(changed)s changed, %(known)s known %(kind)s.") % {
            "file": found.file,
            "new": found.new,
            "changed": found.changed,
            "known": found.known,
            "kind": found.kind,
        }
