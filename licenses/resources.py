"""What spreadsheets of the inventory look like, and what is wrong with a cell that cannot be read.

The columns are those of docs/inventory-csv.md.

Rows are found by the names people know (a vendor's name, a contract's number), never by our ids. A
second import of the
same file changes nothing. Entitlements are only ever added.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from import_export import fields, resources, widgets

from licenses.analysis import now as pools_now
from licenses.analysis.rollup import mark_dirty
from licenses.concurrency.periods import local_midnight
from licenses.importing.inventory import RIGHT, _recorded_rights
from licenses.importing.mapping import map_feature
from licenses.models import (
    Contract,
    Entitlement,
    Feature,
    Identity,
    LicensePool,
    LicenseServer,
    Membership,
    Person,
    PoolFeature,
    Product,
    Team,
    Vendor,
    pseudonym,
)
from licenses.models.contracts import CORRECTABLE

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")


def disarm(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula.

    Numbers and dates stay what they are.
    """
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_DANGEROUS):
        return "'" + cell
    return cell


class Text(widgets.Widget):
    """Text without blanks around it; a leading apostrophe that an export put there is taken off
    again.
    """

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = "" if value is None else str(value).strip()
        if text.startswith("'") and disarm(text[1:]) != text[1:]:
            text = text[1:]
        return text

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Day(Text):
    """A date as 2026-03-31, or a spreadsheet's own date."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:  # type: ignore[override]
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = super().clean(value)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"{text!r}: expected a date such as 2026-03-31") from error


class Whole(Text):
    """A whole number of 0 or more; the default where the cell is empty."""

    def __init__(self, default: int | None = None) -> None:
        super().__init__()
        self.default = default

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            if self.default is None:
                raise ValueError("empty: expected a whole number")
            return self.default
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            raise ValueError(f"{text!r}: expected a whole number") from error
        if number != number.to_integral_value() or number < 0:
            raise ValueError(f"{text!r}: expected a whole number of 0 or more")
        return int(number)


class Money(Text):
    """An amount with a point before the cents, or nothing."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            raise ValueError(f"{text!r}: expected an amount such as 1250.50") from error
        if not amount.is_finite() or amount < 0:
            raise ValueError(f"{text!r}: expected an amount of 0 or more")
        return amount.quantize(Decimal("0.01"))


class YesNo(Text):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:  # type: ignore[override]
        text = super().clean(value).lower()
        if text in ("", "no", "false", "0"):
            return False
        if text in ("yes", "true", "1"):
            return True
        raise ValueError(f"{value!r}: expected yes or no")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class Choice(Text):
    """One of a model field's choices, by its key or by the words people see."""

    def __init__(self, choices: Any, default: str) -> None:
        super().__init__()
        self.keys = {str(key).lower(): key for key, _ in choices}
        self.keys |= {str(words).lower(): key for key, words in choices}
        self.default = default

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = super().clean(value).lower()
        if not text:
            return self.default
        if text not in self.keys:
            expected = ", ".join(sorted({str(key) for key in self.keys.values()}))
            raise ValueError(f"{value!r}: expected one of {expected}")
        return self.keys[text]


class Named(Text):
    """A row that exists, by its name.

    within: column whose cell narrows the search, and the lookup from the wanted row to it.
    """

    def __init__(
        self,
        model: type[Model],
        name: str = "name",
        *,
        within: tuple[str, str] | None = None,
        needed: bool = True,
    ) -> None:
        super().__init__()
        self.model, self.name, self.within, self.needed = model, name, within, needed

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = super().clean(value)
        kind = str(self.model._meta.verbose_name)
        if not text:
            if self.needed:
                raise ValueError(f"empty: expected the {self.name} of a {kind}")
            return None
        wanted = Q(**{self.name: text})
        where = ""
        if self.within:
            column, lookup = self.within
            other = super().clean((row or {}).get(column))
            if other:
                wanted &= Q(**{lookup: other})
                where = f" of {other}"
        found = list(self.model._default_manager.filter(wanted)[:2])
        if not found:
            raise ValueError(f"there is no {kind} {text!r}{where}: record it first")
        if len(found) > 1:
            column = self.within[0] if self.within else self.name
            raise ValueError(f"several {kind}s are called {text!r}: fill in {column!r}, too")
        return found[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(getattr(value, self.name))


def column(name: str, widget: Any = None, *, header: str = "", **options: Any) -> fields.Field:
    return fields.Field(
        attribute=name, column_name=header or name, widget=widget or Text(), **options
    )


class Sheet(resources.ModelResource):
    """A spreadsheet whose columns are those declared; cells are judged by the model's own rules,
    too.
    """

    needed: tuple[str, ...] = ()

    class Meta:
        abstract = True

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Read what is missing as empty, and refuse columns that nobody would read."""
        known = {field.column_name for field in self.get_import_fields()}
        headers = [str(header or "").strip() for header in dataset.headers or []]
        strange = [header for header in headers if header not in known]
        missing = [header for header in self.needed if header not in headers]
        if strange or missing:
            raise ValidationError(
                (f"Unknown column {strange[0]!r}. " if strange else "")
                + (f"Missing column {missing[0]!r}. " if missing else "")
                + f"Expected columns: {', '.join(sorted(known))}."
            )
        dataset.headers = headers
        for header in sorted(known - set(headers)):
            dataset.append_col([""] * len(dataset), header=header)

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """Return the row on record; none where its key cannot be read, as its cell then tells."""
        try:
            return super().get_instance(instance_loader, row)
        except ValueError:
            return None


class Rules:
    """What a sheet's Meta keeps to."""

    skip_unchanged = True
    report_skipped = True
    clean_model_instances = True
    use_transactions = True


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


class TeamResource(Sheet):
    """Parents before children, or already there."""

    needed = ("team",)
    name = column("name", header="team")
    parent = column("parent", Named(Team, needed=False), saves_null_values=True)
    cost_center = column("cost_center")
    contact_email = column("contact_email")

    class Meta(Rules):
        model = Team
        fields = ("name", "parent", "cost_center", "contact_email")
        import_id_fields = ("name",)


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
            raise ValueError(
                f"there is no contract {number!r} with the pool's vendor: record it first"
            )
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
            raise ValidationError({"valid_from": "empty: expected the first day"})
        instance.recorded_by = kwargs.get("user")

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        self.recorded = _recorded_rights()
        self.touched: set[int] = set()

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
        self.touched.add(instance.pool_id)

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        super().after_import(dataset, result, **kwargs)
        mark_dirty(self.touched)
        pools_now.refresh(self.touched)


class PersonResource(Sheet):
    """People and their memberships, one line a membership.

    The login is what licence servers print.
    """

    needed = ("login",)
    login = fields.Field(column_name="login", attribute="identity__login", widget=Text())
    name = fields.Field(column_name="name", attribute="identity__name", widget=Text())
    email = fields.Field(column_name="email", attribute="identity__email", widget=Text())
    team = fields.Field(column_name="team", widget=Text())
    member_from = fields.Field(column_name="member_from", widget=Day())
    member_to = fields.Field(column_name="member_to", widget=Day())

    class Meta:
        model = Person
        fields = ("login", "name", "email", "team", "member_from", "member_to")
        import_id_fields = ()
        report_skipped = True
        use_transactions = True

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        return Person.objects.filter(pseudonym=pseudonym("person", self._login(row))).first()

    def _login(self, row: Any) -> str:
        login = Text().clean(row.get("login"))
        if not login:
            raise ValidationError({"login": "empty: expected the login that the server prints"})
        return login

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Read the cells. What is wrong in several of them is told at once."""
        instance.pseudonym = pseudonym("person", self._login(row))
        errors: dict[str, str] = {}
        cells: dict[str, Any] = {}
        readers = {
            "team": Named(Team, needed=False),
            "member_from": Day(),
            "member_to": Day(),
            "name": Text(),
            "email": Text(),
        }
        for name, reader in readers.items():
            try:
                cells[name] = reader.clean(row.get(name), row)
            except ValueError as error:
                errors[name] = str(error)
        if not errors and cells["team"] is None and (cells["member_from"] or cells["member_to"]):
            errors["team"] = "empty, although the line has days: expected the name of a team"
        first, last = cells.get("member_from"), cells.get("member_to")
        if first and last and last < first:
            errors["member_to"] = f"{last} lies before {first}"
        if errors:
            raise ValidationError(errors)
        instance.cells = cells

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Leave alone what is already on record."""
        if import_validation_errors or not instance.pk:
            return False
        identity = Identity.objects.filter(person=instance).first()
        cells = instance.cells
        known = identity is not None and all(
            not cells[name] or getattr(identity, name) == cells[name] for name in ("name", "email")
        )
        if cells["team"] is None:
            return known
        same = Membership.objects.filter(
            person=instance,
            team=cells["team"],
            valid_from=cells["member_from"],
            valid_to=cells["member_to"],
        )
        return known and same.exists()

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        cells = instance.cells
        given = {name: cells[name] for name in ("name", "email") if cells[name]}
        Identity.objects.update_or_create(
            person=instance, defaults=given, create_defaults={"login": self._login(row), **given}
        )
        if cells["team"] is not None:
            Membership.objects.update_or_create(
                person=instance,
                team=cells["team"],
                valid_from=cells["member_from"],
                defaults={"valid_to": cells["member_to"]},
            )

    def export(self, queryset: Any = None, **kwargs: Any) -> Any:
        """Write a line a membership, and one for each person without."""
        headers = list(self._meta.fields)
        data = tablib.Dataset(headers=headers)
        people = queryset if queryset is not None else Person.objects.all()
        for person in people.select_related("identity").prefetch_related("memberships__team"):
            identity = getattr(person, "identity", None)
            who = (
                [identity.login, identity.name, identity.email]
                if identity
                else [person.label, "", ""]
            )
            for membership in person.memberships.all() or [None]:
                team = (
                    [
                        membership.team.name,
                        str(membership.valid_from or ""),
                        str(membership.valid_to or ""),
                    ]
                    if membership
                    else ["", "", ""]
                )
                data.append(who + team)
        return data


class PoolResource(Sheet):
    """Pools, one line for each feature that feeds one; the pool's own columns are repeated.

    Days include the last.
    """

    needed = ("pool", "vendor", "product")
    name = column("name", header="pool")
    vendor = fields.Field(attribute="product__vendor__name", column_name="vendor", readonly=True)
    product = column("product", Named(Product, within=("vendor", "vendor__name")))
    zone = column("zone", default="UTC")
    owner_team = fields.Field(column_name="owner_team", readonly=True)
    server = fields.Field(column_name="server", readonly=True)
    daemon = fields.Field(column_name="daemon", readonly=True)
    feature = fields.Field(column_name="feature", readonly=True)
    weight = fields.Field(column_name="weight", readonly=True)
    mapped_from = fields.Field(column_name="mapped_from", readonly=True)
    mapped_until = fields.Field(column_name="mapped_until", readonly=True)

    class Meta(Rules):
        model = LicensePool
        fields = (
            "name",
            "vendor",
            "product",
            "zone",
            "owner_team",
            "server",
            "daemon",
            "feature",
            "weight",
            "mapped_from",
            "mapped_until",
        )
        import_id_fields = ("name",)

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Read the pool's columns and the mapping's.

        What is wrong in several cells is told at once.
        """
        errors: dict[str, Any] = {}
        try:
            super().import_instance(instance, row, **kwargs)
        except ValidationError as error:
            errors.update(error.message_dict)
        cells: dict[str, Any] = {}
        readers: dict[str, Text] = {
            "owner_team": Named(Team, needed=False),
            "server": Text(),
            "daemon": Text(),
            "feature": Text(),
            "weight": Whole(1),
            "mapped_from": Day(),
            "mapped_until": Day(),
        }
        for name, reader in readers.items():
            try:
                cells[name] = reader.clean(row.get(name), row)
            except ValueError as error:
                errors[name] = str(error)
        if bool(cells.get("server")) != bool(cells.get("feature")):
            missing = "feature" if cells.get("server") else "server"
            errors[missing] = "empty: a mapping names a server and a feature"
        if errors:
            raise ValidationError(errors)
        instance.cells = cells

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Leave alone a pool that is as the line says, if the mapping is on record, too."""
        if import_validation_errors or not instance.pk:
            return False
        team = instance.cells["owner_team"]
        if team is not None and not instance.owner_teams.filter(pk=team.pk).exists():
            return False
        if instance.cells["server"] and self._mapping(instance) is None:
            return False
        own = ("product_id", "zone")
        return all(getattr(instance, name) == getattr(original, name) for name in own)

    def _mapping(self, pool: Any) -> PoolFeature | None:
        cells = pool.cells
        rows = pool.mappings.filter(
            feature__server__name=cells["server"],
            feature__name=cells["feature"],
            weight=cells["weight"],
            mapped_from=_begin(cells["mapped_from"], pool.tzinfo),
            mapped_until=_end(cells["mapped_until"], pool.tzinfo),
        )
        if cells["daemon"]:
            rows = rows.filter(feature__daemon=cells["daemon"])
        found: PoolFeature | None = rows.first()
        return found

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Add the team and the mapping that the line names.

        A feature that feeds another pool then is refused.
        """
        cells = instance.cells
        if cells["owner_team"] is not None:
            instance.owner_teams.add(cells["owner_team"])
        if not cells["server"] or self._mapping(instance) is not None:
            return
        feature = self._feature(cells["server"], cells["daemon"], cells["feature"])
        try:
            map_feature(
                feature,
                instance,
                weight=cells["weight"],
                mapped_from=_begin(cells["mapped_from"], instance.tzinfo),
                mapped_until=_end(cells["mapped_until"], instance.tzinfo),
                user=kwargs.get("user"),
            )
        except ValidationError as error:
            raise ValidationError({"feature": error.messages}) from error

    def _feature(self, server_name: str, daemon: str, name: str) -> Feature:
        """Return the feature; it and its server are made where logs have not told of them yet."""
        server = LicenseServer.objects.filter(name=server_name).first()
        if server is None:
            server = LicenseServer(name=server_name)
            try:
                server.full_clean()
            except ValidationError as error:
                raise ValidationError({"server": error.messages}) from error
            server.save()
        rows = Feature.objects.filter(server=server, name=name)
        feature: Feature | None = (rows.filter(daemon=daemon) if daemon else rows).first()
        return feature or Feature.objects.create(server=server, daemon=daemon, name=name)

    def export(self, queryset: Any = None, **kwargs: Any) -> Any:
        """Write a line a mapping, and one for each pool without."""
        data = tablib.Dataset(headers=[self.fields[name].column_name for name in self._meta.fields])
        pools = queryset if queryset is not None else LicensePool.objects.all()
        for pool in pools.select_related("product__vendor").prefetch_related(
            "owner_teams", "mappings__feature__server"
        ):
            teams = sorted(team.name for team in pool.owner_teams.all())
            head = [pool.name, pool.product.vendor.name, pool.product.name, pool.zone]
            head.append(teams[0] if teams else "")
            for mapping in pool.mappings.all() or [None]:
                data.append(head + _mapping_cells(mapping, pool.tzinfo))
        return data


def _mapping_cells(mapping: PoolFeature | None, zone: ZoneInfo) -> list[Any]:
    if mapping is None:
        return [""] * 6
    feature = mapping.feature
    first, after = mapping.mapped_from, mapping.mapped_until
    return [
        feature.server.name,
        feature.daemon,
        feature.name,
        mapping.weight,
        "" if first is None else str(first.astimezone(zone).date()),
        "" if after is None else str((after.astimezone(zone) - timedelta(seconds=1)).date()),
    ]


def _begin(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.fromtimestamp(local_midnight(day, zone), UTC)


def _end(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else _begin(day + timedelta(days=1), zone)
