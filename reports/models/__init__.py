"""Reports, their sign-off, packs for auditors, and what is made and sent by itself."""

from .certificates import SigningCertificate
from .later import LaterData
from .packs import EvidencePack
from .reports import FOLDER, Report, SignOff, role_of, scope_key
from .schedules import ReportDelivery, ReportSchedule

__all__ = [
    "FOLDER",
    "EvidencePack",
    "LaterData",
    "Report",
    "ReportDelivery",
    "ReportSchedule",
    "SignOff",
    "SigningCertificate",
    "role_of",
    "scope_key",
]
