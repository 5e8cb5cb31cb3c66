"""Signing in and out: people who use licences have no account in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext

from licenses.models.scoping import API_CLIENT, roles


class SignInForm(AuthenticationForm):
    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse the accounts of programs, as the API does where they come without a token."""
        super().confirm_login_allowed(user)
        if roles(user) == {API_CLIENT}:
            raise ValidationError(
                gettext("This account is for programs: it has no pages."), code="program"
            )


class SignIn(LoginView):
    template_name = "portal/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        return reverse("portal:status")


class ChangePassword(PasswordChangeView):
    template_name = "portal/password.html"

    def get_success_url(self) -> str:
        return reverse("portal:status")

    def form_valid(self, form: Any) -> Any:
        messages.success(self.request, gettext("Your password was changed."))
        return super().form_valid(form)


class SignOut(LogoutView):
    def get_default_redirect_url(self) -> str:
        return reverse("portal:status")
