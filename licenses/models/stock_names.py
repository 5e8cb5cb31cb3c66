"""Names of rules and channels that an installation starts with.

They are stored in the language of the installation; whoever reads them is told them in their own,
as long as nobody gave the rule or channel another name.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from django.conf import settings
from django.utils.translation import gettext, gettext_noop, override


class StockName(StrEnum):
    """Channels first, then rules."""

    ASSET_MANAGERS = gettext_noop("Asset managers by mail")
    EVIDENCE_HEADS = gettext_noop("Evidence heads")
    STATUS_USERS = gettext_noop("Users of the status page")
    NEARLY_FULL = gettext_noop("Pools at 90 % or more")
    FULL = gettext_noop("Pools that are full")
    OVER_USE = gettext_noop("Use above what is allowed")
    SILENT_SERVERS = gettext_noop("Licence servers that do not answer")
    CONTRACT_ENDS = gettext_noop("Contracts that end or need notice")
    FILES_EXPIRE = gettext_noop("Licence files that expire")
    FLAT_USE = gettext_noop("Use that does not move any more")
    UNREADABLE = gettext_noop("Lines that could not be read")
    DRIFT = gettext_noop("Seats on which contract, licence file and server differ")
    SCHEDULER = gettext_noop("Scheduler and workers")
    EVIDENCE = gettext_noop("Sealed evidence")


def told_name(name: str) -> str:
    """Return a name in the present language, as it is where it is none of these."""
    stock = _in_any_language().get(name)
    return name if stock is None else gettext(stock)


@cache
def _in_any_language() -> dict[str, str]:
    found: dict[str, str] = {}
    for language, _words in settings.LANGUAGES:
        with override(language):
            found |= {gettext(name): name for name in StockName}
    return found | {name: name for name in StockName}
