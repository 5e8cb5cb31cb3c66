"""Reports in the admin."""

from . import reports, schedules

__all__ = ["reports", "schedules"]
