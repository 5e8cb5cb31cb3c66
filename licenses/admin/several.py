"""Changing several rows of a list at once: choose, say what, look at old and new, store, undo."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from itam.asked import asked_id
from licenses.access.reversible import change_several
from licenses.importing.changes import BY_NEW_LINES, EDITABLE, MOST, may_change, preview, undo
from licenses.models import BulkChange, UndoStep

from .base import ReadOnlyAdmin, scoped
from .forms import AdminForm
from .undoing import tell


class ChangesSeveral:
    """Offers to change the chosen rows of a list. kind: a key of EDITABLE."""

    kind = ""

    def get_actions(self, request: HttpRequest) -> Any:
        found = super().get_actions(request)  # type: ignore[misc]
        if may_change(request.user, self.kind):
            words = gettext_lazy("Change them at once…")
            found["change_several"] = (type(self).change_several, "change_several", words)
        return found

    def get_urls(self) -> list[Any]:
        of: Any = self
        view = of.admin_site.admin_view(self.several)
        name = f"{of.opts.app_label}_{of.opts.model_name}_several"
        return [path("several/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def change_several(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        of: Any = self
        chosen = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True)[:MOST])
        place = reverse(f"admin:{of.opts.app_label}_{of.opts.model_name}_several")
        return redirect(f"{place}?ids={chosen}")

    def several(self, request: HttpRequest) -> HttpResponse:
        """Ask what is to change, show what would become of it, and do it."""
        of: Any = self
        if not may_change(request.user, self.kind):
            raise PermissionDenied
        given = request.GET.get("ids", "").split(",")
        few = [number for part in given if (number := asked_id(part)) is not None][:MOST]
        rows = list(of.model._default_manager.for_user(request.user).filter(pk__in=few))
        back = reverse(f"admin:{of.opts.app_label}_{of.opts.model_name}_changelist")
        if not rows:
            messages.warning(request, _("Choose rows of the list first."))
            return redirect(back)
        form = _form(self.kind, request)
        parts = None
        if request.method == "POST" and form.is_valid() and "_again" not in request.POST:
            changes = form.changes()
            try:
                if "_store" in request.POST:
                    said = form.cleaned_data["reason"]
                    done, step = change_several(
                        self.kind, rows, changes, user=request.user, reason=said
                    )
                    self._tell(request, done, step)
                    return redirect(back)
                parts = preview(self.kind, rows, changes)
                if not parts:
                    form.add_error(None, _("Nothing would change."))
            except ValidationError as error:
                beside = set(getattr(error, "error_dict", {"": ""})) <= set(form.fields)
                form.add_error(None, error if beside else error.messages)
        context = {
            **of.admin_site.each_context(request),
            "opts": of.opts,
            "title": _("Change several"),
            "rows": rows,
            "kind": self.kind,
            "form": form,
            "parts": parts,
            "back": back,
            "media": of.media + form.media,
        }
        return TemplateResponse(request, "admin/licenses/several.html", context)

    def _tell(self, request: HttpRequest, done: BulkChange, step: UndoStep) -> None:
        rows = len({part["id"] for part in done.parts})
        words = ngettext("%(count)s row was changed.", "%(count)s rows were changed.", rows)
        place = reverse("admin:licenses_bulkchange_change", args=[done.pk])
        said = words % {"count": rows}
        link = '{} <a class="lm-underlined" href="{}">{}</a>'
        tell(request, format_html(link, said, place, _("Look at it or undo it")), step)


class _Form(AdminForm):
    """What is to change; a field that is left alone changes nothing."""

    names: tuple[str, ...] = ()
    empty = forms.MultipleChoiceField(
        label=gettext_lazy("Empty these instead"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300, required=False)

    def changes(self) -> dict[str, Any]:
        given = self.cleaned_data
        found = {name: given[name] for name in self.names if _said(given[name])}
        found = {n: v == "yes" if v in ("yes", "no") else v for n, v in found.items()}
        return found | {name: self.emptied[name] for name in given["empty"]}

    emptied: dict[str, Any] = {}


def _said(value: Any) -> bool:
    return value not in (None, "") and (not hasattr(value, "exists") or value.exists())


def _form(kind: str, request: HttpRequest) -> Any:
    """Return the form for a kind of rows, with related rows in the user's scope."""
    model, names = EDITABLE[kind]
    fields: dict[str, Any] = {}
    emptied: dict[str, Any] = {}
    for name in names:
        column: Any = model._meta.get_field(name)
        if isinstance(column, models.BooleanField):
            choices = [("", _("as it is")), ("yes", _("yes")), ("no", _("no"))]
            fields[name] = forms.ChoiceField(choices=choices, label=column.verbose_name)
        else:
            fields[name] = column.formfield()
            fields[name].initial = None
            if column.is_relation:
                fields[name].queryset = scoped(
                    column.remote_field.model._default_manager.all(), request.user
                )
            if column.many_to_many:
                emptied[name] = []
            elif column.null or column.blank:
                emptied[name] = None if column.null else ""
        fields[name].required = False
        fields[name].label = str(fields[name].label)[:1].upper() + str(fields[name].label)[1:]
    body = {**fields, "names": names, "emptied": emptied}
    form = type("Form", (_Form,), body)(request.POST or None)
    labels = [(name, form.fields[name].label) for name in emptied]
    form.fields["empty"].choices = labels
    form.order_fields([*names, "empty", "reason"])
    form.fields["reason"].required = kind in BY_NEW_LINES
    return form


@admin.register(BulkChange)
class BulkChangeAdmin(ReadOnlyAdmin):
    """What was changed for several rows at once, and the way back."""

    empty_words = gettext_lazy("Choose rows of a list and change them at once: that stands here.")
    list_display = ("recorded_at", "kind", "rows", "recorded_by", "reason", "standing")
    list_select_related = ("recorded_by",)
    list_filter = ("kind",)
    search_fields = ("reason",)
    fields = ("kind", "recorded_at", "recorded_by", "reason", "undone_at", "undone_by")
    change_form_outer_before_template = "admin/licenses/several_tools.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.undo)
        name = "licenses_bulkchange_undo"
        return [path("<int:pk>/undo/", view, name=name), *super().get_urls()]

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the rows back what they had."""
        if request.method != "POST" or not request.user.has_perm("licenses.add_bulkchange"):
            raise PermissionDenied
        done = get_object_or_404(self.get_queryset(request), pk=pk)
        if not may_change(request.user, done.kind):
            raise PermissionDenied
        try:
            undo(done, user=request.user)
            messages.success(request, _("All rows are as they were before."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect(reverse("admin:licenses_bulkchange_change", args=[pk]))

    @display(description=gettext_lazy("Rows"))
    def rows(self, done: BulkChange) -> int:
        return len({part["id"] for part in done.parts})

    @display(
        description=gettext_lazy("Standing"), label={"undone": "warning", "in force": "success"}
    )
    def standing(self, done: BulkChange) -> tuple[str, str]:
        return ("undone", _("undone")) if done.undone_at else ("in force", _("in force"))
