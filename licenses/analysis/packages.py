"""Which features of a pool are components of packages, as logs told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from licenses.analysis.mappings import Mapping
from licenses.analysis.prepared import Asked, Prepared
from licenses.models import PackageComponent

Packages = Collection[tuple[int, str, str, str]]
"""Server, daemon, package and component."""


def load_packages(server_ids: set[int]) -> set[tuple[int, str, str, str]]:
    """Return (server, daemon, package, component) of what logs told of packages. One query."""
    return {
        (server, daemon, package, component)
        for server, daemon, package, component in _COMPONENTS.rows(server_ids)
    }


def wholes(maps: Sequence[Mapping], packages: Packages) -> dict[int, list[Mapping]]:
    """Return for each feature that is a component the mappings of its packages to the same pool."""
    named: dict[tuple[int, str, str], list[Mapping]] = {}
    for row in maps:
        named.setdefault((row.server, row.daemon, row.name), []).append(row)
    found: dict[int, list[Mapping]] = {}
    for server, daemon, package, component in sorted(packages):
        parts = named.get((server, daemon, component), [])
        if package != component and parts:
            found.setdefault(parts[0].feature, []).extend(named.get((server, daemon, package), []))
    return {feature: rows for feature, rows in found.items() if rows}


@Prepared
def _COMPONENTS(server_ids: Collection[int]) -> Asked:
    rows = PackageComponent.objects.filter(server__among=server_ids).order_by()
    return rows, ("server_id", "daemon", "package", "component")
