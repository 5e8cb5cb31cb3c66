"""What spreadsheets of the inventory look like, and what is wrong with a cell that cannot be read.

The columns are those of docs/inventory-csv.md. Rows are found by the names people know (a vendor's
name, a contract's number), never by our ids. A second import of the same file changes nothing.
"""

from .base import Cells, Sheet
from .cells import disarm
from .people import PersonResource, TeamResource
from .pools import PoolResource
from .rights import ContractResource, EntitlementResource, ProductResource, VendorResource

__all__ = [
    "Cells",
    "ContractResource",
    "EntitlementResource",
    "PersonResource",
    "PoolResource",
    "ProductResource",
    "Sheet",
    "TeamResource",
    "VendorResource",
    "disarm",
]
