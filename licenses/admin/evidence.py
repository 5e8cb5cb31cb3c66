"""The evidence log, to look at.

Nothing here adds, changes or deletes; the database refuses it, too.
"""

from __future__ import annotations

import zlib
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from itam.figures import number
from licenses.models import EvidenceBlock, EvidenceStream

from . import words
from .base import FactAdmin, ReadOnlyAdmin

MOST_LINES = 200
MOST_BYTES = 4_000_000


@admin.register(EvidenceBlock)
class EvidenceBlockAdmin(FactAdmin):
    list_display = ("stream", "entries", "recorded_at", "bytes", "digest")
    list_select_related = ("stream",)
    list_filter = (("recorded_at", RangeDateFilter), "stream__kind")
    search_fields = ("stream__name", "sha256__startswith")
    fields = ("stream", "entries", "recorded_at", "bytes", "sha256", "shown")
    readonly_fields = ("entries", "bytes", "shown")

    def get_queryset(self, request: Any) -> Any:
        """Leave the payload out of lists: a page of blocks would read megabytes."""
        return super().get_queryset(request).defer("payload")

    @display(description=gettext_lazy("Entries"))
    def entries(self, block: Any) -> str:
        return gettext("%(first)s to %(last)s") % {
            "first": number(block.first),
            "last": number(block.last),
        }

    @display(description=gettext_lazy("Size"))
    def bytes(self, block: Any) -> str:
        return words.size(block.size)

    @display(description=gettext_lazy("SHA-256"))
    def digest(self, block: Any) -> str:
        return format_html('<code class="lm-hash">{}…</code>', block.sha256[:16])

    @display(description=gettext_lazy("Its lines"))
    def shown(self, block: Any) -> str:
        text = zlib.decompressobj().decompress(bytes(block.payload), MOST_BYTES).decode()
        lines = text.splitlines()
        head = "\n".join(lines[:MOST_LINES])
        left = block.last - block.first + 1 - min(len(lines), MOST_LINES)
        more = gettext("\n… and %(left)s more") % {"left": number(left)} if left > 0 else ""
        return format_html('<pre class="lm-pre">{}{}</pre>', head, more)


@admin.register(EvidenceStream)
class EvidenceStreamAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "next_number")
    list_filter = ("kind",)
    search_fields = ("name",)
