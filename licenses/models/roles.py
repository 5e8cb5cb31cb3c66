"""The groups that every installation has, and what their members may do."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

from .scoping import API_CLIENT, AUDITOR, LICENSE_USER, MANAGER, TEAM_LEAD, VIEWER

# Facts and what is derived from them: nobody edits these by hand, managers neither.
FACTS = frozenset(
    [
        "eventblock",
        "boundary",
        "contradiction",
        "sighting",
        "statusscope",
        "checkout",
        "denial",
        "denialepisode",
        "queueevent",
        "queueentry",
        "disagreement",
        "poolhour",
        "keptpart",
        "poolnow",
        "poolheadline",
        "connectioncheck",
        "skippedstep",
        "teamhour",
        "rulematch",
        "dirtyspan",
        "rebuild",
        "capture",
        "unreadableline",
        "coverage",
        "answerstep",
        "gap",
        "logcursor",
        "latespan",
        "mappingchange",
        "chore",
        "poolstillness",
        "pooldrift",
        "poolforecast",
        "unreadableshare",
        "evidencestream",
        "evidenceblock",
        "evidenceday",
        "evidencekey",
        "evidenceanchor",
        "evidencecheck",
        "featurenow",
        "issuedcount",
        "packagecomponent",
        "sharingrule",
        "pollstate",
        "alertstate",
        "notification",
        "waitlistentry",
        "mailboxmessage",
        "heartbeat",
        "idempotencyrecord",
        "undostep",
        "importjob",
        "host",
        "signoff",
        "laterdata",
        "reportdelivery",
    ]
)
# Rights are corrected by new rows, never changed or deleted.
ADD_ONLY = frozenset(
    [
        "entitlement",
        "document",
        "proof",
        "strengthoverride",
        "overusenote",
        "nameerasure",
        "namereveal",
        "ignoredlines",
        "bulkchange",
    ]
)
# What everybody who has a role in the administration keeps for themselves.
OWN = frozenset(["savedfilter"])
AUDITED = frozenset(
    [
        "vendor",
        "product",
        "contract",
        "document",
        "entitlement",
        "proof",
        "strengthoverride",
        "overusenote",
        "licensepool",
        "poolfeature",
        "licenseserver",
        "feature",
        "issuedcount",
        "capture",
        "unreadableline",
        "ignoredlines",
        "coverage",
        "gap",
        "checkout",
        "denial",
        "denialepisode",
        "queueentry",
        "disagreement",
        "poolhour",
        "poolnow",
        "poolheadline",
        "featurenow",
        "alert",
        "sharingrule",
        "person",
        "report",
        "signoff",
        "laterdata",
        "evidencepack",
    ]
)
VIEWED = frozenset(
    [
        "licensepool",
        "poolnow",
        "poolheadline",
        "poolhour",
        "teamhour",
        "product",
        "vendor",
        "team",
        "checkout",
        "denial",
        "denialepisode",
        "queueentry",
        "disagreement",
        "alert",
        "featurenow",
    ]
)
# What tells of single people, if only by pseudonym: a team lead would know who it is.
OF_SINGLE_PEOPLE = frozenset(
    ["checkout", "denial", "denialepisode", "queueentry", "disagreement", "person"]
)
SEEN = {
    AUDITOR: AUDITED,
    VIEWER: VIEWED,
    TEAM_LEAD: VIEWED - OF_SINGLE_PEOPLE,
    API_CLIENT: VIEWED,
}


def allowed(role: str, model: str, action: str) -> bool:
    """Tell whether a role may add, change, delete or view rows of a model (lower-case name)."""
    if role == MANAGER:
        if model in FACTS:
            return action == "view"
        return action in ("view", "add") if model in ADD_ONLY else True
    if model in OWN:
        return role in SEEN
    return action == "view" and model in SEEN.get(role, ())


ROLES = (MANAGER, *SEEN, LICENSE_USER)
"""The names of the groups that every installation has."""
_WORDS = {
    MANAGER: pgettext_lazy("a role", "manager"),
    AUDITOR: pgettext_lazy("a role", "auditor"),
    VIEWER: pgettext_lazy("a role", "viewer"),
    TEAM_LEAD: pgettext_lazy("a role", "team lead"),
    API_CLIENT: pgettext_lazy("a role", "API client"),
    LICENSE_USER: pgettext_lazy("a role", "licence user"),
}


def role_words(name: str) -> str:
    """Return a group's name, that of a role in the present language."""
    return str(_WORDS.get(name, name))


def create_roles(**_: Any) -> None:
    """Give the groups their permissions, after every migrate, so that no new model is forgotten."""
    from django.contrib.auth.models import Group, Permission

    permissions = list(
        Permission.objects.filter(
            content_type__app_label__in=["licenses", "reports"]
        ).select_related("content_type")
    )
    for role in ROLES:
        group, _created = Group.objects.get_or_create(name=role)
        granted = []
        for permission in permissions:
            action = permission.codename.split("_", 1)[0]
            standard = action in (
                "add",
                "change",
                "delete",
                "view",
            ) and permission.codename.endswith("_" + permission.content_type.model)
            if (standard and allowed(role, permission.content_type.model, action)) or (
                not standard
                and (
                    role == MANAGER
                    or (permission.codename == "download_document" and role == AUDITOR)
                )
            ):
                granted.append(permission)
        group.permissions.set(granted)
