"""Erasing the names of a person: what will happen is shown first, and confirmed by typing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.decorators import display

from itam.retold import retell
from licenses.importing import erasure_orders
from licenses.models import NameErasure, Work
from licenses.tasks import nudge

from .base import ReadOnly, ScopedAdmin
from .forms import AdminForm
from .list_address import DaysFilter

STATES = {Work.WAITING: "warning", Work.RUNNING: "warning", Work.DONE: "success"}


class ErasureForm(AdminForm):
    """Whose name, and why."""

    who = forms.CharField(
        label=gettext_lazy("Login or pseudonym"),
        max_length=200,
        help_text=gettext_lazy("As licence servers print it, or such as P-3f9a2c1b."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea,
        help_text=gettext_lazy(
            "Who asked for it, and on what ground. A keyed digest of it stands in the evidence."
        ),
    )


class ConfirmForm(AdminForm):
    """The same again, not to be changed any more, and the word that confirms it."""

    who = forms.CharField(max_length=200, widget=forms.HiddenInput)
    reason = forms.CharField(max_length=500, widget=forms.HiddenInput)
    confirm = forms.CharField(
        label=gettext_lazy("Login or pseudonym once more"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("It cannot be undone."),
    )


def _tell(form: forms.Form, error: ValidationError) -> None:
    """Show what is wrong beside its field, or above the form where the field is hidden."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, found in error.error_dict.items():
        shown = name in form.fields and not form[name].is_hidden
        form.add_error(name if shown else None, found)


@admin.register(NameErasure)
class NameErasureAdmin(ReadOnly, ScopedAdmin):
    """Which names were erased, why, by whom, and what still holds them."""

    list_display = (
        "requested_at", "label", "reason", "requested_by", "state_words", "finished_at",
    )  # fmt: skip
    list_filter = (("requested_at", DaysFilter), "state")
    list_select_related = ("person", "requested_by")
    fields = (
        *("requested_at", "label", "reason", "requested_by", "state_said", "finished_at"),
        *("problem", "done", "left"),
    )
    readonly_fields = fields
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("licenses.add_nameerasure")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Ask whose name and why, show what will happen, and have it done once it is confirmed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        confirming = "confirm" in request.POST
        initial = {"who": request.GET.get("who", "")}
        form = (ConfirmForm if confirming else ErasureForm)(request.POST or None, initial=initial)
        if request.method != "POST" or not form.is_valid():
            return self._page(request, form)
        given = form.cleaned_data
        try:
            if confirming:
                return self._order(request, given)
            outlook = erasure_orders.look(given["who"], request.user)
        except ValidationError as error:
            _tell(form, error)
            return self._page(request, form, self._seen(request, given) if confirming else None)
        return self._page(request, ConfirmForm(initial=given), outlook)

    def _seen(self, request: HttpRequest, given: dict[str, Any]) -> Any:
        """Return what will happen, which stays on the page while its confirmation is not right."""
        try:
            return erasure_orders.look(given["who"], request.user)
        except ValidationError:  # nobody is known by that name
            return None

    def _order(self, request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
        row = erasure_orders.ask(request.user, **given)
        nudge("licenses.tasks.erase_name", row.pk)
        self.log_addition(request, row, [{"added": {}}])
        messages.success(request, gettext("It is being done. This page says what came of it."))
        return redirect(reverse("admin:licenses_nameerasure_change", args=[row.pk]))

    def _page(self, request: HttpRequest, form: forms.Form, outlook: Any = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Erase a name"),
            "form": form,
            "outlook": outlook,
            "confirming": isinstance(form, ConfirmForm),
            "documents": [row.words for row in outlook.documents] if outlook else [],
            "back": reverse("admin:licenses_nameerasure_changelist"),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/licenses/erase_name.html", context)

    @display(description=gettext_lazy("Person"))
    def label(self, row: Any) -> str:
        return row.person.label

    @display(description=gettext_lazy("State"), label=STATES)
    def state_words(self, row: Any) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_said(self, row: Any) -> str:
        """The state on a row's own page, which draws no labels."""
        return row.get_state_display()

    @display(description=gettext_lazy("Why it was not done"))
    def problem(self, row: Any) -> str:
        return retell(row.error) if row.error else ""

    @display(description=gettext_lazy("What was done"))
    def done(self, row: Any) -> str:
        told = row.result
        if not told:
            return ""
        parts = (
            ngettext("%(n)d row changed", "%(n)d rows changed", told["rows"]),
            ngettext("%(n)d raw capture dropped", "%(n)d raw captures dropped", told["captures"]),
            ngettext("%(n)d file changed", "%(n)d files changed", told["files"]),
        )
        counts = (told["rows"], told["captures"], told["files"])
        return ", ".join(part % {"n": n} for part, n in zip(parts, counts, strict=True))

    @display(description=gettext_lazy("What somebody has to look at"))
    def left(self, row: Any) -> str:
        """Places that could not be changed and hold the name, or may hold it."""
        if not row.result:
            return ""
        found = [
            *map(_left, row.result["left"]),
            *(paper.words for paper in erasure_orders.documents(row)),
        ]
        if not found:
            return gettext("Nothing: no table, log or document that can be searched holds it.")
        return format_html_join("", '<span class="lm-block">{}</span>', ([each] for each in found))


def _left(place: str) -> str:
    report = place.removeprefix("files of report ")
    if report != place:
        return gettext("files of report %(number)s, which is signed or rejected") % {
            "number": report
        }
    return gettext("column %(column)s, which may not be changed") % {"column": place}
