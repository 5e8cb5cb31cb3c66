"""The web admin: one module a topic. Importing it registers the pages."""

from . import (
    accounts,
    alerts,
    contracts,
    evidence,
    imports,
    inventory,
    pools,
    servers,
    usage,
)

__all__ = [
    "accounts",
    "alerts",
    "contracts",
    "evidence",
    "imports",
    "inventory",
    "pools",
    "servers",
    "usage",
]
