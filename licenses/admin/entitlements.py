"""Rights bought: added, corrected by new lines, withdrawn, and never edited."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms.models import modelform_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from itam import figures
from licenses.access import reversible
from licenses.evidence.rights_history import of_right
from licenses.evidence.row_history import Change
from licenses.importing.corrections import may_approve
from licenses.importing.rights import (
    add_right,
    approve_correction,
    override_strength,
    unapproved,
)
from licenses.models import Correction, Entitlement, Strength, UndoStep
from licenses.models.entitlements import CORRECTABLE
from licenses.resources import EntitlementResource

from . import forms as pages
from . import proofs, undoing, words
from .base import ScopedAdmin
from .importing import Importable
from .list_address import DaysFilter
from .several import ChangesSeveral


class StandingFilter(admin.SimpleListFilter):
    title = gettext_lazy("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("current", gettext("counting now")), ("past", gettext("replaced or withdrawn"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "current":
            return queryset.filter(replaced_by=None, withdrawn=False)
        if self.value() == "past":
            return queryset.exclude(replaced_by=None, withdrawn=False)
        return queryset


class WithdrawForm(pages.AdminForm):
    code = pages.what_was_wrong()
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea,
        help_text=gettext_lazy("Stays on record beside the line, and prints in reports."),
    )


class ProofForm(pages.AdminForm):
    strength = forms.ChoiceField(
        label=gettext_lazy("Strength"),
        choices=[("", gettext_lazy("As the documents say")), *Strength.choices],
        required=False,
    )
    code = pages.what_was_wrong()
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea,
        help_text=gettext_lazy("Stays on record beside the line, and prints in reports."),
    )


@admin.register(Entitlement)
class EntitlementAdmin(Importable, ChangesSeveral, ScopedAdmin):
    """Adds lines. Correct and Withdraw write a line that replaces another; both stay on record."""

    kind = "entitlements"
    resource_classes = [EntitlementResource]
    list_display = (
        "shown",
        "pool",
        "standing",
        "valid_from",
        "until",
        "proof_short",
        "contract",
        "price",
        "overdraft",
        "metric",
    )
    list_select_related = ("pool", "contract__vendor", "replaced_by")
    list_filter = (
        StandingFilter,
        ("pool", AutocompleteSelectFilter),
        ("contract", AutocompleteSelectFilter),
        ("metric", ChoicesDropdownFilter),
        ("valid_to", DaysFilter),
    )
    search_fields = ("pool__name", "contract__number", "purchase_order", "pool__product__name")
    autocomplete_fields = ("pool", "contract")
    fieldsets = (
        (None, {"fields": ("pool", "contract", "quantity", "metric", "overdraft")}),
        (gettext_lazy("Term"), {"fields": ("valid_from", "valid_to")}),
        (gettext_lazy("Cost"), {"fields": ("unit_price", "currency", "purchase_order")}),
        (gettext_lazy("Scope"), {"fields": ("scope",)}),
    )
    record = (
        "proof_words",
        "papers",
        "replaces",
        "withdrawn",
        "correction_words",
        "reason",
        "recorded_at",
        "recorded_by",
    )
    readonly_fields = ("proof_words", "papers", "correction_words")
    change_form_outer_before_template = "admin/licenses/entitlement_tools.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        rows = rows.with_proof().with_seats_proven(settings.ITAM_PROVEN_FROM_STRENGTH)
        return rows.select_related(
            "pool__product__vendor", "contract__vendor", "replaced_by", "correction__approved_by"
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = list(super().get_fieldsets(request, obj))
        return [*found, (gettext("Record"), {"fields": self.record})] if obj else found

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changes_on_record(self, request: HttpRequest, row: Any) -> list[Change]:
        return [] if row is None else of_right(row, request.user)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        add_right(obj, user=request.user)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/correct/", wrap(self.correct), name="licenses_entitlement_correct"),
            path("<int:pk>/withdraw/", wrap(self.withdraw), name="licenses_entitlement_withdraw"),
            path(
                "<int:pk>/documents/",
                wrap(partial(proofs.of_line, self)),
                name="licenses_entitlement_documents",
            ),
            path("<int:pk>/proof/", wrap(self.judge), name="licenses_entitlement_proof"),
            path("<int:pk>/approve/", wrap(self.approve), name="licenses_entitlement_approve"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say what this user may do with the line, which the form has read already."""
        line = kwargs.get("obj")
        may = request.user.has_perm("licenses.add_entitlement")
        context |= {
            "may_correct": may,
            "may_prove": bool(line and line.contract_id) and request.user.has_perm(proofs.MAY),
            "may_approve": may and line is not None and may_approve(unapproved(line), request.user),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _standing_line(self, request: HttpRequest, pk: int) -> Entitlement | None:
        """Return the line if this user may replace it and it still counts."""
        if not request.user.has_perm("licenses.add_entitlement"):
            raise PermissionDenied
        line: Entitlement = get_object_or_404(self.get_queryset(request), pk=pk)
        if hasattr(line, "replaced_by"):
            messages.error(
                request, gettext("This line was replaced already. Correct the newer line.")
            )
            return None
        if line.withdrawn:
            messages.error(request, gettext("This line is withdrawn. Add a new one instead."))
            return None
        return line

    def _to(self, line_id: int) -> HttpResponse:
        return redirect("admin:licenses_entitlement_change", line_id)

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replace a line by a corrected copy, with a reason that cannot be left out."""
        line = self._standing_line(request, pk)
        if line is None:
            return self._to(pk)
        form_class = modelform_factory(
            Entitlement,
            fields=[*CORRECTABLE, "reason"],
            formfield_callback=lambda field, **options: self.formfield_for_dbfield(
                field, request, **options
            ),
        )
        initial = {name: line.serializable_value(name) for name in CORRECTABLE}
        form = form_class(request.POST or None, initial=initial)
        reason_field = form.fields.pop("reason")
        reason_field.required = True
        proofs.ask_again(form, line, request)
        form.fields |= {"code": pages.what_was_wrong(), "reason": reason_field}
        if request.method == "POST" and form.is_valid():
            changes = {name: form.cleaned_data[name] for name in CORRECTABLE}
            papers = proofs.chosen_papers(form, line, request)
            same = papers is None or set(papers) == set(line.documents.all())
            if same and all(getattr(line, name) == value for name, value in changes.items()):
                form.add_error(None, gettext("Nothing differs from the line on record."))
            elif not proofs.refused(form, line, changes, papers) and (
                done := self._replace(form, line, changes, request, documents=papers)
            ):
                copy, step = done
                told = gettext("Recorded: %(copy)s. The earlier line stays on record.")
                undoing.tell(request, told % {"copy": copy}, step)
                return self._to(copy.pk)
        return pages.page(
            request,
            self,
            form,
            title=gettext("Correct an entitlement"),
            intro=gettext(
                "A new line replaces this one from now on. Both stay on record, with your name"
                " and the reason; reports as of an earlier day go on showing the earlier line."
            ),
            submit=gettext("Record the correction"),
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
        )

    def withdraw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a line back, with a reason."""
        line = self._standing_line(request, pk)
        if line is None:
            return self._to(pk)
        form = WithdrawForm(request.POST or None)
        valid = request.method == "POST" and form.is_valid()
        if valid and (done := self._replace(form, line, {}, request, withdraw=True)):
            copy, step = done
            undoing.tell(request, gettext("The line is withdrawn. It stays on record."), step)
            return self._to(copy.pk)
        return pages.page(
            request,
            self,
            form,
            title=gettext("Withdraw an entitlement"),
            intro=gettext(
                "%(line)s no longer counts, for its whole term. It stays on record with your"
                " name and the reason."
            )
            % {"line": line},
            submit=gettext("Withdraw"),
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
            danger=True,
        )

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Approve what was corrected with a line, as a second person."""
        if not request.user.has_perm("licenses.add_entitlement"):
            raise PermissionDenied
        line: Entitlement = get_object_or_404(self.get_queryset(request), pk=pk)
        form = pages.AdminForm(request.POST or None)
        if request.method == "POST":
            try:
                approve_correction(line, user=request.user)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.success(request, gettext("Approved, with your name and the time."))
            return self._to(pk)
        return pages.page(
            request,
            self,
            form,
            title=gettext("Approve a correction"),
            intro=gettext(
                "Somebody else corrected this line or judged its proof. It counts already; with"
                " your approval, reports are signed without a comment on it."
            ),
            submit=gettext("Approve"),
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
        )

    def judge(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Set how well a line is proven by hand, with a reason."""
        line = self._standing_line(request, pk)
        if line is None:
            return self._to(pk)
        form = ProofForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            strength = form.cleaned_data["strength"]
            override_strength(
                line,
                strength=int(strength) if strength else None,
                reason=form.cleaned_data["reason"],
                user=request.user,
                code=form.cleaned_data["code"],
            )
            messages.success(
                request, gettext("The judgement is on record, with your name and the reason.")
            )
            return self._to(pk)
        return pages.page(
            request,
            self,
            form,
            title=gettext("Judge the proof of an entitlement"),
            intro=gettext(
                "The documents that prove a line say how well it is proven. Where you know"
                " better, say so with a reason; it prints in reports."
            ),
            submit=gettext("Record the judgement"),
            back=reverse("admin:licenses_entitlement_change", args=[pk]),
            obj=line,
        )

    def _replace(
        self,
        form: Any,
        line: Entitlement,
        changes: dict[str, Any],
        request: HttpRequest,
        **how: Any,
    ) -> tuple[Entitlement, UndoStep] | None:
        given = {name: form.cleaned_data[name] for name in ("code", "reason")}
        given |= {"changes": changes, "user": request.user, **how}
        try:
            return reversible.correct_right(line, **given)
        except ValidationError as error:
            form.add_error(None, error.messages)
            return None

    @display(description=gettext_lazy("Proven by"))
    def papers(self, line: Any) -> str:
        return proofs.proven_by(line)

    @display(description=gettext_lazy("Correction"))
    def correction_words(self, line: Any) -> str:
        """Say why it was corrected, as a code, and who approved that."""
        if not line.replaces_id:
            return gettext("not a correction")
        row = getattr(line, "correction", None)
        code = Correction.Code(row.code if row else Correction.Code.OTHER).label
        if row is None or row.approved_at is None:
            return gettext("%(code)s; not approved by a second person") % {"code": code}
        return gettext("%(code)s; approved by %(user)s on %(day)s") % {
            "code": code,
            "user": row.approved_by.get_username(),
            "day": date_format(timezone.localtime(row.approved_at), "DATETIME_FORMAT"),
        }

    @display(description=gettext_lazy("Proof"), ordering="proof")
    def proof_words(self, line: Any) -> str:
        label = str(Strength(line.proof).label)
        if line.proof_reason:
            told = {"label": label, "proof_reason": line.proof_reason}
            return gettext("%(label)s (judged: %(proof_reason)s)") % told
        part = figures.part(line.seats_proven, line.quantity)
        return f"{part} {label}".strip()

    @display(
        description=gettext_lazy("Proof"),
        ordering="proof",
        label={4: "success", 3: "info", 2: "warning", 1: "danger"},
    )
    def proof_short(self, line: Any) -> tuple[int, str]:
        """Say how well it is proven in a word; what papers that takes stands on the line's page."""
        whole = line.proof < Strength.PROVEN or line.seats_proven >= line.quantity
        return line.proof if whole else Strength.WEAK, proofs.proof_word(line)

    @display(description=gettext_lazy("Seats"), ordering="quantity")
    def shown(self, line: Any) -> int:
        return line.quantity

    @display(description=gettext_lazy("Valid to"), ordering="valid_to")
    def until(self, line: Any) -> Any:
        return line.valid_to or gettext("perpetual")

    @display(description=gettext_lazy("Price"), ordering="unit_price")
    def price(self, line: Any) -> str:
        return words.money(line.unit_price, line.currency)

    @display(
        description=gettext_lazy("Standing"),
        label={"counts": "success", "to come": "info", "ended": "warning", "gone": "danger"},
    )
    def standing(self, line: Any) -> tuple[str, str]:
        if hasattr(line, "replaced_by"):
            return "gone", gettext("withdrawn") if line.replaced_by.withdrawn else gettext(
                "replaced"
            )
        if line.withdrawn:
            return "gone", gettext("withdrawn")
        today = timezone.localdate()
        if line.valid_from > today:
            return "to come", gettext("to come")
        if line.valid_to and line.valid_to < today:
            return "ended", gettext("ended")
        return "counts", gettext("counts")
