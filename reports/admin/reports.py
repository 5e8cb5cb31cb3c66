"""Reports in the admin: how far they are, and their files."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from itam.figures import moment, number
from licenses.admin import forms as pages
from licenses.admin.base import ReadOnlyAdmin
from licenses.admin.words import Labelled
from licenses.tasks import nudge
from reports import delivery, lifecycle
from reports.admin.asking import ask_audit
from reports.admin.background import MadeInBackground
from reports.beside import signed_beside
from reports.comments import why_comment
from reports.documents.standing import FIGURES, shown
from reports.documents.words import VERDICTS
from reports.lifecycle import Stage
from reports.models import LaterData, Report, SignOff

MOST_NAMED = 12
"""How many pools the page of a report names."""

STAGES = {
    Stage.COLLECTING: gettext_lazy("Collecting"),
    Stage.WAITING: gettext_lazy("Waiting for late data"),
    Stage.READY: gettext_lazy("Ready to sign"),
    Stage.SIGNED: gettext_lazy("Signed"),
    Stage.REJECTED: gettext_lazy("Rejected"),
}


class StepWords(NamedTuple):
    """A step, and what its page says."""

    step: SignOff.Step
    submit: str | Promise
    done: str | Promise
    intro: str | Promise


STEPS = {
    "review": StepWords(
        SignOff.Step.REVIEWED,
        gettext_lazy("Review"),
        gettext_lazy("Your review is on record."),
        gettext_lazy("Your name, role and comment go on record and print in the sign-off."),
    ),
    "sign": StepWords(
        SignOff.Step.APPROVED,
        gettext_lazy("Sign"),
        gettext_lazy("The report is signed. It is never changed again."),
        gettext_lazy(
            "A signed report is never changed or deleted; later data need a new version."
            " Your name, role and comment print in it."
        ),
    ),
    "reject": StepWords(
        SignOff.Step.REJECTED,
        gettext_lazy("Reject"),
        gettext_lazy("The report is rejected. It stays on record."),
        gettext_lazy("A rejected report stays on record with your name and the reason."),
    ),
}


class StepForm(pages.AdminForm):
    comment = forms.CharField(
        label=gettext_lazy("Comment"), max_length=2000, widget=forms.Textarea, required=False
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=500,
        strip=False,
        help_text=gettext_lazy("Your own password, to confirm that it is you."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget = UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password"}
        )


def _against(report: Report, user: Any) -> dict[str, list[str]]:
    """Return what stands against each step, as its page would say; empty: it may be taken."""
    steps = ("review", "sign")
    return {
        name: lifecycle.check(report, user, STEPS[name].step, "-").get("__all__", [])
        for name in steps
    }


@admin.register(Report)
class ReportAdmin(MadeInBackground, ReadOnlyAdmin):
    """What was asked for; files are made and removed elsewhere."""

    empty_words = gettext_lazy(
        "Make one: “Audit evidence for a vendor” above, or “Compliance PDF” on a pool's page."
    )
    file_words = gettext_lazy("Download PDF")

    list_display = (
        "title",
        "period",
        "verdict",
        "shown_state",
        "shown_stage",
        "requested_by",
        "requested_at",
        "file",
    )
    list_filter = ("state", "decision", "name")
    change_form_outer_before_template = "admin/reports/report_tools.html"
    list_before_template = "admin/reports/report_list_tools.html"
    list_select_related = ("requested_by",)
    ordering = ("-pk",)
    fields = (
        "title",
        "period",
        "pool_names",
        "verdict",
        "shown_state",
        "shown_stage",
        "version",
        "supersedes",
        "beside",
        "recounted",
        "steps",
        "file",
        "as_of",
        "requested_by",
        "requested_at",
        "finished_at",
        "sha256",
        "data_sha256",
        "attempts",
        "error",
    )

    @display(description=gettext_lazy("report"))
    def title(self, report: Report) -> str:
        return str(report)

    @display(description=gettext_lazy("period"))
    def period(self, report: Report) -> str:
        """Return the first and the last day, and in whose days they are counted."""
        zone = ZoneInfo(report.params["zone"])
        first = datetime.fromtimestamp(report.params["start"], zone)
        last = datetime.fromtimestamp(report.params["end"] - 1, zone)
        return gettext("%(first)s to %(last)s, days of %(zone)s") % {
            "first": date_format(first, "DATE_FORMAT"),
            "last": date_format(last, "DATE_FORMAT"),
            "zone": zone.key,
        }

    @display(description=gettext_lazy("pools"))
    def pool_names(self, report: Report) -> str:
        names = list(report.pools.order_by("name").values_list("name", flat=True))
        text = ", ".join(names[:MOST_NAMED])
        more = len(names) - MOST_NAMED
        if more <= 0:
            return text or "–"
        return gettext("%(names)s and %(count)s more") % {"names": text, "count": number(more)}

    @display(description=gettext_lazy("verdict"))
    def verdict(self, report: Report) -> str:
        return str(VERDICTS.get((report.data or {}).get("verdict", ""), "–"))

    @display(
        description=gettext_lazy("standing"),
        label={
            Stage.SIGNED: "success",
            Stage.REJECTED: "danger",
            Stage.READY: "info",
            Stage.WAITING: "warning",
        },
    )
    def shown_stage(self, report: Report) -> Labelled | None:
        if report.state != Report.State.DONE:
            return None  # nobody signs what is not made
        stage = lifecycle.stage(report)
        return Labelled(stage, str(STAGES[stage]))

    @display(description=gettext_lazy("also signed of this period"))
    def beside(self, report: Report) -> str:
        """Name signed reports that share pools with it, whichever of them came first."""
        return ", ".join(row.words for row in signed_beside(report)) or "–"

    @display(description=gettext_lazy("sign-off"))
    def steps(self, report: Report) -> str:
        lines = [
            (
                gettext("%(step)s on %(at)s by %(name)s (%(role)s).")
                % {
                    "step": row.get_step_display(),
                    "at": moment(row.at),
                    "name": row.name,
                    "role": row.role or "–",
                },
                row.comment,
            )
            for row in report.sign_offs.all()
        ]
        return format_html_join("", "<p>{} {}</p>", lines) or "–"

    @display(description=gettext_lazy("Counted again from the evidence log"))
    def recounted(self, report: Report) -> str:
        if report.differs is None:
            return gettext(
                "Not yet, or not at all: the period's data may still arrive, or the log is too long"
                " for it. recompute.py of a pack does it at any time."
            )
        if not report.differs:
            return gettext("No figure and no verdict differs.")
        return format_html_join(
            "", '<span class="lm-block">{}</span>', ([w] for w in report.differs)
        )

    def fetch(self, report: Report, user: Any) -> HttpResponseBase | None:
        return delivery.file_response(report, user)

    def gone(self, report: Report) -> str:
        dropped = report.files_dropped_at
        return (
            ""
            if dropped is None
            else gettext("dropped on %(day)s")
            % {"day": date_format(localtime(dropped), "DATE_FORMAT")}
        )

    def get_urls(self) -> list[URLPattern]:
        steps = [
            path(
                f"<int:report_id>/{name}/",
                self.admin_site.admin_view(partial(self.step, name=name)),
                name=f"reports_report_{name}",
            )
            for name in STEPS
        ]
        anew = path(
            "<int:report_id>/version/",
            self.admin_site.admin_view(self.new_version),
            name="reports_report_version",
        )
        later = path(
            "<int:report_id>/later/",
            self.admin_site.admin_view(self.later),
            name="reports_report_later",
        )
        audit = path(
            "audit/",
            self.admin_site.admin_view(partial(ask_audit, self)),
            name="reports_report_audit",
        )
        return [*steps, anew, later, audit, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        may_sign = request.user.has_perm(lifecycle.PERMISSION)
        report = self.get_object(request, object_id) if may_sign else None
        extra = {
            "may_sign": may_sign,
            "against": _against(report, request.user) if report else {},
            "may_ask": request.user.has_perm("reports.add_report"),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def step(self, request: HttpRequest, report_id: int, *, name: str) -> HttpResponse:
        """Review, sign or reject a report, on a page that asks for the password."""
        if not request.user.has_perm(lifecycle.PERMISSION):
            raise PermissionDenied
        report = get_object_or_404(self.get_queryset(request), pk=report_id)
        words, back = STEPS[name], reverse("admin:reports_report_change", args=[report_id])
        form = StepForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                lifecycle.confirm_password(request, request.user, form.cleaned_data["password"])
                comment = form.cleaned_data["comment"]
                lifecycle.take_step(report, request.user, words.step, comment)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, str(words.done))
                return redirect(back)
        against = lifecycle.check(report, request.user, words.step, "-").get("__all__", [])
        due = why_comment(report) if words.step == SignOff.Step.APPROVED else []
        due = [*due, gettext("So a comment is due.")] if due and not against else []
        intro = " ".join(against or [str(words.intro), *due])
        return pages.page(
            request,
            self,
            form,
            title=f"{words.submit}: {report.words}",
            intro=intro,
            submit=str(words.submit),
            back=back,
            obj=report,
            danger=words.step == SignOff.Step.REJECTED,
        )

    def new_version(self, request: HttpRequest, report_id: int) -> HttpResponse:
        """Ask for the next version, as of now."""
        if request.method != "POST" or not request.user.has_perm("reports.add_report"):
            raise PermissionDenied
        report = get_object_or_404(self.get_queryset(request), pk=report_id)
        try:
            newer = lifecycle.new_version(report, request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("admin:reports_report_change", report_id)
        nudge("reports.tasks.build_report", newer.pk)
        messages.success(
            request, gettext("Version %(version)s is being made.") % {"version": newer.version}
        )
        return redirect("admin:reports_report_change", newer.pk)

    def later(self, request: HttpRequest, report_id: int) -> HttpResponse:
        """Show what later data would change in a signed report, and offer a new version."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = get_object_or_404(self.get_queryset(request), pk=report_id)
        found = LaterData.objects.filter(report=report).first()
        rows = [
            (
                *(row["pool"], row["month"][:7], FIGURES.get(row["what"], row["what"])),
                *(shown(row["what"], row[name]) for name in ("before", "after")),
            )
            for row in (found.rows if found else [])
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": report,
            "title": gettext("Later data on %(report)s") % {"report": report.words},
            "later": found,
            "rows": rows,
            "may_ask": request.user.has_perm("reports.add_report"),
        }
        return TemplateResponse(request, "admin/reports/later.html", context)
