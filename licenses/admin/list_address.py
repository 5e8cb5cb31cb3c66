"""What the address of a list or a form asks for: days as people write them, rows to choose, and
words for what is wrong.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db.models import DateTimeField, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.contrib.filters.admin import RangeDateFilter

from itam.asked import asked_id, is_beyond

_ID = re.compile(r"(^|_)id(__exact|__in)?$")


class TellsWhatIsWrong:
    """A list that is called by what it lists, and says so when its address asks for a filter or a
    page that it does not have.

    Django sends such an address to the whole list with a mark, without a word, and calls the
    mark together with a wrong filter an error of the database.
    """

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if request.method == "GET" and ERROR_FLAG in request.GET:
            if len(request.GET) > 1:
                return redirect(f"{request.path}?{ERROR_FLAG}=1")
            messages.error(
                request,
                gettext(
                    "The address asked for a filter or a page that this list does not have: here is"
                    " all of it."
                ),
            )
        return super().changelist_view(request, extra_context)  # type: ignore[misc]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Find a row by its id where the address names no field: "" is none, too."""
        return super().get_object(request, object_id, from_field or None)  # type: ignore[misc]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Refuse a number that no row could have as its id: what reads the rows, after all else
        is done, would break on it."""
        for name, values in request.GET.lists():
            if _ID.search(name) and any(is_beyond(part) for part in ",".join(values).split(",")):
                raise IncorrectLookupParameters(name)
        found = super().get_changelist_instance(request)  # type: ignore[misc]
        if not found.is_popup:
            # What a tab, a history or a reader of the screen calls the page: "Pools".
            found.title = capfirst(str(found.opts.verbose_name_plural))
        return found

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the address fills in; of other rows only those that the form offers."""
        of: Any = self
        initial: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        for field in (*of.opts.fields, *of.opts.many_to_many):
            if field.remote_field is None or field.name not in initial:
                continue
            given = initial.pop(field.name)
            parts = given if field.many_to_many else [given]
            asked = [number for part in parts if (number := asked_id(part)) is not None]
            shown = of.formfield_for_dbfield(field, request)
            if asked and shown is not None:
                found = list(shown.queryset.filter(pk__in=asked).values_list("pk", flat=True))
                if found:
                    initial[field.name] = found if field.many_to_many else found[0]
        return initial


class DaysFilter(RangeDateFilter):
    """Rows from one day to another, both of them whole, in the reader's zone.

    The library's reads days otherwise than its own field beside it, ends where the last day
    begins, and shows all rows where it could not read one.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        form = next(iter(self.choices(None)))["form"]
        if not form.is_valid():
            return self._refused(request, queryset, form)
        name = self.parameter_name
        first, last = form.cleaned_data[f"{name}_from"], form.cleaned_data[f"{name}_to"]
        if first is not None:
            queryset = queryset.filter(**{f"{name}__gte": self._start(first)})
        if last is not None and last < date.max:
            queryset = queryset.filter(**{f"{name}__lt": self._start(last + timedelta(days=1))})
        return queryset

    def _refused(self, request: HttpRequest, rows: QuerySet[Any], form: Any) -> QuerySet[Any]:
        """Return no row, and have the page say why. What makes no page of it is told so."""
        if getattr(request, "makes_a_file", False) or not hasattr(request, "_messages"):
            raise IncorrectLookupParameters(form.errors)
        for name in form.errors:
            messages.error(
                request,
                gettext(
                    "%(filter)s: “%(value)s” is not a day. Write it as %(example)s; until then no"
                    " row is shown."
                )
                % {
                    "filter": capfirst(str(self.title)),
                    "value": form.data[name],
                    "example": timezone.localdate().isoformat(),
                },
            )
        return rows.none()

    def _start(self, day: date) -> Any:
        """Return where a day begins, as the field tells moments or days."""
        if not isinstance(self.field, DateTimeField):
            return day
        return timezone.make_aware(datetime.combine(day, time.min))


__all__ = ["DaysFilter", "TellsWhatIsWrong"]
