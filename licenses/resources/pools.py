"""Pools and the features that feed them as a sheet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from import_export import fields

from licenses.concurrency.periods import local_midnight
from licenses.importing.mapping import map_feature
from licenses.models import (
    Feature,
    LicensePool,
    LicenseServer,
    PoolFeature,
    Product,
    Team,
)

from .base import Rules, Sheet, column
from .cells import Day, Named, Text, Whole


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
            errors[missing] = gettext("empty: a mapping names a server and a feature")
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
