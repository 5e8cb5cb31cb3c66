"""What an account of this installation means on the status page: which pools it finds there, and
which person of the licence servers it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from licenses.models import LicensePool, Person, pseudonym, tells_apart
from licenses.models.scoping import API_CLIENT, roles


def is_public() -> bool:
    """Tell whether strangers may see how many seats are free."""
    return not settings.ITAM_STATUS_SIGN_IN


def shown_pools(user: Any) -> Any:
    """Return the pools that somebody finds on the status page."""
    return LicensePool.objects.on_status_page(user, public=is_public())


def has_a_role(user: Any) -> bool:
    """Tell whether an account is let in as somebody: one without a role, or a program's, is not."""
    if not (user.is_authenticated and user.is_active):
        return False
    return bool(user.is_superuser or roles(user) - {API_CLIENT})


def people_of(users: Iterable[Any]) -> dict[int, int]:
    """Return the person that each account is, by the account's id; where none is known, none. One
    query.

    It is the one whose login at the licence servers is the account's name: whoever makes an account
    decides by its name whose refusals it shows. An installation that tells nobody apart knows none.
    """
    accounts = {pseudonym("person", user.get_username()): user.pk for user in users}
    if not accounts or not tells_apart():
        return {}
    rows = Person.objects.filter(pseudonym__in=list(accounts)).order_by()
    return {accounts[name]: pk for name, pk in rows.values_list("pseudonym", "pk")}
