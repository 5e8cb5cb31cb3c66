"""Filters of a list, kept under a name: what the lists show of them, and the one way to save one.

A filter is no address: it is the part of one that the list itself would write, read again by the
list before it is stored.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    FieldError,
    PermissionDenied,
    SuspiciousOperation,
    ValidationError,
)
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from licenses.access.reversible import delete_filter
from licenses.models import SavedFilter, sees_everything

from . import forms as pages
from .base import ScopedAdmin
from .exporting import Exportable
from .undoing import tell

LONGEST = 2000
MOST_OF_A_LIST = 40
_ORDER = re.compile(r"-?\d+(\.-?\d+)*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class KeepForm(pages.AdminForm):
    """Under which name a list is to be kept as it stands."""

    page = forms.CharField(required=False, widget=forms.HiddenInput)
    query = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name of the filter"), max_length=60)
    shared = forms.BooleanField(label=gettext_lazy("for everybody"), required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not sees_everything(user) and "shared" not in self.data:
            self.fields["shared"].widget = forms.HiddenInput()


def lists() -> dict[str, Any]:
    """Return the pages whose lists can be saved, by their model: "licenses.licensepool"."""
    return {
        model._meta.label_lower: page
        for model, page in admin.site._registry.items()
        if isinstance(page, Exportable)
    }


def save(user: Any, *, page: str, name: str, query: str, shared: bool = False) -> SavedFilter:
    """Keep a filter of a list under a name.

    Raises ValidationError where there is no such list (or it is not theirs to see), where the list
    would not write this query itself, and where the name is taken.
    """
    checked = check(user, page, query)
    if SavedFilter.objects.filter(owner=user, page=page).count() >= MOST_OF_A_LIST:
        said = gettext("At most %(most)s filters are kept for a list: delete one first.")
        raise ValidationError(said % {"most": MOST_OF_A_LIST})
    row = SavedFilter(owner=user, page=page, name=name.strip(), query=checked, shared=shared)
    may_share(user, row)
    _judge(row)
    row.save()
    return row


def change(
    user: Any,
    row: SavedFilter,
    *,
    name: str | None = None,
    query: str | None = None,
    shared: bool | None = None,
) -> SavedFilter:
    """Give a filter another name or query, or show it to others; None: as it is.

    Whether it is theirs to change the caller asks. Raises ValidationError as `save` does.
    """
    row.name = row.name if name is None else name.strip()
    row.query = row.query if query is None else check(user, row.page, query)
    if shared is not None and shared != row.shared:
        row.shared = shared
        may_share(user, row)
    _judge(row)
    row.save()
    return row


def _judge(row: SavedFilter) -> None:
    """Raise ValidationError as the model does; that a name is taken is said of the name."""
    try:
        row.full_clean()
    except ValidationError as error:
        told = error.error_dict
        if NON_FIELD_ERRORS in told:
            told["name"] = [*told.get("name", []), *told.pop(NON_FIELD_ERRORS)]
        raise ValidationError(told) from error


def may_share(user: Any, row: SavedFilter) -> None:
    """Raise ValidationError where somebody who is no manager would show a filter to everybody."""
    if row.shared and not sees_everything(user):
        raise ValidationError({"shared": gettext("Only managers show filters to everybody.")})


def check(user: Any, page: str, query: str) -> str:
    """Return a query as the list itself writes it. Raises ValidationError for any other."""
    of = lists().get(page)
    request = HttpRequest()
    request.method, request.user = "GET", user
    if of is None or not of.has_view_permission(request):
        raise ValidationError({"page": gettext("There is no such list, or it is not yours.")})
    strange = ValidationError({"query": gettext("This list has no such filter.")})
    text = query.removeprefix("?")
    try:
        given = QueryDict(text if len(text) <= LONGEST else "%00")
        if any(_CONTROL.search(value) for values in given.lists() for value in values[1]):
            raise strange
        request.GET = given
        changes = of.get_changelist_instance(request)
        kept = kept_of(changes, given)
    except (IncorrectLookupParameters, SuspiciousOperation, FieldError, ValueError) as error:
        raise strange from error
    left = {key for key in given if given[key] and key != "p"} - {key for key, _ in kept}
    if left or not kept:
        raise strange
    return urlencode(kept)


def kept_of(changes: Any, given: QueryDict) -> list[tuple[str, str]]:
    """Return the parts of a query that choose or order rows of a list, sorted.

    changes:  the list as it stands; only what its own filters, search and order read is kept.
    """
    own = {name for spec in changes.filter_specs for name in spec.expected_parameters() if name}
    if changes.search_fields:
        own.add("q")
    if _ORDER.match(given.get("o", "")):
        own.add("o")
    pairs = ((key, value) for key in sorted(own & set(given)) for value in given.getlist(key))
    return [(key, value) for key, value in pairs if value]


def shown(request: HttpRequest, changes: Any) -> dict[str, Any]:
    """Return what stands over a list: the filters kept for it, and what could be saved now."""
    user, page = request.user, changes.opts.label_lower
    now = urlencode(kept_of(changes, request.GET))
    if not user.has_perm("licenses.view_savedfilter"):
        return {"rows": [], "query": ""}
    found = SavedFilter.objects.for_user(user).filter(page=page)
    rows: list[SavedFilter] = list(found)
    known = any(row.query == now and row.owner_id == user.pk for row in rows)
    may = user.has_perm("licenses.add_savedfilter")
    return {
        "rows": rows,
        "now": now,
        "page": page,
        "query": now if may and not known else "",
        "shares": sees_everything(user),
    }


def words_of(row: SavedFilter) -> str:
    """Return what a filter's list is called."""
    found = lists().get(row.page)
    return str(capfirst(str(found.opts.verbose_name_plural))) if found else row.page


@admin.register(SavedFilter)
class SavedFilterAdmin(ScopedAdmin):
    """Where filters are renamed, shared and deleted; they are made over the list itself."""

    empty_words = gettext_lazy(
        "Search or filter any list and save that under a name: it stands here."
    )
    list_display = ("name", "of_list", "owner", "shared", "opened")
    list_display_links = ("name",)
    list_select_related = ("owner",)
    list_filter = ("shared",)
    search_fields = ("name",)
    fields = ("name", "of_list", "query", "shared", "owner", "recorded_at")
    readonly_fields = ("of_list", "query", "owner", "recorded_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Also for a manager, what others keep for themselves is theirs."""
        rows: Any = super().get_queryset(request)
        return rows.for_user(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _mine(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _mine(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if sees_everything(request.user) else (*fields, "shared")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.keep)
        return [path("keep/", view, name="licenses_savedfilter_keep"), *super().get_urls()]

    def keep(self, request: HttpRequest) -> HttpResponse:
        """Save what a list shows, and go back to it."""
        if request.method != "POST" or not request.user.has_perm("licenses.add_savedfilter"):
            raise PermissionDenied
        form = KeepForm(request.POST, user=request.user)
        place = _place(form.data.get("page", ""))
        if form.is_valid():
            try:
                row = save(request.user, **form.cleaned_data)
            except ValidationError as error:
                pages.refuse(form, error)
            else:
                told = gettext("The filter “%(name)s” was saved.") % {"name": row.name}
                messages.success(request, told)
                return redirect(f"{place}?{row.query}")
        return pages.page(
            request,
            self,
            form,
            title=gettext("Save this filter"),
            submit=gettext("Save"),
            back=f"{place}?{form.data.get('query', '').removeprefix('?')}",
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete it; the message of the list offers the way back."""
        request.undo_step = delete_filter(obj, user=request.user)  # type: ignore[attr-defined]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            name = row.name
            step = delete_filter(row, user=request.user)
            tell(request, gettext("The filter “%(name)s” was deleted.") % {"name": name}, step)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        said = gettext("The filter “%(name)s” was deleted.") % {"name": obj_display}
        tell(request, said, getattr(request, "undo_step", None))
        return redirect("admin:licenses_savedfilter_changelist")

    @display(description=gettext_lazy("List"), ordering="page")
    def of_list(self, row: SavedFilter) -> str:
        return words_of(row)

    @display(description="")
    def opened(self, row: SavedFilter) -> Any:
        place = f"{_place(row.page)}?{row.query}"
        return format_html('<a class="lm-link" href="{}">{}</a>', place, gettext("Open"))


def _mine(request: HttpRequest, row: Any) -> bool:
    if row is None:
        return True
    return row.owner_id == request.user.pk or (row.shared and sees_everything(request.user))


def _place(page: str) -> str:
    """Return the address of a list, or of the saved filters where there is no such list."""
    found = lists().get(page)
    opts = SavedFilter._meta if found is None else found.opts
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
