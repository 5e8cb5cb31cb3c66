"""What logs told of checkouts, as it is kept: some OUTs and INs of a feature at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from licenses.analysis.events import in_time, unpacked
from licenses.analysis.rows import as_moment
from licenses.evidence.reads import note_names
from licenses.models import EventBlock, Feature, Host, Person, sees_everything, sees_names

from .base import FROM_SERVERS, FactAdmin, person_words, with_names
from .list_address import DaysFilter
from .usage import PoolFilter


@admin.register(EventBlock)
class EventBlockAdmin(FactAdmin):
    """Blocks of events; the page of one shows them line by line."""

    empty_words = FROM_SERVERS
    show_facets = admin.ShowFacets.NEVER
    list_display = ("starts", "ends", "feature", "count")
    list_filter = (
        PoolFilter,
        ("feature", AutocompleteSelectFilter),
        ("starts", DaysFilter),
    )
    fields = ("feature", "starts", "ends", "count", "told")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = EventBlock.objects.select_related("feature__server").defer("rows", "reasons")
        if sees_everything(request.user):
            return rows
        seen = Feature.objects.for_user(request.user).order_by().values("pk")
        return rows.filter(feature__in=seen)

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        narrow = "feature__id__exact" in request.GET or "pool" in request.GET
        return ("-ends", "-pk") if narrow else ("-pk",)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        block = super().get_object(request, *args, **kwargs)
        if block is not None:
            block.reader = request.user
        return block

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = super().changeform_view(request, *args, **kwargs)
        block = (getattr(answer, "context_data", None) or {}).get("original")
        if block is not None:
            note_names(request, str(self.opts.verbose_name_plural), block.count, single=True)
        return answer

    @display(description=gettext_lazy("As logged"))
    def told(self, block: Any) -> SafeString:
        return render_to_string("admin/licenses/log_events.html", {"rows": _rows(block)})


def _rows(block: Any) -> list[dict[str, Any]]:
    """Return what a block tells, in the order of time, with the names that its reader may see."""
    events = in_time(unpacked([(block.feature_id, block.reasons, block.rows)]))
    people = with_names(
        Person.objects.filter(pk__in=np.unique(events.person).tolist()), block.reader, person=""
    )
    who = {person.pk: person_words(person.label, person.person_name) for person in people}
    named = sees_names(block.reader)
    hosts = Host.objects.filter(pk__in=np.unique(events.host).tolist())
    where = {host.pk: (host.name if named else "") or host.label for host in hosts}
    columns = (events.at, events.kind, events.person, events.seats, events.host, events.reason)
    return [
        {
            "at": as_moment(at),
            "kind": EventBlock.Kind(kind).label,
            "who": who[person],
            "seats": seats,
            "where": where[host],
            "reason": events.reasons[reason],
        }
        for at, kind, person, seats, host, reason in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]
