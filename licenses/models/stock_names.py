"""Names of rules and channels that an installation starts with.

They are stored in the language of the installation; whoever reads them is told them in their own,
as long as nobody gave the rule or channel another name.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from django.conf import settings
from django.utils.translation import gettext, gettext_noop, override

STOCK_NAMES: Final = (
    gettext_noop("Asset managers by mail"),
    gettext_noop("Evidence heads"),
    gettext_noop("Users of the status page"),
    gettext_noop("Pools at 90 % or more"),
    gettext_noop("Pools that are full"),
    gettext_noop("Use above what is allowed"),
    gettext_noop("Licence servers that do not answer"),
    gettext_noop("Contracts that end or need notice"),
    gettext_noop("Licence files that expire"),
    gettext_noop("Use that does not move any more"),
    gettext_noop("Lines that could not be read"),
    gettext_noop("Seats on which contract, licence file and server differ"),
    gettext_noop("Scheduler and workers"),
    gettext_noop("Sealed evidence"),
)


def told_name(name: str) -> str:
    """Return a name in the present language, as it is where it is none of these."""
    stock = _in_any_language().get(name)
    return name if stock is None else gettext(stock)


@cache
def _in_any_language() -> dict[str, str]:
    found: dict[str, str] = {}
    for language, _words in settings.LANGUAGES:
        with override(language):
            found |= {gettext(name): name for name in STOCK_NAMES}
    return found | {name: name for name in STOCK_NAMES}
