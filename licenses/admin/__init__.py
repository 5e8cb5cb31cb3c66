"""The web admin: one module a topic. Importing it registers the pages."""

from . import (
    accounts,
    alerts,
    contracts,
    documents,
    entitlements,
    erasures,
    evidence,
    imports,
    inventory,
    people,
    pools,
    saved_filters,
    servers,
    several,
    teams,
    usage,
)

__all__ = [
    "accounts",
    "alerts",
    "contracts",
    "documents",
    "entitlements",
    "erasures",
    "evidence",
    "imports",
    "inventory",
    "people",
    "pools",
    "saved_filters",
    "servers",
    "several",
    "teams",
    "usage",
]
