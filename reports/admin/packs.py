"""Packs for auditors in the admin: asked for, approved where names go in, fetched."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from licenses.admin.base import ScopedAdmin
from licenses.tasks import nudge
from reports.admin.background import MadeInBackground
from reports.models import EvidencePack
from reports.packs import orders


class PackForm(ModelForm):
    """Says at once why a pack cannot be made as things stand."""

    def clean(self) -> Any:
        values = super().clean() or {}
        if not self.errors:
            pack = EvidencePack(**values)
            pack.clean()
            orders.check(pack)
        return values


@admin.register(EvidencePack)
class EvidencePackAdmin(MadeInBackground, ScopedAdmin):
    """Asked for once, and never changed."""

    file_words = gettext_lazy("Download ZIP")

    form = PackForm
    list_display = ("title", "period", "shown_state", "requested_by", "requested_at", "file")
    list_filter = ("state",)
    list_select_related = ("vendor", "requested_by")
    ordering = ("-pk",)
    change_form_outer_before_template = "admin/reports/pack_tools.html"
    asked = ("vendor", "first", "end", "zone", "shared", "names_basis")
    fields = (
        *asked,
        "shown_state",
        "file",
        "sha256",
        "size",
        "approved_by",
        "approved_at",
        "requested_by",
        "requested_at",
        "finished_at",
        "error",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.asked if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        orders.order(obj, request.user)
        if obj.state == EvidencePack.State.WAITING:
            nudge("reports.tasks.build_pack", obj.pk)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Lead to the page of the pack, which shows how far it is."""
        if obj.state == EvidencePack.State.WAITING:
            messages.success(
                request, gettext("The pack is being made. It appears here when it is ready.")
            )
        else:
            messages.info(
                request, gettext("The pack waits until somebody else approves the names.")
            )
        return redirect("admin:reports_evidencepack_change", obj.pk)

    @display(description=gettext_lazy("vendor"))
    def title(self, pack: EvidencePack) -> str:
        if not pack.names_basis:
            return str(pack.vendor)
        return gettext("%(vendor)s, with names") % {"vendor": pack.vendor}

    @display(description=gettext_lazy("period"))
    def period(self, pack: EvidencePack) -> str:
        return gettext("%(first)s to %(end)s (%(zone)s)") % {
            "first": pack.first,
            "end": pack.end,
            "zone": pack.zone,
        }

    def fetch(self, pack: EvidencePack, user: Any) -> HttpResponseBase | None:
        return orders.file_response(pack, user)

    def gone(self, pack: EvidencePack) -> str:
        return "" if pack.path.is_file() else gettext("thrown away: ask again")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pack_id>/approve/", view(self.approve), name="reports_evidencepack_approve"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = {"may_approve": request.user.has_perm(orders.PERMISSION)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def approve(self, request: HttpRequest, pack_id: int) -> HttpResponse:
        """Approve the names in a pack that somebody else asked for."""
        if request.method != "POST" or not request.user.has_perm(orders.PERMISSION):
            raise PermissionDenied
        pack = get_object_or_404(self.get_queryset(request), pk=pack_id)
        try:
            orders.approve(pack, request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            nudge("reports.tasks.build_pack", pack.pk)
            messages.success(request, gettext("Approved: the pack is being made."))
        return redirect("admin:reports_evidencepack_change", pack.pk)
