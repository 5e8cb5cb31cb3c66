"""What is answered of a licence server and its texts beside rows, for the schema."""

from __future__ import annotations

from licenses.analysis.unreadable import Group
from licenses.api.answers import Moment, Sometimes, shape
from licenses.importing.polling import ConnectionStep
from licenses.sources.records import Unreadable

UNREADABLE = shape(
    "Unreadable",
    {"results": [shape("UnreadableLines", Group, {"example": str | None})], "report": str},
)
CHECK_STEP = shape("CheckStep", ConnectionStep, {"step": str}, without=("name",))
# Empty until the work is done.
IMPORTED = shape(
    "ImportResult",
    dict.fromkeys(("file", "format"), Sometimes(str)),
    dict.fromkeys(("lines", "out", "in", "denied", "new", "known"), Sometimes(int)),
    {
        "unreadable": Sometimes([shape("UnreadableLine", Unreadable)]),
        "unreadable_count": Sometimes(int),
    },
    dict.fromkeys(("from", "to"), Sometimes(Moment | None)),
    {"notes": Sometimes(list[str])},
)
