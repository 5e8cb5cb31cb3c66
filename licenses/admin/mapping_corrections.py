"""What mappings said of the past is changed with a reason, and a second person approves that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from licenses.access import reversible
from licenses.importing import corrections, mapping
from licenses.models import Correction, PoolFeature, UndoStep

from . import forms as pages
from .pool_page import find


class Refused(Exception):
    """A row that was sound by itself was refused when it was stored: two rows of one form fit each
    other not, or somebody was quicker. prefix: of its form."""

    def __init__(self, prefix: str, error: ValidationError) -> None:
        super().__init__(prefix)
        self.prefix, self.error = prefix, error


class MappingForm(forms.ModelForm):
    """A row of the table of mappings, with why the past of an earlier one was wrong.

    refused: by the prefix of a row, what it was refused for when all of them were to be stored.
    """

    refused: ClassVar[dict[str, ValidationError]] = {}

    code = pages.what_was_wrong(required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"aria-label": gettext_lazy("Reason")}),
    )

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.prefix in self.refused:
            error = self.refused[self.prefix]
            if hasattr(error, "error_dict"):
                pages.refuse(self, error)
            else:
                self.add_error("feature", error)
            return
        if self.errors or not self.has_changed() or not mapping.corrects(self.instance):
            return
        for name in ("code", "reason"):
            if not self.cleaned_data.get(name):
                self.add_error(name, gettext("Say why: this changes what counts in the past."))


def save_all(formset: Any, request: HttpRequest) -> tuple[int, UndoStep | None]:
    """Save the rows of the table that are new or changed, the one way there is; return how many,
    and the way back, if there is one.

    Raises Refused: then the caller stores nothing at all.
    """
    rows = formset.save(commit=False)
    of = {id(form.instance): form for form in formset.forms}
    stored = ""

    def told() -> Iterator[tuple[PoolFeature, dict[str, str]]]:
        nonlocal stored
        for row in rows:
            form = of[id(row)]
            stored = form.prefix
            if row.pk is None:
                row.recorded_by = request.user
            code = form.cleaned_data.get("code") or Correction.Code.OTHER
            yield row, {"reason": form.cleaned_data.get("reason", ""), "code": str(code)}

    try:
        step = reversible.change_mappings(told(), user=request.user)
    except ValidationError as error:
        raise Refused(stored, error) from error
    return len(rows), step


def waits(request: HttpRequest, pool: Any) -> bool:
    """Tell whether this user may approve what was changed of a pool's mappings."""
    if pool is None or not request.user.has_perm("licenses.add_poolfeature"):
        return False
    return corrections.may_approve(mapping.unapproved(pool), request.user)


def approve_page(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Approve what was changed of a pool's mappings for the past, as a second person."""
    pool = find(model_admin, request, pk)
    if not request.user.has_perm("licenses.add_poolfeature"):
        raise PermissionDenied
    back = reverse("admin:licenses_licensepool_change", args=[pk])
    form = pages.AdminForm(request.POST or None)
    if request.method == "POST":
        try:
            mapping.approve_changes(pool, user=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, gettext("Approved, with your name and the time."))
        return redirect(back)
    said = [
        gettext("%(what)s, by %(author)s: %(reason)s")
        % {
            "what": row.correction.get_code_display(),
            "author": "–" if row.recorded_by is None else row.recorded_by.get_username(),
            "reason": row.reason or "–",
        }
        for row in mapping.unapproved(pool)
    ]
    intro = gettext(
        "Somebody else changed what mappings of this pool said of the past. It counts already;"
        " with your approval, reports are signed without a comment on it."
    )
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("Approve changes of mappings"),
        intro=" ".join([intro, *said]),
        submit=gettext("Approve"),
        back=back,
        obj=pool,
    )
