"""The first steps of the guided set-up: a server, and what it serves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from licenses.importing.jobs import hand_in
from licenses.models import LicenseServer
from licenses.tasks import nudge

from .setup_step import Step, zones


def _zones_to_choose() -> list[tuple[str, str]]:
    """Return the zones after none of them: a server keeps what is chosen, so nothing is guessed."""
    return [("", gettext("Choose the zone")), *zones()]


class ServerForm(Step):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("As you call it.")
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Zone"),
        choices=_zones_to_choose,
        help_text=gettext_lazy(
            "In which it prints times. Logs do not say it themselves. Once one is read, the zone"
            " stays."
        ),
    )
    polling = forms.ChoiceField(
        label=gettext_lazy("How its use is learned"), choices=LicenseServer.Polling.choices
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=800,
        help_text=gettext_lazy("To ask it: port@host, such as 27000@host."),
    )
    status_path = forms.CharField(
        label=gettext_lazy("Status path"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("To read a file: its absolute path."),
    )
    log_path = forms.CharField(
        label=gettext_lazy("Log path"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "If its log lies on this machine: the absolute path. It is read as it grows."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        number = LicenseServer.objects.count() + 1
        kwargs.setdefault("initial", {}).update(
            name=f"licence-server-{number}",
            polling=LicenseServer.Polling.OFF,
        )
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        self.server = LicenseServer(**self.cleaned_data)
        self.check(self.server)

    def save(self, user: Any) -> str:
        self.server.save()
        return gettext("%(server)s is on record.") % {"server": self.server.name}


class FeaturesForm(Step):
    server = forms.ModelChoiceField(LicenseServer.objects.none(), label=gettext_lazy("Server"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A debug log, a status, a licence file or an options file, as it was written;"
            " .gz is read, too. What it is, is seen from its text."
        ),
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Date of the first line"),
        help_text=gettext_lazy("Only for a log that has no date of its own."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.user = user
        rows = LicenseServer.objects.for_user(user).exclude(zone="")
        kwargs.setdefault("initial", {}).update(server=rows.order_by("-pk").first())
        super().__init__(*args, **kwargs)
        self._choose("server", rows)

    def clean(self) -> None:
        given = self.cleaned_data
        if self.errors:
            return
        try:
            self.job = hand_in(given["server"], given["file"], date=given["date"], user=self.user)
        except ValidationError as error:
            self.refuse(error)

    def save(self, user: Any) -> str:
        nudge("licenses.tasks.import_file", self.job.pk)
        self.goes_to = "features"
        return gettext("%(file_name)s is being read.") % {"file_name": self.job.file_name}
