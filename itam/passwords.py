"""What a new password ends besides the sessions, which Django ends itself."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from knox.models import AuthToken


class TokensEnd:
    """Takes an account's API tokens away with the password that they were asked for with.

    Listed with the validators, as these hear of each new password, whichever way it came by: a
    form, the admin, or `manage.py changepassword`. A hash that is only made anew is none.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept any password: the others judge."""

    def password_changed(self, password: str, user: Any = None) -> None:
        if user is not None and user.pk:
            AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        return gettext("A new password ends the account's API tokens.")
