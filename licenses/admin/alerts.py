"""Alerts, what makes them, where they go, and what went out."""

from __future__ import annotations

import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from itam import figures
from licenses.access import reversible
from licenses.alerts.actions import send_test
from licenses.alerts.backtest import Backtest, backtest, sentences
from licenses.models import (
    Alert,
    AlertRule,
    Channel,
    EscalationStep,
    LicensePool,
    MailboxMessage,
    Notification,
    Silence,
)

from . import words
from .base import FactAdmin, ReadOnly, ReadOnlyTabular, ScopedAdmin, ScopedTabular, count_of
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


class ChannelForm(forms.ModelForm):
    """The secret is written and never read back: an empty box leaves it as it is."""

    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        required=False,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        ),
        help_text=gettext_lazy(
            "Signs webhooks. Never shown again; leave it empty to keep the one on record."
        ),
    )
    forget_secret = forms.BooleanField(
        required=False,
        label=gettext_lazy("Forget the secret on record"),
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = self.instance.secret if self.instance.pk else ""
        self.initial.pop("secret", None)

    def full_clean(self) -> None:
        super().full_clean()
        if self.errors and self.data.get(self.add_prefix("secret")):
            # The box comes back empty: who does not see it would store a channel without it.
            self.add_error("secret", gettext("Type it again: it is shown to nobody."))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("forget_secret"):
            cleaned["secret"] = ""
        elif not cleaned.get("secret"):
            cleaned["secret"] = self.kept
        target = cleaned.get("target", "")
        if cleaned.get("kind") == Channel.Kind.MAIL:
            for address in target.split(","):
                try:
                    forms.EmailField().clean(address.strip())
                except forms.ValidationError:
                    self.add_error(
                        "target",
                        gettext("%(strip)s: expected a mail address")
                        % {"strip": repr(address.strip())},
                    )
        return cleaned


@admin.register(Channel)
class ChannelAdmin(ScopedAdmin):
    form = ChannelForm
    list_display = ("named", "kind", "target", "enabled", "fallback", "rules_count", "last_state")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        "enabled",
        "fallback",
        "still_watching",
        "reports",
    )
    search_fields = ("name", "target")
    fields = (
        "name",
        "kind",
        "target",
        "secret",
        "forget_secret",
        "language",
        "enabled",
        "fallback",
        "still_watching",
        "reports",
    )
    change_form_outer_before_template = "admin/licenses/channel_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                rule_total=count_of(AlertRule.objects.all(), "channels"),
                failed_total=count_of(Notification.objects.filter(state="failed"), "channel"),
            )
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show no secret to who may only look, and nothing to forget on a new channel."""
        if obj is not None and not self.has_change_permission(request, obj):
            return tuple(name for name in self.fields if "secret" not in name)
        return [name for name in self.fields if obj is not None or name != "forget_secret"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.send_test)
        return [path("<int:pk>/test/", view, name="licenses_channel_test"), *super().get_urls()]

    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a message now and say what came of it."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        channel = get_object_or_404(self.get_queryset(request), pk=pk)
        for row in send_test(channel, request.user):
            if row.state == Notification.State.SENT:
                messages.success(
                    request,
                    gettext("The test message went to %(recipient)s.")
                    % {"recipient": row.recipient},
                )
            else:
                why = row.last_error or gettext("not delivered yet")
                messages.error(
                    request,
                    gettext("The test message to %(recipient)s failed: %(why)s")
                    % {"recipient": row.recipient, "why": why},
                )
        return redirect(reverse("admin:licenses_channel_change", args=[pk]))

    @display(description=gettext_lazy("Name"), ordering="name")
    def named(self, channel: Any) -> str:
        return str(channel)

    @display(description=gettext_lazy("Rules"), ordering="rule_total")
    def rules_count(self, channel: Any) -> int:
        return channel.rule_total

    @display(description=gettext_lazy("Deliveries"), label={"failed": "danger", "well": "success"})
    def last_state(self, channel: Any) -> tuple[str, str]:
        if channel.failed_total:
            return "failed", gettext("%(failed_total)s failed") % {
                "failed_total": channel.failed_total
            }
        return "well", gettext("none failed")


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


@admin.register(Notification)
class NotificationAdmin(FactAdmin):
    list_display = (
        "recorded_at",
        "subject",
        "recipient",
        "channel",
        "outcome",
        "attempts",
        "sent_at",
    )
    list_display_links = ("subject",)
    list_select_related = ("channel",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("channel", AutocompleteSelectFilter),
        ("recorded_at", DaysFilter),
    )
    search_fields = ("recipient", "subject")
    fields = (
        "subject",
        "body",
        "recipient",
        "channel",
        "transition",
        "sequence",
        "state",
        "attempts",
        "due_at",
        "recorded_at",
        "sent_at",
        "last_error",
        "key",
    )

    @display(
        description=gettext_lazy("State"),
        label={"waiting": "info", "sent": "success", "failed": "danger", "held": "warning"},
    )
    def outcome(self, row: Any) -> tuple[str, str]:
        return row.state, row.get_state_display()


@admin.register(MailboxMessage)
class MailboxMessageAdmin(FactAdmin):
    """Mails that stayed here, as no mail server is set up."""

    list_display = ("recorded_at", "subject", "recipients")
    list_display_links = ("subject",)
    search_fields = ("subject", "recipients")
    fields = ("subject", "sender", "recipients", "recorded_at", "body")
