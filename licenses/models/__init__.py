"""Rows: one module a topic, each model beside its queryset."""

from .alerts import (
    Alert,
    AlertRule,
    AlertState,
    Channel,
    EscalationStep,
    MailboxMessage,
    Notification,
    Silence,
)
from .care import ConnectionCheck, IgnoredLines, SkippedStep
from .contracts import (
    Contract,
    Document,
    Entitlement,
    Strength,
    StrengthOverride,
    correct_entitlement,
    unreplaced,
)
from .evidence import EvidenceAnchor, EvidenceBlock, EvidenceDay, EvidenceKey, EvidenceStream
from .headlines import PoolHeadline
from .imports import (
    LATE_SECONDS,
    Capture,
    Coverage,
    Gap,
    Heartbeat,
    IdempotencyRecord,
    ImportJob,
    LateSpan,
    LogCursor,
    StatusScope,
    UnreadableLine,
    Work,
    claim,
)
from .inventory import (
    Host,
    Identity,
    Membership,
    Person,
    Product,
    Team,
    Vendor,
    normalized_name,
    pseudonym,
    visible_teams,
)
from .pools import LicensePool, PoolFeature, validate_zone, zone_names
from .privacy import (
    LEAST,
    LegalHold,
    NameReveal,
    held_vendors,
    revealed_people,
    sees_names,
    tells_apart,
)
from .scoping import (
    API_CLIENT,
    AUDITOR,
    LICENSE_USER,
    MANAGER,
    TEAM_LEAD,
    VIEWER,
    Scope,
    roles,
    sees_everything,
)
from .servers import (
    LONGEST_STEP,
    Feature,
    FeatureNow,
    IssuedCount,
    LicenseServer,
    PackageComponent,
    PollState,
    SharingRule,
    bearing_on_scope,
    longest_step,
)
from .teams import RuleMatch, TeamHour, TeamRule
from .usage import (
    Boundary,
    Checkout,
    Denial,
    DenialEpisode,
    DirtySpan,
    Disagreement,
    Event,
    PoolHour,
    PoolNow,
    Sighting,
)
from .waitlist import WaitlistEntry
from .watch import Chore, PoolStillness, UnreadableShare

__all__ = [
    "API_CLIENT", "AUDITOR", "LATE_SECONDS", "LEAST", "LICENSE_USER", "LONGEST_STEP",
    "MANAGER", "TEAM_LEAD", "VIEWER",
    "Alert", "AlertRule", "AlertState",
    "Boundary", "Capture",
    "Channel", "Checkout", "Chore", "ConnectionCheck",
    "Contract", "Coverage", "Denial", "DenialEpisode", "DirtySpan", "Disagreement",
    "Document", "Entitlement",
    "EscalationStep", "Event",
    "EvidenceAnchor", "EvidenceBlock", "EvidenceDay", "EvidenceKey", "EvidenceStream",
    "Feature", "FeatureNow", "Gap", "Heartbeat", "Host", "IdempotencyRecord", "Identity",
    "IgnoredLines",
    "ImportJob", "IssuedCount", "LateSpan", "LegalHold",
    "LicensePool", "LicenseServer", "LogCursor", "MailboxMessage", "Membership", "NameReveal",
    "Notification",
    "PackageComponent",
    "Person", "PollState", "PoolFeature", "PoolHeadline", "PoolHour", "PoolNow",
    "PoolStillness", "Product", "RuleMatch",
    "Scope", "SharingRule",
    "Sighting", "Silence", "SkippedStep", "StatusScope", "Strength", "StrengthOverride",
    "Team", "TeamHour", "TeamRule", "UnreadableLine", "UnreadableShare", "Vendor",
    "WaitlistEntry", "Work",
    "bearing_on_scope", "claim",
    "correct_entitlement", "held_vendors", "longest_step", "normalized_name",
    "pseudonym", "revealed_people", "roles",
    "sees_everything", "sees_names", "tells_apart", "unreplaced", "validate_zone", "visible_teams",
    "zone_names",
]  # fmt: skip
