"""Numbers: what a report says, as frozen dataclasses filled from analysis; no drawing."""
