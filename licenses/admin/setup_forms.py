"""The last steps of the guided set-up: teams, an alert, a report; and the files of inventory."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from itam import figures
from itam.retold import retell
from licenses.admin import deeds
from licenses.alerts.channels import mail
from licenses.concurrency.periods import local_midnight
from licenses.importing.inventory import import_table
from licenses.importing.inventory_csv import read
from licenses.models import (
    AlertRule,
    Channel,
    Coverage,
    LicensePool,
    LicenseServer,
    Team,
)
from licenses.tasks import nudge

from .forms import AdminForm
from .setup_step import Step, zones

REQUEST_REPORT = "reports.delivery.request_report"
MOST_CSV = 5_000_000
YEAR = timedelta(days=365)


class TeamForm(Step):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    cost_center = forms.CharField(label=gettext_lazy("Cost center"), max_length=100, required=False)
    contact_email = forms.EmailField(
        label=gettext_lazy("Contact email"),
        required=False,
        help_text=gettext_lazy("Who hears about its pools."),
    )

    def clean(self) -> None:
        self.team = Team(**self.cleaned_data)
        self.check(self.team)

    def save(self, user: Any) -> str:
        self.team.save()
        self.goes_to = "teams"
        return gettext("%(team)s is on record.") % {"team": self.team}


class AlertForm(Step):
    addresses = forms.CharField(
        label=gettext_lazy("Addresses"),
        max_length=500,
        help_text=gettext_lazy("Mail addresses, joined by commas. They hear of every rule."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {}).update(addresses=user.email)
        super().__init__(*args, **kwargs)

    def clean_addresses(self) -> str:
        text: str = self.cleaned_data["addresses"]
        for address in text.split(","):
            try:
                validate_email(address.strip())
            except ValidationError as error:
                raise ValidationError(
                    gettext("%(strip)s: expected a mail address.")
                    % {"strip": repr(address.strip())}
                ) from error
        mail.check(text)
        return text

    def save(self, user: Any) -> str:
        with transaction.atomic():
            channel, _new = Channel.objects.update_or_create(
                name="Told since the set-up",
                defaults={
                    "kind": Channel.Kind.MAIL,
                    "target": self.cleaned_data["addresses"],
                    "enabled": True,
                },
            )
            rules = list(AlertRule.objects.filter(enabled=True))
            for rule in rules:
                rule.channels.add(channel)
        return gettext("%(rules)s rules tell %(target)s.") % {
            "rules": len(rules),
            "target": channel.target,
        }


class ReportForm(Step):
    first = forms.DateField(label=gettext_lazy("From"), help_text=gettext_lazy("First day."))
    last = forms.DateField(label=gettext_lazy("To"), help_text=gettext_lazy("First day left out."))
    zone = forms.ChoiceField(
        label=gettext_lazy("Zone"),
        choices=zones,
        help_text=gettext_lazy("In which days and months begin."),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        self.user = user
        today = timezone.localdate()
        known = Coverage.objects.order_by("-ends").values_list("ends", flat=True).first()
        last = min(today, known.date() + timedelta(days=1)) if known else today
        server = LicenseServer.objects.exclude(zone="").order_by("pk").first()
        kwargs.setdefault("initial", {}).update(
            first=last - YEAR, last=last, zone=server.zone if server else "UTC"
        )
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        given = self.cleaned_data
        if not self.errors and given["first"] >= given["last"]:
            self.add_error(
                "last",
                gettext("%(last)s is not after %(first)s.")
                % {"last": given["last"], "first": given["first"]},
            )
        if not LicensePool.objects.for_user(self.user).active().exists():
            self.add_error(None, gettext("There is no pool yet to make a report of."))

    def save(self, user: Any) -> str:
        given, zone = self.cleaned_data, zoneinfo.ZoneInfo(self.cleaned_data["zone"])
        report = deeds.optional(REQUEST_REPORT)(
            "compliance",
            list(LicensePool.objects.for_user(user).active().order_by("pk")),
            local_midnight(given["first"], zone),
            local_midnight(given["last"], zone),
            zone,
            user,
            scope=figures.ALL_POOLS,
        )
        nudge("reports.tasks.build_report", report.pk)
        self.goes_to = f"report:{report.pk}"
        return gettext("The report is being made. It appears here when it is ready.")


class CsvForm(AdminForm):
    """A file with rows of the inventory: its header says of which kind."""

    csv = forms.FileField(label=gettext_lazy("CSV file"))

    def __init__(self, *args: Any, kinds: tuple[str, ...], **kwargs: Any) -> None:
        """kinds: those that are taken here."""
        super().__init__(*args, **kwargs)
        self.kinds = kinds

    def clean_csv(self) -> Any:
        file = self.cleaned_data["csv"]
        if file.size > MOST_CSV:
            raise ValidationError(
                gettext("%(file)s is larger than %(most_csv)s MB: split it.")
                % {"file": file.name, "most_csv": MOST_CSV // 10**6}
            )
        table = read(file.read())
        if table.kind and table.kind not in self.kinds:
            raise ValidationError(
                gettext("%(file)s holds %(kind)s: expected %(list)s here.")
                % {"file": file.name, "kind": table.kind, "list": ", ".join(self.kinds)}
            )
        self.result = import_table(file.name, table)
        if self.result.problems:
            raise ValidationError([retell(each) for each in self.result.as_dict()["errors"]])
        return file

    def told(self) -> str:
        found = self.result
        return gettext("%(file)s: %(new)s new, %(changed)s changed, %(known)s known %(kind)s.") % {
            "file": found.file,
            "new": found.new,
            "changed": found.changed,
            "known": found.known,
            "kind": found.kind,
        }
