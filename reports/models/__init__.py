"""Reports, their sign-off, and when they are made and sent by themselves."""

from .certificates import SigningCertificate
from .reports import FOLDER, Report, SignOff, scope_key
from .schedules import ReportDelivery, ReportSchedule

__all__ = [
    "FOLDER",
    "Report",
    "ReportDelivery",
    "ReportSchedule",
    "SignOff",
    "SigningCertificate",
    "scope_key",
]
