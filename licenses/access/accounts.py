"""What an account of this installation means on the status page: which pools it finds there, and
which person of the licence servers it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q

from licenses.models import LicensePool, Person, pseudonym, tells_apart
from licenses.models.scoping import API_CLIENT, MANAGER, roles

MOST_ASKED = 3


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


def who_to_ask() -> list[str]:
    """Return some of those who say what others may see, as people know them: by name, or by mail
    address, and never by what they sign in with. One query."""
    rights = Q(is_superuser=True) | Q(groups__name=MANAGER)
    called = ~Q(last_name="") | ~Q(first_name="") | ~Q(email="")
    accounts: Any = get_user_model()._default_manager.filter(rights, called, is_active=True)
    return [
        user.get_full_name() or user.email
        for user in accounts.distinct().order_by("last_name", "first_name", "pk")[:MOST_ASKED]
    ]
