"""Moments and figures as the tables write them."""

from datetime import datetime, timezone


def utc(moment):
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def written(name, value):
    """Return a figure as daily.csv has it."""
    if name in ("peak_first_at", "first_recorded_at", "last_recorded_at"):
        return utc(value)
    return "" if value is None else str(value)


def bare(cell):
    """Return a text without the apostrophe that keeps a spreadsheet from running it."""
    return str(cell).removeprefix("'")
