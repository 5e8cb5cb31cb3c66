"""What every page of the admin keeps to: rows in scope only, facts never edited, names only for
those who may see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import escape
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.paginator import InfinitePaginator

from itam import figures
from licenses.evidence.changes import TOLD
from licenses.evidence.reads import note_names
from licenses.models import LicenseServer, revealed_people, sees_everything, sees_names
from licenses.models.fixed import why_fixed

from .beside import TellsBeside
from .exporting import LIST_TOOLS, Exportable
from .list_address import TellsWhatIsWrong
from .row_history import TellsHistory
from .undoing import OffersUndo


def scoped(rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Keep the rows that this user may see.

    A model that says nothing of scopes shows them to managers only.
    """
    if sees_everything(user):
        return rows
    if hasattr(rows, "for_user"):
        return rows.for_user(user)
    if any(field.name == "server" for field in rows.model._meta.fields):
        return rows.filter(server__in=LicenseServer.objects.for_user(user).order_by().values("pk"))
    return rows.none()


def count_of(rows: QuerySet[Any], key: str, what: Any = None) -> Any:
    """Return how many of *rows* refer to the row at hand, to annotate it with.

    key:   the field of *rows* by which they do.
    what:  an aggregate; None counts rows.

    Each is counted by itself: two joins multiply each other's rows, and a list that only wants to
    know its length would group all of them.
    """
    total = Count("pk") if what is None else what
    told = rows.order_by().filter(**{key: OuterRef("pk")}).values(key).annotate(told=total)
    return Coalesce(Subquery(told.values("told")), 0)


def with_names(
    rows: QuerySet[Any],
    user: Any,
    person: str = "person",
    host: str = "",
    *,
    pool: int | None = None,
) -> Any:
    """Add `person_name` (and `host_name`), both empty where the user does not see them now.

    person, host: lookups from a row to them; "" for the row itself (person) or none (host).
    pool:          id of the pool that all rows are of, if they are.
    """
    may, single = sees_names(user, pool=pool), revealed_people(user)
    path = f"{person}__identity" if person else "identity"
    name: Any = Coalesce(NullIf(F(f"{path}__name"), Value("")), F(f"{path}__login"), Value(""))
    if not may and single:
        known = Q(**{f"{person}__in" if person else "pk__in": single})
        name = Case(When(known, then=name), default=Value(""))
    rows = rows.annotate(person_name=name if may or single else Value(""))
    if host:
        rows = rows.annotate(host_name=F(f"{host}__name") if may else Value(""))
    return rows


def rule_words(rule: Any, user: Any) -> str:
    """Return a line of an options file as it stands there, without names for who may not see
    them.
    """
    parts = (
        rule.keyword,
        "" if rule.amount is None else str(rule.amount),
        rule.feature_name,
        rule.holder_type,
        rule.shown_holder(user),
    )
    return " ".join(part for part in parts if part)


def person_words(label: str, name: str) -> str:
    """Return how a person is shown: the name where it is known and may be seen, else the
    pseudonym.
    """
    return f"{name} ({label})" if name else label


class ShowsNames:
    """Pages on which names of people stand: each leaves an entry of who saw how many.

    names_inline:  the inline whose rows name people; None where the row itself does.
    """

    names_inline: type | None = None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        answer = super().changelist_view(request, extra_context)  # type: ignore[misc]
        changes = (getattr(answer, "context_data", None) or {}).get("cl")
        if changes is not None and self.names_inline is None:
            self._note(request, len(changes.result_list))
        return answer

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        shown = getattr(answer, "context_data", None) or {}
        if shown.get("original") is None:
            return answer
        count = 1
        if self.names_inline is not None:
            inlines = shown["inline_admin_formsets"]
            mine = [each for each in inlines if isinstance(each.opts, self.names_inline)]
            count = sum(len(each.formset.rows) for each in mine)
        self._note(request, count)
        return answer

    def _note(self, request: HttpRequest, count: int) -> None:
        what = str(self.opts.verbose_name_plural)  # type: ignore[attr-defined]
        note_names(request, what, count, single=True)


class _Scope:
    """Rows, choices and related rows within the user's scope."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scoped(super().get_queryset(request), request.user)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault(
            "queryset",
            scoped(db_field.remote_field.model._default_manager.all(), request.user),
        )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault(
            "queryset",
            scoped(db_field.remote_field.model._default_manager.all(), request.user),
        )
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


MOST_SHOWN = 20


def _without(rows: list[Any], starts: tuple[str, ...]) -> list[Any]:
    """Return rows, and lists of rows below them, but those that begin so."""
    return [
        _without(row, starts) if isinstance(row, list) else row
        for row in rows
        if isinstance(row, list) or not str(row).startswith(starts)
    ]


class ScopedAdmin(
    TellsWhatIsWrong, TellsBeside, TellsHistory, OffersUndo, Exportable, _Scope, ModelAdmin
):
    """A page for rows that people keep."""

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Say beside the fields that stay as they are why, and what to do instead."""
        form = super().get_form(request, obj, **kwargs)
        for name, why in ({} if obj is None else why_fixed(obj)).items():
            if name in form.base_fields:
                # Names stand in it, and forms show what helps as it is.
                form.base_fields[name].help_text = escape(why)
        return form

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell what goes along, and what forbids it, in what people know: no rows that join two
        others, and not thousands of a kind."""
        rows, counts, lacking, protected = super().get_deleted_objects(objs, request)
        joins = [each._meta for each in apps.get_models(include_auto_created=True)
                 if each._meta.auto_created]  # fmt: skip
        for each in joins:
            counts.pop(each.verbose_name_plural, None)
        starts = tuple(f"{capfirst(each.verbose_name)}: " for each in joins)
        more = len(protected) - MOST_SHOWN
        if more > 0:
            said = gettext("and %(count)s more")
            protected = [*protected[:MOST_SHOWN], said % {"count": figures.number(more)}]
        return _without(rows, starts), counts, lacking, protected

    list_before_template = LIST_TOOLS
    list_per_page = 25
    list_filter_submit = True
    show_full_result_count = False
    warn_unsaved_form = True
    empty_value_display = "–"


class ReadOnly:
    """Facts: looked at, never added, changed or deleted, whoever asks."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


FROM_SERVERS = gettext_lazy(
    "Read from licence servers: connect one, or hand in a log on its page, and rows appear here."
)
"""What the lists say, as `empty_words`, of what servers tell while none has told anything."""


class ReadOnlyAdmin(ReadOnly, ScopedAdmin):
    warn_unsaved_form = False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the row without a way to its history, unless something of it is ever changed."""
        context = {"show_history": self.model in TOLD, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


class FactAdmin(ReadOnlyAdmin):
    """Facts by the million: never counted, newest first, sorted by nothing that has no index."""

    paginator = InfinitePaginator
    sortable_by: Sequence[str] = ()
    ordering: Sequence[str] = ("-pk",)

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        return self.ordering


class ScopedTabular(TellsBeside, _Scope, TabularInline):
    """Rows as a table. Its heads stand in no <label>, so each field says its name itself."""

    extra = 0
    tab = True
    hide_title = True  # the columns say it all

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            widget = getattr(field.widget, "widget", field.widget)  # inside what adds a row
            widget.attrs.setdefault("aria-label", field.label or db_field.verbose_name)
        return field


class ScopedStacked(TellsBeside, _Scope, StackedInline):
    extra = 0


class RowsToRead(PaginationInlineFormSet):
    """Rows that are shown and no forms: none is made for a row that nobody edits."""

    def initial_form_count(self) -> int:
        return 0

    def total_form_count(self) -> int:
        return 0

    @cached_property
    def empty_form(self) -> Any:
        """Return the form of no row, of which only labels are asked; the library makes one each
        time."""
        return super().empty_form

    @property
    def rows(self) -> QuerySet[Any]:
        """Return the rows of the page, which are read once."""
        return self.get_queryset()


class ReadOnlyTabular(ReadOnly, ScopedTabular):
    formset = RowsToRead
    template = "admin/licenses/rows_to_read.html"
    per_page = 20
    can_delete = False
    show_change_link = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Read all of them: also those that no form could show."""
        return self.fields


__all__ = [
    "FactAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyTabular",
    "ScopedAdmin",
    "ScopedStacked",
    "ScopedTabular",
    "ShowsNames",
    "count_of",
    "person_words",
    "rule_words",
    "scoped",
    "with_names",
]
