"""Which documents prove which lines: said of a line, of a document, and in a correction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy, ngettext

from itam import figures
from licenses.importing.papers import prove, state_seats
from licenses.models import Document, Entitlement, Proof, Strength

from . import forms as pages

MAY = "licenses.add_proof"


def papers_field() -> forms.MultipleChoiceField:
    """Return the field of the documents that prove a line; `offer` says which there are."""
    return forms.MultipleChoiceField(
        label=gettext_lazy("Documents that prove it"),
        required=False,
        help_text=gettext_lazy(
            "Tick those in which product, quantity and metric of the line can be read."
        ),
    )


class _SeatsForm(pages.AdminForm):
    seats = forms.IntegerField(
        label=gettext_lazy("Seats of a line that it proves"),
        required=False,
        min_value=1,
        help_text=gettext_lazy(
            "Empty: all of them. A number where a document is about a part of a line's seats."
        ),
    )


class PapersForm(_SeatsForm):
    papers = papers_field()
    field_order = ("papers", "seats")


class SeatsForm(pages.AdminForm):
    seats = forms.IntegerField(
        label=gettext_lazy("Seats in the document"),
        min_value=0,
        help_text=Document._meta.get_field("quantity").help_text,
    )


class LinesForm(_SeatsForm):
    field_order = ("lines", "seats")
    lines = forms.MultipleChoiceField(
        label=gettext_lazy("Lines that it proves"),
        help_text=gettext_lazy(
            "Tick the lines whose product, quantity and metric can be read in the document."
        ),
    )


def offer(field: Any, rows: Iterable[Any], label: Any) -> None:
    """Have a field offer these rows."""
    field.choices = [(str(row.pk), label(row)) for row in rows]


def paper_words(paper: Document) -> str:
    return gettext("%(title)s (%(kind)s, recorded on %(day)s)") % {
        "title": paper.title,
        "kind": paper.get_kind_display(),
        "day": date_format(paper.recorded_at.date()),
    }


def line_words(line: Any) -> str:
    last = gettext("without an end") if line.valid_to is None else date_format(line.valid_to)
    return gettext("%(line)s, to %(last)s: now %(strength)s") % {
        "line": line,
        "last": last,
        "strength": proof_word(line),
    }


def strength_word(proof: int) -> str:
    """Return how well a line is proven in one word."""
    return str(Strength(proof).label).split(":")[0]


def proof_word(line: Any) -> str:
    """Return how well a line is proven in one word, and of how many of its seats where that is a
    part of them. line: with its proof and with its seats proven."""
    part = figures.part(line.seats_proven, line.quantity)
    return f"{strength_word(line.proof)} {part}".strip()


def papers_of(line: Entitlement, request: HttpRequest) -> Any:
    """Return the documents of a line's contract that this user may see."""
    return Document.objects.for_user(request.user).filter(contract=line.contract_id)


def chosen_papers(form: Any, line: Entitlement, request: HttpRequest) -> list[Document] | None:
    """Return the documents ticked in a form; None where it did not ask."""
    if "papers" not in form.fields:
        return None
    return list(papers_of(line, request).filter(pk__in=form.cleaned_data["papers"]))


def ask_again(form: Any, line: Entitlement, request: HttpRequest) -> None:
    """Have the form of a correction ask what proves the corrected line, of who may say so."""
    papers = papers_of(line, request)
    if not request.user.has_perm(MAY) or not papers.exists():
        return
    field = papers_field()
    field.initial = [str(pk) for pk in line.documents.values_list("pk", flat=True)]
    form.fields |= {
        "papers": field,
        "seen": forms.BooleanField(
            label=gettext_lazy("They name the corrected line"),
            required=False,
            help_text=gettext_lazy(
                "Needed where it claims more than the earlier one: more seats, a longer term,"
                " another product, metric or scope."
            ),
        ),
    }
    for name in ("papers", "seen"):
        pages.dress(form.fields[name])
    offer(field, papers, paper_words)


def refused(
    form: Any, line: Entitlement, changes: dict[str, Any], papers: list[Document] | None
) -> bool:
    """Tell whether documents were left ticked on a line that claims more, and nobody said so."""
    if not papers or form.cleaned_data["seen"]:
        return False
    if not Entitlement(**changes).claims_more_than(line):
        return False
    form.add_error(
        "seen",
        gettext(
            "This line claims more than the earlier one. Tick here that the documents name what it"
            " claims, or take the ticks of those away that do not."
        ),
    )
    return True


def proven_by(line: Entitlement) -> str:
    """List the documents that prove a line, each with its hash."""
    rows = Proof.objects.filter(entitlement=line.pk).select_related("document")
    said = format_html_join(
        "",
        '<li><a class="lm-link" href="{}">{}</a> <span class="lm-subtle">{}</span>{}</li>',
        (
            (
                reverse("admin:licenses_document_change", args=[row.document_id]),
                row.document.title,
                _about(row, line.quantity),
                _taken_over() if row.taken_over else "",
            )
            for row in rows
        ),
    )
    return format_html("<ul>{}</ul>", said) if said else gettext("no document")


def proves(document: Document) -> str:
    """List the lines that a document proves, as they count now."""
    rows = Proof.objects.filter(document=document.pk, entitlement__in=Entitlement.objects.as_of())
    said = format_html_join(
        "",
        '<li><a class="lm-link" href="{}">{}</a> <span class="lm-subtle">{}</span>{}</li>',
        (
            (
                reverse("admin:licenses_entitlement_change", args=[row.entitlement_id]),
                row.entitlement,
                figures.part(row.quantity, row.entitlement.quantity),
                _taken_over() if row.taken_over else "",
            )
            for row in rows.select_related("entitlement__pool")[:MOST]
        ),
    )
    more = rows.count() - MOST
    rest = gettext("and %(count)s more") % {"count": more} if more > 0 else ""
    return format_html("<ul>{}</ul>{}", said, rest) if said else gettext("no line")


MOST = 50


def _about(proof: Proof, seats: int) -> str:
    """Say what a document is, and how many of the seats of a line it proves where not all."""
    paper = proof.document
    words = [figures.part(proof.quantity, seats), str(paper.get_kind_display())]
    return ", ".join([*filter(None, words), f"SHA-256 {paper.sha256[:12]}…"])


def _taken_over() -> str:
    return format_html(
        ' <span class="lm-subtle">{}</span>', gettext("(taken over: nobody has said so)")
    )


def of_line(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Say which documents prove a line."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    line = get_object_or_404(model_admin.get_queryset(request).as_of(), pk=pk)
    back = reverse("admin:licenses_entitlement_change", args=[pk])
    papers = papers_of(line, request).exclude(proofs__entitlement=line)
    if not papers.exists():
        messages.info(
            request,
            gettext(
                "There is no other document of its contract. Record one on the contract first."
            ),
        )
        return redirect(back)
    form = PapersForm(request.POST or None)
    form.fields["papers"].required = True
    offer(form.fields["papers"], papers, paper_words)
    if (
        request.method == "POST"
        and form.is_valid()
        and _proven(form, request, [line], chosen_papers(form, line, request) or [])
    ):
        return redirect(back)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("What proves this line"),
        intro=str(_INTRO),
        submit=gettext("Record the proof"),
        back=back,
        obj=line,
    )


def of_document(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Say which lines a document proves."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    document = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    back = reverse("admin:licenses_document_change", args=[pk])
    lines = unproven(document, request)
    if not lines:
        messages.info(request, gettext("No other line of its contract counts."))
        return redirect(back)
    form = LinesForm(request.POST or None)
    offer(form.fields["lines"], lines, line_words)
    if request.method == "POST" and form.is_valid():
        ticked = set(form.cleaned_data["lines"])
        chosen = [line for line in lines if str(line.pk) in ticked]
        if _proven(form, request, chosen, [document]):
            return redirect(back)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("What this document proves"),
        intro=str(_INTRO),
        submit=gettext("Record the proof"),
        back=back,
        obj=document,
    )


_INTRO = gettext_lazy(
    "It stays on record with your name. Where it was said wrongly, correct the line: the correction"
    " says anew what proves it."
)


def unproven(document: Document, request: HttpRequest) -> list[Entitlement]:
    """Return the lines of a document's contract that count and that it does not prove yet, the
    weakest first."""
    rows = lines_of(document, request).with_proof().exclude(proofs__document=document)
    rows = rows.with_seats_proven(settings.ITAM_PROVEN_FROM_STRENGTH)
    return list(rows.order_by("proof", "pool__name", "valid_from", "pk"))


def lines_of(document: Document, request: HttpRequest) -> Any:
    """Return the lines of a document's contract that count and that this user may see."""
    rows: Any = Entitlement.objects.for_user(request.user)
    return rows.as_of().filter(contract=document.contract_id).select_related("pool__product")


def state_seats_of(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Say how many seats can be read in a document."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    document = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    back = reverse("admin:licenses_document_change", args=[pk])
    form = SeatsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            state_seats(document, form.cleaned_data["seats"], user=request.user)
        except ValidationError as error:
            form.add_error("seats", error.messages)
        else:
            messages.success(request, gettext("On record, with your name. It stays as it is."))
            return redirect(back)
    return pages.page(
        request,
        model_admin,
        form,
        title=gettext("How many seats are in this document"),
        intro=gettext("From then on it proves no more than these at one time."),
        submit=gettext("Record the seats"),
        back=back,
        obj=document,
    )


def _proven(
    form: Any, request: HttpRequest, lines: list[Entitlement], documents: list[Document]
) -> bool:
    """Record what a form says of lines and documents; False where that is refused."""
    seats = form.cleaned_data["seats"]
    try:
        count = prove(lines, documents, user=request.user, seats=seats)
    except ValidationError as error:
        form.add_error("seats", error.messages)
        return False
    said = ngettext("On record: one proof.", "On record: %(count)s proofs.", count)
    messages.success(request, said % {"count": count})
    return True
