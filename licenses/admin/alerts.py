"""Alerts, what makes them, and what silences them."""

from __future__ import annotations

import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from itam import figures
from licenses.access import reversible
from licenses.alerts.backtest import Backtest, backtest, sentences
from licenses.models import (
    Alert,
    AlertRule,
    EscalationStep,
    LicensePool,
    Notification,
    Silence,
)

from . import words
from .base import ReadOnly, ReadOnlyTabular, ScopedAdmin, ScopedTabular, count_of
from .list_address import DaysFilter
from .trying import Tried, Tries
from .undoing import tell

BACKTEST = "_backtest"


class NotificationInline(ReadOnlyTabular):
    model = Notification
    fields = ("transition", "channel", "recipient", "state", "attempts", "sent_at", "last_error")
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("channel")


@admin.register(Alert)
class AlertAdmin(ReadOnly, ScopedAdmin):
    list_display = ("called", "standing", "rule", "started_at", "lasted", "worst_value", "seen")
    list_select_related = ("rule", "acknowledged_by")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("rule", AutocompleteSelectFilter),
        ("pool", AutocompleteSelectFilter),
        ("fired_at", DaysFilter),
        "past",
    )
    search_fields = ("title", "rule__name")
    actions = ["acknowledge"]
    # A key of the program, which pool, server and contract say; and what the page is headed by.
    exclude = ("subject", "title", "message", "facts")
    readonly_fields = ("said",)
    inlines = [NotificationInline]
    warn_unsaved_form = False

    @display(description=gettext_lazy("Title"), ordering="title")
    def called(self, alert: Any) -> str:
        return str(alert)

    @display(description=gettext_lazy("Message"))
    def said(self, alert: Any) -> str:
        return alert.text

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("licenses.change_alert")

    @admin.action(
        description=gettext_lazy("Acknowledge: somebody looks into it"), permissions=["acknowledge"]
    )
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = list(queryset.values_list("pk", flat=True))
        rows = Alert.objects.for_user(request.user).filter(pk__in=chosen).distinct()
        done, step = reversible.acknowledge(rows, user=request.user, now=timezone.now())
        count = len(done)
        told = ngettext("%(count)s alert acknowledged.", "%(count)s alerts acknowledged.", count)
        tell(request, told % {"count": count}, step)
        if count < len(chosen):
            left = len(chosen) - count
            said = gettext("%(left)s left as before: over already, or acknowledged before.") % {
                "left": left
            }
            self.message_user(request, said, messages.INFO)

    @display(
        description=gettext_lazy("State"),
        label={"firing": "danger", "seen": "warning", "resolved": "success"},
    )
    def standing(self, alert: Any) -> tuple[str, str]:
        if alert.state == Alert.State.FIRING and alert.acknowledged_at:
            return "seen", gettext("firing, acknowledged")
        return alert.state, alert.get_state_display()

    @display(description=gettext_lazy("Lasted"))
    def lasted(self, alert: Any) -> str:
        return words.lasting(
            ((alert.resolved_at or timezone.now()) - alert.started_at).total_seconds()
        )

    @display(description=gettext_lazy("Acknowledged"))
    def seen(self, alert: Any) -> str:
        if alert.acknowledged_at is None:
            return words.UNKNOWN
        when = timezone.localtime(alert.acknowledged_at)
        return f"{alert.acknowledged_by or gettext('someone')}, {date_format(when)}"


class EscalationInline(ScopedTabular):
    model = EscalationStep
    fields = ("step", "wait_minutes", "channel")
    max_num = EscalationStep.MOST
    verbose_name_plural = gettext_lazy("Escalation while nobody acknowledges")
    tab = False
    hide_title = True


class AlertRuleForm(forms.ModelForm):
    """Refuses to be saved while it is only tried on the past, so that the page shows it again."""

    user: Any = None

    def clean(self) -> None:
        super().clean()
        if BACKTEST not in self.data or self.errors:
            return
        columns = {f.name for f in AlertRule._meta.concrete_fields}
        given = {name: value for name, value in self.cleaned_data.items() if name in columns}
        pools = LicensePool.objects.for_user(self.user).active()
        found = backtest(AlertRule(**given), pools, now=int(time.time()))
        raise Tried([gettext("Not saved yet."), *sentences(found), *_latest(found)])


def _latest(found: Backtest) -> list[str]:
    """Return the newest firings, a sentence each."""
    said = []
    for name, row in found.latest:
        of = gettext("%(worst)s of %(limit)s") % {"worst": row.worst, "limit": row.limit}
        sentence = gettext(
            "%(when)s, %(pool)s: %(seats)s in use, for %(length)s, %(denials)s refused."
        )
        if found.kind == AlertRule.Kind.DENIALS:
            sentence = gettext(
                "%(when)s, %(pool)s: at most %(seats)s refusals in an hour, for %(length)s."
            )
        said.append(
            sentence
            % {
                "when": figures.moment(words.moment(row.fired_at)),
                "pool": name,
                "seats": row.worst if row.limit is None else of,
                "length": words.lasting(row.end - row.start),
                "denials": row.denials,
            }
        )
    return said


@admin.register(AlertRule)
class AlertRuleAdmin(Tries, ScopedAdmin):
    form = AlertRuleForm
    change_form_after_template = "admin/licenses/alert_rule_backtest.html"
    list_display = ("named", "kind", "threshold", "subject", "firing", "channel_names", "enabled")
    list_select_related = ("pool", "server")
    list_filter = (("kind", ChoicesDropdownFilter), "enabled", ("pool", AutocompleteSelectFilter))
    search_fields = ("name", "pool__name", "server__name")
    autocomplete_fields = ("pool", "server", "channels")
    inlines = [EscalationInline]
    fieldsets = (
        (None, {"fields": ("name", "kind", "threshold", "enabled")}),
        (gettext_lazy("About"), {"fields": ("pool", "server")}),
        (gettext_lazy("When it fires"), {"fields": ("for_seconds", "for_samples")}),
        (
            gettext_lazy("When it resolves"),
            {"fields": ("hysteresis_percent", "keep_firing_seconds")},
        ),
        (gettext_lazy("Who is told"), {"fields": ("channels", "repeat_seconds")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        firing = count_of(Alert.objects.filter(state="firing"), "rule")
        rows = super().get_queryset(request).annotate(firing_total=firing)
        return rows.prefetch_related("channels")

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Let the form know whose pools a rule is tried on."""
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"user": request.user})

    @display(description=gettext_lazy("Name"), ordering="name")
    def named(self, rule: Any) -> str:
        return str(rule)

    @display(description=gettext_lazy("About"))
    def subject(self, rule: Any) -> str:
        return str(rule.pool or rule.server or pgettext("subject of a rule", "all"))

    @display(
        description=gettext_lazy("Firing now"), ordering="firing_total", label={"some": "danger"}
    )
    def firing(self, rule: Any) -> Any:
        return ("some", str(rule.firing_total)) if rule.firing_total else "0"

    @display(description=gettext_lazy("Channels"), label={"none": "warning"})
    def channel_names(self, rule: Any) -> Any:
        return ", ".join(map(str, rule.channels.all())) or (
            "none",
            gettext("nobody is told"),
        )


@admin.register(Silence)
class SilenceAdmin(ScopedAdmin):
    list_display = ("subject", "starts_at", "ends_at", "standing", "reason", "author")
    list_select_related = ("rule", "pool", "server", "author")
    autocomplete_fields = ("rule", "pool", "server")
    search_fields = ("reason", "pool__name", "server__name", "rule__name")
    actions = ["end_now"]

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("licenses.change_silence")

    @admin.action(description=gettext_lazy("End it now"), permissions=["end"])
    def end_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """End silences before their time; each can be taken back."""
        for row in queryset:
            try:
                step = reversible.end_silence(row, user=request.user, now=timezone.now())
            except ValidationError as error:
                messages.warning(request, " ".join(error.messages))
            else:
                told = gettext("The silence of %(subject)s has ended.")
                tell(request, told % {"subject": self.subject(row)}, step)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.author = request.user
        super().save_model(request, obj, form, change)

    @display(description=gettext_lazy("Silent"))
    def subject(self, silence: Any) -> str:
        parts = (silence.rule, silence.pool, silence.server)
        return ", ".join(str(part) for part in parts if part)

    @display(
        description=gettext_lazy("Standing"),
        label={"now": "warning", "later": "info", "over": "success"},
    )
    def standing(self, silence: Any) -> tuple[str, str]:
        now = timezone.now()
        if silence.ends_at <= now:
            return "over", gettext("over")
        return (
            ("now", gettext("in force"))
            if silence.starts_at <= now
            else ("later", gettext("to come"))
        )
