"""Where alerts go, and what went out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from licenses.alerts.actions import send_test
from licenses.models import AlertRule, Channel, MailboxMessage, Notification

from .base import FactAdmin, ScopedAdmin, count_of
from .list_address import DaysFilter


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
