"""Who may do what: the groups' model permissions, reading included."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import DjangoModelPermissions

from licenses.models.scoping import API_CLIENT, roles


class ModelPermissions(DjangoModelPermissions):
    """As Django's admin: view, add, change and delete, each its own permission."""

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": ["%(app_label)s.view_%(model_name)s"],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }

    def has_permission(self, request: Any, view: Any) -> bool:
        """Refuse API clients that come without a token: theirs is no account to log in with."""
        if request.auth is None and API_CLIENT in roles(request.user):
            return False
        return super().has_permission(request, view)


class ReadsPools(ModelPermissions):
    """For answers about all pools that hang on no queryset: whoever may view pools may read."""

    needed = "licenses.view_licensepool"

    def has_permission(self, request: Any, view: Any) -> bool:
        user = request.user
        if not user.is_authenticated or (request.auth is None and API_CLIENT in roles(user)):
            return False
        return bool(user.has_perm(self.needed))


class SetsUp(ReadsPools):
    """For the set-up: whoever may add licence servers."""

    needed = "licenses.add_licenseserver"
