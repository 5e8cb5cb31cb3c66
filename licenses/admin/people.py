"""Reveals of names, and legal holds."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import action
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from licenses.evidence import reveals
from licenses.models import LegalHold, NameReveal

from .base import ScopedAdmin
from .list_address import DaysFilter

STATES = {"waiting": "warning", "in force": "danger", "refused": "info", "over": "info"}


class RevealForm(forms.ModelForm):
    """A request for names, by whoever fills it in."""

    user: Any = None

    def clean(self) -> Any:
        self.instance.requested_by = self.user
        self.instance.check_requester()
        return super().clean()


@admin.register(NameReveal)
class NameRevealAdmin(ScopedAdmin):
    """Who asked to see which names, why, and what was decided: also the list of a month."""

    form = RevealForm
    list_display = (
        "requested_at", "requested_by", "what", "reason", "state", "decided_by", "valid_until",
    )  # fmt: skip
    list_filter = (("requested_at", DaysFilter), "granted")
    list_select_related = ("requested_by", "decided_by", "person", "pool")
    autocomplete_fields = ("person", "pool")
    actions = ("approve", "refuse")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("licenses.approve_reveal")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ("person", "pool", "reason")
        return (
            asked if obj is None else ("state_said", *self.list_display[:2], *asked, "decided_by")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"user": request.user})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        asked = reveals.ask(request.user, obj.reason, person=obj.person, pool=obj.pool)
        obj.pk, obj.requested_at = asked.pk, asked.requested_at

    @action(description=gettext_lazy("Approve what others asked for"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, granted=True)

    @action(description=gettext_lazy("Refuse what others asked for"), permissions=["approve"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, granted=False)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Any], *, granted: bool) -> None:
        for pk in list(queryset.order_by("pk").values_list("pk", flat=True)):
            try:
                reveal = reveals.decide(pk, request.user, granted=granted)
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
            else:
                verb = gettext("Approved") if granted else gettext("Refused")
                self.message_user(request, f"{verb}: {reveal}.", messages.SUCCESS)

    @display(description=gettext_lazy("What"))
    def what(self, reveal: Any) -> str:
        return str(reveal.scope_words)

    @display(description=gettext_lazy("State"), label=STATES)
    def state(self, reveal: Any) -> tuple[str, str]:
        key = str(reveal.state(timezone.now()))
        said = {
            "waiting": gettext("waiting"),
            "in force": gettext("in force"),
            "refused": gettext("refused"),
            "over": gettext("over"),
        }
        return key, said.get(key, key)

    @display(description=gettext_lazy("State"))
    def state_said(self, reveal: Any) -> str:
        """The state on a row's own page, which draws no labels."""
        return self.state(reveal)[1]


@admin.register(LegalHold)
class LegalHoldAdmin(ScopedAdmin):
    """What must be kept, whatever retention says."""

    list_display = ("of", "reason", "set_at", "set_by", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    list_select_related = ("vendor", "contract__vendor", "set_by")
    fields = ("vendor", "contract", "reason", "released_at")
    autocomplete_fields = ("vendor", "contract")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("vendor", "contract", "reason")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.set_by = request.user
        super().save_model(request, obj, form, change)

    @display(description=gettext_lazy("On"))
    def of(self, hold: Any) -> str:
        return str(hold.vendor or hold.contract)
