"""How long what a report rests on is kept, in plain words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext

from itam import figures
from itam.said import Said, said
from licenses.models import LegalHold


def kept(vendors: Collection[int], as_of: datetime) -> Said:
    """Return the times for which things are kept, as they are set now.

    vendors: ids of the vendors that the report is about; a legal hold on one of them that was
             in force at *as_of* is told.

    One query.
    """
    holds = LegalHold.objects.filter(
        Q(released_at=None) | Q(released_at__gt=as_of),
        Q(vendor__in=vendors) | Q(contract__vendor__in=vendors),
        set_at__lte=as_of,
    )
    return said(
        _words,
        settings.ITAM_KEEP_CAPTURES_DAYS,
        settings.ITAM_KEEP_IDENTITIES_DAYS,
        settings.ITAM_KEEP_DENIAL_WORDS_DAYS,
        settings.ITAM_KEEP_REPORT_FILES_DAYS,
        holds.exists(),
    )


def _words(captures: int, names: int, refusals: int, files: int, held: bool) -> str:
    told = gettext(
        "Raw logs and answers are kept for %(captures)s, names of people for %(names)s after the"
        " last use, the servers' own words of refusals for %(refusals)s and files of reports for"
        " %(files)s. Uses and refusals under pseudonyms, rights and sealed evidence are never"
        " thrown away."
    ) % {
        "captures": figures.days(captures),
        "names": figures.days(names),
        "refusals": figures.days(refusals),
        "files": figures.days(files),
    }
    more = gettext("A legal hold is set: nothing goes that it covers.") if held else ""
    return f"{told} {more}".rstrip()
