"""FlexNet (FLEXlm): lmgrd and its vendor daemons."""

from __future__ import annotations

from licenses.sources.base import Format, Kind
from licenses.sources.flexnet.detection import (
    is_debug_log,
    is_license_file,
    is_lmstat,
    is_options_file,
)

FLEXNET = Kind(
    name="flexnet",
    label="FlexNet",
    formats=(
        Format("lmstat", "the output of lmstat -a", "snapshot", is_lmstat),
        Format("debug-log", "a debug log", "events", is_debug_log),
        Format("license-file", "a licence file", "issued", is_license_file),
        Format("options-file", "an options file", "rules", is_options_file),
    ),
)
