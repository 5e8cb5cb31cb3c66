"""What a new password ends."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from knox.models import AuthToken

pytestmark = pytest.mark.django_db


def test_a_new_password_ends_the_tokens_of_its_account_alone(monkeypatch):
    user, other = (User.objects.create_user(name, password="a" * 12) for name in ("ada", "bo"))
    for each in (user, other):
        AuthToken.objects.create(each)
    monkeypatch.setattr("getpass.getpass", lambda **_: "quite another password")
    call_command("changepassword", "ada")
    assert [token.user for token in AuthToken.objects.all()] == [other]


def test_what_is_no_new_password_ends_no_token():
    user = User.objects.create_user("ada", password="a" * 12)
    AuthToken.objects.create(user)
    user.first_name = "Ada"
    user.save()
    User.objects.get().check_password("a" * 12)
    assert AuthToken.objects.count() == 1
