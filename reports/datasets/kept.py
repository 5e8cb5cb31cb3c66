"""How long what a report rests on is kept, in plain words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from licenses.models import LegalHold


def kept(vendors: Collection[int], as_of: datetime) -> str:
    """Return the times for which things are kept, as they are set now.

    vendors: ids of the publishers that the report is about; a legal hold on one of them that was
             in force at *as_of* is told.

    One query.
    """
    holds = LegalHold.objects.filter(
        Q(released_at=None) | Q(released_at__gt=as_of),
        Q(vendor__in=vendors) | Q(contract__vendor__in=vendors),
        set_at__lte=as_of,
    )
    held = " A legal hold is set: nothing goes that it covers." if holds.exists() else ""
    return (
        f"Raw logs and answers are kept for {settings.ITAM_KEEP_CAPTURES_DAYS:,} days, names of "
        f"people for {settings.ITAM_KEEP_IDENTITIES_DAYS:,} days after the last use, the servers' "
        f"own words of refusals for {settings.ITAM_KEEP_DENIAL_WORDS_DAYS:,} days and files of "
        f"reports for {settings.ITAM_KEEP_REPORT_FILES_DAYS:,} days. Uses and refusals under "
        f"pseudonyms, rights and sealed evidence are never thrown away.{held}"
    )
