"""Reports in the admin."""

from . import packs, reports, schedules

__all__ = ["packs", "reports", "schedules"]
