"""Teams, people and their memberships as sheets."""

from __future__ import annotations

from typing import Any

import tablib  # type: ignore[import-untyped]
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from import_export import fields
from import_export.resources import Diff

from licenses.models import (
    Identity,
    Membership,
    Person,
    Team,
    pseudonym,
)

from .base import Rules, Sheet, column
from .cells import Day, Named, Text


class TeamResource(Sheet):
    """Parents before children, or already there."""

    needed = ("team",)
    name = column("name", header="team")
    parent = column("parent", Named(Team, needed=False), saves_null_values=True)
    cost_center = column("cost_center")
    contact_email = column("contact_email")

    class Meta(Rules):
        model = Team
        fields = ("name", "parent", "cost_center", "contact_email")
        import_id_fields = ("name",)


class Typed:
    """Tells what a line says of a person, and nothing of what is on record. Comes before the class
    that tells both."""

    left: list[Any]
    right: list[Any]

    def __init__(self, resource: Any, instance: Any, new: bool) -> None:
        super().__init__(resource, instance, new)  # type: ignore[call-arg]
        self.left = ["" for _ in self.left]

    def compare_with(self, resource: Any, instance: Any) -> None:
        names = [field.column_name for field in resource.get_import_fields()]
        self.right = [str(instance.cells[name] or "") for name in names]


class PersonResource(Sheet):
    """People and their memberships, one line a membership.

    The login is what licence servers print.

    names:  whether who imports may see the names that are on record.
    """

    needed = ("login",)
    login = fields.Field(column_name="login", attribute="identity__login", widget=Text())
    name = fields.Field(column_name="name", attribute="identity__name", widget=Text())
    email = fields.Field(column_name="email", attribute="identity__email", widget=Text())
    team = fields.Field(column_name="team", widget=Text())
    member_from = fields.Field(column_name="member_from", widget=Day())
    member_to = fields.Field(column_name="member_to", widget=Day())

    class Meta:
        model = Person
        fields = ("login", "name", "email", "team", "member_from", "member_to")
        import_id_fields = ()
        report_skipped = True
        use_transactions = True

    def __init__(self, *, names: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = names

    def get_diff_class(self) -> type[Diff]:
        usual = super().get_diff_class()
        return usual if self.names else type("TypedCells", (Typed, usual), {})

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        return Person.objects.filter(pseudonym=pseudonym("person", self._login(row))).first()

    def _login(self, row: Any) -> str:
        login = Text().clean(row.get("login"))
        if not login:
            raise ValidationError(
                {"login": gettext("empty: expected the login that the server prints")}
            )
        return login

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """Read the cells. What is wrong in several of them is told at once."""
        instance.pseudonym = pseudonym("person", self._login(row))
        errors: dict[str, str] = {}
        cells: dict[str, Any] = {}
        readers = {
            "team": Named(Team, needed=False),
            "member_from": Day(),
            "member_to": Day(),
            "name": Text(),
            "email": Text(),
        }
        for name, reader in readers.items():
            try:
                cells[name] = reader.clean(row.get(name), row)
            except ValueError as error:
                errors[name] = str(error)
        if not errors and cells["team"] is None and (cells["member_from"] or cells["member_to"]):
            said = gettext("empty, although the line has days: expected the name of a team")
            errors["team"] = said
        first, last = cells.get("member_from"), cells.get("member_to")
        if first and last and last < first:
            errors["member_to"] = gettext("%(last)s lies before %(first)s") % {
                "last": last,
                "first": first,
            }
        if errors:
            raise ValidationError(errors)
        instance.cells = cells | {"login": self._login(row)}

    def skip_row(
        self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Leave alone what is already on record."""
        if import_validation_errors or not instance.pk:
            return False
        identity = Identity.objects.filter(person=instance).first()
        cells = instance.cells
        known = identity is not None and all(
            not cells[name] or getattr(identity, name) == cells[name] for name in ("name", "email")
        )
        if cells["team"] is None:
            return known
        same = Membership.objects.filter(
            person=instance,
            team=cells["team"],
            valid_from=cells["member_from"],
            valid_to=cells["member_to"],
        )
        return known and same.exists()

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        cells = instance.cells
        given = {name: cells[name] for name in ("name", "email") if cells[name]}
        if instance.erased_at is None:
            Identity.objects.update_or_create(
                person=instance,
                defaults=given,
                create_defaults={"login": self._login(row), **given},
            )
        if cells["team"] is not None:
            Membership.objects.update_or_create(
                person=instance,
                team=cells["team"],
                valid_from=cells["member_from"],
                defaults={"valid_to": cells["member_to"]},
            )

    def export(self, queryset: Any = None, **kwargs: Any) -> Any:
        """Write a line a membership, and one for each person without."""
        headers = list(self._meta.fields)
        data = tablib.Dataset(headers=headers)
        people = queryset if queryset is not None else Person.objects.all()
        for person in people.select_related("identity").prefetch_related("memberships__team"):
            identity = getattr(person, "identity", None)
            who = (
                [identity.login, identity.name, identity.email]
                if identity
                else [person.label, "", ""]
            )
            for membership in person.memberships.all() or [None]:
                team = (
                    [
                        membership.team.name,
                        str(membership.valid_from or ""),
                        str(membership.valid_to or ""),
                    ]
                    if membership
                    else ["", "", ""]
                )
                data.append(who + team)
        return data
